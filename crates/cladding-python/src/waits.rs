//! Waiting, for both worlds: blocking with the interpreter lock released, or as something to await.
//!
//! The waits themselves are Python's own (`time.sleep`, locks, asyncio's and trio's sleep), so signals, cancellation
//! and every event loop treat them as they treat any other wait.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::hooks::Wait;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._waits").map(Bound::unbind))?
        .bind(py))
}

/// Waits here and now.
pub(crate) fn block(py: Python<'_>, wait: &Wait) -> PyResult<()> {
    match wait {
        Wait::Seconds(seconds) => module(py)?.getattr("sleep")?.call1((seconds,))?,
        Wait::Flight(flight) => module(py)?.getattr("join")?.call1((flight.bound(py),))?,
    };
    Ok(())
}

/// A coroutine that waits.
pub(crate) fn awaitable(py: Python<'_>, wait: &Wait) -> PyResult<Owned> {
    Ok(match wait {
        Wait::Seconds(seconds) => module(py)?.getattr("sleep_async")?.call1((seconds,))?,
        Wait::Flight(flight) => module(py)?.getattr("join_async")?.call1((flight.bound(py),))?,
    }
    .into())
}
