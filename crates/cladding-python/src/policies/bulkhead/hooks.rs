//! The live side: how a call gets its place, keeps it and leaves it.

use std::any::Any;
use std::sync::Arc;

use cladding_capi::{Owned, Suspended};
use cladding_engine::limit::places::Ticket;
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyDict;

use super::room::{Asked, Asker, Holding, Load, Queued, Room};
use crate::counters::add;
use crate::flight::Flight;
use crate::hooks::{Call, Enter, Exit, Family, Hooks, Outcome, Page, Slot, SlotData, Wait};
use crate::locks::{Holder, World};
use crate::target::{Kind, Target};

const WAITS: Family = Family {
    name: "cladding_bulkhead_waits_total",
    help: "Calls that had to wait for a place in the bulkhead.",
    kind: MetricKind::Counter,
};
const REJECTED: Family = Family {
    name: "cladding_bulkhead_rejected_total",
    help: "Calls that the bulkhead turned away.",
    kind: MetricKind::Counter,
};
const RUNNING: Family = Family {
    name: "cladding_bulkhead_running",
    help: "Calls in the function's bulkhead now, those of other functions that share it included.",
    kind: MetricKind::Gauge,
};
const WAITING: Family = Family {
    name: "cladding_bulkhead_waiting",
    help: "Calls that wait for a place in the function's bulkhead now, those of other functions that share it included.",
    kind: MetricKind::Gauge,
};

/// The phase of a slot whose call holds a place without any data: a plain call, which always comes back to `exit`.
const HELD: u8 = 1;

/// A bulkhead at work on one function.
pub(super) struct Limited {
    room: Arc<Room>,
    /// Seconds.
    max_wait: Option<f64>,
    function: String,
    /// A call is over when the function has come back.
    plain: bool,
    /// A call goes on while the function does not run: a generator.
    opens: bool,
    /// Waiting stops the whole thread.
    blocks: bool,
    calls: Counter,
    waits: Counter,
    rejected: Counter,
}

/// What a call has of the bulkhead that it may be abandoned with.
struct Part {
    room: Arc<Room>,
    ticket: Ticket,
    /// What is waited for; `None` once inside.
    flight: Option<Owned>,
    /// Kept, so that no other task can have its address meanwhile.
    task: Option<Owned>,
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.flight.iter().chain(&self.task).for_each(visit);
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Nobody waits any more once the interpreter is on its way out.
        Python::try_attach(|py| self.room.leave(py, self.ticket));
    }
}

impl Limited {
    pub(super) fn new(room: Arc<Room>, max_wait: Option<f64>, target: &Target) -> Self {
        Self {
            room,
            max_wait,
            function: target.full_name(),
            plain: matches!(target.kind, Kind::Function | Kind::Class),
            opens: matches!(target.kind, Kind::Generator | Kind::AsyncGenerator),
            blocks: matches!(target.kind, Kind::Function | Kind::Class | Kind::Generator),
            calls: Counter::new(),
            waits: Counter::new(),
            rejected: Counter::new(),
        }
    }

    /// Calls that can be suspended, and so abandoned.
    #[cold]
    fn enter_suspendable(&self, call: &Call<'_>, slot: &mut Slot) -> PyResult<Enter> {
        let (holder, task) = Holder::of(call.py, World::Tasks)?;
        let holding = Holding {
            holder,
            thread: Holder::thread(),
            open: self.opens,
        };
        match self.room.take(holding, !self.opens) {
            Asked::Nested => {}
            Asked::Inside(ticket) => slot.data = Some(Box::new(self.part(ticket, None, task))),
            Asked::Full => return self.queue(call, slot, holding),
        }
        add(&self.calls, 1);
        Ok(Enter::Proceed)
    }

