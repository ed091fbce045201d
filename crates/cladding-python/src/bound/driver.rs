//! The driver for calls that are suspended: coroutines, generators and async generators, for their whole life.
//!
//! A trampoline awaits it or yields from it, so what the caller holds is the interpreter's own object. Errors in a
//! driver's own order of use cannot come from there; they are answered all the same, because anyone can reach a driver
//! through `cr_await` or `gi_yieldfrom`.

use std::ffi::CStr;

use cladding_capi::{
    Arguments, Class, Getter, Guarded, Method, Owned, Raised, SavedArguments, Step, Steps, Suspended, This, TypeBuilder,
    TypeCell, Visit, exception, resume, type_is,
};
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyStopAsyncIteration, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::BoundStack;
use super::machine::{Action, Machine};
use crate::hooks::{Call, Outcome};
use crate::target::Kind;
use crate::waits;

/// One call of a coroutine, generator or async generator function.
pub(crate) struct Driver {
    bound: Owned,
    state: Guarded<State>,
}

pub(super) struct State {
    kind: Kind,
    machine: Machine,
    arguments: Option<SavedArguments>,
    /// What the wrapped function returned: the coroutine, generator or async generator.
    inner: Option<Owned>,
    /// What the next step goes to: the inner object, an awaitable of the inner async generator, or a wait.
    current: Option<Owned>,
    waiting: bool,
    blocked: bool,
    yielded: bool,
    /// What the trampoline sent or threw into an async generator.
    sent: Option<Sent>,
    result: Option<Owned>,
    /// The generator has returned while it was being closed.
    returned_in_close: bool,
}

enum Sent {
    Value(Owned),
    Exception(Owned),
}

impl Driver {
    /// A call that has not begun; nothing of it runs before the first step.
    #[inline]
    pub(super) fn start(this: &This<'_, BoundStack>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        Self::make(this, this.kind, arguments, Machine::new(), None)
    }

    /// A call whose policies were entered by a plain function, which has returned `inner`.
    pub(super) fn carry_on(
        this: &This<'_, BoundStack>,
        kind: Kind,
        arguments: Arguments<'_>,
        machine: Machine,
        inner: Owned,
    ) -> Result<Owned, Raised> {
        Self::make(this, kind, arguments, machine, Some(inner))
    }

    fn make(
        this: &This<'_, BoundStack>,
        kind: Kind,
        arguments: Arguments<'_>,
        machine: Machine,
        inner: Option<Owned>,
    ) -> Result<Owned, Raised> {
        let blocked = this.kind == Kind::Function;
        let state = State {
            kind,
            machine,
            arguments: Some(arguments.save()),
            current: if kind == Kind::AsyncGenerator { None } else { inner.clone() },
            inner,
            waiting: false,
            blocked: blocked && kind == Kind::Generator || kind == Kind::Generator,
            yielded: false,
            sent: None,
            result: None,
            returned_in_close: false,
        };
        cladding_capi::object::create(Self { bound: this.owned(), state: Guarded::new(state) })
    }

    /// Runs `work` with the stack and the state, unless the driver is running already.
    #[inline]
    fn enter<R>(&self, busy: impl FnOnce(Raised) -> R, work: impl FnOnce(&BoundStack, &mut State) -> R) -> R {
        let Some(mut state) = self.state.try_lock() else {
            return busy(PyValueError::new_err("this call is already being advanced").into());
        };
        let bound = This::<BoundStack>::of(&self.bound).expect("a driver belongs to a stack");
        work(&bound, &mut state)
    }
}

impl State {
    /// Goes on until the call yields, waits or ends.
    fn run(&mut self, py: Python<'_>, stack: &BoundStack, value: &Owned) -> Step {
        let none = Owned::none();
        let mut step = match self.current.take() {
            Some(current) => {
                let step = resume(py, &current, value);
                self.current = Some(current);
                Some(step)
            }
            None if self.machine.is_over() => return Step::Raise(over()),
            None => self.next_item(py),
        };
        loop {
            let event = match step.take() {
                None => None,
                Some(step) => match self.settle(py, stack, step) {
                    Settled::Suspend(value) => return Step::Yield(value),
                    Settled::Item(item) => {
                        self.result = Some(item);
                        return Step::Return(none);
                    }
                    Settled::Event(event) => event,
                },
            };
            match self.advance(py, stack, event) {
                Ok(Some(next)) => {
                    self.current = Some(next);
                    step = Some(resume(py, self.current.as_ref().expect("just set"), &none));
                }
                Ok(None) => return Step::Return(none),
                Err(raised) => return Step::Raise(raised),
            }
        }
    }

