//! What one call remembers of its part in a computation.

use std::any::Any;
use std::sync::Weak;

use cladding_capi::Owned;
use cladding_engine::cache::EntryId;
use pyo3::prelude::*;

use super::hooks::Cache;
use super::kept::Kept;
use super::key::Key;
use crate::flight::Landing;
use crate::hooks::SlotData;

/// What one call of the function is to the cache, besides a hit.
pub(super) enum Part {
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
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Waiter(flight) => visit(flight),
            Self::Loner { key, .. } => key.parts().iter().for_each(visit),
            Self::Served => {}
            Self::Leader { reserve, .. } => reserve.iter().for_each(|kept| visit(&kept.value)),
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    /// A leader that is dropped on its way hands the computation to those who wait.
    fn drop(&mut self) {
        if let Self::Leader {
            cache, ticket, hash, ..
        } = self
            && let Some(cache) = cache.upgrade()
        {
            // Nobody waits any more once the interpreter is on its way out.
            Python::try_attach(|py| cache.abandon(py, *ticket, *hash, Landing::Abandoned));
        }
    }
}
