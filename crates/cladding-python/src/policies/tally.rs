//! What the Python side of a policy counts: calls that were left to end by themselves, and attempts that were added.

use std::sync::Arc;

use cladding_capi::Owned;
use cladding_engine::metrics::Counter;
use pyo3::prelude::*;

use crate::counters::add;

/// The counts of one policy on one function.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) abandoned: Counter,
    ended: Counter,
    pub(super) hedges: Counter,
    pub(super) won: Counter,
}

impl Counts {
    /// Of the abandoned calls, those that are not over.
    pub(super) fn left_running(&self) -> u64 {
        self.abandoned.get().saturating_sub(self.ended.get())
    }
}

/// The same as Python code adds to it.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Tally(Arc<Counts>);

impl Tally {
    pub(super) fn create(py: Python<'_>, counts: &Arc<Counts>) -> PyResult<Owned> {
        Ok(Bound::new(py, Self(Arc::clone(counts)))?.into_any().into())
    }
}

#[pymethods]
impl Tally {
    /// Nobody waits any more for a call that goes on in its thread.
    fn abandon(&self) {
        add(&self.0.abandoned, 1);
    }

    /// Such a call is over.
    fn end(&self) {
        add(&self.0.ended, 1);
    }

    /// One more attempt was begun while others ran.
    fn hedge(&self) {
        add(&self.0.hedges, 1);
    }

    /// The answer was that of such an attempt.
    fn win(&self) {
        add(&self.0.won, 1);
    }
}
