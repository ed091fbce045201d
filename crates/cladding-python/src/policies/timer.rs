//! `timer`: how often a function was called and how long the calls took. The model of a policy's shape.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use cladding_engine::metrics::Counter;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Hooks, Outcome, Slot};
use crate::policy::Spec;
use crate::target::Target;

pub(crate) const NAME: &str = "timer";

/// The specification; there is nothing to choose.
pub(crate) struct TimerSpec;

impl Spec for TimerSpec {
    fn bind(&self, _py: Python<'_>, _target: &Target) -> PyResult<Arc<dyn Hooks>> {
        Ok(Arc::new(Timer::default()))
    }
}

#[derive(Default)]
struct Timer {
    calls: Counter,
    errors: Counter,
    nanos: Counter,
    last: AtomicU64,
}

impl Hooks for Timer {
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        slot.started = call.now();
        Enter::Proceed
    }

    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let nanos = clock::nanos_between(slot.started, call.now());
        add(&self.calls, 1);
        add(&self.nanos, nanos);
        self.last.store(nanos, Ordering::Relaxed);
        if outcome.is_ordinary_failure(call.py) {
            add(&self.errors, 1);
        }
        Exit::Pass
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("errors", self.errors.get())?;
        stats.set_item("total_seconds", self.nanos.get() as f64 / 1e9)?;
        stats.set_item("last_seconds", self.last.load(Ordering::Relaxed) as f64 / 1e9)?;
        Ok(stats.unbind())
    }
}
