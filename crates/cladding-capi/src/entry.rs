//! The panic guard at every entry from C.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;

/// Runs `body` for a function that C calls; a panic inside becomes a `SystemError` and the value `failed`.
#[inline]
pub fn guard<R>(failed: R, body: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: C code calls these entries with the thread attached to the interpreter.
    let py = unsafe { Python::assume_attached() };
    match catch_unwind(AssertUnwindSafe(|| body(py))) {
        Ok(value) => value,
        Err(panic) => {
            report(py, &*panic);
            failed
        }
    }
}

/// Sets the exception that stands for a panic.
#[cold]
fn report(py: Python<'_>, panic: &(dyn std::any::Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".to_owned());
    PySystemError::new_err(format!("cladding: internal error, please report it: {text}")).restore(py);
}
