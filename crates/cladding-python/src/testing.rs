//! Tests of programs: every wait takes no time, and retries end early, where `cladding.testing` says so.

use std::sync::atomic::{AtomicU32, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

/// In how many places something may be in force. While it is nowhere, nobody is asked.
static ACTIVE: AtomicU32 = AtomicU32::new(0);

/// What is in force for the thread or task that asks.
pub(crate) struct Fast {
    /// The most attempts that a retried call may make.
    pub(crate) attempts: Option<u64>,
}

/// What is in force here, if anything is.
pub(crate) fn current(py: Python<'_>) -> PyResult<Option<Fast>> {
    static ASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if ACTIVE.load(Ordering::Relaxed) == 0 {
        return Ok(None);
    }
    let ask = ASK.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._testing")?.getattr("in_force")?.unbind())
    })?;
    let found: Option<(Option<u64>,)> = ask.bind(py).call0()?.extract()?;
    Ok(found.map(|(attempts,)| Fast { attempts }))
}

/// Notes that something was put in force somewhere, or taken back.
#[pyfunction]
pub(crate) fn testing(active: bool) {
    if active {
        ACTIVE.fetch_add(1, Ordering::Relaxed);
    } else {
        ACTIVE.fetch_sub(1, Ordering::Relaxed);
    }
}
