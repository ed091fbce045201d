//! `hedge`: a call that has no answer yet is made a second time beside the first, and the first answer wins.

use std::sync::Arc;

use cladding_capi::{Owned, Suspended, exception};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt};

use super::refused;
use super::tally::{Counts, Tally};
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

pub(crate) const NAME: &str = "hedge";

const HEDGES: Family = Family {
    name: "cladding_hedges_total",
    help: "Attempts that were begun while others of the same call ran.",
    kind: MetricKind::Counter,
};
const WON: Family = Family {
    name: "cladding_hedges_won_total",
    help: "Calls whose answer was that of such an attempt.",
    kind: MetricKind::Counter,
};
const LEFT_RUNNING: Family = Family {
    name: "cladding_hedge_threads",
    help: "Threads in which an attempt that nobody waits for goes on.",
    kind: MetricKind::Gauge,
};

/// When further attempts are made, and how many.
pub(crate) struct HedgeSpec {
    delay: f64,
    max_hedges: u64,
    /// The parameter of another policy that this comes from.
    parameter: Option<String>,
}

impl HedgeSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_hedges = match params.get("max_hedges")? {
            None => 1,
            Some(value) => {
                let number = value
                    .is_exact_instance_of::<PyInt>()
                    .then(|| value.extract().ok())
                    .flatten();
                number
                    .filter(|number| (1..=MOST).contains(number))
                    .ok_or_else(|| params.wrong("max_hedges", &value, &format!("an int from 1 to {MOST}")))?
            }
        };
        Ok(Self {
            delay: params.duration_needed("delay")?,
            max_hedges,
            parameter: None,
        })
    }

    /// Reads a parameter of another policy that is the delay before the one further attempt; `None` if it was not given.
    pub(crate) fn read(params: &mut Params<'_, '_>, name: &'static str) -> PyResult<Option<Self>> {
        Ok(params.duration(name)?.map(|delay| Self {
            delay,
            max_hedges: 1,
            parameter: Some(params.full_name(name)),
        }))
    }
}

/// Attempts beside the first, at the most: more is no hedge but a flood.
const MOST: u64 = 100;

impl Spec for HedgeSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let function = target.full_name();
        if matches!(target.kind, Kind::Generator | Kind::AsyncGenerator) {
            let reason = format!(
                "{function} is a generator function: its items cannot be taken from several attempts, nor be taken back"
            );
            return Err(match &self.parameter {
                Some(name) => configuration_error(py, &format!("{name} cannot be used here, as {reason}")),
                None => PyTypeError::new_err(format!("hedge cannot be used here, as {reason}")),
            });
        }
        let counts = Arc::default();
        let tally = Tally::create(py, &counts)?;
        let (module, partial) = (py.import("cladding._hedging")?, py.import("functools")?);
        let partial = partial.getattr("partial")?;
        let (delay, most) = (self.delay, self.max_hedges);
        let runner = if target.kind == Kind::Coroutine {
            let race = module.getattr("race_in_tasks")?;
            partial.call1((race, tally.bound(py), &function, delay, most))?
        } else {
            let race = module.getattr("race_in_threads")?;
            partial.call1((race, tally.bound(py), delay, most))?
        };
        Ok(Arc::new(Hedge {
            function,
            runner: runner.into(),
            counts,
            calls: Counter::new(),
        }))
    }
}

struct Hedge {
    function: String,
    runner: Owned,
    counts: Arc<Counts>,
    calls: Counter,
}

impl Hooks for Hedge {
    fn enter(&self, _call: &Call<'_>, _slot: &mut Slot) -> Enter {
        add(&self.calls, 1);
        Enter::Elsewhere(self.runner.clone())
    }

    fn deferred(&self, call: &Call<'_>, _slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        let text = format!(
            "hedge: {}() is a plain function and has returned something that is still to run, of which there would be no second \
             attempt; write it with `async def`, or put mark_as_async below hedge",
            self.function
        );
        Err(refused(call.py, value, kind, text))
    }

    fn exit(&self, call: &Call<'_>, _slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        if let Outcome::Raised(raised) = outcome {
            // The entry of the race.
            exception::strip(call.py, raised);
        }
        Exit::Pass
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("hedges", self.counts.hedges.get())?;
        stats.set_item("won", self.counts.won.get())?;
        stats.set_item("abandoned", self.counts.abandoned.get())?;
        stats.set_item("left_running", self.counts.left_running())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(HEDGES, labels.clone(), self.counts.hedges.get());
        page.count(WON, labels.clone(), self.counts.won.get());
        page.count(LEFT_RUNNING, labels, self.counts.left_running());
    }
}
