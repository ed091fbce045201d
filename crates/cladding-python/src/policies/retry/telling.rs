//! Who is told of retries: the user's callables, and the log where the function is monitored.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

use super::plan::Ending;
use crate::params::Params;

/// The user's callables.
#[derive(Clone)]
pub(super) struct Told {
    retry: Option<Owned>,
    giveup: Option<Owned>,
    success: Option<Owned>,
}

/// What is told of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    Retry,
    GiveUp,
    Success,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::GiveUp => "giveup",
            Self::Success => "success",
        }
    }
}

/// The parts of a record, as `cladding.RetryEvent` has them.
pub(super) struct Event<'a, 'py> {
    pub(super) function: &'a str,
    pub(super) attempt: u64,
    pub(super) ending: Ending<'a>,
    pub(super) delay: Option<f64>,
    pub(super) elapsed: f64,
    pub(super) deadline: Option<f64>,
    pub(super) max_retries: Option<u64>,
    pub(super) reason: Option<&'a str>,
    pub(super) failures: Bound<'py, PyTuple>,
}

impl Told {
    /// Reads `on_retry`, `on_giveup` and `on_success`.
    pub(super) fn read(params: &Params<'_, '_>) -> PyResult<Self> {
        let allowed = "a callable that takes a RetryEvent, not a coroutine function, or None";
        Ok(Self {
            retry: params.callback("on_retry", allowed)?,
            giveup: params.callback("on_giveup", allowed)?,
            success: params.callback("on_success", allowed)?,
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        let all = [&self.retry, &self.giveup, &self.success];
        all.into_iter().flatten().for_each(visit);
    }

    fn callable(&self, what: What) -> Option<&Owned> {
        match what {
            What::Retry => &self.retry,
            What::GiveUp => &self.giveup,
            What::Success => &self.success,
        }
        .as_ref()
    }

    /// Whether anybody wants to know.
    pub(super) fn wants(&self, what: What) -> bool {
        self.callable(what).is_some()
    }

    /// Tells. False if the callable failed, which is logged and goes no further; an interrupt or the like does.
    pub(super) fn tell(&self, py: Python<'_>, what: What, log: bool, event: Event<'_, '_>) -> PyResult<bool> {
        static TELL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let tell = TELL.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._retry.events")?.getattr("tell")?.unbind())
        })?;
        let record = (
            event.function,
            event.attempt,
            event.ending.exception().map(|exception| exception.bound(py)),
            event.ending.result().map(|result| result.bound(py)),
            event.delay,
            event.elapsed,
            event.deadline,
            event.max_retries,
            event.reason,
            event.failures,
        );
        let callable = self.callable(what).map(|callable| callable.bound(py));
        tell.bind(py).call1((what.name(), callable, log, record))?.extract()
    }
}
