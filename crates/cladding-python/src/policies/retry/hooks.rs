//! The live side: one call's attempts.

use std::fmt::Write as _;

use cladding_capi::{Owned, exception};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind;
use cladding_engine::retry::Backoff;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString};

use super::Worth;
use super::chance::random;
use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot, Wait};
use crate::target::Target;

/// A call's phase while the wait before its next attempt is under way. Before, the phase is 0.
const WAITING: u8 = 1;

pub(super) struct Retry {
    max_retries: Option<u64>,
    backoff: Backoff,
    worth: Worth,
    function: String,
    calls: Counter,
    retries: Counter,
    gave_up: Counter,
}

impl Hooks for Retry {
    #[inline]
    fn enter(&self, _call: &Call<'_>, _slot: &mut Slot) -> Enter {
        add(&self.calls, 1);
        Enter::Proceed
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        if let Outcome::Returned(_) = outcome {
            return Exit::Pass;
        }
        self.failed(call, slot, outcome)
    }

    fn repeats(&self) -> bool {
        self.max_retries != Some(0)
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("retries", self.retries.get())?;
        stats.set_item("gave_up", self.gave_up.get())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(RETRIES, labels.clone(), self.retries.get());
        page.count(GAVE_UP, labels, self.gave_up.get());
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.worth.traverse(visit);
    }
}

const RETRIES: Family = Family {
    name: "cladding_retries_total",
    help: "Attempts after the first.",
    kind: Kind::Counter,
};
const GAVE_UP: Family = Family {
    name: "cladding_retry_gave_up_total",
    help: "Calls whose last attempt failed too.",
    kind: Kind::Counter,
};

impl Retry {
    pub(super) fn new(max_retries: Option<u64>, backoff: Backoff, worth: Worth, target: &Target) -> Self {
        Self {
            max_retries,
            backoff,
            worth,
            function: target.full_name(),
            calls: Counter::new(),
            retries: Counter::new(),
            gave_up: Counter::new(),
        }
    }

    #[cold]
    fn failed(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let py = call.py;
        if slot.phase == WAITING {
            slot.phase = 0;
            add(&self.retries, 1);
            return Exit::Again;
        }
        let Outcome::Raised(failure) = &*outcome else {
            return Exit::Pass;
        };
        if call.yielded || call.closing || !outcome.is_ordinary_failure(py) {
            return Exit::Pass;
        }
        let included = self.worth.includes(py, failure);
        call.time_passed();
        match included {
            Ok(true) => {}
            Ok(false) => return Exit::Pass,
            Err(error) => {
                let error = Owned::from(cladding_capi::counted(py, |py| error.into_value(py)));
                // What was asked about is shown above the predicate's own error, as in an `except` clause.
                ignore(py, error.bound(py).setattr("__context__", failure.bound(py)));
                *outcome = Outcome::Raised(error);
                return Exit::Pass;
            }
        }
        if self.max_retries.is_some_and(|most| u64::from(slot.count) >= most) {
            add(&self.gave_up, 1);
            ignore(py, self.leave_note(call, slot, failure));
            return Exit::Pass;
        }
        if slot.count == 0 {
            slot.started = call.now();
        }
        // Whoever else holds the exception (it may be raised again, by the next attempt even) holds no frames by it.
        exception::forget_traceback(py, failure);
        let at_once = self.backoff.initial_delay() <= 0.0;
        let seconds = if at_once {
            0.0
        } else {
            self.backoff.delay(slot.count, 0.0, &mut random())
        };
        slot.count = slot.count.saturating_add(1);
        if seconds > 0.0 {
            slot.phase = WAITING;
            return Exit::Wait(Wait::Seconds(seconds).into());
        }
        // Nothing else would notice an interrupt if attempts fail without running Python code, and without end.
        if let Err(interrupt) = py.check_signals() {
            *outcome = Outcome::error(py, interrupt);
            return Exit::Pass;
        }
        add(&self.retries, 1);
        Exit::Again
    }

    /// Says on the last exception what was tried. An exception has one such note for each function: a stack of two
    /// retries, or an exception that is kept and raised by one call after the other, does not collect them.
    fn leave_note(&self, call: &Call<'_>, slot: &Slot, failure: &Owned) -> PyResult<()> {
        let py = call.py;
        let begin = format!("retry of {} gave up after ", self.function);
        let (attempts, plural) = (u64::from(slot.count) + 1, if slot.count == 0 { "" } else { "s" });
        let mut note = format!("{begin}{attempts} attempt{plural}");
        if slot.count > 0 {
            let nanos = clock::nanos_between(slot.started, call.now());
            let _ = write!(note, ", {:.3} s after the first failure", nanos as f64 / 1e9);
        }
        let _ = write!(note, ": max_retries={}", slot.count);
        let attributes = failure.bound(py).getattr(pyo3::intern!(py, "__dict__"))?;
        let notes = attributes.cast::<PyDict>()?.get_item(pyo3::intern!(py, "__notes__"))?;
        if let Some(notes) = notes.as_ref().and_then(|notes| notes.cast::<PyList>().ok()) {
            let is_ours = |known: &Bound<'_, PyAny>| {
                known
                    .cast::<PyString>()
                    .is_ok_and(|known| known.to_string_lossy().starts_with(&begin))
            };
            if let Some(index) = notes.iter().position(|known| is_ours(&known)) {
                return notes.set_item(index, note);
            }
        }
        failure.bound(py).call_method1(pyo3::intern!(py, "add_note"), (note,))?;
        Ok(())
    }
}

/// Lets an error go, where the caller's own exception matters more.
fn ignore(py: Python<'_>, result: PyResult<()>) {
    if let Err(error) = result {
        cladding_capi::counted(py, |_| drop(error));
    }
}
