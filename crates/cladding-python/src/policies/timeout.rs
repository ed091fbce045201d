//! `timeout`: a call that takes too long ends with `CallTimeoutError`. Coroutines are cancelled, in the very task that runs
//! them; a plain function runs in a thread, which is left to itself.

use std::any::Any;
use std::sync::Arc;

use cladding_capi::{Owned, Suspended, counted, exception};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict};

use super::refused;
use super::tally::{Counts, Tally};
use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot, SlotData};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

pub(crate) const NAME: &str = "timeout";

const TIMEOUTS: Family = Family {
    name: "cladding_timeouts_total",
    help: "Calls that took too long.",
    kind: MetricKind::Counter,
};
const LEFT_RUNNING: Family = Family {
    name: "cladding_timeout_threads",
    help: "Threads in which a call that nobody waits for goes on.",
    kind: MetricKind::Gauge,
};

/// A call's phase while its function runs in a thread.
const IN_THREAD: u8 = 1;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._timeouts").map(Bound::unbind))?
        .bind(py))
}

/// How long a call may take.
pub(crate) struct TimeoutSpec {
    seconds: f64,
    /// The parameter of another policy that this comes from.
    parameter: Option<String>,
}

impl TimeoutSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        Ok(Self {
            seconds: params.duration_needed("seconds")?,
            parameter: None,
        })
    }

    /// Reads a parameter of another policy that is such a time; `None` if it was not given.
    pub(crate) fn read(params: &mut Params<'_, '_>, name: &'static str) -> PyResult<Option<Self>> {
        Ok(params.duration(name)?.map(|seconds| Self {
            seconds,
            parameter: Some(params.full_name(name)),
        }))
    }
}

impl Spec for TimeoutSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let function = target.full_name();
        if target.kind == Kind::Generator {
            let reason = format!(
                "{function} is a generator function: its items are made in the thread that asks for them, which nothing can \
                 stop"
            );
            return Err(match &self.parameter {
                Some(name) => configuration_error(py, &format!("{name} cannot be used here, as {reason}")),
                None => PyTypeError::new_err(format!("timeout cannot be used here, as {reason}")),
            });
        }
        let counts = Arc::default();
        Ok(Arc::new(Timeout {
            seconds: self.seconds,
            kind: target.kind,
            function,
            tally: Tally::create(py, &counts)?,
            counts,
            calls: Counter::new(),
            timed_out: Counter::new(),
        }))
    }
}

struct Timeout {
    seconds: f64,
    kind: Kind,
    function: String,
    tally: Owned,
    counts: Arc<Counts>,
    calls: Counter,
    timed_out: Counter,
}

/// The time of one call: in its task, or of its thread.
struct Limit {
    seconds: f64,
    /// That was all that was left of a deadline.
    shortened: bool,
    /// What ends the call, where that is its task.
    scope: Option<Owned>,
}

impl SlotData for Limit {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.scope.iter().for_each(visit);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Limit {
    /// A call that is forgotten on its way cancels nothing later on.
    fn drop(&mut self) {
        if let Some(scope) = self.scope.take() {
            Python::try_attach(|py| {
                if let Err(error) = leave(py, &scope, None) {
                    error.write_unraisable(py, None);
                }
                drop(scope);
            });
        }
    }
}

/// Leaves a scope with the exception that the call has come to. The answer is true where the scope has ended the call, or
/// an exception to stand in the place of that one.
fn leave<'py>(py: Python<'py>, scope: &Owned, raised: Option<&Owned>) -> PyResult<Bound<'py, PyAny>> {
    let raised = raised.map(|exception| exception.bound(py));
    module(py)?.call_method1(pyo3::intern!(py, "leave"), (scope.bound(py), raised))
}

impl Timeout {
    /// How long the call may take from now on. Where that is no time, it does not begin.
    fn limit(&self, call: &Call<'_>) -> Result<Limit, Outcome> {
        let deadline = call.deadline.get();
        let left = if deadline == 0 {
            f64::INFINITY
        } else {
            clock::nanos_between(call.now(), deadline) as f64 / 1e9
        };
        let limit = Limit {
            seconds: self.seconds.min(left),
            shortened: left < self.seconds,
            scope: None,
        };
        if left > 0.0 {
            Ok(limit)
        } else {
            Err(Outcome::Raised(self.expired(call.py, &limit, None)))
        }
    }

    /// Lets the task that runs end the call.
    fn begin(&self, call: &Call<'_>, slot: &mut Slot) -> Result<(), Outcome> {
        let mut limit = self.limit(call)?;
        let py = call.py;
        let entered = module(py)
            .and_then(|module| module.call_method1(pyo3::intern!(py, "enter"), (limit.seconds, &self.function)));
        call.time_passed();
        limit.scope = Some(entered.map_err(|error| Outcome::error(py, error))?.into());
        slot.data = Some(Box::new(limit));
        Ok(())
    }

