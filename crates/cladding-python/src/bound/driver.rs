//! The driver for calls that are suspended: coroutines, generators and async generators, for their whole life.
//!
//! A trampoline awaits it or yields from it, so what the caller holds is the interpreter's own object. Errors in a
//! driver's own order of use cannot come from there; they are answered all the same, because anyone can reach a driver
//! through `cr_await` or `gi_yieldfrom`.

use std::ffi::CStr;

use cladding_capi::{
    Arguments, Class, Getter, Guarded, Method, Owned, Raised, Step, Steps, Suspended as SuspendedType, This,
    TypeBuilder, TypeCell, Visit, exception,
};
use pyo3::exceptions::{PyRecursionError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::BoundStack;
use super::machine::{Machine, Place, Suspended, Suspension};
use super::state::{Order, State, over};
use super::sync::{Left, Start};
use crate::target::Kind;

/// One call of a coroutine, generator or async generator function.
pub(crate) struct Driver {
    bound: Owned,
    state: Guarded<State>,
}

impl Driver {
    /// A call that has not begun; nothing of it runs before the first step.
    #[inline]
    pub(super) fn start(this: &This<'_, BoundStack>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        Self::make(this, State::new(this.kind, Machine::new(), Some(arguments.save())))
    }

    /// A call whose wrapped callable has been called, but whose policies have not been entered.
    pub(super) fn prepared(
        this: &This<'_, BoundStack>,
        arguments: &Arguments<'_>,
        inner: Owned,
        start: Start,
    ) -> Result<Owned, Raised> {
        let state = State::new(this.kind, Machine::from(start.from), Some(arguments.save()));
        Self::make(
            this,
            State {
                prepared: Some(inner),
                deadline: start.deadline,
                ..state
            },
        )
    }

    /// A call that was suspended on its walk through the stack.
    #[cold]
    pub(super) fn carry_on(
        this: &This<'_, BoundStack>,
        kind: Kind,
        arguments: &Arguments<'_>,
        left: Left,
        suspension: Suspension,
    ) -> Result<Owned, Raised> {
        let inside = matches!(suspension.place, Place::Inside);
        let saved = (!inside || this.needs.arguments).then(|| arguments.save());
        let mut state = State::new(kind, Machine::at(suspension.place, left.slots), saved);
        state.deadline = left.deadline;
        state.fresh = matches!(suspension.current, Suspended::Fresh(..));
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
    fn enter<R>(&self, busy: impl FnOnce(Raised) -> R, work: impl FnOnce(&This<'_, BoundStack>, &mut State) -> R) -> R {
        let Some(mut state) = self.state.try_lock() else {
            return busy(PyValueError::new_err("this call is already being advanced").into());
        };
        let bound = This::<BoundStack>::of(&self.bound).expect("a driver belongs to a stack");
        work(&bound, &mut state)
    }
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
        let objects = [
            &state.prepared,
            &state.inner,
            &state.current,
            &state.pending,
            &state.result,
        ];
        visit.all(
            objects
                .into_iter()
                .flatten()
                .chain(state.order.object())
                .chain(state.machine.held()),
        );
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

    fn is_unfinished(&self) -> bool {
        let state = self.state.try_lock();
        state.is_some_and(|state| state.prepared.is_some() || state.machine.is_under_way())
    }

    /// A call that was begun and then forgotten leaves its policies, as a generator that is collected runs its `finally`.
    fn finish(&self, py: Python<'_>) {
        let Some(mut state) = self.state.try_lock() else { return };
        if let Some(inner) = state.prepared.take() {
            // The trampoline above has warned already that it was never awaited; once is enough.
            close_unbegun(py, &inner, state.kind);
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
        if !cladding_capi::has_room() {
            return Step::Raise(PyRecursionError::new_err("maximum recursion depth exceeded").into());
        }
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

/// Closes what was called and never begun, so that it does not warn; generators do not anyway.
pub(super) fn close_unbegun(py: Python<'_>, inner: &Owned, kind: Kind) {
    if kind == Kind::Coroutine
        && let Ok(close) = inner.bound(py).getattr("close")
        && let Err(error) = close.call0()
    {
        error.write_unraisable(py, None);
    }
}

/// Makes the type.
pub(super) fn add_type(py: Python<'_>) -> PyResult<Owned> {
    TypeBuilder::<Driver>::new()
        .steps()
        .finishing()
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
