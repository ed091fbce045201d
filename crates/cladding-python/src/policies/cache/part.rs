//! What one call remembers of its part in a computation.

use std::any::Any;
use std::sync::Weak;

use cladding_capi::Owned;
use cladding_engine::cache::EntryId;
use pyo3::prelude::*;

use super::hooks::Cache;
use super::kept::Kept;
use super::key::Key;
use super::shared::Remote;
use crate::flight::Landing;
use crate::hooks::SlotData;

/// What one call of the function is to the cache, besides a hit.
pub(super) enum Part {
    /// It computes for everyone, under this number, as most do; `None` once that is over.
    Simple {
        cache: Weak<Cache>,
        number: Option<u64>,
        hash: u64,
    },
    /// It computes for everyone.
    Leader {
        cache: Weak<Cache>,
        ticket: EntryId,
        hash: u64,
        /// An old result, in case the computation fails.
        reserve: Option<Kept>,
    },
    /// It waits for another call.
    Waiter(Owned),
    /// It computes for itself, in a coroutine that a plain function returned; the result is kept all the same.
    Loner { key: Key, hash: u64, clears: u64 },
    /// It was answered with a result that is being computed anew.
    Served,
    /// It computes for everyone, unless a store that processes share knows better.
    Remote(Box<Remote>),
}

/// A computation that a call was to bring to its end.
pub(super) struct Leading {
    cache: Weak<Cache>,
    by: Result<EntryId, u64>,
    pub(super) hash: u64,
    pub(super) reserve: Option<Kept>,
}

impl Leading {
    /// Names it to the cache, its own.
    pub(super) fn ticket(&self, cache: &Cache) -> Option<EntryId> {
        match self.by {
            Ok(ticket) => Some(ticket),
            Err(number) => cache.store.ticket(number),
        }
    }
}

impl Part {
    /// A simple computation. `spare` is what is left of another such call.
    #[inline]
    pub(super) fn simple(
        spare: Option<Box<dyn SlotData>>,
        cache: &Weak<Cache>,
        (number, hash): (u64, u64),
    ) -> Box<dyn SlotData> {
        let number = Some(number);
        if let Some(mut spare) = spare
            && let Some(Self::Simple {
                number: own, hash: at, ..
            }) = spare.as_any().downcast_mut()
        {
            (*own, *at) = (number, hash);
            return spare;
        }
        let cache = cache.clone();
        Box::new(Self::Simple { cache, number, hash })
    }

    /// What the call has to bring to its end. From then on its drop does nothing.
    pub(super) fn take_lead(&mut self) -> Option<Leading> {
        match self {
            Self::Simple { cache, number, hash } => Some(Leading {
                by: Err(number.take()?),
                cache: std::mem::take(cache),
                hash: *hash,
                reserve: None,
            }),
            Self::Leader {
                cache,
                ticket,
                hash,
                reserve,
            } => {
                let cache = std::mem::take(cache);
                (cache.strong_count() > 0).then(|| Leading {
                    cache,
                    by: Ok(*ticket),
                    hash: *hash,
                    reserve: reserve.take(),
                })
            }
            Self::Waiter(_) | Self::Loner { .. } | Self::Served | Self::Remote(_) => None,
        }
    }
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Waiter(flight) => visit(flight),
            Self::Loner { key, .. } => key.parts().iter().for_each(visit),
            Self::Served | Self::Simple { .. } => {}
            Self::Leader { reserve, .. } => reserve.iter().for_each(|kept| visit(&kept.value)),
            Self::Remote(remote) => remote.traverse(visit),
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    /// A leader that is dropped on its way hands the computation to those who wait.
    fn drop(&mut self) {
        if let Some(leading) = self.take_lead()
            && let Some(cache) = leading.cache.upgrade()
        {
            // Nobody waits any more once the interpreter is on its way out.
            Python::try_attach(|py| {
                if let Some(ticket) = leading.ticket(&cache) {
                    cache.abandon(py, ticket, leading.hash, Landing::Abandoned);
                }
            });
        }
    }
}
