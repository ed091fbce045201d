//! The error of a call that was refused.

use std::fmt::Write as _;

use cladding_capi::counted;
use cladding_engine::breaker::{Cause, Refusal, State};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::guards::{Breaker, name_of};
use crate::hooks::Outcome;

static OPEN_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// `CircuitOpenError`, which says what was refused, why, and when it may be tried again.
#[cold]
pub(super) fn outcome(py: Python<'_>, function: &str, breaker: &Breaker, refusal: &Refusal) -> Outcome {
    counted(py, |py| match error(py, function, breaker, refusal) {
        Ok(error) => Outcome::Raised(error.into()),
        Err(error) => Outcome::error(py, error),
    })
}

fn error<'py>(py: Python<'py>, function: &str, breaker: &Breaker, refusal: &Refusal) -> PyResult<Bound<'py, PyAny>> {
    let class = OPEN_ERROR.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._errors")?.getattr("CircuitOpenError")?.unbind())
    })?;
    let seconds = refusal.retry_in as f64 / 1e9;
    let error = class.bind(py).call1((text(function, breaker, refusal, seconds),))?;
    error.setattr(pyo3::intern!(py, "function"), function)?;
    error.setattr(pyo3::intern!(py, "retry_in"), seconds)?;
    error.setattr(pyo3::intern!(py, "state"), name_of(refusal.state))?;
    Ok(error)
}

fn text(function: &str, breaker: &Breaker, refusal: &Refusal, seconds: f64) -> String {
    let Cause {
        calls,
        failures,
        probe_failed,
        tripped,
    } = refusal.cause;
    let state = name_of(refusal.state);
    let mut text = format!("{function} was not called: its circuit breaker is {state} (");
    let before = if probe_failed { "a probe failed; before, " } else { "" };
    // A string takes whatever is written.
    let _ = if tripped {
        write!(text, "{before}it was tripped)")
    } else {
        write!(
            text,
            "{before}{failures} of {calls} calls in {} s failed)",
            breaker.window
        )
    };
    let _ = match (refusal.state, breaker.probes) {
        (State::HalfOpen, 1) => write!(text, " and its 1 probe is under way"),
        (State::HalfOpen, probes) => write!(text, " and its {probes} probes are under way"),
        _ => write!(text, " and tries again in {seconds:.3} s"),
    };
    text
}
