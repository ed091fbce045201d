//! `circuit_breaker`: calls of what keeps failing are refused at once, until a few that are tried succeed again.

use std::sync::Arc;

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::guards::{Breaker, CircuitBreaker};
use crate::hooks::Hooks;
use crate::params::Params;
use crate::policy::Spec;
use crate::target::Target;

mod hooks;
mod refusal;

pub(crate) const NAME: &str = "circuit_breaker";

const PARAMETERS: [&str; 7] = [
    "failure_ratio",
    "min_calls",
    "window",
    "open_for",
    "probes",
    "failures",
    "exceptions",
];

/// Which breaker.
pub(crate) enum CircuitBreakerSpec {
    /// One that is shared: a `cladding.CircuitBreaker`.
    Shared(Owned),
    /// One for each function, made with these parameters, which were checked.
    Own(Owned),
}

impl CircuitBreakerSpec {
    /// From the parameters of the decorator.
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        if let Some(shared) = Self::read(params, "breaker")? {
            return Ok(shared);
        }
        let py = params.py();
        Breaker::new(py, params)?;
        let own = PyDict::new(py);
        for name in PARAMETERS {
            if let Some(value) = params.get(name)? {
                own.set_item(name, value)?;
            }
        }
        Ok(Self::Own(own.into()))
    }

    /// From one parameter, which is a breaker; `None` if it is not given.
    pub(crate) fn read(params: &Params<'_, '_>, name: &'static str) -> PyResult<Option<Self>> {
        let Some(value) = params.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        if value.is_instance_of::<CircuitBreaker>() {
            return Ok(Some(Self::Shared(value.into())));
        }
        Err(params.wrong(name, &value, "a CircuitBreaker, or None"))
    }
}

impl Spec for CircuitBreakerSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let object: Owned = match self {
            Self::Shared(object) => object.clone(),
            Self::Own(parameters) => {
                let class = py.import("cladding._breaker")?.getattr("CircuitBreaker")?;
                class.call((), Some(parameters.bound(py).cast()?))?.into()
            }
        };
        let breaker = object.bound(py).cast::<CircuitBreaker>()?.get().breaker.clone();
        Ok(Arc::new(hooks::Guard::new(object, breaker, target)))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Shared(object) | Self::Own(object) => visit(object),
        }
    }
}
