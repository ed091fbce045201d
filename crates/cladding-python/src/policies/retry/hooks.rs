//! The live side: one function's retried calls.

use std::sync::{Arc, OnceLock};

use cladding_capi::{Owned, exception};
use cladding_engine::metrics::exposition::Kind as FamilyKind;
use pyo3::exceptions::PyTimeoutError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::course::Course;
use super::layers::Layers;
use super::nesting::{self, Mark};
use super::note;
use super::numbers::Numbers;
use super::plan::{Attempt, Ending, Next, Plan};
use super::telling::{Event, Told, What};
use crate::clock;
use crate::counters::add;
use crate::guards::Budget;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Labels, Outcome, Page, Slot, Wait};
use crate::target::{Kind, Target};

/// A call's phase while the wait before its next attempt is under way. Before, the phase is 0.
const WAITING: u8 = 1;

/// After so many attempts without a wait other threads, and the tasks of the event loop, get their turn by a wait of zero:
/// else a coroutine that fails before it awaits anything could be neither cancelled nor timed out.
const AT_ONCE: u32 = 32;

pub(super) struct Retry {
    plan: Plan,
    told: Told,
    budget: Option<Budget>,
    layers: Layers,
    function: String,
    /// The same as an object, by which calls inside see this one.
    name: Owned,
    /// A generator runs in its consumer's context between items, so it cannot say there that it is around anything.
    nests: bool,
    numbers: Arc<Numbers>,
    /// Whether there is something to do when a call begins, besides counting it.
    begins: bool,
    /// Whether there is something to do when a first attempt has succeeded.
    watches: bool,
    /// The labels of the monitor on the same function, if there is one.
    monitor: OnceLock<Labels>,
}

impl Hooks for Retry {
    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        add(&self.numbers.calls, 1);
        slot.started = call.now();
        if self.begins || nesting::is_early() {
            return self.begin(call, slot);
        }
        Enter::Proceed
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        if matches!(outcome, Outcome::Returned(_)) && slot.data.is_none() && !self.watches {
            return Exit::Pass;
        }
        self.ended(call, slot, outcome)
    }

    fn beside(&self, others: &[&dyn Hooks]) {
        if let Some(labels) = others.iter().find_map(|other| other.monitor_labels()) {
            let _ = self.monitor.set(labels.clone());
        }
    }

    fn inherit(&mut self, from: &dyn Hooks) {
        let from: &dyn std::any::Any = from;
        if let Some(from) = from.downcast_ref::<Self>() {
            self.numbers = Arc::clone(&from.numbers);
            self.monitor = from.monitor.clone();
        }
    }

    fn repeats(&self) -> bool {
        self.plan.max_retries != Some(0)
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = self.numbers.stats(py)?;
        self.layers.add_stats(py, &stats)?;
        Ok(stats.unbind())
    }

    /// What is known of the exceptions of a call that was retried.
    fn attribute(&self, py: Python<'_>, name: &str) -> PyResult<Option<Owned>> {
        if !matches!(name, "failures" | "group") {
            return Ok(None);
        }
        Ok(Some(py.import("cladding._retry.failures")?.getattr(name)?.into()))
    }

    fn around(&self) -> Vec<Arc<dyn Hooks>> {
        self.layers.around()
    }

    fn within(&self) -> Vec<Arc<dyn Hooks>> {
        self.layers.within()
    }

    fn metrics(&self, target: &Target, page: &mut Page) {
        self.layers.metrics(target, page);
        let own = || vec![("function".to_owned(), self.function.clone())];
        let labels = self.monitor.get().cloned().unwrap_or_else(own);
        page.count(RETRIES, labels.clone(), self.numbers.retries.get());
        page.count(GAVE_UP, labels.clone(), self.numbers.gave_up.get());
        page.count(RECOVERED, labels, self.numbers.recovered.get());
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.plan.traverse(visit);
        self.told.traverse(visit);
        self.layers.traverse(visit);
        visit(&self.name);
    }

    fn clear(&self) {
        self.layers.clear();
    }
}

const RETRIES: Family = Family {
    name: "cladding_retries_total",
    help: "Attempts after the first.",
    kind: FamilyKind::Counter,
};
const GAVE_UP: Family = Family {
    name: "cladding_retry_gave_up_total",
    help: "Calls whose last attempt failed too.",
    kind: FamilyKind::Counter,
};
const RECOVERED: Family = Family {
    name: "cladding_retry_recovered_total",
    help: "Calls that succeeded after a retry.",
    kind: FamilyKind::Counter,
};

