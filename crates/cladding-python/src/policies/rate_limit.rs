//! `rate_limit`: calls begin no more often than so many in a time.

use std::any::Any;
use std::sync::Arc;

use cladding_capi::Owned;
use cladding_engine::limit::rate::{InMemory, Place, Rate, RateState, Taken};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Family, Hooks, Outcome, Page, Slot, SlotData, Wait};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::Target;
use crate::testing;

pub(crate) const NAME: &str = "rate_limit";

const WAITS: Family = Family {
    name: "cladding_rate_limit_waits_total",
    help: "Calls that had to wait for the rate limit.",
    kind: MetricKind::Counter,
};
const REJECTED: Family = Family {
    name: "cladding_rate_limit_rejected_total",
    help: "Calls that the rate limit turned away.",
    kind: MetricKind::Counter,
};

/// A rate and what has been taken of it.
struct Limit {
    rate: Rate,
    state: Box<dyn RateState>,
}

impl Limit {
    fn new(rate: Rate) -> Arc<Self> {
        Arc::new(Self {
            rate,
            state: Box::new(InMemory::new()),
        })
    }
}

/// A rate limit that functions share.
#[pyclass(frozen, subclass, module = "cladding._native")]
pub(crate) struct RateLimiter {
    limit: Arc<Limit>,
}

#[pymethods]
impl RateLimiter {
    #[new]
    fn new(parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut params = Params::new("RateLimiter", parameters);
        let rate = rate(&mut params)?;
        params.finish()?;
        Ok(Self {
            limit: Limit::new(rate),
        })
    }

    /// How many calls may begin together.
    #[getter]
    fn burst(&self) -> u64 {
        self.limit.rate.burst()
    }

    /// How many calls could begin now.
    #[getter]
    fn available(&self) -> u64 {
        self.limit.state.available(&self.limit.rate, clock::system_nanos())
    }
}

/// Reads `rate`, `per` and `burst`.
fn rate(params: &mut Params<'_, '_>) -> PyResult<Rate> {
    let rate = params.number("rate", f64::NAN, "a finite number above 0", |rate| rate > 0.0)?;
    if rate.is_nan() {
        let text = format!(
            "{}: `rate` is needed: how many calls may begin in `per` seconds",
            params.policy()
        );
        return Err(configuration_error(params.py(), &text));
    }
    let per = params.seconds("per", 1.0)?;
    let burst = params.count("burst", None, 1)?;
    Rate::new(rate, per, burst).map_err(|error| params.refused(&error))
}

/// The checked configuration.
pub(crate) struct RateLimitSpec {
    rate: Rate,
    /// One that is shared; each function has one of its own otherwise.
    shared: Option<Arc<Limit>>,
    /// Nanoseconds.
    max_wait: Option<u64>,
}

impl RateLimitSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_wait = params.patience("max_wait")?.map(|seconds| (seconds * 1e9) as u64);
        let (rate, shared) = match params.get("limiter")? {
            None => (rate(params)?, None),
            Some(limiter) => {
                let Ok(limiter) = limiter.cast::<RateLimiter>() else {
                    return Err(params.wrong("limiter", &limiter, "a RateLimiter, or None"));
                };
                let limit = &limiter.get().limit;
                (limit.rate, Some(Arc::clone(limit)))
            }
        };
        Ok(Self { rate, shared, max_wait })
    }
}

impl Spec for RateLimitSpec {
    fn bind(&self, _py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        Ok(Arc::new(RateLimit {
            limit: self.shared.clone().unwrap_or_else(|| Limit::new(self.rate)),
            max_wait: self.max_wait,
            function: target.full_name(),
            calls: Counter::new(),
            waits: Counter::new(),
            rejected: Counter::new(),
        }))
    }
}

struct RateLimit {
    limit: Arc<Limit>,
    max_wait: Option<u64>,
    function: String,
    calls: Counter,
    waits: Counter,
    rejected: Counter,
}

/// The place of a call that waits.
struct Reserved {
    limit: Arc<Limit>,
    place: Option<Place>,
}

impl SlotData for Reserved {
    fn traverse(&self, _visit: &mut dyn FnMut(&Owned)) {}

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Reserved {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.limit.state.give_back(&self.limit.rate, place);
        }
    }
}

impl Hooks for RateLimit {
    fn leaves(&self) -> bool {
        false
    }

    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if let Some(mut data) = slot.data.take() {
            // The wait is over, and its place is used.
            if let Some(reserved) = data.as_any().downcast_mut::<Reserved>() {
                reserved.place = None;
            }
            return Enter::Proceed;
        }
        add(&self.calls, 1);
        let limit = &self.limit;
        match limit.state.take(&limit.rate, clock::system_nanos(), self.max_wait) {
            Taken::Now => Enter::Proceed,
            Taken::After { nanos, place } => {
                add(&self.waits, 1);
                let reserved = Box::new(Reserved {
                    limit: Arc::clone(limit),
                    place: Some(place),
                });
                if matches!(testing::current(call.py), Ok(Some(_))) {
                    // The wait takes no time, so that its place in time goes back: the next would be refused for its sake.
                    return Enter::Proceed;
                }
                slot.data = Some(reserved);
                Enter::Wait(Wait::Seconds(nanos as f64 / 1e9).into())
            }
            Taken::Refused { nanos } => {
                add(&self.rejected, 1);
                Enter::Answer(
                    self.refusal(call.py, nanos)
                        .unwrap_or_else(|error| Outcome::error(call.py, error)),
                )
            }
        }
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("waits", self.waits.get())?;
        stats.set_item("rejected", self.rejected.get())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(WAITS, labels.clone(), self.waits.get());
        page.count(REJECTED, labels, self.rejected.get());
    }
}

impl RateLimit {
    #[cold]
    fn refusal(&self, py: Python<'_>, nanos: u64) -> PyResult<Outcome> {
        static REFUSAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let refusal = REFUSAL.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._rate_limit")?.getattr("refusal")?.unbind())
        })?;
        let error = refusal.bind(py).call1((&self.function, nanos as f64 / 1e9))?;
        Ok(Outcome::Raised(error.into()))
    }
}