    /// Asks an async generator for what the trampoline wants of it; `None` if the call has not begun.
    fn next_item(&mut self, py: Python<'_>) -> Option<Step> {
        let inner = self.inner.clone().filter(|_| self.kind == Kind::AsyncGenerator)?;
        let awaitable = match self.sent.take() {
            None => first_item(py, &inner),
            Some(Sent::Value(value)) => inner.bound(py).call_method1("asend", (value.bound(py),)),
            Some(Sent::Exception(exception)) => inner.bound(py).call_method1("athrow", (exception.bound(py),)),
        };
        match awaitable {
            Ok(awaitable) => {
                let awaitable = Owned::from(awaitable);
                let step = resume(py, &awaitable, &Owned::none());
                self.current = Some(awaitable);
                Some(step)
            }
            Err(error) => Some(Step::Raise(error.into())),
        }
    }

    /// Says what a step of the current awaitable or generator means for the call.
    fn settle(&mut self, py: Python<'_>, stack: &BoundStack, step: Step) -> Settled {
        let waiting = self.waiting;
        match step {
            Step::Yield(value) => {
                if self.kind == Kind::Generator && !waiting {
                    self.note_item(py, stack, &value);
                }
                return Settled::Suspend(value);
            }
            Step::Return(value) => {
                self.current = None;
                if std::mem::take(&mut self.waiting) {
                    return Settled::Event(None);
                }
                if self.kind == Kind::AsyncGenerator {
                    self.note_item(py, stack, &value);
                    return Settled::Item(value);
                }
                Settled::Event(Some(Outcome::Returned(value)))
            }
            Step::Raise(raised) => {
                self.current = None;
                let exception = raised.take(py);
                let ended = !std::mem::take(&mut self.waiting)
                    && self.kind == Kind::AsyncGenerator
                    && exception::is_a::<PyStopAsyncIteration>(py, &exception);
                Settled::Event(Some(if ended { Outcome::Returned(Owned::none()) } else { Outcome::Raised(exception) }))
            }
        }
    }

    /// Goes on in the stack. `Some` is what to step next, `None` says that the call has returned.
    fn advance(&mut self, py: Python<'_>, stack: &BoundStack, mut event: Option<Outcome>) -> Result<Option<Owned>, Raised> {
        loop {
            let nothing = SavedArguments::default();
            let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
            let mut call = Call::new(py, stack.target.get(), arguments);
            call.yielded = self.yielded;
            match self.machine.advance(&call, &stack.entries, event.take()) {
                Action::Invoke => match self.invoke(py, stack) {
                    Ok(next) => return Ok(Some(next)),
                    Err(raised) => event = Some(Outcome::Raised(raised.take(py))),
                },
                Action::Wait(wait) if self.blocked => {
                    event = waits::block(py, &wait).err().map(|error| Outcome::error(py, error));
                }
                Action::Wait(wait) => match waits::awaitable(py, &wait) {
                    Ok(awaitable) => {
                        self.waiting = true;
                        return Ok(Some(awaitable));
                    }
                    Err(error) => event = Some(Outcome::error(py, error)),
                },
                Action::Done(outcome) => {
                    self.arguments = None;
                    self.inner = None;
                    return match outcome {
                        Outcome::Returned(value) => {
                            self.result = Some(value);
                            Ok(None)
                        }
                        Outcome::Raised(exception) => Err(exception::raise(py, exception)),
                        Outcome::Deferred(..) => Err(PyRuntimeError::new_err("a deferred call inside a call").into()),
                    };
                }
            }
        }
    }

    /// Calls the wrapped function and gives what has to be stepped for its first step.
    fn invoke(&mut self, py: Python<'_>, stack: &BoundStack) -> Result<Owned, Raised> {
        let inner = match &self.arguments {
            Some(arguments) => stack.invoke(py, arguments.view())?,
            None => return Err(over()),
        };
        if !stack.keeps_arguments {
            self.arguments = None;
        }
        let next = match self.kind {
            Kind::AsyncGenerator => first_item(py, &inner)?.into(),
            Kind::Coroutine if type_is(&inner).is_none() => awaited(py, &inner)?,
            Kind::Generator if type_is(&inner).is_none() => inner.bound(py).try_iter()?.into_any().into(),
            _ => inner.clone(),
        };
        self.inner = Some(inner);
        Ok(next)
    }

    fn note_item(&mut self, py: Python<'_>, stack: &BoundStack, item: &Owned) {
        self.yielded = true;
        let nothing = SavedArguments::default();
        let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
        let mut call = Call::new(py, stack.target.get(), arguments);
        call.yielded = true;
        for (entry, slot) in stack.entries.iter().zip(&mut self.machine.slots) {
            if entry.hooks.wants_items() && slot.phase != crate::hooks::Slot::SKIPPED {
                entry.hooks.item(&call, slot, item);
            }
        }
    }

