//! Which failures are worth another attempt: by type, or by what a callable of the user's answers.

use cladding_capi::{Owned, exception};
use pyo3::exceptions::{PyConnectionError, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyTuple, PyType};

use crate::failures::{Answer, Failures};
use crate::params::{Params, wait_seconds};

/// Which failures are worth another attempt.
#[derive(Clone)]
pub(super) struct Worth {
    failures: Failures,
    /// A breaker that is open fails at once so that nobody tries again soon: its error is worth an attempt only where it is
    /// named itself, or a callable says so.
    open_too: bool,
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
        let failures = if let Some(failures) = Failures::read(params, "exceptions", "a bool or the seconds to wait")? {
            failures
        } else {
            let types = (py.get_type::<PyConnectionError>(), py.get_type::<PyTimeoutError>());
            Failures::Types(types.into_pyobject(py)?.into())
        };
        let open_too = match &failures {
            Failures::All => false,
            Failures::Types(types) => names_open(types.bound(py).cast()?)?,
            Failures::Predicate(_) => true,
        };
        Ok(Self { failures, open_too })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.failures.traverse(visit);
    }

    /// Whether a failure is worth another attempt; the error is that of the callable.
    pub(super) fn weigh(&self, py: Python<'_>, failure: &Owned) -> PyResult<Weighed> {
        match self.failures.ask(py, failure)? {
            Answer::Included(false) => Ok(Weighed::No),
            Answer::Included(true) => {
                let is_open = !self.open_too && exception::matches(py, failure, circuit_open_error(py)?);
                Ok(if is_open { Weighed::No } else { Weighed::Yes })
            }
            Answer::Other(answer) => wait_seconds(&answer).map(Weighed::After).ok_or_else(|| {
                let allowed = "True, False, or seconds to wait from 0 to 1e9";
                self.failures.wrong_answer(py, "retry", allowed, &answer)
            }),
        }
    }
}

/// Whether an open breaker's error is named itself among some types.
fn names_open(types: &Bound<'_, PyTuple>) -> PyResult<bool> {
    let open = circuit_open_error(types.py())?.bound(types.py());
    for each in types.iter() {
        if each.cast::<PyType>()?.is_subclass(open)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn circuit_open_error(py: Python<'_>) -> PyResult<&'static Owned> {
    static CIRCUIT_OPEN: PyOnceLock<Owned> = PyOnceLock::new();
    CIRCUIT_OPEN.get_or_try_init(py, || {
        Ok(py.import("cladding._errors")?.getattr("CircuitOpenError")?.into())
    })
}
