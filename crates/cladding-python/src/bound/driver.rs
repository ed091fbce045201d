//! The driver for calls that are suspended: coroutines, generators and async generators, for their whole life.
//!
//! A trampoline awaits it or yields from it, so what the caller holds is the interpreter's own object. Errors in a
//! driver's own order of use cannot come from there; they are answered all the same, because anyone can reach a driver
//! through `cr_await` or `gi_yieldfrom`.

use std::ffi::CStr;

use cladding_capi::{
    Arguments, Class, Getter, Guarded, Method, Owned, Raised, SavedArguments, Step, Steps, Suspended as SuspendedType,
    This, TypeBuilder, TypeCell, Visit, exception, resume, type_is,
};
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyStopAsyncIteration, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::BoundStack;
use super::machine::{Action, Machine, Place, Suspended, Suspension};
use crate::hooks::{Call, Outcome, Slot};
use crate::target::Kind;
use crate::waits;

/// One call of a coroutine, generator or async generator function.
pub(crate) struct Driver {
    bound: Owned,
    state: Guarded<State>,
}

struct State {
    kind: Kind,
    machine: Machine,
    arguments: Option<SavedArguments>,
    /// What the wrapped function returned before the policies were entered, for the first time it is wanted.
    prepared: Option<Owned>,
    /// The async generator that the wrapped function returned.
    inner: Option<Owned>,
    /// What the next step goes to: the inner coroutine or generator, an awaitable of the inner async generator, or a wait.
    current: Option<Owned>,
    /// `current` is a wait.
    waiting: bool,
    /// A value that `current` has yielded already.
    pending: Option<Owned>,
    yielded: bool,
    /// What the trampoline wants of the next step.
    order: Order,
    result: Option<Owned>,
}

/// What the next step is to do.
enum Order {
    /// Go on with the value that is sent.
    GoOn,
    /// `close` was called: the exception that the trampoline gets for it is to be thrown in.
    Close,
    /// Throw this into `current`.
    Throw(Owned),
    /// Send this into the async generator.
    Send(Owned),
}

impl Order {
    fn object(&self) -> Option<&Owned> {
        match self {
            Self::GoOn | Self::Close => None,
            Self::Throw(object) | Self::Send(object) => Some(object),
        }
    }
}

impl Driver {
    /// A call that has not begun; nothing of it runs before the first step.
    #[inline]
    pub(super) fn start(this: &This<'_, BoundStack>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        Self::make(this, State::new(this.kind, Machine::new(), Some(arguments.save())))
    }

    /// A call whose wrapped callable has been called, but whose policies have not been entered.
    pub(super) fn prepared(
        this: &This<'_, BoundStack>,
        arguments: Arguments<'_>,
        inner: Owned,
    ) -> Result<Owned, Raised> {
        let state = State::new(this.kind, Machine::new(), Some(arguments.save()));
        Self::make(
            this,
            State {
                prepared: Some(inner),
                ..state
            },
        )
    }

    /// A call that was suspended on its walk through the stack.
    #[cold]
    pub(super) fn carry_on(
        this: &This<'_, BoundStack>,
        kind: Kind,
        arguments: Arguments<'_>,
        slots: Vec<Slot>,
        suspension: Suspension,
    ) -> Result<Owned, Raised> {
        let inside = matches!(suspension.place, Place::Inside);
        let saved = (!inside || this.needs.arguments).then(|| arguments.save());
        let mut state = State::new(kind, Machine::at(suspension.place, slots), saved);
        match suspension.current {
            Suspended::Fresh(inner, _) if kind == Kind::AsyncGenerator => state.inner = Some(inner),
            Suspended::Fresh(inner, _) => state.current = Some(inner),
            Suspended::Stepped(current, pending) => {
                (state.current, state.pending) = (Some(current), Some(pending));
            }
            Suspended::Wait(awaitable) => (state.current, state.waiting) = (Some(awaitable), true),
        }
        Self::make(this, state)
    }

    /// A call that is over, with a result.
    #[cold]
    pub(super) fn over(this: &This<'_, BoundStack>, result: Owned) -> Result<Owned, Raised> {
        let state = State::new(this.kind, Machine::over(), None);
        Self::make(
            this,
            State {
                result: Some(result),
                ..state
            },
        )
    }