    #[cold]
    fn queue(&self, call: &Call<'_>, slot: &mut Slot, holding: Holding) -> PyResult<Enter> {
        let py = call.py;
        let thread = Holder::thread();
        let (task, object) = Holder::of(py, World::Tasks)?;
        let flight: Owned = Py::new(py, Flight::new())?.into();
        let may_wait = self.max_wait != Some(0.0);
        let asker = Asker { thread, task };
        match self
            .room
            .queue(holding, asker, !self.opens, self.blocks, may_wait, &flight)
        {
            Queued::Nested => {}
            Queued::Inside(ticket) => slot.data = Some(Box::new(self.part(ticket, None, object))),
            Queued::Waits(ticket) => {
                add(&self.waits, 1);
                slot.data = Some(Box::new(self.part(ticket, Some(flight.clone()), object)));
                return Ok(Enter::Wait(Box::new(match self.max_wait {
                    None => Wait::Flight(flight),
                    Some(seconds) => Wait::FlightFor(flight, seconds),
                })));
            }
            Queued::Full(load) => return self.reject(py, load, "full"),
            Queued::Stuck(load) => return self.reject(py, load, "stuck"),
        }
        add(&self.calls, 1);
        Ok(Enter::Proceed)
    }

    /// Goes on after a wait.
    #[cold]
    fn waited(&self, call: &Call<'_>, slot: &mut Slot) -> PyResult<Enter> {
        let part = slot.data.as_mut().and_then(|data| data.as_any().downcast_mut::<Part>());
        let Some(part) = part else {
            return Ok(Enter::Proceed);
        };
        match self.room.claim(part.ticket) {
            Ok(()) => {
                drop(part.flight.take());
                add(&self.calls, 1);
                Ok(Enter::Proceed)
            }
            Err(load) => {
                drop(slot.data.take());
                self.reject(call.py, load, "late")
            }
        }
    }

    fn part(&self, ticket: Ticket, flight: Option<Owned>, task: Option<Owned>) -> Part {
        Part {
            room: Arc::clone(&self.room),
            ticket,
            flight,
            task,
        }
    }

    #[cold]
    fn reject(&self, py: Python<'_>, load: Load, why: &str) -> PyResult<Enter> {
        static REFUSAL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        add(&self.rejected, 1);
        let refusal = REFUSAL.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._bulkhead")?.getattr("refusal")?.unbind())
        })?;
        let error = refusal
            .bind(py)
            .call1((&self.function, load.running, load.waiting, why))?;
        Ok(Enter::Answer(Outcome::Raised(error.into())))
    }
}

impl Hooks for Limited {
    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        let answer = |error| Enter::Answer(Outcome::error(call.py, error));
        if slot.data.is_some() {
            return self.waited(call, slot).unwrap_or_else(answer);
        }
        if !self.plain {
            return self.enter_suspendable(call, slot).unwrap_or_else(answer);
        }
        let thread = Holder::thread();
        let holding = Holding {
            holder: thread,
            thread,
            open: false,
        };
        match self.room.take(holding, true) {
            Asked::Nested => {}
            Asked::Inside(ticket) => (slot.started, slot.phase) = (ticket, HELD),
            Asked::Full => return self.queue(call, slot, holding).unwrap_or_else(answer),
        }
        add(&self.calls, 1);
        Enter::Proceed
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, _outcome: &mut Outcome) -> Exit {
        if slot.phase == HELD {
            slot.phase = 0;
            self.room.leave(call.py, slot.started);
        }
        drop(slot.data.take());
        Exit::Pass
    }

    /// What a plain function returned to be run later keeps the place until it is over.
    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, _value: &Owned, _kind: Suspended) -> Result<(), Outcome> {
        if !self.plain {
            return Ok(());
        }
        let (holder, task) = Holder::of(call.py, World::Tasks).map_err(|error| Outcome::error(call.py, error))?;
        if slot.phase == HELD {
            slot.phase = 0;
            slot.data = Some(Box::new(self.part(slot.started, None, task)));
        }
        let part = slot.data.as_mut().and_then(|data| data.as_any().downcast_mut::<Part>());
        if let Some(part) = part {
            self.room.keep_open(part.ticket, holder);
        }
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let (stats, load) = (PyDict::new(py), self.room.load());
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("waits", self.waits.get())?;
        stats.set_item("rejected", self.rejected.get())?;
        stats.set_item("running", load.running)?;
        stats.set_item("waiting", load.waiting)?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), self.function.clone())];
        let load = self.room.load();
        page.count(WAITS, labels.clone(), self.waits.get());
        page.count(REJECTED, labels.clone(), self.rejected.get());
        page.gauge(RUNNING, labels.clone(), load.running);
        page.gauge(WAITING, labels, load.waiting);
    }
}
