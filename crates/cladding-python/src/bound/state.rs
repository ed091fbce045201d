//! The state of a suspended call, and how it goes on: the wrapped object is stepped, the machine walks the stack.

use cladding_capi::{Owned, Raised, SavedArguments, Step, This, exception, resume, type_is};
use pyo3::exceptions::{PyGeneratorExit, PyRuntimeError, PyStopAsyncIteration, PyTypeError};
use pyo3::prelude::*;

use super::BoundStack;
use super::driver::close_unbegun;
use super::machine::{Action, Machine};
use super::rest::Rest;
use super::sync::Start;
use crate::hooks::{Call, Outcome};
use crate::target::Kind;
use crate::waits;

/// One suspended call.
pub(super) struct State {
    pub(super) kind: Kind,
    pub(super) machine: Machine,
    pub(super) arguments: Option<SavedArguments>,
    /// As in [`Call`], between steps.
    pub(super) deadline: u64,
    /// What the wrapped function returned before the policies were entered, for the first time it is wanted.
    pub(super) prepared: Option<Owned>,
    /// What a plain function returned has not begun.
    pub(super) fresh: bool,
    /// The async generator that the wrapped function returned.
    pub(super) inner: Option<Owned>,
    /// What the next step goes to: the inner coroutine or generator, an awaitable of the inner async generator, or a wait.
    pub(super) current: Option<Owned>,
    /// `current` is a wait.
    pub(super) waiting: bool,
    /// A value that `current` has yielded already.
    pub(super) pending: Option<Owned>,
    pub(super) yielded: bool,
    /// What the trampoline wants of the next step.
    pub(super) order: Order,
    pub(super) result: Option<Owned>,
}

/// What the next step is to do.
pub(super) enum Order {
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
    pub(super) fn object(&self) -> Option<&Owned> {
        match self {
            Self::GoOn | Self::Close => None,
            Self::Throw(object) | Self::Send(object) => Some(object),
        }
    }
}

impl State {
    pub(super) fn new(kind: Kind, machine: Machine, arguments: Option<SavedArguments>) -> Self {
        Self {
            kind,
            machine,
            arguments,
            deadline: 0,
            prepared: None,
            fresh: false,
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
    pub(super) fn run(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>, value: &Owned) -> Step {
        if let Some(pending) = self.pending.take() {
            return Step::Yield(pending);
        }
        if std::mem::take(&mut self.fresh)
            && let Err(refused) = self.begins(py, stack)
        {
            return self.run_from(py, stack, Some(Step::Raise(refused)));
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
    pub(super) fn run_from(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>, mut step: Option<Step>) -> Step {
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

    /// Tells the policies that what a plain function returned begins. Where one of them has an error in place of it, it is
    /// closed.
    #[cold]
    fn begins(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>) -> Result<(), Raised> {
        let nothing = SavedArguments::default();
        let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
        let call = Call::new(py, stack.target.get(), &arguments);
        call.deadline.set(self.deadline);
        let entered = stack.entries.iter().zip(&mut self.machine.slots);
        let told = entered
            .filter(|(_, slot)| !slot.is_skipped())
            .try_for_each(|(entry, slot)| entry.hooks.begins(&call, slot));
        let Err(outcome) = told else { return Ok(()) };
        self.inner = None;
        if let Some(current) = self.current.take() {
            close_unbegun(py, &current, self.kind);
        }
        match outcome {
            Outcome::Raised(exception) => Err(exception::raise(py, exception)),
            Outcome::Returned(_) | Outcome::Suspended(..) => Ok(()),
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
    fn settle(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>, step: Step) -> Settled {
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
        stack: &This<'_, BoundStack>,
        mut event: Option<Outcome>,
    ) -> Result<Option<Owned>, Raised> {
        loop {
            let nothing = SavedArguments::default();
            let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
            let mut call = Call::new(py, stack.target.get(), &arguments);
            call.yielded = self.yielded;
            call.closing = self.machine.is_closing();
            call.deadline.set(self.deadline);
            let action = self.machine.advance(&call, &stack.entries, event.take());
            self.deadline = call.deadline.get();
            let called = match action {
                Action::Invoke => self.invoke(py, stack),
                Action::Elsewhere(from, runner) => self.invoke_elsewhere(py, stack, from, &runner),
                Action::Wait(wait) if self.kind == Kind::Generator => {
                    event = waits::block(py, &wait).err().map(|error| Outcome::error(py, error));
                    continue;
                }
                Action::Wait(wait) => waits::awaitable(py, &wait)
                    .inspect(|_| self.waiting = true)
                    .map_err(Raised::from),
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
            };
            match called {
                Ok(next) => return Ok(Some(next)),
                Err(raised) => event = Some(Outcome::Raised(raised.take(py))),
            }
        }
    }

    /// Calls the wrapped function and gives what has to be stepped for its first step.
    fn invoke(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>) -> Result<Owned, Raised> {
        let inner = match (self.prepared.take(), &self.arguments) {
            (Some(inner), _) => inner,
            (None, Some(arguments)) => stack.invoke(py, &arguments.view())?,
            (None, None) => return Err(over()),
        };
        self.begin(py, stack, inner)
    }

    /// The same where the policies from some index on, and the wrapped function, are called by `runner`.
    #[cold]
    fn invoke_elsewhere(
        &mut self,
        py: Python<'_>,
        stack: &This<'_, BoundStack>,
        from: usize,
        runner: &Owned,
    ) -> Result<Owned, Raised> {
        let Some(arguments) = &self.arguments else {
            return Err(over());
        };
        let start = Start {
            from,
            deadline: self.deadline,
        };
        let inner = Rest::call_by(stack, py, runner, &arguments.view(), start, self.prepared.take())?;
        self.begin(py, stack, inner)
    }

    fn begin(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>, inner: Owned) -> Result<Owned, Raised> {
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
    fn note_item(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>, item: &Owned) {
        if !self.yielded {
            // What has yielded is never called again.
            self.yielded = true;
            self.arguments = None;
        }
        if !stack.needs.items {
            return;
        }
        let nothing = SavedArguments::default();
        let arguments = self.arguments.as_ref().unwrap_or(&nothing).view();
        let mut call = Call::new(py, stack.target.get(), &arguments);
        call.yielded = true;
        for (entry, slot) in stack.entries.iter().zip(&mut self.machine.slots) {
            if entry.hooks.wants_items() && !slot.is_skipped() {
                entry.hooks.item(&call, slot, item);
            }
        }
    }

    /// Ends a call that nobody will go on with: what is inside is closed, then the policies are left.
    pub(super) fn abandon(&mut self, py: Python<'_>, stack: &This<'_, BoundStack>) -> Result<(), Raised> {
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
pub(super) fn over() -> Raised {
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
    let none = Owned::none();
    let none = none.bound(py);
    sys.call_method1("set_asyncgen_hooks", (none, none))?;
    let first = inner.bound(py).call_method1("asend", (none,));
    sys.call_method1("set_asyncgen_hooks", hooks.cast::<pyo3::types::PyTuple>()?.clone())?;
    first
}
