//! Which failures are worth another attempt: by type, or by what a callable of the user's answers.

use cladding_capi::{Owned, exception};
use pyo3::exceptions::{PyConnectionError, PyException, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyTuple, PyType};

use crate::params::{Params, configuration_error, makes_coroutines, wait_seconds};

/// Which failures are worth another attempt.
#[derive(Clone)]
pub(super) enum Worth {
    /// Those that an `except` clause with this tuple of types catches. A breaker that is open fails at once so that nobody
    /// tries again soon: its error is among them only where it is named itself.
    Types { types: Owned, open: bool },
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
            let types = types.into_pyobject(py)?.into();
            return Ok(Self::Types { types, open: false });
        };
        let wrong = || {
            let allowed = "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a \
                           bool or the seconds to wait";
            params.wrong("exceptions", &value, allowed)
        };
        let types = if is_retryable(&value) {
            Some(PyTuple::new(py, [&value])?)
        } else {
            value.cast::<PyTuple>().ok().cloned()
        };
        if let Some(types) = types {
            if types.is_empty() || !types.iter().all(|each| is_retryable(&each)) {
                return Err(wrong());
            }
            let circuit_open = circuit_open_error(py)?.bound(py);
            let names = |each: Bound<'_, PyAny>| {
                each.cast::<PyType>()
                    .is_ok_and(|each| each.is_subclass(circuit_open).unwrap_or(false))
            };
            let open = types.iter().any(names);
            return Ok(Self::Types {
                types: types.into(),
                open,
            });
        }
        if value.is_callable() && !value.is_instance_of::<PyType>() && !makes_coroutines(&value)? {
            return Ok(Self::Predicate((&value).into()));
        }
        Err(wrong())
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Types { types: object, .. } | Self::Predicate(object) => visit(object),
        }
    }

    /// Whether a failure is worth another attempt; the error is that of the callable.
    pub(super) fn weigh(&self, py: Python<'_>, failure: &Owned) -> PyResult<Weighed> {
        let predicate = match self {
            Self::Types { types, open } => {
                let matches = exception::matches(py, failure, types)
                    && (*open || !exception::matches(py, failure, circuit_open_error(py)?));
                return Ok(if matches { Weighed::Yes } else { Weighed::No });
            }
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

fn circuit_open_error(py: Python<'_>) -> PyResult<&'static Owned> {
    static CIRCUIT_OPEN: PyOnceLock<Owned> = PyOnceLock::new();
    CIRCUIT_OPEN.get_or_try_init(py, || {
        Ok(py.import("cladding._errors")?.getattr("CircuitOpenError")?.into())
    })
}

/// Whether this is a type of exception that may be retried: interrupts, exits and cancellation do not derive from
/// `Exception`.
fn is_retryable(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}
