//! How long the other side asks to wait before the next attempt: the `Retry-After` of its answer, or a function's word.

use std::time::SystemTime;

use cladding_capi::{Owned, exception};
use cladding_engine::retry::seconds_asked;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyBool;

use crate::params::{Params, configuration_error, wait_seconds};

/// What no wait that was asked for exceeds, in seconds, unless told.
const MOST: f64 = 60.0;

/// Whether and where to look.
#[derive(Clone)]
pub(super) struct RetryAfter {
    source: Source,
    most: f64,
}

#[derive(Clone)]
enum Source {
    Nowhere,
    /// The exception's response or headers.
    Exception,
    /// A function of the user's.
    Function(Owned),
}

/// What exceptions carry that may say it. The interpreter's own carry nothing of the kind.
const CARRIERS: [&str; 3] = ["response", "headers", "trailing_metadata"];

impl RetryAfter {
    /// Reads `retry_after` and `max_retry_after`.
    pub(super) fn read(params: &Params<'_, '_>) -> PyResult<Self> {
        let source = match params.get("retry_after")? {
            None => Source::Exception,
            Some(value) => match value.cast::<PyBool>() {
                Ok(on) if on.is_true() => Source::Exception,
                Ok(_) => Source::Nowhere,
                Err(_) => {
                    let allowed = "a bool, or a callable that takes the exception and answers seconds or None";
                    let function = params.callback("retry_after", allowed)?;
                    Source::Function(function.ok_or_else(|| params.wrong("retry_after", &value, allowed))?)
                }
            },
        };
        let most = params.duration("max_retry_after")?.unwrap_or(MOST);
        Ok(Self { source, most })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Source::Function(function) = &self.source {
            visit(function);
        }
    }

    /// The seconds that are asked for, capped; `None` if nobody asks.
    pub(super) fn seconds(&self, py: Python<'_>, failure: &Owned) -> PyResult<Option<f64>> {
        let asked = match &self.source {
            Source::Nowhere => None,
            Source::Exception => of_exception(py, failure)?,
            Source::Function(function) => {
                let answer = function.bound(py).call1((failure.bound(py),))?;
                if answer.is_none() {
                    return Ok(None);
                }
                let seconds = wait_seconds(&answer).ok_or_else(|| {
                    let shown = answer.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
                    let text = "retry: the callable of `retry_after` must answer seconds from 0 to 1e9, or None, got ";
                    configuration_error(py, &format!("{text}{shown}"))
                })?;
                Some(seconds)
            }
        };
        Ok(asked.map(|seconds| seconds.min(self.most)))
    }
}

/// What an exception carries is looked at by Python code, but only where there is something to look at.
fn of_exception(py: Python<'_>, failure: &Owned) -> PyResult<Option<f64>> {
    static ASKED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if exception::is_of_static_type(py, failure) {
        return Ok(None);
    }
    let failure = failure.bound(py);
    let mut carries = false;
    for name in CARRIERS {
        carries |= match failure.getattr_opt(name) {
            Ok(found) => found.is_some_and(|value| !value.is_none()),
            // A property that fails says nothing about waiting; an interrupt is no failure.
            Err(error) if error.is_instance_of::<PyException>(py) => {
                cladding_capi::counted(py, |_| drop(error));
                false
            }
            Err(interrupt) => return Err(interrupt),
        };
    }
    if !carries {
        return Ok(None);
    }
    let asked = ASKED.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._retry.after")?.getattr("seconds")?.unbind())
    })?;
    asked.bind(py).call1((failure,))?.extract()
}

/// The seconds that the text of a `Retry-After` field asks for, or None: a number, or an HTTP date by the calendar's clock.
#[pyfunction]
pub(crate) fn retry_after_seconds(text: &str) -> Option<f64> {
    seconds_asked(text, SystemTime::now())
}