    /// Ends the call early: what is inside is closed, then the policies are left.
    fn close(&mut self, py: Python<'_>, stack: &BoundStack) -> Result<Owned, Raised> {
        if self.machine.is_over() {
            return Ok(Owned::none());
        }
        self.machine.close();
        let event = match self.current.take() {
            Some(current) => match current.bound(py).call_method0("close") {
                Ok(value) if !value.is_none() && !self.waiting => Outcome::Returned(value.into()),
                Ok(_) => closed(py),
                Err(error) => Outcome::error(py, error),
            },
            None => closed(py),
        };
        self.waiting = false;
        let outcome = self.advance(py, stack, Some(event));
        match outcome {
            Ok(_) => {
                self.returned_in_close = true;
                Ok(self.result.clone().unwrap_or_else(Owned::none))
            }
            Err(raised) => {
                let exception = raised.take(py);
                if exception::is_a::<PyGeneratorExit>(py, &exception) {
                    Ok(Owned::none())
                } else {
                    Err(exception::raise(py, exception))
                }
            }
        }
    }
}

enum Settled {
    /// Hand this to whoever drives the trampoline.
    Suspend(Owned),
    /// An item of an async generator is there.
    Item(Owned),
    /// Go on in the stack.
    Event(Option<Outcome>),
}

#[cold]
fn over() -> Raised {
    PyRuntimeError::new_err("this call is over").into()
}

fn closed(py: Python<'_>) -> Outcome {
    Outcome::error(py, PyGeneratorExit::new_err(()))
}

/// The iterator that awaiting an object steps.
fn awaited(py: Python<'_>, object: &Owned) -> Result<Owned, Raised> {
    let method = object.bound(py).getattr(pyo3::intern!(py, "__await__")).map_err(|_| {
        let kind = object.bound(py).get_type();
        PyTypeError::new_err(format!("object {} can't be used in 'await' expression", kind.name().map_or_else(|_| String::new(), |name| name.to_string())))
    })?;
    Ok(method.call0()?.into())
}

/// The awaitable of an async generator's first item, with the event loop's hooks kept away from the inner generator: the
/// loop watches the trampoline's, and closing that closes this one.
fn first_item<'py>(py: Python<'py>, inner: &Owned) -> PyResult<Bound<'py, PyAny>> {
    let sys = py.import("sys")?;
    let hooks = sys.call_method0("get_asyncgen_hooks")?;
    let none = py.None();
    sys.call_method1("set_asyncgen_hooks", (&none, &none))?;
    let first = inner.bound(py).call_method1("asend", (&none,));
    sys.call_method1("set_asyncgen_hooks", hooks.cast::<pyo3::types::PyTuple>()?.clone())?;
    first
}

static CELL: TypeCell = TypeCell::new();

impl Class for Driver {
    const NAME: &'static CStr = c"cladding._native.Driver";
    const DOC: &'static CStr = c"One call of a decorated coroutine, generator or async generator function.";

    fn cell() -> &'static TypeCell {
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.bound);
        // While the driver runs it cannot be garbage, and what it holds need not be shown.
        let Some(state) = self.state.try_lock() else { return };
        visit.all(&state.inner);
        visit.all(&state.current);
        visit.all(&state.result);
        match &state.sent {
            Some(Sent::Value(object) | Sent::Exception(object)) => visit.one(object),
            None => {}
        }
        if let Some(arguments) = &state.arguments {
            visit.all(arguments.each());
        }
        for data in state.machine.slots.iter().filter_map(|slot| slot.data.as_ref()) {
            data.traverse(&mut |object| visit.one(object));
        }
    }

    fn clear(&self) {
        if let Some(mut state) = self.state.try_lock() {
            let old = (state.inner.take(), state.current.take(), state.result.take(), state.arguments.take(), state.sent.take());
            drop(state);
            drop(old);
        }
    }
}

impl Drop for Driver {
    /// A call that was begun and then forgotten leaves its policies, as a generator that is collected runs its `finally`.
    fn drop(&mut self) {
        // SAFETY-free: a driver is dropped by the interpreter, on an attached thread.
        if let Some(mut state) = self.state.try_lock().filter(|state| state.machine.is_under_way()) {
            Python::attach(|py| {
                if let Some(bound) = This::<BoundStack>::of(&self.bound) {
                    let pending = PyErr::take(py);
                    if let Err(raised) = state.close(py, &bound) {
                        PyErr::from_value(raised.take(py).bound(py).clone()).write_unraisable(py, None);
                    }
                    if let Some(pending) = pending {
                        pending.restore(py);
                    }
                }
            });
        }
    }
}

