//! The policies: one file each, of the same shape — a specification (checked parameters) and its hooks.

use pyo3::prelude::*;

use crate::params::{Params, configuration_error};
use crate::policy::Spec;

mod noop;
mod timer;

/// Builds a policy's specification from its parameters.
pub(crate) fn build(py: Python<'_>, name: &str, params: &mut Params<'_, '_>) -> PyResult<(&'static str, Box<dyn Spec>)> {
    Ok(match name {
        noop::NAME => (noop::NAME, Box::new(noop::NoopSpec)),
        timer::NAME => (timer::NAME, Box::new(timer::TimerSpec::new(params)?)),
        _ => return Err(configuration_error(py, &format!("there is no policy {name:?}"))),
    })
}
