//! How a policy is written: once, for every call kind, as hooks that a driver interprets.

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

use cladding_capi::{Arguments, Owned, Suspended};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use crate::bound::Suspension;
use crate::clock;
pub(crate) use crate::page::{Family, Labels, Page};
use crate::target::Target;

/// How a call ended.
pub(crate) enum Outcome {
    /// It returned this.
    Returned(Owned),
    /// It raised this exception instance.
    Raised(Owned),
    /// The call is not over: it goes on in a coroutine or generator. No policy sees this, only drivers do.
    Suspended(Box<Suspension>),
}

impl Outcome {
    /// The outcome of a failed piece of our own code.
    #[cold]
    pub(crate) fn error(py: Python<'_>, error: PyErr) -> Self {
        Self::Raised(cladding_capi::counted(py, |py| error.into_value(py).into()))
    }

    /// Whether this is an exception of the kind that programs handle: not a cancellation, an interrupt or an exit, which
    /// no policy may swallow, retry or cache.
    pub(crate) fn is_ordinary_failure(&self, py: Python<'_>) -> bool {
        matches!(self, Self::Raised(exception) if cladding_capi::exception::is_a::<PyException>(py, exception))
    }
}

/// What a policy says before the wrapped function runs.
pub(crate) enum Enter {
    /// Go on inwards.
    Proceed,
    /// The call is over with this outcome; nothing inside is called, and this policy's `exit` is not asked.
    Answer(Outcome),
    /// Wait, then ask `enter` again.
    Wait(Box<Wait>),
    /// Everything inside is called by this callable, which gets the rest of the stack as a callable and the call's
    /// arguments behind it. What comes of its own call (in coroutines, of awaiting that) is the outcome, with which `exit`
    /// is asked as ever; it must not say [`Exit::Again`]. The rest may be called any number of times, from any thread or
    /// task, and gives what the wrapped callable gives: a coroutine, say, that has not begun.
    Elsewhere(Owned),
}

/// What a policy says after the wrapped function has run.
pub(crate) enum Exit {
    /// Go on outwards with the outcome as it stands now.
    Pass,
    /// Call everything inside once more. Ignored once a generator has yielded, and for exceptions that are not ordinary.
    Again,
    /// Wait, then ask `exit` again with the same outcome.
    Wait(Box<Wait>),
}

/// Something to wait for: blocking with the lock released in plain functions, awaited in coroutines.
pub(crate) enum Wait {
    /// A duration in seconds.
    Seconds(f64),
    /// Another call's computation: a [`Flight`](crate::flight::Flight).
    Flight(Owned),
    /// The same, for so many seconds at most.
    FlightFor(Owned, f64),
    /// A call without arguments that waits by itself: blocking in plain functions, giving a coroutine in coroutines.
    Call(Owned),
}

/// What one policy remembers of one call.
#[derive(Default)]
pub(crate) struct Slot {
    /// A time stamp.
    pub(crate) started: u64,
    /// A counter.
    pub(crate) count: u32,
    /// A state of the policy's own; the highest value is the drivers'.
    pub(crate) phase: u8,
    /// Anything larger. Its drop must undo whatever the call holds, for calls that are abandoned.
    pub(crate) data: Option<Box<dyn SlotData>>,
}

impl Slot {
    const SKIPPED: u8 = u8::MAX;

    /// The slot of a policy that is switched off for this call.
    pub(crate) fn skipped() -> Self {
        Self {
            phase: Self::SKIPPED,
            ..Self::default()
        }
    }

    /// Whether the policy is switched off for this call.
    pub(crate) fn is_skipped(&self) -> bool {
        self.phase == Self::SKIPPED
    }
}

/// The larger part of a slot.
pub(crate) trait SlotData: Any + Send {
    /// Shows every owned reference to the garbage collector.
    fn traverse(&self, visit: &mut dyn FnMut(&Owned));
    /// For downcasts.
    fn as_any(&mut self) -> &mut dyn Any;
}

/// One call, as policies see it.
pub(crate) struct Call<'a> {
    pub(crate) py: Python<'a>,
    pub(crate) target: &'a Target,
    /// The caller's arguments. In `exit` of a coroutine or generator they may be gone, unless a policy `repeats`.
    pub(crate) arguments: &'a Arguments<'a>,
    /// Whether a generator has yielded already.
    pub(crate) yielded: bool,
    /// Whether the call is being closed, so that nothing is waited for and nothing is called again.
    pub(crate) closing: bool,
    /// When the call has to be over at the latest, in clock ticks; 0 for no such time. A policy may bring it forward for
    /// those inside it, and puts back in `exit` what it found.
    pub(crate) deadline: Cell<u64>,
    now: Cell<u64>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(py: Python<'a>, target: &'a Target, arguments: &'a Arguments<'a>) -> Self {
        Self {
            py,
            target,
            arguments,
            yielded: false,
            closing: false,
            deadline: Cell::new(0),
            now: Cell::new(0),
        }
    }

    /// The time, in clock ticks, read once while the policies are entered one after the other.
    #[inline]
    pub(crate) fn now(&self) -> u64 {
        match self.now.get() {
            0 => {
                let now = clock::ticks();
                self.now.set(now);
                now
            }
            now => now,
        }
    }

    /// Forgets the time that was read, because the wrapped function or a wait has run since.
    #[inline]
    pub(crate) fn time_passed(&self) {
        self.now.set(0);
    }
}