    /// What calls the function in a thread.
    fn runner(&self, py: Python<'_>, seconds: f64) -> PyResult<Owned> {
        let run = module(py)?.getattr(pyo3::intern!(py, "run_in_thread"))?;
        let partial = py.import("functools")?.getattr("partial")?;
        Ok(partial.call1((run, self.tally.bound(py), seconds))?.into())
    }

    /// Makes of the sign that the time was up what the caller gets, with the traceback of where the function was.
    #[cold]
    fn expired(&self, py: Python<'_>, limit: &Limit, sign: Option<&Owned>) -> Owned {
        add(&self.timed_out, 1);
        let sign = sign.map(|sign| sign.bound(py));
        let arguments = (&self.function, limit.seconds, limit.shortened, sign);
        let error = module(py).and_then(|module| module.call_method1("timed_out", arguments));
        match error {
            Ok(error) => error.into(),
            Err(error) => counted(py, |py| error.into_value(py).into()),
        }
    }
}

impl Hooks for Timeout {
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        add(&self.calls, 1);
        if matches!(self.kind, Kind::Coroutine | Kind::AsyncGenerator) {
            return match self.begin(call, slot) {
                Ok(()) => Enter::Proceed,
                Err(outcome) => Enter::Answer(outcome),
            };
        }
        let made = self.limit(call).and_then(|limit| {
            let runner = self.runner(call.py, limit.seconds);
            Ok((limit, runner.map_err(|error| Outcome::error(call.py, error))?))
        });
        match made {
            Ok((limit, runner)) => {
                slot.phase = IN_THREAD;
                slot.data = Some(Box::new(limit));
                Enter::Elsewhere(runner)
            }
            Err(outcome) => Enter::Answer(outcome),
        }
    }

    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        slot.phase = 0;
        slot.data = None;
        if kind != Suspended::Generator {
            return Ok(());
        }
        let text = format!(
            "timeout: {}() is a plain function and has returned a generator, which nothing can stop while it makes an item",
            self.function
        );
        Err(refused(call.py, value, kind, text))
    }

    fn begins(&self, call: &Call<'_>, slot: &mut Slot) -> Result<(), Outcome> {
        self.begin(call, slot)
    }

    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let py = call.py;
        let in_thread = std::mem::take(&mut slot.phase) == IN_THREAD;
        let Some(mut data) = slot.data.take() else {
            return Exit::Pass;
        };
        let Some(limit) = data.as_any().downcast_mut::<Limit>() else {
            return Exit::Pass;
        };
        if in_thread {
            if let Outcome::Raised(raised) = outcome {
                // The entry of the function that has waited for the thread.
                exception::strip(py, raised);
                if is_sign(py, raised) {
                    *raised = self.expired(py, limit, Some(raised));
                }
            }
            return Exit::Pass;
        }
        let Some(scope) = limit.scope.take() else {
            return Exit::Pass;
        };
        let raised = match outcome {
            Outcome::Raised(raised) => Some(&*raised),
            Outcome::Returned(_) | Outcome::Suspended(..) => None,
        };
        match (leave(py, &scope, raised), outcome) {
            (Ok(answer), Outcome::Raised(raised)) => {
                if !answer.is_instance_of::<PyBool>() {
                    *raised = answer.into();
                } else if answer.is_truthy().unwrap_or(false) {
                    *raised = self.expired(py, limit, Some(raised));
                }
            }
            (Ok(_), _) => {}
            (Err(error), outcome) => *outcome = Outcome::error(py, error),
        }
        Exit::Pass
    }

    fn wants_items(&self) -> bool {
        matches!(self.kind, Kind::AsyncGenerator | Kind::Function)
    }

    /// The first item is there; the time after it is the consumer's.
    fn item(&self, call: &Call<'_>, slot: &mut Slot, _item: &Owned) {
        if slot.data.is_some() {
            self.exit(call, slot, &mut Outcome::Returned(Owned::none()));
        }
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("timed_out", self.timed_out.get())?;
        stats.set_item("abandoned", self.counts.abandoned.get())?;
        stats.set_item("left_running", self.counts.left_running())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(TIMEOUTS, labels.clone(), self.timed_out.get());
        page.count(LEFT_RUNNING, labels, self.counts.left_running());
    }
}

/// Whether this says that the time of a thread was up.
fn is_sign(py: Python<'_>, raised: &Owned) -> bool {
    let class = module(py).and_then(|module| module.getattr(pyo3::intern!(py, "Expired")));
    class.is_ok_and(|class| raised.bound(py).get_type().is(&class))
}
