//! The policies: one file each, of the same shape — a specification (checked parameters) and its hooks.

use cladding_capi::{Owned, Suspended, counted};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::hooks::Outcome;
use crate::params::{Params, configuration_error};
use crate::policy::Spec;

mod bulkhead;
mod cache;
mod circuit_breaker;
mod fallback;
mod hedge;
mod memory_guard;
mod monitor;
mod noop;
mod rate_limit;
mod retry;
mod substitute;
mod synchronized;
mod tally;
mod timeout;
mod timer;
mod validate;

pub(crate) use bulkhead::{Bulkhead, forked};
pub(crate) use cache::{CacheKeys, CacheWire};
pub(crate) use rate_limit::RateLimiter;
pub(crate) use retry::retry_after_seconds;
pub(crate) use tally::Tally;

/// Builds a policy's specification from its parameters.
pub(crate) fn build(
    py: Python<'_>,
    name: &str,
    params: &mut Params<'_, '_>,
) -> PyResult<(&'static str, Box<dyn Spec>)> {
    Ok(match name {
        bulkhead::NAME => (bulkhead::NAME, Box::new(bulkhead::BulkheadSpec::new(params)?)),
        cache::NAME => (cache::NAME, Box::new(cache::CacheSpec::new(params)?)),
        circuit_breaker::NAME => (
            circuit_breaker::NAME,
            Box::new(circuit_breaker::CircuitBreakerSpec::new(params)?),
        ),
        fallback::NAME => (fallback::NAME, Box::new(fallback::FallbackSpec::new(params)?)),
        hedge::NAME => (hedge::NAME, Box::new(hedge::HedgeSpec::new(params)?)),
        memory_guard::NAME => (
            memory_guard::NAME,
            Box::new(memory_guard::MemoryGuardSpec::new(params)?),
        ),
        monitor::NAME => (monitor::NAME, Box::new(monitor::MonitorSpec::new(params)?)),
        noop::NAME => (noop::NAME, Box::new(noop::NoopSpec)),
        rate_limit::NAME => (rate_limit::NAME, Box::new(rate_limit::RateLimitSpec::new(params)?)),
        retry::NAME => (retry::NAME, Box::new(retry::RetrySpec::new(params)?)),
        synchronized::NAME => (
            synchronized::NAME,
            Box::new(synchronized::SynchronizedSpec::new(params)?),
        ),
        timeout::NAME => (timeout::NAME, Box::new(timeout::TimeoutSpec::new(params)?)),
        timer::NAME => (timer::NAME, Box::new(timer::TimerSpec)),
        validate::NAME => (validate::NAME, Box::new(validate::ValidateSpec::new(params)?)),
        _ => return Err(configuration_error(py, &format!("there is no policy {name:?}"))),
    })
}

/// The outcome of a call whose plain function has returned something still to run that a policy cannot take, which is
/// closed.
#[cold]
fn refused(py: Python<'_>, value: &Owned, kind: Suspended, text: String) -> Outcome {
    counted(py, |py| {
        let closed = match kind {
            Suspended::Coroutine => value.bound(py).call_method0("close").map(drop),
            Suspended::Generator | Suspended::AsyncGenerator => Ok(()),
        };
        Outcome::error(py, closed.err().unwrap_or_else(|| PyTypeError::new_err(text)))
    })
}
