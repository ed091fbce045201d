//! Which failures a policy is about: all ordinary ones, those of some types, or those that a callable picks.

use cladding_capi::{Owned, counted, exception};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyTuple, PyType};

use crate::params::{Params, configuration_error, makes_coroutines};

/// The exceptions that a parameter names. Cancellation, interrupts and exits are not asked about: they are no failures.
#[derive(Clone)]
pub(crate) enum Failures {
    /// All that derive from `Exception`.
    All,
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers so.
    Predicate(Owned),
}

/// What a policy's configuration says of one failure.
pub(crate) enum Answer<'py> {
    /// Whether it is among those that are meant.
    Included(bool),
    /// What a callable has answered that is no bool.
    Other(Bound<'py, PyAny>),
}

/// What such a callable answers, unless a policy takes more.
pub(crate) const A_BOOL: &str = "a bool";

impl Failures {
    /// Reads a parameter; `None` if it was not given. `answers` says what a callable has to answer.
    pub(crate) fn read(params: &Params<'_, '_>, name: &'static str, answers: &str) -> PyResult<Option<Self>> {
        let py = params.py();
        let Some(value) = params.get(name)? else {
            return Ok(None);
        };
        if value.is(py.get_type::<PyException>()) {
            return Ok(Some(Self::All));
        }
        if is_failure(&value) {
            return Ok(Some(Self::Types(PyTuple::new(py, [&value])?.into())));
        }
        if let Ok(types) = value.cast::<PyTuple>()
            && !types.is_empty()
            && types.iter().all(|each| is_failure(&each))
        {
            return Ok(Some(Self::Types(types.into())));
        }
        if value.is_callable() && !value.is_instance_of::<PyType>() && !makes_coroutines(&value)? {
            return Ok(Some(Self::Predicate((&value).into())));
        }
        let allowed = format!(
            "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers {answers}"
        );
        Err(params.wrong(name, &value, &allowed))
    }

    /// Asks about an exception that derives from `Exception`; the error is that of the callable.
    pub(crate) fn ask<'py>(&self, py: Python<'py>, failure: &Owned) -> PyResult<Answer<'py>> {
        match self {
            Self::All => Ok(Answer::Included(true)),
            Self::Types(types) => Ok(Answer::Included(exception::matches(py, failure, types))),
            Self::Predicate(predicate) => {
                let answer = predicate.bound(py).call1((failure.bound(py),))?;
                Ok(match answer.cast::<PyBool>() {
                    Ok(included) => Answer::Included(included.is_true()),
                    Err(_) => Answer::Other(answer),
                })
            }
        }
    }

    /// Whether an exception that derives from `Exception` is among them; the error is that of the callable.
    pub(crate) fn include(&self, py: Python<'_>, policy: &str, failure: &Owned) -> PyResult<bool> {
        match self.ask(py, failure)? {
            Answer::Included(included) => Ok(included),
            Answer::Other(answer) => Err(self.wrong_answer(py, policy, "True or False", &answer)),
        }
    }

    /// The error for what a callable has answered.
    #[cold]
    pub(crate) fn wrong_answer(&self, py: Python<'_>, policy: &str, allowed: &str, answer: &Bound<'_, PyAny>) -> PyErr {
        let shown = |object: &Bound<'_, PyAny>| match object.repr() {
            Ok(shown) => shown.to_string(),
            Err(error) => {
                counted(py, |_| drop(error));
                "what has no repr".to_owned()
            }
        };
        let from = match self {
            Self::Predicate(predicate) => shown(predicate.bound(py)),
            Self::All | Self::Types(_) => String::new(),
        };
        let answer = shown(answer);
        let text = format!("{policy}: the callable of `exceptions` must answer {allowed}, got {answer} from {from}");
        configuration_error(py, &text)
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
