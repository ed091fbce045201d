//! A lock that is given: anything with `acquire` and `release`, of threads or to be awaited.

use std::any::Any;

use cladding_capi::{Owned, Suspended};
use cladding_engine::metrics::Counter;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::refusal;
use crate::counters::add;
use crate::hooks::{Call, Enter, Exit, Hooks, Outcome, Slot, SlotData, Wait};

/// The two methods of a lock.
#[derive(Clone)]
pub(crate) struct Lock {
    acquire: Owned,
    release: Owned,
    awaited: bool,
}

impl Lock {
    /// `None` if the object is no lock.
    pub(super) fn new(lock: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        let (Some(acquire), Some(release)) = (lock.getattr_opt("acquire")?, lock.getattr_opt("release")?) else {
            return Ok(None);
        };
        if !acquire.is_callable() || !release.is_callable() {
            return Ok(None);
        }
        let inspect = lock.py().import("inspect")?;
        let awaited = inspect.call_method1("iscoroutinefunction", (&acquire,))?.is_truthy()?;
        Ok(Some(Self {
            acquire: acquire.into(),
            release: release.into(),
            awaited,
        }))
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.awaited
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        visit(&self.acquire);
        visit(&self.release);
    }
}

pub(super) struct Given {
    lock: Lock,
    calls: Counter,
}

/// What a call has of the lock.
struct Part {
    lock: Lock,
    state: State,
}

#[derive(PartialEq)]
enum State {
    Asked,
    Held,
    Left,
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.lock.traverse(visit);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if self.state != State::Held {
            return;
        }
        Python::try_attach(|py| {
            if let Err(error) = self.lock.release.bound(py).call0() {
                error.write_unraisable(py, Some(self.lock.release.bound(py)));
            }
        });
    }
}

impl Given {
    pub(super) fn new(lock: Lock) -> Self {
        Self {
            lock,
            calls: Counter::new(),
        }
    }

    fn hold(&self, slot: &mut Slot, state: State) {
        slot.data = Some(Box::new(Part {
            lock: self.lock.clone(),
            state,
        }));
    }
}

impl Hooks for Given {
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if let Some(part) = slot.data.as_mut().and_then(|data| data.as_any().downcast_mut::<Part>()) {
            part.state = State::Held;
        } else if self.lock.awaited {
            self.hold(slot, State::Asked);
            return Enter::Wait(Wait::Call(self.lock.acquire.clone()).into());
        } else {
            match cladding_capi::call(call.py, &self.lock.acquire, &[]) {
                Ok(_) => self.hold(slot, State::Held),
                Err(raised) => return Enter::Answer(Outcome::Raised(raised.take(call.py))),
            }
            call.time_passed();
        }
        add(&self.calls, 1);
        Enter::Proceed
    }

    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let Some(mut data) = slot.data.take() else {
            return Exit::Pass;
        };
        if let Some(part) = data.as_any().downcast_mut::<Part>() {
            let held = std::mem::replace(&mut part.state, State::Left) == State::Held;
            if held && let Err(raised) = cladding_capi::call(call.py, &self.lock.release, &[]) {
                *outcome = Outcome::Raised(raised.take(call.py));
            }
        }
        Exit::Pass
    }

    /// A lock of threads that a coroutine held would stop the event loop.
    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        if self.lock.awaited || kind == Suspended::Generator {
            return Ok(());
        }
        let mut outcome = refusal(call.py, call.target, value, kind);
        self.exit(call, slot, &mut outcome);
        Err(outcome)
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        Ok(stats.unbind())
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.lock.traverse(visit);
    }
}
