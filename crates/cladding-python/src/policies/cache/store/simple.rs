//! Computations as most are, which begin and end without a place among the others.

use cladding_capi::Owned;
use cladding_engine::cache::{EntryId, Life};

use super::super::caller::{Caller, Thread};
use super::super::kept::Kept;
use super::super::key::Key;
use super::{State, Store};
use crate::hooks::SlotData;

/// A computation under way as most are: of a plain function, with nothing to replace, and nobody waits for it yet.
pub(super) struct Simple {
    number: u64,
    pub(super) hash: u64,
    pub(super) key: Key,
    thread: Thread,
}

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
            if cfg!(Py_GIL_DISABLED) && state.results.has_hash(hash) {
                return None;
            }
            if state.latest.is_some() {
                state.settle();
            }
            if state.flights.has_hash(hash) {
                return None;
            }
            state.begun += 1;
            state.latest = Some(Simple {
                number: state.begun,
                hash,
                key: key()?,
                thread: Thread::this(),
            });
            Some((state.begun, state.spare.take()))
        })
    }

    /// Ends a simple computation with a result of which nothing is noted. False if it is a flight by now. `spare` is what
    /// its call remembered.
    #[inline]
    pub(in super::super) fn land_simply(
        &self,
        number: u64,
        value: &Owned,
        (now, expires_at): (u64, u64),
        spare: &mut Option<Box<dyn SlotData>>,
    ) -> bool {
        let removed = self.0.with(|state| {
            let Simple { hash, key, .. } = state.latest.take_if(|latest| latest.number == number)?;
            if state.spare.is_none() {
                state.spare = spare.take();
            }
            let kept = Kept {
                value: value.clone(),
                note: None,
            };
            Some(state.results.insert(hash, key, kept, now, Life::until(expires_at)))
        });
        removed.is_some()
    }

    /// The ticket of a simple computation, which is one like others from now on.
    pub(in super::super) fn ticket(&self, number: u64) -> Option<EntryId> {
        self.0.with(|state| {
            state.settle();
            let at = state.moved.iter().rposition(|(moved, _)| *moved == number)?;
            Some(state.moved.swap_remove(at).1)
        })
    }
}

impl State {
    /// Makes the latest computation one of the flights.
    pub(super) fn settle(&mut self) {
        if let Some(latest) = self.latest.take() {
            let ticket = self.lead(latest.key, latest.hash, Caller::blocking(latest.thread), None);
            self.moved.push((latest.number, ticket));
        }
    }
}