impl Retry {
    pub(super) fn new(
        py: Python<'_>,
        plan: Plan,
        told: Told,
        budget: Option<Budget>,
        layers: Layers,
        target: &Target,
    ) -> Self {
        let function = target.full_name();
        Self {
            begins: budget.is_some() || plan.deadline.is_some(),
            watches: budget.is_some() || plan.on_result.is_some() || told.wants(What::Success),
            budget,
            layers,
            name: PyString::new(py, &function).into_any().into(),
            function,
            plan,
            told,
            nests: !matches!(target.kind, Kind::Generator | Kind::AsyncGenerator),
            numbers: Arc::default(),
            monitor: OnceLock::new(),
        }
    }

    fn begin(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if let Some(budget) = &self.budget {
            budget.deposit(|| call.now());
        }
        if let Some(deadline) = self.plan.deadline {
            let around = call.deadline.get();
            let own = slot
                .started
                .saturating_add(clock::ticks_from_nanos((deadline * 1e9) as u64));
            Course::of(slot).deadline_around = around;
            call.deadline.set(if around == 0 { own } else { own.min(around) });
        }
        if nesting::is_early() && self.nests {
            match Mark::announce(call.py, &self.name) {
                Ok(mark) => Course::of(slot).mark = Some(mark),
                Err(error) => return Enter::Answer(Outcome::error(call.py, error)),
            }
        }
        Enter::Proceed
    }

    /// An attempt or a wait has ended; nearly every call has none of this but the end of its one attempt.
    #[cold]
    fn ended(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let py = call.py;
        call.time_passed();
        let said = if slot.phase == WAITING {
            slot.phase = 0;
            self.waited(call, slot, outcome)
        } else {
            self.attempted(call, slot, outcome)
        };
        match said {
            Ok(Exit::Pass) => self.leave(call, slot),
            Ok(again) => return again,
            Err(error) => {
                fail(py, error, outcome);
                self.leave(call, slot);
            }
        }
        Exit::Pass
    }

    /// Takes back what calls inside were told.
    fn leave(&self, call: &Call<'_>, slot: &mut Slot) {
        if slot.data.is_none() {
            return;
        }
        let course = Course::of(slot);
        if self.plan.deadline.is_some() {
            call.deadline.set(course.deadline_around);
        }
        if let Some(mark) = course.mark.take() {
            ignore(call.py, mark.leave(call.py));
        }
    }

