//! `retry`: calls again, after waits that grow, what failed with one of the named exceptions.

use std::sync::Arc;

use cladding_capi::{Owned, exception};
use cladding_engine::retry::{Backoff, Jitter};
use pyo3::exceptions::{PyConnectionError, PyException, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::hooks::Hooks;
use crate::params::{Params, configuration_error, plain_text};
use crate::policy::Spec;
use crate::target::Target;

mod chance;
mod hooks;

pub(crate) const NAME: &str = "retry";

/// Which failures are worth another attempt.
#[derive(Clone)]
enum Worth {
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers `True`.
    Predicate(Owned),
}

/// The checked configuration.
pub(crate) struct RetrySpec {
    max_retries: Option<u64>,
    backoff: Backoff,
    worth: Worth,
}

impl RetrySpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_retries = params.count("max_retries", Some(3), 0)?;
        let factor = params.number("backoff_factor", 2.0, "a finite number of at least 1", |factor| {
            factor >= 1.0
        })?;
        let initial = params.seconds("initial_delay", 0.1)?;
        let max = params.seconds("max_delay", 30.0)?;
        let jitter = match params.get("jitter")? {
            None => Jitter::Full,
            Some(value) => {
                let jitter = plain_text(&value).and_then(|word| word.parse().ok());
                jitter.ok_or_else(|| params.wrong("jitter", &value, "\"full\", \"equal\" or \"none\""))?
            }
        };
        let backoff = Backoff::new(initial, factor, max, jitter).map_err(|error| params.refused(&error))?;
        Ok(Self {
            max_retries,
            backoff,
            worth: worth(params)?,
        })
    }
}

/// Reads `exceptions`.
fn worth(params: &Params<'_, '_>) -> PyResult<Worth> {
    let py = params.py();
    let Some(value) = params.get("exceptions")? else {
        let types = (py.get_type::<PyConnectionError>(), py.get_type::<PyTimeoutError>());
        return Ok(Worth::Types(types.into_pyobject(py)?.into()));
    };
    let wrong = || {
        let allowed =
            "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool";
        params.wrong("exceptions", &value, allowed)
    };
    if is_retryable(&value) {
        return Ok(Worth::Types(PyTuple::new(py, [&value])?.into()));
    }
    if let Ok(types) = value.cast::<PyTuple>() {
        let good = !types.is_empty() && types.iter().all(|each| is_retryable(&each));
        return if good {
            Ok(Worth::Types(types.into()))
        } else {
            Err(wrong())
        };
    }
    let is_async = || {
        py.import("inspect")?
            .call_method1("iscoroutinefunction", (&value,))?
            .is_truthy()
    };
    if value.is_callable() && !value.is_instance_of::<PyType>() && !is_async()? {
        return Ok(Worth::Predicate((&value).into()));
    }
    Err(wrong())
}

/// Whether this is a type of exception that may be retried: interrupts, exits and cancellation do not derive from
/// `Exception`.
fn is_retryable(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}

impl Spec for RetrySpec {
    fn bind(&self, _py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let (backoff, worth) = (self.backoff, self.worth.clone());
        Ok(Arc::new(hooks::Retry::new(self.max_retries, backoff, worth, target)))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.worth.traverse(visit);
    }
}

impl Worth {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Types(object) | Self::Predicate(object) => visit(object),
        }
    }

    /// Whether a failure is worth another attempt; the error is that of the predicate.
    fn includes(&self, py: Python<'_>, failure: &Owned) -> PyResult<bool> {
        match self {
            Self::Types(types) => Ok(exception::matches(py, failure, types)),
            Self::Predicate(predicate) => {
                let answer = predicate.bound(py).call1((failure.bound(py),))?;
                answer.extract().map_err(|error| {
                    cladding_capi::counted(py, |_| drop(error));
                    let shown = (predicate.bound(py).repr(), answer.repr());
                    let (Ok(predicate), Ok(answer)) = shown else {
                        return configuration_error(
                            py,
                            "retry: the callable of `exceptions` must answer True or False",
                        );
                    };
                    let text = format!(
                        "retry: the callable of `exceptions` must answer True or False, got {answer} from {predicate}"
                    );
                    configuration_error(py, &text)
                })
            }
        }
    }
}
