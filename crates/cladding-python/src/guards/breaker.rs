//! `CircuitBreaker`: whether calls may run, for all functions that share it.

use std::sync::Arc;

use cladding_engine::breaker::{BreakerState, Config, InMemory, Permit, Refusal, Snapshot, State};
use cladding_engine::metrics::Counter;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMappingProxy};
use pyo3::{PyTraverseError, PyVisit};

use super::forks;
use crate::clock;
use crate::counters::add;
use crate::failures::{A_BOOL, Failures};
use crate::params::Params;
use crate::policy::visit_all;

/// A circuit breaker as policies use it. A clone is the same breaker.
#[derive(Clone)]
pub(crate) struct Breaker {
    pub(super) state: Arc<dyn BreakerState>,
    /// Which exceptions count as failures.
    pub(crate) failures: Failures,
    rejected: Arc<Counter>,
    /// Seconds, for messages.
    pub(crate) window: f64,
    pub(crate) probes: u64,
}

impl Breaker {
    /// Whether a call may run that begins at this stamp. The permit of a probe must go back: with [`Breaker::record`] or [`Breaker::cancel`].
    #[inline]
    pub(crate) fn admit(&self, now: u64) -> Result<Permit, Refusal> {
        let said = self.state.admit(clock::nanos(now));
        if said.is_err() {
            add(&self.rejected, 1);
        }
        said
    }

    /// Counts how a call ended, at this stamp.
    #[inline]
    pub(crate) fn record(&self, permit: Permit, success: bool, now: u64) {
        self.state.record(permit, success, clock::nanos(now));
    }

    /// Takes back the permit of a call that came to no end.
    pub(crate) fn cancel(&self, permit: Permit) {
        self.state.cancel(permit);
    }

    /// How it stands.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.state.snapshot(clock::nanos(clock::ticks()))
    }
}

/// A state's name.
pub(crate) fn name_of(state: State) -> &'static str {
    match state {
        State::Closed => "closed",
        State::Open => "open",
        State::HalfOpen => "half-open",
    }
}

/// The native side of `cladding.CircuitBreaker`, which adds its parameters' names and pickling.
#[pyclass(frozen, subclass, module = "cladding._native")]
pub(crate) struct CircuitBreaker {
    pub(crate) breaker: Breaker,
    parameters: Py<PyDict>,
}

#[pymethods]
impl CircuitBreaker {
    #[new]
    fn new(py: Python<'_>, parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let parameters = parameters.copy()?;
        let params = Params::new("CircuitBreaker", &parameters);
        let breaker = Breaker::new(py, &params)?;
        params.finish()?;
        Ok(Self {
            breaker,
            parameters: parameters.unbind(),
        })
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyMappingProxy> {
        PyMappingProxy::new(py, self.parameters.bind(py).as_mapping())
    }

    /// What the next call would find.
    #[getter]
    fn state(&self) -> &'static str {
        name_of(self.breaker.snapshot().state)
    }

    /// The numbers so far, as a new dictionary.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = self.breaker.snapshot();
        let stats = PyDict::new(py);
        stats.set_item("state", name_of(told.state))?;
        stats.set_item("calls", told.calls)?;
        stats.set_item("failures", told.failures)?;
        stats.set_item("retry_in", told.retry_in as f64 / 1e9)?;
        stats.set_item("probing", told.probing)?;
        stats.set_item("opened", told.opened)?;
        stats.set_item("rejected", self.breaker.rejected.get())?;
        Ok(stats)
    }

    /// Closes the breaker and forgets the calls in its window.
    fn reset(&self) {
        self.breaker.state.reset();
    }

    /// Opens the breaker, as if its calls had done so.
    fn trip(&self) {
        self.breaker.state.trip(clock::nanos(clock::ticks()));
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        shown("CircuitBreaker", self.parameters.bind(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.parameters)?;
        visit_all(visit, |show| self.breaker.failures.traverse(show))
    }
}

impl Breaker {
    /// A breaker of its own, from the parameters that `CircuitBreaker` and `circuit_breaker` share.
    pub(crate) fn new(py: Python<'_>, params: &Params<'_, '_>) -> PyResult<Self> {
        let (config, window, probes) = config(params)?;
        let failures = Failures::read(params, "exceptions", A_BOOL)?.unwrap_or(Failures::All);
        let state: Arc<dyn BreakerState> = Arc::new(<InMemory>::new(config));
        forks::watch(py, &state)?;
        Ok(Self {
            state,
            failures,
            rejected: Arc::default(),
            window,
            probes,
        })
    }
}

fn config(params: &Params<'_, '_>) -> PyResult<(Config, f64, u64)> {
    let ratio = match params.get("failure_ratio")? {
        Some(value) if value.is_none() => None,
        _ => {
            let allowed = "a number above 0 and at most 1, or None";
            Some(params.number("failure_ratio", 0.5, allowed, |ratio| ratio > 0.0 && ratio <= 1.0)?)
        }
    };
    let (window, probes) = (params.span("window", 60.0)?, params.whole("probes", 1, 1)?);
    let config = Config::new(
        ratio,
        params.whole("min_calls", 20, 1)?,
        params.count("failures", None, 1)?,
        window,
        params.span("open_for", 30.0)?,
        // More than four thousand million calls at a time are as many as there can be.
        u32::try_from(probes).unwrap_or(u32::MAX),
    );
    Ok((config.map_err(|error| params.refused(&error))?, window, probes))
}

/// How a shared object was made, as it would be written.
pub(super) fn shown(name: &str, parameters: &Bound<'_, PyDict>) -> PyResult<String> {
    let mut parts = Vec::new();
    for (key, value) in parameters.iter() {
        parts.push(format!("{key}={}", value.repr()?));
    }
    Ok(format!("{name}({})", parts.join(", ")))
}