    /// The wait before the next attempt is over. A wait can take longer than it was to.
    fn waited(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> PyResult<Exit> {
        if let Some(reason) = self.plan.beyond(|| elapsed(call, slot.started), 0.0) {
            // The attempt that was waited for was counted, and does not come.
            slot.count = slot.count.saturating_sub(1);
            self.give_up(call, slot, outcome, &reason)?;
            return Ok(Exit::Pass);
        }
        add(&self.numbers.retries, 1);
        Ok(Exit::Again)
    }

    fn attempted(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> PyResult<Exit> {
        let py = call.py;
        let ending = match &*outcome {
            Outcome::Raised(failure) if outcome.is_ordinary_failure(py) => Ending::Raised(failure),
            Outcome::Returned(result) => Ending::Returned(result),
            _ => return Ok(Exit::Pass),
        };
        let next = if call.yielded || call.closing {
            Next::Pass
        } else {
            let started = slot.started;
            let attempt = Attempt {
                function: &self.function,
                retries: slot.count,
                elapsed: &|| elapsed(call, started),
                ending,
                nests: self.nests,
            };
            let next = self.plan.decide(py, &attempt, Course::of(slot))?;
            call.time_passed();
            next
        };
        match next {
            Next::Retry(delay) if self.may_retry(call, slot, ending) => self.retry(call, slot, ending, delay),
            Next::Retry(_) => {
                self.give_up(call, slot, outcome, "the retry budget is used up")?;
                Ok(Exit::Pass)
            }
            Next::GiveUp(reason) => {
                if let Some(budget) = &self.budget {
                    budget.failed();
                }
                self.give_up(call, slot, outcome, &reason)?;
                Ok(Exit::Pass)
            }
            Next::Pass => {
                match ending {
                    Ending::Returned(_) => self.succeeded(call, slot, ending)?,
                    Ending::Raised(failure) if slot.count > 0 => {
                        let earlier = Course::of(slot).before(py, Some(failure))?;
                        ignore(py, note::keep_earlier(py, failure, &earlier));
                    }
                    Ending::Raised(_) => {}
                }
                Ok(Exit::Pass)
            }
        }
    }

    /// Whether the budget, if there is one, has a retry left, which is then taken.
    fn may_retry(&self, call: &Call<'_>, slot: &mut Slot, ending: Ending<'_>) -> bool {
        let Some(budget) = &self.budget else { return true };
        let is_timeout = |failure| exception::is_a::<PyTimeoutError>(call.py, failure);
        let withdrawn = budget.withdraw(call.now(), ending.exception().is_some_and(is_timeout));
        Course::of(slot).withdrawn = withdrawn;
        withdrawn.is_some()
    }

    fn retry(&self, call: &Call<'_>, slot: &mut Slot, ending: Ending<'_>, delay: f64) -> PyResult<Exit> {
        let py = call.py;
        self.tell(call, slot, What::Retry, ending, Some(delay), None)?;
        if self.nests && self.plan.announces(slot.count, delay) && Course::of(slot).mark.is_none() {
            Course::of(slot).mark = Some(Mark::announce(py, &self.name)?);
        }
        if let Some(failure) = ending.exception() {
            // Whoever else holds the exception (it may be raised again, by the next attempt even) holds no frames by it.
            exception::forget_tracebacks(py, failure);
            Course::of(slot).keep(failure);
        }
        slot.count = slot.count.saturating_add(1);
        if delay > 0.0 || slot.count.is_multiple_of(AT_ONCE) {
            add(&self.numbers.waited, (delay * 1e9) as u64);
            slot.phase = WAITING;
            return Ok(Exit::Wait(Wait::Seconds(delay).into()));
        }
        // Nothing else would notice an interrupt if attempts fail without running Python code, and without end.
        py.check_signals()?;
        add(&self.numbers.retries, 1);
        Ok(Exit::Again)
    }

    fn give_up(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome, reason: &str) -> PyResult<()> {
        let py = call.py;
        add(&self.numbers.gave_up, 1);
        let ending = match &*outcome {
            Outcome::Raised(failure) => {
                let elapsed = elapsed(call, slot.started);
                ignore(
                    py,
                    note::leave(py, failure, &self.function, slot.count, elapsed, reason),
                );
                let earlier = Course::of(slot).before(py, Some(failure))?;
                ignore(py, note::keep_earlier(py, failure, &earlier));
                Ending::Raised(failure)
            }
            Outcome::Returned(result) => Ending::Returned(result),
            Outcome::Suspended(_) => unreachable!("no policy sees a suspended call"),
        };
        self.tell(call, slot, What::GiveUp, ending, None, Some(reason))?;
        if matches!(outcome, Outcome::Returned(_)) && self.layers.has_fallback() {
            // A fallback answers failures; the result that stood for one is refused for the last time.
            let refused = py.import("cladding._errors")?.getattr("UnwantedResultError")?;
            let text = format!("the last result of {} is not wanted: {reason}", self.function);
            *outcome = Outcome::Raised(refused.call1((text,))?.into());
        }
        Ok(())
    }

    fn succeeded(&self, call: &Call<'_>, slot: &mut Slot, ending: Ending<'_>) -> PyResult<()> {
        if slot.count > 0 {
            add(&self.numbers.recovered, 1);
        }
        if let Some(budget) = &self.budget {
            let last = slot.data.is_some().then(|| Course::of(slot).withdrawn.take());
            budget.succeeded(last.flatten());
        }
        self.tell(call, slot, What::Success, ending, None, None)
    }

    fn tell(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        what: What,
        ending: Ending<'_>,
        delay: Option<f64>,
        reason: Option<&str>,
    ) -> PyResult<()> {
        let py = call.py;
        // A first attempt that succeeds is nothing to write to a log.
        let log = self.monitor.get().is_some() && (what != What::Success || slot.count > 0);
        if !log && !self.told.wants(what) {
            return Ok(());
        }
        let (attempt, elapsed) = (u64::from(slot.count) + 1, elapsed(call, slot.started));
        let failures = Course::of(slot).before(py, ending.exception())?;
        let event = Event {
            function: &self.function,
            attempt,
            ending,
            delay,
            elapsed,
            deadline: self.plan.deadline,
            max_retries: self.plan.max_retries,
            reason,
            failures,
        };
        if !self.told.tell(py, what, log, event)? {
            add(&self.numbers.hook_errors, 1);
        }
        Ok(())
    }
}

/// An error of a callable of the user's, or an interrupt, in place of what the attempt ended with. That is shown above it,
/// as in an `except` clause.
fn fail(py: Python<'_>, error: PyErr, outcome: &mut Outcome) {
    let error = Owned::from(cladding_capi::counted(py, |py| error.into_value(py)));
    if let Outcome::Raised(failure) = &*outcome {
        ignore(py, error.bound(py).setattr("__context__", failure.bound(py)));
    }
    *outcome = Outcome::Raised(error);
}

/// The seconds since a call began.
fn elapsed(call: &Call<'_>, started: u64) -> f64 {
    clock::nanos_between(started, call.now()) as f64 / 1e9
}

/// Lets an error go, where the caller's own exception matters more.
fn ignore(py: Python<'_>, result: PyResult<()>) {
    if let Err(error) = result {
        cladding_capi::counted(py, |_| drop(error));
    }
}
