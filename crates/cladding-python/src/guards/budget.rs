//! `RetryBudget`: how many retries there may be, for all functions that share it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use cladding_engine::budget::{BudgetState, Config, InMemory, Withdrawal};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMappingProxy};
use pyo3::{PyTraverseError, PyVisit};

use super::breaker::shown;
use crate::clock;
use crate::params::Params;

/// A retry budget as retries use it. A clone is the same budget.
#[derive(Clone)]
pub(crate) struct Budget {
    state: Arc<dyn BudgetState>,
    config: Config,
}

impl Budget {
    /// Reads one parameter that is a budget; `None` if it is not given.
    pub(crate) fn read(params: &Params<'_, '_>, name: &'static str) -> PyResult<Option<Self>> {
        let Some(value) = params.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        match value.cast::<RetryBudget>() {
            Ok(budget) => Ok(Some(budget.get().budget.clone())),
            Err(_) => Err(params.wrong(name, &value, "a RetryBudget, or None")),
        }
    }

    /// A call begins with its first attempt. The clock is asked, for a stamp, only by the kind that needs the time.
    #[inline]
    pub(crate) fn deposit(&self, now: impl FnOnce() -> u64) {
        if self.config.counts_calls() {
            self.state.deposit(clock::nanos(now()));
        }
    }

    /// An attempt failed and is to be retried, at this stamp: takes what that costs. `None` says that there must be no retry. What was
    /// taken goes back with [`Budget::succeeded`].
    pub(crate) fn withdraw(&self, now: u64, is_timeout: bool) -> Option<Withdrawal> {
        self.state.withdraw(clock::nanos(now), is_timeout)
    }

    /// An attempt failed in a way that is worth a retry, but is not retried: its attempts or its time are used up.
    pub(crate) fn failed(&self) {
        self.state.failed();
    }

    /// A call succeeded; `last` is what its last retry took, `None` if it had no retry.
    #[inline]
    pub(crate) fn succeeded(&self, last: Option<Withdrawal>) {
        if self.config.counts_successes() {
            self.state.succeeded(last);
        }
    }
}

/// The native side of `cladding.RetryBudget`, which adds its parameters' names and pickling.
#[pyclass(frozen, subclass, module = "cladding._native")]
pub(crate) struct RetryBudget {
    pub(super) budget: Budget,
    kind: String,
    parameters: Py<PyDict>,
}

#[pymethods]
impl RetryBudget {
    /// Of one kind: `RetryBudget`, `RetryBudget.grpc` or `RetryBudget.aws`.
    #[new]
    fn new(kind: &str, parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let parameters = parameters.copy()?;
        let params = Params::new(kind, &parameters);
        let number = |name, default, allowed, range: RangeInclusive<f64>| {
            params.number(name, default, allowed, |number| range.contains(&number))
        };
        let tokens = |name, default| number(name, default, "a number from 0.001 to 1e6", 0.001..=1e6);
        let config = match kind {
            "RetryBudget.grpc" => Config::throttled(tokens("max_tokens", 10.0)?, tokens("token_ratio", 0.1)?),
            "RetryBudget.aws" => Config::quota(
                params.whole("capacity", 500, 1)?,
                params.whole("cost", 5, 1)?,
                params.whole("timeout_cost", 10, 1)?,
            ),
            _ => Config::windowed(
                number("ratio", 0.2, "a number from 0 to 1000", 0.0..=1000.0)?,
                number("min_per_second", 10.0, "a number from 0 to 1e9", 0.0..=1e9)?,
                params.span("window", 10.0)?,
            ),
        };
        let config = config.map_err(|error| params.refused(&error))?;
        params.finish()?;
        Ok(Self {
            budget: Budget {
                state: Arc::new(<InMemory>::new(config)),
                config,
            },
            kind: kind.to_owned(),
            parameters: parameters.unbind(),
        })
    }

    /// Which kind of budget it is.
    #[getter]
    fn kind(&self) -> &str {
        &self.kind
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyMappingProxy> {
        PyMappingProxy::new(py, self.parameters.bind(py).as_mapping())
    }

    /// The numbers so far, as a new dictionary.
    #[getter]
    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let told = self.budget.state.snapshot(clock::nanos(clock::ticks()));
        let stats = PyDict::new(py);
        stats.set_item("available", told.available)?;
        stats.set_item("retries", told.retries)?;
        stats.set_item("refused", told.refused)?;
        Ok(stats)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        shown(&self.kind, self.parameters.bind(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.parameters)
    }
}
