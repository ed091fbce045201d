//! Which failures a policy is about: the ordinary ones of some types, or those that a callable picks.

use cladding_capi::{Owned, exception};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};

use crate::params::{Params, configuration_error};

/// Whether a failure counts. Cancellation, interrupts and exits are not asked about: they are no ordinary failures.
#[derive(Clone)]
pub(crate) enum Failures {
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers `True`.
    Predicate(Owned),
}

impl Failures {
    /// Every exception that derives from `Exception`.
    pub(crate) fn all(py: Python<'_>) -> PyResult<Self> {
        Ok(Self::Types((py.get_type::<PyException>(),).into_pyobject(py)?.into()))
    }

    /// Reads a parameter; all failures unless told.
    pub(crate) fn read(params: &Params<'_, '_>, name: &'static str) -> PyResult<Self> {
        let py = params.py();
        let Some(value) = params.get(name)? else {
            return Self::all(py);
        };
        let wrong = || {
            let allowed =
                "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool";
            params.wrong(name, &value, allowed)
        };
        if is_ordinary(&value) {
            return Ok(Self::Types(PyTuple::new(py, [&value])?.into()));
        }
        if let Ok(types) = value.cast::<PyTuple>() {
            let good = !types.is_empty() && types.iter().all(|each| is_ordinary(&each));
            return if good {
                Ok(Self::Types(types.into()))
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
            return Ok(Self::Predicate((&value).into()));
        }
        Err(wrong())
    }

    /// Whether an ordinary failure counts; the error is that of the callable. `policy` is named where it answers no bool.
    pub(crate) fn include(&self, py: Python<'_>, policy: &str, failure: &Owned) -> PyResult<bool> {
        let predicate = match self {
            Self::Types(types) => return Ok(exception::matches(py, failure, types)),
            Self::Predicate(predicate) => predicate.bound(py),
        };
        let answer = predicate.call1((failure.bound(py),))?;
        answer.extract().map_err(|error| {
            cladding_capi::counted(py, |_| drop(error));
            let shown =
                |object: &Bound<'_, PyAny>| object.repr().map_or_else(|_| "?".to_owned(), |repr| repr.to_string());
            let text = format!(
                "{policy}: the callable of `exceptions` must answer True or False, got {} from {}",
                shown(&answer),
                shown(predicate)
            );
            configuration_error(py, &text)
        })
    }

    pub(crate) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Types(object) | Self::Predicate(object) => visit(object),
        }
    }
}

/// Whether this is a type of ordinary exceptions: interrupts, exits and cancellation do not derive from `Exception`.
fn is_ordinary(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}
