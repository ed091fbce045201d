//! The walk through a stack around a block of code, which its owner runs whenever the walk says so.

use cladding_capi::{Arguments, Guard, Guarded, Owned, SavedArguments, This};
use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::BoundStack;
use super::machine::{Action, Machine};
use crate::hooks::{Call, Outcome, Wait};
use crate::waits;

/// One run of a block inside a stack of policies. What the stack wraps is not called.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Block {
    stack: Owned,
    state: Guarded<State>,
}

struct State {
    machine: Machine,
    waiting: Option<Box<Wait>>,
}

/// What the owner has to do next, as Python sees it.
const RUN: &str = "run";
const WAIT: &str = "wait";
const RETURN: &str = "return";
const RAISE: &str = "raise";

#[pymethods]
impl Block {
    #[new]
    fn new(stack: &Bound<'_, PyAny>) -> PyResult<Self> {
        let stack = Owned::from(stack);
        if This::<BoundStack>::of(&stack).is_none() {
            return Err(PyValueError::new_err("a block runs inside a bound stack"));
        }
        let state = State {
            machine: Machine::new(),
            waiting: None,
        };
        Ok(Self {
            stack,
            state: Guarded::new(state),
        })
    }

    /// Goes on from the beginning, or after a wait: "run" the block, "wait", "return" this or "raise" it.
    fn go_on(&self, py: Python<'_>) -> PyResult<(&'static str, Option<Py<PyAny>>)> {
        self.advance(py, None)
    }

    /// Goes on after the block was left with a result.
    fn returned(&self, py: Python<'_>, result: &Bound<'_, PyAny>) -> PyResult<(&'static str, Option<Py<PyAny>>)> {
        self.advance(py, Some(Outcome::Returned(result.into())))
    }

    /// Goes on after the block, or a wait, was left with an exception.
    fn raised(
        &self,
        py: Python<'_>,
        error: &Bound<'_, PyBaseException>,
    ) -> PyResult<(&'static str, Option<Py<PyAny>>)> {
        self.advance(py, Some(Outcome::Raised(error.as_any().into())))
    }

    /// Waits here and now for what the walk waits for.
    fn wait(&self, py: Python<'_>) -> PyResult<()> {
        let wait = self.state()?.waiting.take();
        wait.map_or(Ok(()), |wait| waits::block(py, &wait))
    }

    /// A coroutine that waits for it.
    fn wait_async(&self, py: Python<'_>) -> PyResult<Py<PyAny>> {
        let wait = self.state()?.waiting.take();
        let wait = wait.unwrap_or_else(|| Box::new(Wait::Seconds(0.0)));
        Ok(waits::awaitable(py, &wait)?.bound(py).clone().unbind())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.stack.as_py())?;
        let Some(state) = self.state.try_lock() else {
            return Ok(());
        };
        let mut result = Ok(());
        let mut show = |object: &Owned| {
            if result.is_ok() {
                result = visit.call(object.as_py());
            }
        };
        state.machine.held().into_iter().for_each(&mut show);
        for data in state.machine.slots.iter().filter_map(|slot| slot.data.as_ref()) {
            data.traverse(&mut show);
        }
        result
    }

    fn __clear__(&self) {
        if let Some(mut state) = self.state.try_lock() {
            let old = std::mem::replace(&mut state.machine, Machine::over());
            drop(state);
            drop(old);
        }
    }
}

impl Block {
    fn state(&self) -> PyResult<Guard<'_, State>> {
        let state = self.state.try_lock();
        state.ok_or_else(|| PyRuntimeError::new_err("this block is being advanced already"))
    }

    fn advance(&self, py: Python<'_>, event: Option<Outcome>) -> PyResult<(&'static str, Option<Py<PyAny>>)> {
        let stack = This::<BoundStack>::of(&self.stack).expect("it was one when the block was made");
        let mut state = self.state()?;
        if state.machine.is_over() {
            return Err(PyRuntimeError::new_err("this block is over"));
        }
        let nothing = SavedArguments::default();
        let arguments: Arguments<'_> = nothing.view();
        let call = Call::new(py, stack.target.get(), &arguments);
        let action = state.machine.advance(&call, &stack.entries, event);
        let outcome = match action {
            Action::Invoke => return Ok((RUN, None)),
            Action::Wait(wait) => {
                state.waiting = Some(wait);
                return Ok((WAIT, None));
            }
            Action::Elsewhere(..) => {
                return Err(PyRuntimeError::new_err("a block of code cannot be called elsewhere"));
            }
            Action::Done(outcome) => outcome,
        };
        // What the call remembers may hold the exception that it ends with, whose frames hold the block.
        let old = std::mem::replace(&mut state.machine, Machine::over());
        drop(state);
        drop(old);
        Ok(match outcome {
            Outcome::Returned(value) => (RETURN, Some(value.bound(py).clone().unbind())),
            Outcome::Raised(error) => (RAISE, Some(error.bound(py).clone().unbind())),
            Outcome::Suspended(_) => unreachable!("only walks are suspended"),
        })
    }
}
