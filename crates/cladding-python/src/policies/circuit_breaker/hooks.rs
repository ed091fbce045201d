//! The live side: one call's permit.

use cladding_capi::{Owned, Suspended, counted, exception};
use cladding_engine::breaker::{Permit, State};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::exceptions::PyGeneratorExit;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::refusal;
use crate::counters::add;
use crate::guards::{Breaker, Probing, name_of};
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot};
use crate::target::{Kind, Target};

/// What [`Slot::phase`] is of a call that was let through a closed breaker; [`Slot::started`] is its permit's generation.
const ADMITTED: u8 = 1;
/// The same of a probe; [`Slot::data`] is its [`Probing`].
const PROBING: u8 = 2;

/// A breaker around one function.
pub(super) struct Guard {
    /// The breaker as Python has it.
    object: Owned,
    breaker: Breaker,
    function: String,
    successes: Counter,
    failures: Counter,
    rejected: Counter,
    cancelled: Counter,
}

impl Guard {
    pub(super) fn new(object: Owned, breaker: Breaker, target: &Target) -> Self {
        Self {
            object,
            breaker,
            function: target.full_name(),
            successes: Counter::new(),
            failures: Counter::new(),
            rejected: Counter::new(),
            cancelled: Counter::new(),
        }
    }

    /// How many calls have ended, by how.
    fn counts(&self) -> [(&'static str, u64); 4] {
        [
            ("succeeded", self.successes.get()),
            ("failed", self.failures.get()),
            ("rejected", self.rejected.get()),
            ("cancelled", self.cancelled.get()),
        ]
    }

    /// Keeps what a probe holds in the call's slot, so that the slot's drop gives it back.
    #[cold]
    fn begin_probe(&self, call: &Call<'_>, slot: &mut Slot, permit: Permit) -> Enter {
        let mut probing = Probing::new(&self.breaker, permit);
        // Between two items of a generator the code is its consumer's, which is no part of the probe.
        let is_generator = matches!(call.target.kind, Kind::Generator | Kind::AsyncGenerator);
        if !is_generator && let Err(error) = probing.tell_context(call.py) {
            return Enter::Answer(Outcome::error(call.py, error));
        }
        slot.phase = PROBING;
        slot.data = Some(Box::new(probing));
        Enter::Proceed
    }

    /// Whether an exception counts as a failure of the call, as no failure, or not at all.
    #[cold]
    fn judge(&self, call: &Call<'_>, outcome: &mut Outcome) -> Option<bool> {
        let py = call.py;
        let Outcome::Raised(failure) = &*outcome else {
            return Some(true);
        };
        if !outcome.is_ordinary_failure(py) {
            // Who has had enough of a generator's items did get some.
            let is_closed = call.yielded && exception::is_a::<PyGeneratorExit>(py, failure);
            return is_closed.then_some(true);
        }
        let included = self.breaker.failures.include(py, "circuit_breaker", failure);
        call.time_passed();
        match included {
            Ok(included) => Some(!included),
            Err(error) => {
                let error = Owned::from(counted(py, |py| error.into_value(py)));
                // What was asked about is shown above the predicate's own error, as in an `except` clause.
                if let Err(error) = error.bound(py).setattr("__context__", failure.bound(py)) {
                    counted(py, |_| drop(error));
                }
                *outcome = Outcome::Raised(error);
                None
            }
        }
    }

    /// Gives a call's permit back.
    #[inline]
    fn leave(&self, call: &Call<'_>, slot: &mut Slot, success: Option<bool>) {
        let permit = match std::mem::take(&mut slot.phase) {
            ADMITTED => Permit::of(slot.started),
            PROBING => match probe_of(slot).and_then(|probing| probing.end(call.py)) {
                Some(permit) => permit,
                None => return,
            },
            _ => return,
        };
        match success {
            Some(success) => self.breaker.record(permit, success, call.now()),
            None => self.breaker.cancel(permit),
        }
    }
}

#[cold]
fn probe_of(slot: &mut Slot) -> Option<&mut Probing> {
    slot.data.as_mut()?.as_any().downcast_mut()
}

impl Hooks for Guard {
    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        match Probing::includes_caller(call.py, &self.breaker) {
            Ok(false) => {}
            Ok(true) => return Enter::Proceed,
            Err(error) => return Enter::Answer(Outcome::error(call.py, error)),
        }
        match self.breaker.admit(call.now()) {
            Ok(permit) if permit.is_probe() => self.begin_probe(call, slot, permit),
            Ok(permit) => {
                slot.phase = ADMITTED;
                slot.started = permit.generation();
                Enter::Proceed
            }
            Err(refused) => {
                add(&self.rejected, 1);
                Enter::Answer(refusal::outcome(call.py, &self.function, &self.breaker, &refused))
            }
        }
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let success = match outcome {
            Outcome::Returned(_) => Some(true),
            _ => self.judge(call, outcome),
        };
        let count = match success {
            Some(true) => &self.successes,
            Some(false) => &self.failures,
            None => &self.cancelled,
        };
        add(count, 1);
        self.leave(call, slot, success);
        Exit::Pass
    }

    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, _value: &Owned, _kind: Suspended) -> Result<(), Outcome> {
        // Who runs it, and where, nobody knows: what the context says was of the plain call.
        if let Some(probing) = probe_of(slot) {
            probing.leave_context(call.py);
        }
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        let counts = self.counts();
        stats.set_item("calls", counts.iter().map(|(_, count)| count).sum::<u64>())?;
        for (name, count) in counts {
            stats.set_item(name, count)?;
        }
        stats.set_item("state", name_of(self.breaker.snapshot().state))?;
        Ok(stats.unbind())
    }

    fn attribute(&self, _py: Python<'_>, name: &str) -> PyResult<Option<Owned>> {
        Ok((name == "breaker").then(|| self.object.clone()))
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let with = |name: &str, value: &str| {
            vec![
                ("function".to_owned(), self.function.clone()),
                (name.to_owned(), value.to_owned()),
            ]
        };
        for (name, count) in self.counts() {
            page.count(CALLS, with("outcome", name), count);
        }
        let told = self.breaker.snapshot();
        for state in [State::Closed, State::Open, State::HalfOpen] {
            page.gauge(STATE, with("state", name_of(state)), u64::from(told.state == state));
        }
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(OPENED, labels, told.opened);
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        visit(&self.object);
        self.breaker.failures.traverse(visit);
    }
}

const CALLS: Family = Family {
    name: "cladding_circuit_breaker_calls_total",
    help: "Calls that have ended, by how: rejected ones were not made, cancelled ones came to no end.",
    kind: MetricKind::Counter,
};
const STATE: Family = Family {
    name: "cladding_circuit_breaker_state",
    help: "1 for the state that the breaker of the function is in, 0 for the others.",
    kind: MetricKind::Gauge,
};
const OPENED: Family = Family {
    name: "cladding_circuit_breaker_opened_total",
    help: "How often the breaker of the function opened, whoever's calls it was for.",
    kind: MetricKind::Counter,
};