    fn make(this: &This<'_, BoundStack>, state: State) -> Result<Owned, Raised> {
        cladding_capi::object::create(Self {
            bound: this.owned(),
            state: Guarded::new(state),
        })
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
    fn new(kind: Kind, machine: Machine, arguments: Option<SavedArguments>) -> Self {
        Self {
            kind,
            machine,
            arguments,
            prepared: None,
            inner: None,
            current: None,
            waiting: false,
            pending: None,
            yielded: false,
            order: Order::GoOn,
            result: None,
        }
    }

    /// Goes on until the call yields, waits or ends.
    fn run(&mut self, py: Python<'_>, stack: &BoundStack, value: &Owned) -> Step {
        if let Some(pending) = self.pending.take() {
            return Step::Yield(pending);
        }
        let step = match (std::mem::replace(&mut self.order, Order::GoOn), self.current.take()) {
            (Order::Throw(exception), Some(current)) => {
                let result = current
                    .bound(py)
                    .call_method1(pyo3::intern!(py, "throw"), (exception.bound(py),));
                self.current = Some(current);
                Some(Step::from_call(py, result.map(Owned::from).map_err(Raised::from)))
            }
            (_, Some(current)) => {
                let step = resume(py, &current, value);
                self.current = Some(current);
                Some(step)
            }
            (_, None) if self.machine.is_over() => {
                return if self.result.is_some() {
                    Step::Return(Owned::none())
                } else {
                    Step::Raise(over())
                };
            }
            (order, None) => self.next_item(py, order),
        };
        self.run_from(py, stack, step)
    }

    /// Goes on after a step; without one the call begins.
    fn run_from(&mut self, py: Python<'_>, stack: &BoundStack, mut step: Option<Step>) -> Step {
        loop {
            let event = match step.take() {
                None => None,
                Some(step) => match self.settle(py, stack, step) {
                    Settled::Suspend(value) => return Step::Yield(value),
                    Settled::Item(item) => {
                        self.result = Some(item);
                        return Step::Return(Owned::none());
                    }
                    Settled::Event(event) => event,
                },
            };
            match self.advance(py, stack, event) {
                Ok(Some(next)) => {
                    step = Some(resume(py, &next, &Owned::none()));
                    self.current = Some(next);
                }
                Ok(None) => return Step::Return(Owned::none()),
                Err(raised) => return Step::Raise(raised),
            }
        }
    }

    /// Asks an async generator for what the trampoline wants of it; `None` if the call has not begun.
    fn next_item(&mut self, py: Python<'_>, order: Order) -> Option<Step> {
        let inner = self.inner.as_ref()?;
        let awaitable = match order {
            Order::Send(value) => inner
                .bound(py)
                .call_method1(pyo3::intern!(py, "asend"), (value.bound(py),)),
            Order::Throw(exception) => inner
                .bound(py)
                .call_method1(pyo3::intern!(py, "athrow"), (exception.bound(py),)),
            Order::GoOn | Order::Close => first_item(py, inner),
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
        match step {
            Step::Yield(value) => {
                if self.kind == Kind::Generator && !self.waiting {
                    self.note_item(py, stack, &value);
                }
                Settled::Suspend(value)
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
                Settled::Event(Some(if ended {
                    Outcome::Returned(Owned::none())
                } else {
                    Outcome::Raised(exception)
                }))
            }
        }
    }

    /// Goes on in the stack. `Some` is what to step next, `None` says that the call has returned.
    fn advance(
        &mut self,
        py: Python<'_>,
        stack: &BoundStack,
        mut event: Option<Outcome>,
    ) -> Result<Option<Owned>, Raised> {
        loop {
            let nothing = SavedArguments::default();
            let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
            let mut call = Call::new(py, stack.target.get(), arguments);
            call.yielded = self.yielded;
            call.closing = self.machine.is_closing();
            match self.machine.advance(&call, &stack.entries, event.take()) {
                Action::Invoke => match self.invoke(py, stack) {
                    Ok(next) => return Ok(Some(next)),
                    Err(raised) => event = Some(Outcome::Raised(raised.take(py))),
                },
                Action::Wait(wait) if self.kind == Kind::Generator => {
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
                        Outcome::Suspended(..) => unreachable!("only walks are suspended"),
                    };
                }
            }
        }
    }

    /// Calls the wrapped function and gives what has to be stepped for its first step.
    fn invoke(&mut self, py: Python<'_>, stack: &BoundStack) -> Result<Owned, Raised> {
        let inner = match (self.prepared.take(), &self.arguments) {
            (Some(inner), _) => inner,
            (None, Some(arguments)) => stack.invoke(py, arguments.view())?,
            (None, None) => return Err(over()),
        };
        if !stack.needs.arguments {
            self.arguments = None;
        }
        let next = match self.kind {
            Kind::AsyncGenerator => first_item(py, &inner)?.into(),
            Kind::Coroutine if type_is(&inner).is_none() => awaited(py, &inner)?,
            Kind::Generator if type_is(&inner).is_none() => inner.bound(py).try_iter()?.into_any().into(),
            _ => return Ok(inner),
        };
        self.inner = Some(inner);
        Ok(next)
    }

    #[inline]
    fn note_item(&mut self, py: Python<'_>, stack: &BoundStack, item: &Owned) {
        self.yielded = true;
        if !stack.needs.items {
            return;
        }
        let nothing = SavedArguments::default();
        let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
        let mut call = Call::new(py, stack.target.get(), arguments);
        call.yielded = true;
        for (entry, slot) in stack.entries.iter().zip(&mut self.machine.slots) {
            if entry.hooks.wants_items() && slot.phase != Slot::SKIPPED {
                entry.hooks.item(&call, slot, item);
            }
        }
    }

    /// Ends a call that nobody will go on with: what is inside is closed, then the policies are left.
    fn abandon(&mut self, py: Python<'_>, stack: &BoundStack) -> Result<(), Raised> {
        self.machine.close();
        self.waiting = false;
        let inside = self
            .current
            .take()
            .map(|current| current.bound(py).call_method0("close").map(drop));
        let event = match inside {
            Some(Err(error)) => Outcome::error(py, error),
            _ => Outcome::error(py, PyGeneratorExit::new_err(())),
        };
        match self.advance(py, stack, Some(event)) {
            Ok(_) => Ok(()),
            Err(raised) => {
                let exception = raised.take(py);
                if exception::is_a::<PyGeneratorExit>(py, &exception) {
                    return Ok(());
                }
                Err(exception::raise(py, exception))
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

/// The iterator that awaiting an object steps.
pub(super) fn awaited(py: Python<'_>, object: &Owned) -> Result<Owned, Raised> {
    let method = object.bound(py).getattr(pyo3::intern!(py, "__await__")).map_err(|_| {
        let kind = object.bound(py).get_type();
        PyTypeError::new_err(format!(
            "object {} can't be used in 'await' expression",
            kind.name().map_or_else(|_| String::new(), |name| name.to_string())
        ))
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

    const FINISHES: bool = true;

    fn cell() -> &'static TypeCell {
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.bound);
        // While the driver runs it cannot be garbage, and what it holds need not be shown.
        let Some(state) = self.state.try_lock() else { return };
        let objects = [
            &state.prepared,
            &state.inner,
            &state.current,
            &state.pending,
            &state.result,
        ];
        visit.all(objects.into_iter().flatten().chain(state.order.object()));
        if let Some(arguments) = &state.arguments {
            visit.all(arguments.each());
        }
        for data in state.machine.slots.iter().filter_map(|slot| slot.data.as_ref()) {
            data.traverse(&mut |object| visit.one(object));
        }
    }

    fn clear(&self) {
        if let Some(mut state) = self.state.try_lock() {
            let kind = state.kind;
            let old = std::mem::replace(&mut *state, State::new(kind, Machine::over(), None));
            drop(state);
            drop(old);
        }
    }

    /// A call that was begun and then forgotten leaves its policies, as a generator that is collected runs its `finally`.
    fn finish(&self, py: Python<'_>) {
        let Some(mut state) = self.state.try_lock() else { return };
        if let Some(inner) = state.prepared.take() {
            // The trampoline above has warned already that it was never awaited; once is enough.
            if let Err(error) = inner.bound(py).call_method0("close") {
                error.write_unraisable(py, None);
            }
        }
        if let (true, Some(bound)) = (state.machine.is_under_way(), This::<BoundStack>::of(&self.bound))
            && let Err(raised) = state.abandon(py, &bound)
        {
            PyErr::from(raised).write_unraisable(py, None);
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
            let throw = current
                .bound(py)
                .getattr(pyo3::intern!(py, "throw"))
                .map(Owned::from)
                .map_err(Raised::from);
            let step = Step::from_call(py, throw.and_then(|throw| arguments.call(py, &throw)));
            state.run_from(py, stack, Some(step))
        })
    }

    /// The interpreter closes what a trampoline waits for, and then raises `GeneratorExit` in the trampoline. That goes to
    /// where it belongs by [`Leave`], so an inner generator that goes on all the same does so as the bare one would.
    fn close(this: &This<'_, Self>, _py: Python<'_>) -> Result<Owned, Raised> {
        this.enter(Err, |_, state| {
            if state.current.is_some() {
                state.order = Order::Close;
                state.machine.close();
            }
            Ok(Owned::none())
        })
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
            state.order = Order::Send(value);
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
            state.order = Order::Throw(exception.clone());
            Ok(Owned::none())
        })
    }
}

struct Leave;

impl Method<Driver> for Leave {
    const NAME: &'static CStr = c"leave";
    const DOC: &'static CStr =
        c"Takes the trampoline's entry off the traceback. False if the driver is to be stepped again.";

    fn call(this: &This<'_, Driver>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let handled = exception::strip_handled(py);
        let leaves = this.enter(Err, |_, state| match (&state.order, handled) {
            (Order::Close, Some(exception)) => {
                state.order = Order::Throw(exception);
                Ok(false)
            }
            _ => Ok(true),
        })?;
        Ok(pyo3::types::PyBool::new(py, leaves).to_owned().into())
    }
}

/// Makes the type.
pub(super) fn add_type(py: Python<'_>) -> PyResult<Owned> {
    TypeBuilder::<Driver>::new()
        .steps()
        .getter::<IsOpen>()
        .method::<Take>()
        .method::<Sends>()
        .method::<Threw>()
        .method::<Leave>()
        .build(py)
}

/// The kind of call that a suspended object is.
pub(super) fn kind_of(suspended: SuspendedType) -> Kind {
    match suspended {
        SuspendedType::Coroutine => Kind::Coroutine,
        SuspendedType::Generator => Kind::Generator,
        SuspendedType::AsyncGenerator => Kind::AsyncGenerator,
    }
}
