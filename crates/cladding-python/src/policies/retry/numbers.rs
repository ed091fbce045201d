//! What is counted, for one function and for all configurations that it is called with.

use cladding_engine::metrics::Counter;
use pyo3::prelude::*;
use pyo3::types::PyDict;

#[derive(Default)]
pub(super) struct Numbers {
    /// Calls that were begun.
    pub(super) calls: Counter,
    /// Attempts after the first.
    pub(super) retries: Counter,
    /// Calls that succeeded after a retry.
    pub(super) recovered: Counter,
    /// Calls that failed with something to be retried, and had no attempt left.
    pub(super) gave_up: Counter,
    /// Nanoseconds of waits that were begun.
    pub(super) waited: Counter,
    /// Callables of the user's that failed when they were told something.
    pub(super) hook_errors: Counter,
}

impl Numbers {
    pub(super) fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("retries", self.retries.get())?;
        stats.set_item("recovered", self.recovered.get())?;
        stats.set_item("gave_up", self.gave_up.get())?;
        stats.set_item("waited_seconds", self.waited.get() as f64 / 1e9)?;
        stats.set_item("hook_errors", self.hook_errors.get())?;
        Ok(stats)
    }
}