/// The live side of one policy on one function. Shared by threads, tasks and the carriers of a fused stack.
pub(crate) trait Hooks: Send + Sync + Any {
    /// Tells, before any call, what is at the end of the stack; told again where the stack grows. It must not be kept.
    fn wraps(&self, _wrapped: &Owned) {}

    /// Looks at it too, where something about it may be wrong.
    fn accept(&self, _py: Python<'_>, _wrapped: &Owned) -> PyResult<()> {
        Ok(())
    }

    /// Layers of the same policy that run around this one, outermost first. They are this one's to show to the garbage
    /// collector.
    fn around(&self) -> Vec<Arc<dyn Hooks>> {
        Vec::new()
    }

    /// Layers of the same policy that run inside this one, outermost first.
    fn within(&self) -> Vec<Arc<dyn Hooks>> {
        Vec::new()
    }

    /// Tells, before any call, what other policies are on the same function; told again where the stack grows.
    fn beside(&self, _others: &[&dyn Hooks]) {}

    /// The labels under which this policy tells of the function, if it is the monitor.
    fn monitor_labels(&self) -> Option<&Labels> {
        None
    }

    /// Takes over the numbers of another of the same policy, for a call with another configuration.
    fn inherit(&mut self, _from: &dyn Hooks) {}

    /// Before the wrapped function.
    fn enter(&self, _call: &Call<'_>, _slot: &mut Slot) -> Enter {
        Enter::Proceed
    }

    /// After it.
    fn exit(&self, _call: &Call<'_>, _slot: &mut Slot, _outcome: &mut Outcome) -> Exit {
        Exit::Pass
    }

    /// When a plain function turns out to have returned something that is still to run: `exit` comes once that is over. An
    /// error ends the call at once, and `exit` is not asked.
    fn deferred(&self, _call: &Call<'_>, _slot: &mut Slot, _value: &Owned, _kind: Suspended) -> Result<(), Outcome> {
        Ok(())
    }

    /// When that takes its first step, in the task or thread where it runs. An error is how the call ends.
    fn begins(&self, _call: &Call<'_>, _slot: &mut Slot) -> Result<(), Outcome> {
        Ok(())
    }

    /// Whether `exit` is to be called.
    fn leaves(&self) -> bool {
        true
    }

    /// For each item of a generator, before the consumer gets it. Called only if [`Hooks::wants_items`].
    fn item(&self, _call: &Call<'_>, _slot: &mut Slot, _item: &Owned) {}

    /// Whether `item` is to be called.
    fn wants_items(&self) -> bool {
        false
    }

    /// Whether `exit` may ever say [`Exit::Again`] or look at the arguments, so that they must be kept.
    fn repeats(&self) -> bool {
        false
    }

    /// The numbers that `f.cladding.policies[i].stats` shows.
    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>>;

    /// Names of methods that the decorated function gets as attributes of its own, such as `cache_info`.
    fn methods(&self) -> &'static [&'static str] {
        &[]
    }

    /// Calls one of [`Hooks::methods`].
    fn method(&self, py: Python<'_>, name: &str, arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        let _ = (py, arguments);
        Err(pyo3::exceptions::PyAttributeError::new_err(name.to_owned()))
    }

    /// Names of methods that the decorated function gets under its attribute `cache`.
    fn space(&self) -> &'static [&'static str] {
        &[]
    }

    /// Calls one of [`Hooks::space`].
    fn space_method(
        &self,
        py: Python<'_>,
        name: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let _ = (py, args, kwargs);
        Err(pyo3::exceptions::PyAttributeError::new_err(name.to_owned()))
    }

    /// An object that `f.cladding.POLICY.NAME` is, beside the parameters.
    fn attribute(&self, _py: Python<'_>, _name: &str) -> PyResult<Option<Owned>> {
        Ok(None)
    }

    /// Adds this policy's numbers to the metrics text.
    fn metrics(&self, _target: &Target, _page: &mut Page) {}

    /// Shows every owned reference to the garbage collector.
    fn traverse(&self, _visit: &mut dyn FnMut(&Owned)) {}

    /// Drops the references that can be part of a cycle.
    fn clear(&self) {}
}
