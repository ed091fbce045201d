//! Waiting, for both worlds: blocking with the interpreter lock released, or as something to await.
//!
//! The waits themselves are Python's own (`time.sleep`, locks, asyncio's and trio's sleep), so signals, cancellation
//! and every event loop treat them as they treat any other wait.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyFloat;

use crate::hooks::Wait;
use crate::testing;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._waits").map(Bound::unbind))?
        .bind(py))
}

/// Waits here and now.
pub(crate) fn block(py: Python<'_>, wait: &Wait) -> PyResult<()> {
    ask(py, wait, "sleep", "join")?;
    Ok(())
}

/// A coroutine that waits.
pub(crate) fn awaitable(py: Python<'_>, wait: &Wait) -> PyResult<Owned> {
    ask(py, wait, "sleep_async", "join_async")
}

fn ask(py: Python<'_>, wait: &Wait, sleep: &str, join: &str) -> PyResult<Owned> {
    let (name, argument) = match wait {
        Wait::Seconds(seconds) => {
            let seconds = if testing::current(py)?.is_some() { 0.0 } else { *seconds };
            (sleep, PyFloat::new(py, seconds).into())
        }
        Wait::Flight(flight) => (join, flight.clone()),
        Wait::FlightFor(flight, seconds) => {
            let function = Owned::from(module(py)?.getattr(join)?);
            let seconds: Owned = PyFloat::new(py, *seconds).into();
            return Ok(cladding_capi::call(py, &function, &[flight, &seconds])?);
        }
        Wait::Call(call) => return Ok(cladding_capi::call(py, call, &[])?),
    };
    let function = Owned::from(module(py)?.getattr(name)?);
    Ok(cladding_capi::call(py, &function, &[&argument])?)
}
