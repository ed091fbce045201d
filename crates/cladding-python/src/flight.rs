//! One computation that several callers want: who waits for it, and how they are woken.

use cladding_capi::{Guarded, Owned, exception};
use cladding_engine::waiters::Waiters;
use pyo3::exceptions::{PyException, PyKeyboardInterrupt, PyRuntimeError};
use pyo3::prelude::*;

use crate::hooks::Outcome;

/// The computation of one key by its leader. Waiters subscribe a callback, which may be called from any thread.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Flight {
    waiters: Guarded<Waiters<Owned, Landing>>,
}

/// How a flight ended, for its waiters.
#[derive(Clone)]
pub(crate) enum Landing {
    /// With a value, which they share.
    Value(Owned),
    /// With an exception, which each of them raises, and its traceback at that time.
    Failure(Owned, Option<Owned>),
    /// The leader gave up (it was cancelled); the waiters start over, and one of them becomes the leader.
    Abandoned,
}

#[pymethods]
impl Flight {
    /// Asks for a call of `callback` when the flight has landed. False, and no call, if it has already.
    fn subscribe(&self, callback: &Bound<'_, PyAny>) -> bool {
        let callback = Owned::from(callback);
        self.waiters.with(|waiters| waiters.subscribe(callback)).is_ok()
    }

    /// Takes a subscription back, for a waiter that gave up.
    fn unsubscribe(&self, callback: &Bound<'_, PyAny>) {
        let is_it = |known: &Owned| known.as_ptr() == callback.as_ptr();
        let removed = self.waiters.with(|waiters| waiters.unsubscribe(is_it));
        drop(removed);
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        let Some(waiters) = self.waiters.try_lock() else {
            return Ok(());
        };
        for callback in waiters.callbacks() {
            visit.call(callback.as_py())?;
        }
        match waiters.outcome() {
            Some(Landing::Value(value)) => visit.call(value.as_py()),
            Some(Landing::Failure(exception, traceback)) => {
                visit.call(exception.as_py())?;
                traceback.iter().try_for_each(|traceback| visit.call(traceback.as_py()))
            }
            Some(Landing::Abandoned) | None => Ok(()),
        }
    }

    fn __clear__(&self) {
        if let Some(mut waiters) = self.waiters.try_lock() {
            let old = std::mem::take(&mut *waiters);
            drop(waiters);
            drop(old);
        }
    }
}

impl Flight {
    pub(crate) fn new() -> Self {
        Self {
            waiters: Guarded::new(Waiters::new()),
        }
    }

    /// How it ended; `None` while it is under way.
    pub(crate) fn landing(&self) -> Option<Landing> {
        self.waiters.with(|waiters| waiters.outcome().cloned())
    }

    /// Ends it and wakes everyone. A callback that fails is reported as unraisable, as nobody could handle it; one that was
    /// interrupted by a signal is called again, because somebody waits for it.
    pub(crate) fn land(&self, py: Python<'_>, landing: Landing) {
        let Ok(callbacks) = self.waiters.with(|waiters| waiters.land(landing)) else {
            return;
        };
        let mut interrupt = None;
        for callback in callbacks {
            if let Err(error) = callback.bound(py).call0() {
                let earlier = interrupt.take();
                interrupt = cladding_capi::counted(py, |py| woken_late(py, &callback, error).or(earlier));
            }
        }
        if let Some(interrupt) = interrupt {
            cladding_capi::counted(py, |py| ask_again(py, interrupt));
        }
    }
}

/// How often a waiter is woken that signals keep from it.
const TRIES: usize = 8;

/// Wakes a waiter whose callback failed. Gives what interrupted it.
fn woken_late(py: Python<'_>, callback: &Owned, error: PyErr) -> Option<PyErr> {
    let mut failed = error;
    let mut interrupt = None;
    for _ in 0..TRIES {
        if failed.is_instance_of::<PyException>(py) {
            break;
        }
        interrupt = Some(failed);
        match callback.bound(py).call0() {
            Ok(_) => return interrupt,
            Err(error) => failed = error,
        }
    }
    failed.write_unraisable(py, Some(callback.bound(py)));
    interrupt
}

/// Interrupts the program once more, because nothing can be raised where it was interrupted.
fn ask_again(py: Python<'_>, interrupt: PyErr) {
    let asked = if interrupt.is_instance_of::<PyKeyboardInterrupt>(py) {
        let thread = py.import("_thread");
        thread
            .and_then(|thread| thread.call_method0("interrupt_main"))
            .map(drop)
    } else {
        Err(interrupt)
    };
    if let Err(error) = asked {
        error.write_unraisable(py, None);
    }
}

impl Landing {
    /// The landing that an outcome means.
    pub(crate) fn of(py: Python<'_>, outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Returned(value) => Self::Value(value.clone()),
            Outcome::Raised(exception) if outcome.is_ordinary_failure(py) => {
                Self::Failure(exception.clone(), exception::traceback(exception))
            }
            Outcome::Raised(_) => Self::Abandoned,
            Outcome::Suspended(..) => Self::Failure(
                cladding_capi::counted(py, |py| {
                    PyRuntimeError::new_err("a suspended call cannot land")
                        .into_value(py)
                        .into()
                }),
                None,
            ),
        }
    }

    /// What a waiter's call comes to; `None` if it has to start over.
    pub(crate) fn outcome(self, py: Python<'_>) -> Option<Outcome> {
        match self {
            Self::Value(value) => Some(Outcome::Returned(value)),
            Self::Failure(exception, traceback) => {
                // Each raise puts entries in front of the traceback; each waiter starts from the computation's own.
                exception::set_traceback(py, &exception, traceback.as_ref());
                Some(Outcome::Raised(exception))
            }
            Self::Abandoned => None,
        }
    }
}
