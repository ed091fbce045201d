//! The border with C: the panic guard at every entry, and calls out that a thread may never come back from.
//!
//! Up to 3.13 the interpreter ends daemon threads at exit by `pthread_exit`, which unwinds the thread's stack from within
//! whatever call into Python it was in. Rust code must not be unwound so: a panic guard would take it for a foreign
//! exception and abort, and dropping references without the interpreter lock would corrupt what is being torn down. Such
//! a thread is stopped for ever instead, as the interpreter itself does from 3.14 on.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::PySystemError;
use pyo3::prelude::*;

/// Runs `body` for a function that C calls; a panic inside becomes a `SystemError` and the value `failed`.
#[inline]
pub fn guard<R>(failed: R, body: impl FnOnce(Python<'_>) -> R) -> R {
    // SAFETY: C code calls these entries with the thread attached to the interpreter.
    let py = unsafe { Python::assume_attached() };
    match catch_unwind(AssertUnwindSafe(|| into_python(|| body(py)))) {
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

/// Runs work off the hot path that drops references of PyO3's own, such as those of a `PyErr`, on a thread that came in
/// by an entry above. PyO3 does not count such a thread as attached, and would put the drops off until it next does.
#[cold]
pub fn counted<R>(py: Python<'_>, work: impl FnOnce(Python<'_>) -> R) -> R {
    let mut work = Some(work);
    let done = Python::try_attach(|py| work.take().map(|work| work(py)));
    match (done.flatten(), work) {
        (Some(result), _) => result,
        // The interpreter is on its way out, where nobody is counted any more.
        (None, Some(work)) => work(py),
        (None, None) => unreachable!("work that was begun has a result"),
    }
}

/// Runs a call that may enter the interpreter. Such calls are declared `extern "C-unwind"`, or nothing would stop here.
#[inline]
pub(crate) fn into_python<R>(call: impl FnOnce() -> R) -> R {
    let stop = StopsForEver;
    let result = call();
    std::mem::forget(stop);
    result
}

/// Dropped only when the stack is unwound: by a panic, which goes on, or by the end of the thread, which stops here.
struct StopsForEver;

impl Drop for StopsForEver {
    #[cold]
    fn drop(&mut self) {
        while !std::thread::panicking() {
            std::thread::park();
        }
    }
}
