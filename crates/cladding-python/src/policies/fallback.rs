//! `fallback`: what a call that has failed gives instead.

use std::any::Any;
use std::sync::Arc;

use cladding_capi::{Owned, Suspended, type_is};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::substitute::Substitute;
use crate::counters::add;
use crate::failures::{A_BOOL, Failures};
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot, SlotData, Wait};
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

pub(crate) const NAME: &str = "fallback";

const FALLBACKS: Family = Family {
    name: "cladding_fallbacks_total",
    help: "Calls that failed and were answered by their fallback.",
    kind: MetricKind::Counter,
};

/// The phase of a plain function's call that goes on in a coroutine.
const AWAITED: u8 = 1;
/// The phase of one that goes on in a generator, which has no one result.
const GENERATES: u8 = 2;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._fallback").map(Bound::unbind))?
        .bind(py))
}

/// The checked configuration.
pub(crate) struct FallbackSpec {
    /// The decorator whose parameter it is, and the parameter's name, for messages.
    policy: String,
    parameter: &'static str,
    substitute: Substitute,
    failures: Failures,
}

impl FallbackSpec {
    /// The decorator's own parameters.
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let failures = Failures::read(params, "exceptions", A_BOOL)?.unwrap_or(Failures::All);
        let Some(spec) = Self::read(params, "value")? else {
            return Err(configuration_error(
                params.py(),
                "fallback: `value` is needed: a value, or a callable that takes the call's arguments",
            ));
        };
        Ok(Self { failures, ..spec })
    }

    /// One parameter of another decorator, about every ordinary failure.
    pub(crate) fn read(params: &mut Params<'_, '_>, name: &'static str) -> PyResult<Option<Self>> {
        let Some(value) = params.get(name)? else {
            return Ok(None);
        };
        Ok(Some(Self {
            policy: params.policy().to_owned(),
            parameter: name,
            substitute: Substitute::new(&value),
            failures: Failures::All,
        }))
    }
}

impl Spec for FallbackSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let (policy, parameter, function) = (&self.policy, self.parameter, target.full_name());
        let refuse = |reason: &str| {
            let text = format!("{policy}: `{parameter}` cannot be used on {function}, which is {reason}");
            Err(configuration_error(py, &text))
        };
        if matches!(target.kind, Kind::Generator | Kind::AsyncGenerator) {
            return refuse("a generator function: it has no one result that could be replaced");
        }
        let awaits = target.kind == Kind::Coroutine;
        let gives_coroutines = self.substitute.makes_coroutines(py)?;
        if gives_coroutines && !awaits {
            return refuse("no coroutine function and so cannot await the coroutine function that is its fallback");
        }
        Ok(Arc::new(Fallback {
            policy: policy.clone(),
            substitute: self.substitute.clone(),
            failures: self.failures.clone(),
            awaits,
            gives_coroutines,
            function,
            calls: Counter::new(),
            fallbacks: Counter::new(),
        }))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.substitute.traverse(visit);
        self.failures.traverse(visit);
    }
}

struct Fallback {
    policy: String,
    substitute: Substitute,
    failures: Failures,
    /// The function's calls are awaited, so what the fallback gives can be as well.
    awaits: bool,
    gives_coroutines: bool,
    function: String,
    calls: Counter,
    fallbacks: Counter,
}

/// A fallback that is being awaited: what keeps its result.
struct Awaiting(Owned);

impl SlotData for Awaiting {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        visit(&self.0);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Hooks for Fallback {
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
        match self.failed(call, slot, outcome) {
            Ok(exit) => exit,
            Err(error) => {
                *outcome = Outcome::error(call.py, error);
                Exit::Pass
            }
        }
    }

    fn deferred(&self, _call: &Call<'_>, slot: &mut Slot, _value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        slot.phase = match kind {
            Suspended::Coroutine => AWAITED,
            Suspended::Generator | Suspended::AsyncGenerator => GENERATES,
        };
        Ok(())
    }

    fn repeats(&self) -> bool {
        self.substitute.is_callable()
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("fallbacks", self.fallbacks.get())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        page.count(FALLBACKS, labels, self.fallbacks.get());
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.substitute.traverse(visit);
        self.failures.traverse(visit);
    }
}

impl Fallback {
    #[cold]
    fn failed(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> PyResult<Exit> {
        let py = call.py;
        if let Some(mut data) = slot.data.take() {
            if let Some(Awaiting(answer)) = data.as_any().downcast_mut::<Awaiting>() {
                *outcome = Outcome::Returned(answer.bound(py).getattr(pyo3::intern!(py, "value"))?.into());
                self.answered();
            }
            return Ok(Exit::Pass);
        }
        let Outcome::Raised(failure) = &*outcome else {
            return Ok(Exit::Pass);
        };
        let passes = call.yielded || call.closing || slot.phase == GENERATES;
        if passes || !outcome.is_ordinary_failure(py) {
            return Ok(Exit::Pass);
        }
        let failure = failure.clone();
        match self.failures.include(py, &self.policy, &failure) {
            Ok(true) => {}
            Ok(false) => return Ok(Exit::Pass),
            Err(error) => {
                let error = Owned::from(cladding_capi::counted(py, |py| error.into_value(py)));
                *outcome = chained(py, error, &failure)?;
                return Ok(Exit::Pass);
            }
        }
        let value = match self.substitute.give(call) {
            Ok(value) => value,
            Err(error) => {
                *outcome = chained(py, error, &failure)?;
                return Ok(Exit::Pass);
            }
        };
        let awaits = self.awaits || slot.phase == AWAITED;
        if awaits && (self.gives_coroutines || type_is(&value) == Some(Suspended::Coroutine)) {
            let answer = module(py)?.getattr("Answer")?;
            let answer: Owned = answer.call1((value.bound(py), failure.bound(py)))?.into();
            slot.data = Some(Box::new(Awaiting(answer.clone())));
            return Ok(Exit::Wait(Wait::Call(answer).into()));
        }
        *outcome = Outcome::Returned(value);
        self.answered();
        Ok(Exit::Pass)
    }

    fn answered(&self) {
        add(&self.fallbacks, 1);
    }
}

/// An error of the fallback's, shown below the failure that it was to answer.
fn chained(py: Python<'_>, error: Owned, failure: &Owned) -> PyResult<Outcome> {
    let chain = module(py)?.getattr("chain")?;
    chain.call1((error.bound(py), failure.bound(py)))?;
    Ok(Outcome::Raised(error))
}
