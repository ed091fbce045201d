//! Which failures are worth another attempt: by type, or by what a callable of the user's answers.

use cladding_capi::{Owned, exception};
use pyo3::exceptions::{PyConnectionError, PyException, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple, PyType};

use crate::params::{Params, configuration_error, makes_coroutines, wait_seconds};

/// Which failures are worth another attempt.
#[derive(Clone)]
pub(super) enum Worth {
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers `True`, or the seconds to wait.
    Predicate(Owned),
}

/// The answer for one failure.
pub(super) enum Weighed {
    /// It passes.
    No,
    /// Another attempt, by the schedule.
    Yes,
    /// Another attempt after so many seconds.
    After(f64),
}

impl Worth {
    /// Reads `exceptions`.
    pub(super) fn read(params: &Params<'_, '_>) -> PyResult<Self> {
        let py = params.py();
        let Some(value) = params.get("exceptions")? else {
            let types = (py.get_type::<PyConnectionError>(), py.get_type::<PyTimeoutError>());
            return Ok(Self::Types(types.into_pyobject(py)?.into()));
        };
        let wrong = || {
            let allowed = "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a \
                           bool or the seconds to wait";
            params.wrong("exceptions", &value, allowed)
        };
        if is_retryable(&value) {
            return Ok(Self::Types(PyTuple::new(py, [&value])?.into()));
        }
        if let Ok(types) = value.cast::<PyTuple>() {
            let good = !types.is_empty() && types.iter().all(|each| is_retryable(&each));
            return if good {
                Ok(Self::Types(types.into()))
            } else {
                Err(wrong())
            };
        }
        if value.is_callable() && !value.is_instance_of::<PyType>() && !makes_coroutines(&value)? {
            return Ok(Self::Predicate((&value).into()));
        }
        Err(wrong())
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Types(object) | Self::Predicate(object) => visit(object),
        }
    }

    /// Whether a failure is worth another attempt; the error is that of the callable.
    pub(super) fn weigh(&self, py: Python<'_>, failure: &Owned) -> PyResult<Weighed> {
        let predicate = match self {
            Self::Types(types) if exception::matches(py, failure, types) => return Ok(Weighed::Yes),
            Self::Types(_) => return Ok(Weighed::No),
            Self::Predicate(predicate) => predicate.bound(py),
        };
        let answer = predicate.call1((failure.bound(py),))?;
        if let Ok(yes) = answer.cast::<PyBool>() {
            return Ok(if yes.is_true() { Weighed::Yes } else { Weighed::No });
        }
        if let Some(seconds) = wait_seconds(&answer) {
            return Ok(Weighed::After(seconds));
        }
        let shown = answer
            .repr()
            .map_or_else(|_| String::new(), |answer| answer.to_string());
        let from = predicate.repr().map_or_else(|_| String::new(), |it| it.to_string());
        let text = format!(
            "retry: the callable of `exceptions` must answer True, False, or seconds to wait from 0 to 1e9, got {shown} from \
             {from}"
        );
        Err(configuration_error(py, &text))
    }
}

/// Whether this is a type of exception that may be retried: interrupts, exits and cancellation do not derive from
/// `Exception`.
fn is_retryable(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}
