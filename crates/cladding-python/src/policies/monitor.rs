//! `monitor`: counts calls and errors, times calls, and tells it all as Prometheus text.

use std::sync::Arc;

use cladding_capi::{Owned, exception};
use cladding_engine::metrics::exposition::{Kind as FamilyKind, check_label_name};
use cladding_engine::metrics::{Counter, Histogram, LabelCounts};
use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};

use crate::clock;
use crate::counters::{add, record};
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Labels, Outcome, Page, Slot};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

pub(crate) const NAME: &str = "monitor";

/// The labels that samples have anyway.
const OWN_LABELS: [&str; 3] = ["function", "outcome", "type"];

/// Upper bounds of the latency buckets, in seconds: from a call that does next to nothing to a long generation.
const BOUNDS: [f64; 18] = [
    1e-5, 1e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// The checked configuration.
pub(crate) struct MonitorSpec {
    name: Option<String>,
    labels: Labels,
}

impl MonitorSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        Ok(Self {
            name: params.text("name")?,
            labels: labels(params)?,
        })
    }
}

/// Reads `labels`, sorted by name: the same labels in another order are the same labels.
fn labels(params: &Params<'_, '_>) -> PyResult<Labels> {
    let py = params.py();
    let value = match params.get("labels")? {
        Some(value) if !value.is_none() => value,
        _ => return Ok(Labels::new()),
    };
    let allowed = "a mapping of label names to constant values, both str that UTF-8 can encode, or None";
    let items = value.cast::<PyMapping>().ok().and_then(|mapping| mapping.items().ok());
    let items = items.ok_or_else(|| params.wrong("labels", &value, allowed))?;
    let mut labels = Labels::with_capacity(items.len());
    for item in items {
        let Ok((name, value)) = item.extract::<(String, String)>() else {
            return Err(params.wrong("labels", &value, allowed));
        };
        if let Err(error) = check_label_name("labels", &name) {
            let text = format!(
                "monitor: a name in `labels` must be {}, got {}",
                error.allowed, error.value
            );
            return Err(configuration_error(py, &text));
        }
        if OWN_LABELS.contains(&name.as_str()) {
            let text =
                format!("monitor: `labels` must not have {name:?}, which samples have anyway, got {value:?} for it");
            return Err(configuration_error(py, &text));
        }
        labels.push((name, value));
    }
    labels.sort();
    Ok(labels)
}

impl Spec for MonitorSpec {
    fn bind(&self, _py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let function = self.name.clone().unwrap_or_else(|| target.full_name());
        let mut labels = vec![("function".to_owned(), function)];
        labels.extend(self.labels.iter().cloned());
        Ok(Arc::new(Monitor {
            begun: Counter::new(),
            cancelled: Counter::new(),
            latency: Histogram::new(),
            errors: LabelCounts::new(),
            labels,
        }))
    }
}

/// As little as possible is written for each call: what has ended is in the histogram, what is under way has begun and
/// not ended, and what has ended well has ended in no other way.
struct Monitor {
    begun: Counter,
    cancelled: Counter,
    latency: Histogram,
    errors: LabelCounts,
    labels: Labels,
}

impl Hooks for Monitor {
    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        slot.started = call.now();
        add(&self.begun, 1);
        Enter::Proceed
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        record(&self.latency, clock::nanos_between(slot.started, call.now()));
        if let Outcome::Raised(exception) = &*outcome {
            self.raised(call, outcome, exception);
        }
        Exit::Pass
    }

    fn monitor_labels(&self) -> Option<&Labels> {
        Some(&self.labels)
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let ended = self.latency.count();
        let errors = PyDict::new(py);
        for (name, count) in self.errors.snapshot() {
            errors.set_item(name, count)?;
        }
        let stats = PyDict::new(py);
        stats.set_item("calls", ended)?;
        stats.set_item("errors", errors)?;
        stats.set_item("cancelled", self.cancelled.get())?;
        stats.set_item("in_flight", self.in_flight(ended))?;
        for (key, share) in [("p50", 0.5), ("p95", 0.95), ("p99", 0.99)] {
            stats.set_item(key, self.latency.quantile(share).unwrap_or(f64::NAN))?;
        }
        stats.set_item("total_seconds", self.latency.sum_nanos() as f64 / 1e9)?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let with = |name: &str, value: &str| {
            let mut labels = self.labels.clone();
            labels.push((name.to_owned(), value.to_owned()));
            labels
        };
        let (ended, errors, cancelled) = (self.latency.count(), self.errors.total(), self.cancelled.get());
        page.count(CALLS, with("outcome", "ok"), ended.saturating_sub(errors + cancelled));
        page.count(CALLS, with("outcome", "error"), errors);
        page.count(CALLS, with("outcome", "cancelled"), cancelled);
        for (name, count) in self.errors.snapshot() {
            page.count(ERRORS, with("type", &name), count);
        }
        page.count(IN_FLIGHT, self.labels.clone(), self.in_flight(ended));
        page.histogram(DURATION, self.labels.clone(), &BOUNDS, &self.latency);
    }
}

const CALLS: Family = Family {
    name: "cladding_calls_total",
    help: "Calls that have ended, by how they ended.",
    kind: FamilyKind::Counter,
};
const ERRORS: Family = Family {
    name: "cladding_errors_total",
    help: "Calls that have raised an Exception, by its type.",
    kind: FamilyKind::Counter,
};
const IN_FLIGHT: Family = Family {
    name: "cladding_calls_in_flight",
    help: "Calls under way.",
    kind: FamilyKind::Gauge,
};
const DURATION: Family = Family {
    name: "cladding_call_duration_seconds",
    help: "How long calls took.",
    kind: FamilyKind::Histogram,
};

impl Monitor {
    fn in_flight(&self, ended: u64) -> u64 {
        self.begun.get().saturating_sub(ended)
    }

    #[cold]
    fn raised(&self, call: &Call<'_>, outcome: &Outcome, exception: &Owned) {
        let py = call.py;
        if outcome.is_ordinary_failure(py) {
            self.errors.add(&type_name(py, exception), 1);
        } else if !is_closed_generator(call, exception) {
            add(&self.cancelled, 1);
        }
    }
}

/// Whether a consumer has had enough of a generator's items, which is no failure of anybody.
fn is_closed_generator(call: &Call<'_>, exception: &Owned) -> bool {
    let is_generator = call.yielded || matches!(call.target.kind, Kind::Generator | Kind::AsyncGenerator);
    is_generator && exception::is_a::<PyGeneratorExit>(call.py, exception)
}

/// The name of an exception's type: `ValueError`, `package.module.ServiceError`.
fn type_name(py: Python<'_>, exception: &Owned) -> String {
    match exception.bound(py).get_type().fully_qualified_name() {
        Ok(name) => name.to_string_lossy().into_owned(),
        Err(error) => {
            drop(Owned::from(error.into_value(py)));
            "unknown".to_owned()
        }
    }
}
