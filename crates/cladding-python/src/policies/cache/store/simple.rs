//! Computations as most are, which begin and end without a place among the others.

use cladding_capi::Owned;
use cladding_engine::cache::{EntryId, Landing, Life};

use super::super::caller::Thread;
use super::super::kept::Kept;
use super::super::key::Key;
use super::{State, Store};
use crate::hooks::SlotData;

impl Store {
    /// Makes the caller the one who computes, under this number, if there is nothing with that hash. What another call has
    /// left over comes with it. The caller has just looked among the results, so that they are looked through again only
    /// where other threads may have come in between.
    #[inline]
    pub(in super::super) fn lead_quickly(
        &self,
        hash: u64,
        key: impl FnOnce() -> Option<Key>,
    ) -> Option<(u64, Option<Box<dyn SlotData>>)> {
        self.0.with(|state| {
            let begun = || Some((key()?, Thread::this()));
            let number = state.flights.lead_quickly(hash, !cfg!(Py_GIL_DISABLED), begun)?;
            Some((number, state.spare.take()))
        })
    }

    /// Ends a simple computation with a result of which nothing is noted. False if it is one like others by now. `spare` is
    /// what its call remembered.
    #[inline]
    pub(in super::super) fn land_simply(
        &self,
        number: u64,
        value: &Owned,
        (now, expires_at): (u64, u64),
        spare: &mut Option<Box<dyn SlotData>>,
    ) -> bool {
        let removed = self.0.with(|State { flights, spare: kept }| {
            flights.land_quickly(number, || {
                if kept.is_none() {
                    *kept = spare.take();
                }
                Landing {
                    value: Kept {
                        value: value.clone(),
                        note: None,
                    },
                    life: Life::until(expires_at),
                    now,
                }
            })
        });
        removed.is_some()
    }

    /// The ticket of a simple computation, which is one like others from now on.
    pub(in super::super) fn ticket(&self, number: u64) -> Option<EntryId> {
        self.step(|flights| flights.ticket(number))
    }
}
