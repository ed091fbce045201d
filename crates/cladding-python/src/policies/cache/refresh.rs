//! A computation in the background, of a result that is still handed out meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use cladding_capi::{Owned, counted};
use cladding_engine::cache::EntryId;
use cladding_stores::{Key, Token};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::caller::Caller;
use super::hooks::Cache;
use super::single::ask;
use crate::clock;
use crate::flight::Landing;
use crate::hooks::Outcome;

/// What `cladding._refreshing` reports to. It keeps no cache alive.
#[pyclass(frozen, module = "cladding._native")]
pub(super) struct Refresh {
    pub(super) cache: Weak<Cache>,
    pub(super) ticket: EntryId,
    pub(super) hash: u64,
    /// Under which a store lets it be computed.
    pub(super) lease: Option<(Key, Token)>,
    pub(super) started: u64,
    pub(super) over: AtomicBool,
}

#[pymethods]
impl Refresh {
    /// Says that the thread or task that calls this is the one that computes.
    fn begin(&self, py: Python<'_>, awaits: bool) -> PyResult<()> {
        let caller = Caller::here(py, awaits)?;
        if let Some(cache) = self.cache.upgrade() {
            cache.begin(self.ticket, caller);
        }
        Ok(())
    }

    /// The result, and the arguments that it is of. Raises what is wrong with it.
    fn done(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let Some(cache) = self.end() else { return Ok(()) };
        let mut outcome = Outcome::Returned(value.into());
        let tags = |callable: &Owned| Ok(ask(callable, value, args, Some(kwargs))?);
        let times = (self.started, clock::ticks());
        match (&cache.shared, &self.lease) {
            (Some(shared), Some((key, token))) => {
                let landed = cache.verdict(py, times, &mut outcome, None, tags);
                cache.refreshed(shared, py, key, *token, landed.as_ref(), &mut outcome);
            }
            _ => cache.conclude(py, (self.ticket, self.hash), times, &mut outcome, None, tags),
        }
        match outcome {
            Outcome::Raised(error) => Err(PyErr::from_value(error.bound(py).clone())),
            Outcome::Returned(_) | Outcome::Suspended(_) => Ok(()),
        }
    }

    /// How it failed. The old result stays for as long as it would have.
    fn failed(&self, py: Python<'_>, error: &Bound<'_, PyAny>) {
        if let Some(cache) = self.end() {
            let landing = Landing::of(py, &Outcome::Raised(error.into()));
            cache.count_load(self.took());
            self.abandon(py, &cache, landing);
        }
    }
}

impl Refresh {
    /// The cache, if this is the first end.
    fn end(&self) -> Option<Arc<Cache>> {
        if self.over.swap(true, Ordering::Relaxed) {
            return None;
        }
        self.cache.upgrade()
    }

    fn abandon(&self, py: Python<'_>, cache: &Cache, landing: Landing) {
        if let (Some(shared), Some((key, token))) = (&cache.shared, &self.lease) {
            shared.release(key, *token);
        }
        cache.abandon(py, self.ticket, self.hash, landing);
    }

    fn took(&self) -> u64 {
        clock::ticks().saturating_sub(self.started)
    }
}

impl Drop for Refresh {
    fn drop(&mut self) {
        if let Some(cache) = self.end() {
            Python::try_attach(|py| counted(py, |py| self.abandon(py, &cache, Landing::Abandoned)));
        }
    }
}