impl Steps for Driver {
    #[inline]
    fn send(this: &This<'_, Self>, py: Python<'_>, value: &Owned) -> Step {
        this.enter(Step::Raise, |stack, state| state.run(py, stack, value))
    }

    fn throw(this: &This<'_, Self>, py: Python<'_>, arguments: Arguments<'_>) -> Step {
        this.enter(Step::Raise, |stack, state| {
            let Some(current) = state.current.clone() else {
                return Step::Raise(over());
            };
            let thrown = current.bound(py).getattr("throw").map(Owned::from).map_err(Raised::from);
            let step = Step::from_call(py, thrown.and_then(|throw| arguments.call(py, &throw)));
            match state.settle(py, stack, step) {
                Settled::Suspend(value) => Step::Yield(value),
                Settled::Item(item) => {
                    state.result = Some(item);
                    Step::Return(Owned::none())
                }
                Settled::Event(event) => match state.advance(py, stack, event) {
                    Ok(Some(next)) => {
                        state.current = Some(next);
                        state.run(py, stack, &Owned::none())
                    }
                    Ok(None) => Step::Return(Owned::none()),
                    Err(raised) => Step::Raise(raised),
                },
            }
        })
    }

    fn close(this: &This<'_, Self>, py: Python<'_>) -> Result<Owned, Raised> {
        this.enter(Err, |stack, state| state.close(py, stack))
    }
}

struct Take;

impl Method<Driver> for Take {
    const NAME: &'static CStr = c"take";
    const DOC: &'static CStr = c"The result, or the item, of the step that has just ended.";

    #[inline]
    fn call(this: &This<'_, Driver>, _py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        this.enter(Err, |_, state| Ok(state.result.take().unwrap_or_else(Owned::none)))
    }
}

struct IsOpen;

impl Getter<Driver> for IsOpen {
    const NAME: &'static CStr = c"open";
    const DOC: &'static CStr = c"Whether the call is still under way.";

    fn get(this: &This<'_, Driver>, py: Python<'_>) -> PyResult<Owned> {
        let open = this.state.try_lock().is_none_or(|state| !state.machine.is_over());
        Ok(pyo3::types::PyBool::new(py, open).to_owned().into())
    }
}

struct Sends;

impl Method<Driver> for Sends {
    const NAME: &'static CStr = c"sent";
    const DOC: &'static CStr = c"Notes the value that was sent into an async generator, for the next step.";

    fn call(this: &This<'_, Driver>, _py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let value = arguments.positional().first().cloned().unwrap_or_else(Owned::none);
        this.enter(Err, |_, state| {
            state.sent = Some(Sent::Value(value));
            Ok(Owned::none())
        })
    }
}

struct Threw;

impl Method<Driver> for Threw {
    const NAME: &'static CStr = c"threw";
    const DOC: &'static CStr = c"Notes the exception that was thrown into an async generator, for the next step.";

    fn call(this: &This<'_, Driver>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let Some(exception) = arguments.positional().first() else {
            return Err(PyTypeError::new_err("threw() takes an exception").into());
        };
        exception::strip(py, exception);
        this.enter(Err, |_, state| {
            state.sent = Some(Sent::Exception(exception.clone()));
            Ok(Owned::none())
        })
    }
}

struct Leave;

impl Method<Driver> for Leave {
    const NAME: &'static CStr = c"leave";
    const DOC: &'static CStr = c"Takes the trampoline's entry off the traceback. False if the call returned when it was closed.";

    fn call(this: &This<'_, Driver>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        exception::strip_handled(py);
        let raise = this.state.try_lock().is_none_or(|state| !state.returned_in_close);
        Ok(pyo3::types::PyBool::new(py, raise).to_owned().into())
    }
}

/// Makes the type.
pub(super) fn add_type(py: Python<'_>) -> PyResult<()> {
    TypeBuilder::<Driver>::new()
        .steps()
        .getter::<IsOpen>()
        .method::<Take>()
        .method::<Sends>()
        .method::<Threw>()
        .method::<Leave>()
        .build(py)?;
    Ok(())
}

/// The kind of call that a suspended object is.
pub(super) fn kind_of(suspended: Suspended) -> Kind {
    match suspended {
        Suspended::Coroutine => Kind::Coroutine,
        Suspended::Generator => Kind::Generator,
        Suspended::AsyncGenerator => Kind::AsyncGenerator,
    }
}
