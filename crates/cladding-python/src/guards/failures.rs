//! Which exceptions are meant: those of some types, or those that a predicate says.

use cladding_capi::{Owned, counted, exception};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple, PyType};

use crate::params::{Params, configuration_error};

/// The exceptions that a parameter `exceptions` names.
#[derive(Clone)]
pub(crate) enum Failures {
    /// All that derive from `Exception`.
    All,
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers `True`.
    Predicate(Owned),
}

impl Failures {
    /// Reads `exceptions`; all of them if it is not given.
    pub(crate) fn read(params: &Params<'_, '_>) -> PyResult<Self> {
        let py = params.py();
        let Some(value) = params.get("exceptions")? else {
            return Ok(Self::All);
        };
        if value.is(py.get_type::<PyException>()) {
            return Ok(Self::All);
        }
        if is_failure(&value) {
            return Ok(Self::Types(PyTuple::new(py, [&value])?.into()));
        }
        if let Ok(types) = value.cast::<PyTuple>()
            && !types.is_empty()
            && types.iter().all(|each| is_failure(&each))
        {
            return Ok(Self::Types(types.into()));
        }
        let is_async = || {
            py.import("inspect")?
                .call_method1("iscoroutinefunction", (&value,))?
                .is_truthy()
        };
        if value.is_callable() && !value.is_instance_of::<PyType>() && !is_async()? {
            return Ok(Self::Predicate(value.into()));
        }
        let allowed =
            "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool";
        Err(params.wrong("exceptions", &value, allowed))
    }

    /// Whether an exception that derives from `Exception` is among them; the error is that of the predicate.
    pub(crate) fn include(&self, py: Python<'_>, failure: &Owned) -> PyResult<bool> {
        match self {
            Self::All => Ok(true),
            Self::Types(types) => Ok(exception::matches(py, failure, types)),
            Self::Predicate(predicate) => {
                let answer = predicate.bound(py).call1((failure.bound(py),))?;
                if let Ok(answer) = answer.cast::<PyBool>() {
                    return Ok(answer.is_true());
                }
                Err(no_bool(py, predicate, &answer))
            }
        }
    }

    pub(crate) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::All => {}
            Self::Types(object) | Self::Predicate(object) => visit(object),
        }
    }
}

/// Interrupts, exits and cancellation do not derive from `Exception`, and are nobody's failures.
fn is_failure(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}

#[cold]
fn no_bool(py: Python<'_>, predicate: &Owned, answer: &Bound<'_, PyAny>) -> PyErr {
    let shown = |object: &Bound<'_, PyAny>| match object.repr() {
        Ok(shown) => shown.to_string(),
        Err(error) => {
            counted(py, |_| drop(error));
            "what has no repr".to_owned()
        }
    };
    let (answer, predicate) = (shown(answer), shown(predicate.bound(py)));
    configuration_error(
        py,
        &format!("the callable of `exceptions` must answer True or False, got {answer} from {predicate}"),
    )
}
