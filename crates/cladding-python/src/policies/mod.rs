//! The policies: one file each, of the same shape — a specification (checked parameters) and its hooks.

use pyo3::prelude::*;

use crate::params::{Params, configuration_error};
use crate::policy::Spec;

mod cache;
mod memory_guard;
mod monitor;
mod noop;
mod retry;
mod synchronized;
mod timer;
mod validate;

pub(crate) use retry::retry_after_seconds;

/// Builds a policy's specification from its parameters.
pub(crate) fn build(
    py: Python<'_>,
    name: &str,
    params: &mut Params<'_, '_>,
) -> PyResult<(&'static str, Box<dyn Spec>)> {
    Ok(match name {
        cache::NAME => (cache::NAME, Box::new(cache::CacheSpec::new(params)?)),
        memory_guard::NAME => (
            memory_guard::NAME,
            Box::new(memory_guard::MemoryGuardSpec::new(params)?),
        ),
        monitor::NAME => (monitor::NAME, Box::new(monitor::MonitorSpec::new(params)?)),
        noop::NAME => (noop::NAME, Box::new(noop::NoopSpec)),
        retry::NAME => (retry::NAME, Box::new(retry::RetrySpec::new(params)?)),
        synchronized::NAME => (
            synchronized::NAME,
            Box::new(synchronized::SynchronizedSpec::new(params)?),
        ),
        timer::NAME => (timer::NAME, Box::new(timer::TimerSpec)),
        validate::NAME => (validate::NAME, Box::new(validate::ValidateSpec::new(params)?)),
        _ => return Err(configuration_error(py, &format!("there is no policy {name:?}"))),
    })
}
