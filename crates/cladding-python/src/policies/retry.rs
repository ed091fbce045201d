//! `retry`: calls again, after waits that grow, what failed with one of the named exceptions.

use std::collections::hash_map::RandomState;
use std::fmt::Write as _;
use std::hash::BuildHasher;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use cladding_capi::{Owned, exception};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind;
use cladding_engine::random::SharedRandom;
use cladding_engine::retry::{Backoff, Jitter};
use pyo3::exceptions::{PyConnectionError, PyException, PyTimeoutError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple, PyType};

use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot, Wait};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::Target;

pub(crate) const NAME: &str = "retry";

/// No wait is longer than this, about 31 years: some systems' sleeps take no more.
const LONGEST_DELAY: f64 = 1e9;

/// Which failures are worth another attempt.
#[derive(Clone)]
enum Worth {
    /// Those that an `except` clause with this tuple of types catches.
    Types(Owned),
    /// Those for which this callable answers `True`.
    Predicate(Owned),
}

/// The checked configuration.
pub(crate) struct RetrySpec {
    max_retries: Option<u64>,
    backoff: Backoff,
    worth: Worth,
}

impl RetrySpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_retries = params.count("max_retries", Some(3), 0)?;
        let factor = params.number("backoff_factor", 2.0)?;
        let initial = delay(params, "initial_delay", 0.1)?;
        let max = delay(params, "max_delay", 30.0)?;
        let jitter = match params.get("jitter")? {
            None => Jitter::Full,
            Some(value) => {
                let word = value.cast::<PyString>().ok().and_then(|word| word.to_str().ok());
                let jitter = word.and_then(|word| word.parse().ok());
                jitter.ok_or_else(|| params.wrong("jitter", &value, "\"full\", \"equal\" or \"none\""))?
            }
        };
        let backoff = Backoff::new(initial, factor, max, jitter).map_err(|error| params.refused(&error))?;
        Ok(Self {
            max_retries,
            backoff,
            worth: worth(params)?,
        })
    }
}

fn delay(params: &Params<'_, '_>, name: &'static str, default: f64) -> PyResult<f64> {
    match params.seconds(name, Some(default))? {
        Some(seconds) if seconds <= LONGEST_DELAY => Ok(seconds),
        _ => {
            let value = params
                .get(name)?
                .unwrap_or_else(|| params.py().None().into_bound(params.py()));
            Err(params.wrong(name, &value, "seconds as a number from 0 to 1e9, or a timedelta"))
        }
    }
}

/// Reads `exceptions`.
fn worth(params: &Params<'_, '_>) -> PyResult<Worth> {
    let py = params.py();
    let Some(value) = params.get("exceptions")? else {
        let types = (py.get_type::<PyConnectionError>(), py.get_type::<PyTimeoutError>());
        return Ok(Worth::Types(types.into_pyobject(py)?.into()));
    };
    let wrong = || {
        let allowed =
            "a subclass of Exception, a tuple of such, or a callable that takes the exception and answers a bool";
        params.wrong("exceptions", &value, allowed)
    };
    if is_retryable(&value) {
        return Ok(Worth::Types(PyTuple::new(py, [&value])?.into()));
    }
    if let Ok(types) = value.cast::<PyTuple>() {
        let good = !types.is_empty() && types.iter().all(|each| is_retryable(&each));
        return if good {
            Ok(Worth::Types(types.into()))
        } else {
            Err(wrong())
        };
    }
    let is_async = || {
        py.import("inspect")?
            .call_method1("iscoroutinefunction", (&value,))?
            .is_truthy()
    };
    if value.is_callable() && !value.is_instance_of::<PyType>() && !is_async()? {
        return Ok(Worth::Predicate((&value).into()));
    }
    Err(wrong())
}

/// Whether this is a type of exception that may be retried: interrupts, exits and cancellation do not derive from
/// `Exception`.
fn is_retryable(value: &Bound<'_, PyAny>) -> bool {
    value
        .cast::<PyType>()
        .is_ok_and(|class| class.is_subclass_of::<PyException>().unwrap_or(false))
}

impl Spec for RetrySpec {
    fn bind(&self, _py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        Ok(Arc::new(Retry {
            max_retries: self.max_retries,
            backoff: self.backoff,
            worth: self.worth.clone(),
            function: target.full_name(),
            calls: Counter::new(),
            retries: Counter::new(),
            gave_up: Counter::new(),
        }))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.worth.traverse(visit);
    }
}

impl Worth {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Types(object) | Self::Predicate(object) => visit(object),
        }
    }

    /// Whether a failure is worth another attempt; the error is that of the predicate.
    fn includes(&self, py: Python<'_>, failure: &Owned) -> PyResult<bool> {
        match self {
            Self::Types(types) => Ok(exception::matches(py, failure, types)),
            Self::Predicate(predicate) => {
                let answer = predicate.bound(py).call1((failure.bound(py),))?;
                answer.extract().map_err(|_| {
                    let shown = (predicate.bound(py).repr(), answer.repr());
                    let (Ok(predicate), Ok(answer)) = shown else {
                        return configuration_error(
                            py,
                            "retry: the callable of `exceptions` must answer True or False",
                        );
                    };
                    let text = format!(
                        "retry: the callable of `exceptions` must answer True or False, got {answer} from {predicate}"
                    );
                    configuration_error(py, &text)
                })
            }
        }
    }
}

/// A call's phase while the wait before its next attempt is under way. Before, the phase is 0.
const WAITING: u8 = 1;

struct Retry {
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
        match self.worth.includes(py, failure) {
            Ok(true) => {}
            Ok(false) => return Exit::Pass,
            Err(error) => {
                let error = Owned::from(error.into_value(py));
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
            self.backoff.delay(slot.count, &mut random())
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
        if let Ok(notes) = failure.bound(py).getattr(pyo3::intern!(py, "__notes__"))
            && let Ok(notes) = notes.cast::<PyList>()
        {
            for (index, known) in notes.iter().enumerate() {
                if known.extract::<&str>().is_ok_and(|known| known.starts_with(&begin)) {
                    return notes.set_item(index, note);
                }
            }
        }
        failure.bound(py).call_method1(pyo3::intern!(py, "add_note"), (note,))?;
        Ok(())
    }
}

/// Lets an error go where the caller's own exception matters more.
fn ignore(py: Python<'_>, result: PyResult<()>) {
    if let Err(error) = result {
        drop(Owned::from(error.into_value(py)));
    }
}

/// The source of chance for all waits of this process. A forked child starts a sequence of its own.
fn random() -> &'static SharedRandom {
    static RANDOM: SharedRandom = SharedRandom::new(0);
    static SEEDED_IN: AtomicU32 = AtomicU32::new(0);
    let process = process::id();
    if SEEDED_IN.load(Ordering::Relaxed) != process {
        // The keys of `RandomState` come from the operating system, but a forked child has its parent's.
        RANDOM.reseed(RandomState::new().hash_one((process, SystemTime::now())));
        SEEDED_IN.store(process, Ordering::Relaxed);
    }
    &RANDOM
}
