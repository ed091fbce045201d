//! A policy that does nothing, to measure what the carrier and the stack cost by themselves.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::Hooks;
use crate::policy::Spec;
use crate::target::Target;

pub(crate) const NAME: &str = "noop";

/// No parameters.
pub(crate) struct NoopSpec;

impl Spec for NoopSpec {
    fn bind(&self, _py: Python<'_>, _target: &Target) -> PyResult<Arc<dyn Hooks>> {
        Ok(Arc::new(Noop))
    }
}

struct Noop;

impl Hooks for Noop {
    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        Ok(PyDict::new(py).unbind())
    }
}
