//! The lock of the object that a call is on: the instance, the class, the function, or one object that was named.

use std::any::Any;
use std::sync::atomic::{AtomicUsize, Ordering};

use cladding_capi::{Owned, Suspended};
use cladding_engine::metrics::Counter;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::refusal;
use crate::counters::add;
use crate::flight::Flight;
use crate::hooks::{Call, Enter, Exit, Hooks, Outcome, Slot, SlotData, Wait};
use crate::locks::{Asked, Hold, Holder, Key, TABLE, Ticket, World};
use crate::receiver::Receiver;
use crate::target::{Kind, Target};

/// The phase of a slot whose call holds the lock without any data: a plain call, which always comes back to `exit`.
const HELD: u8 = 1;

pub(super) struct Natural {
    world: World,
    /// Whether a call is over when the function has come back, so that its caller keeps the receiver alive meanwhile.
    plain: bool,
    on: Option<Owned>,
    receiver: Receiver,
    /// Where the function or class is that the stack ends in; it lives as long as the stack.
    wrapped: AtomicUsize,
    calls: Counter,
    waits: Counter,
}

/// What a call has of a lock that it may be abandoned with.
struct Part {
    key: Key,
    state: State,
    /// Kept, so that no other object can have the address meanwhile.
    object: Option<Owned>,
    task: Option<Owned>,
    holder: Holder,
}

enum State {
    Holds(Hold),
    Waits(Ticket, Owned),
    Done,
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.object.iter().for_each(&mut *visit);
        self.task.iter().for_each(&mut *visit);
        if let State::Waits(_, flight) = &self.state {
            visit(flight);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut self.state, State::Done);
        if let State::Done = state {
            return;
        }
        // Nobody waits any more once the interpreter is on its way out.
        Python::try_attach(|py| match &state {
            State::Holds(hold) => TABLE.leave(py, self.key, *hold),
            State::Waits(ticket, _) => TABLE.give_up(py, self.key, *ticket),
            State::Done => {}
        });
    }
}

impl Natural {
    pub(super) fn new(target: &Target, on: Option<Owned>) -> Self {
        let world = match target.kind {
            Kind::Function | Kind::Generator | Kind::Class => World::Threads,
            Kind::Coroutine | Kind::AsyncGenerator => World::Tasks,
        };
        Self {
            world,
            plain: matches!(target.kind, Kind::Function | Kind::Class),
            on,
            receiver: Receiver::new(target),
            wrapped: AtomicUsize::new(0),
            calls: Counter::new(),
            waits: Counter::new(),
        }
    }

    /// The object whose lock a call takes; `None` for the function's own.
    #[inline]
    fn object<'a>(&'a self, call: &Call<'a>) -> Option<&'a Owned> {
        if let Some(object) = &self.on {
            return Some(object);
        }
        if !self.receiver.is_possible() {
            return None;
        }
        let first = call.arguments.positional().first().or_else(|| by_keyword(call))?;
        self.receiver.is(call.py, first).then_some(first)
    }

    #[inline]
    fn key(&self, object: Option<&Owned>) -> Key {
        let address = object.map_or_else(|| self.wrapped.load(Ordering::Relaxed), |object| object.as_ptr().addr());
        Key::new(address, self.world)
    }

    /// Calls that can be suspended, and so abandoned.
    #[cold]
    fn enter_suspendable(&self, call: &Call<'_>, slot: &mut Slot) -> PyResult<Enter> {
        let object = self.object(call);
        let key = self.key(object);
        let (holder, task) = Holder::of(call.py, self.world)?;
        let Some(hold) = TABLE.take(key, holder) else {
            return self.wait(call, slot, key, object.cloned(), task, holder);
        };
        add(&self.calls, 1);
        slot.data = Some(Box::new(Part {
            key,
            state: State::Holds(hold),
            object: object.cloned(),
            task,
            holder,
        }));
        Ok(Enter::Proceed)
    }

    #[cold]
    fn wait(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        key: Key,
        object: Option<Owned>,
        task: Option<Owned>,
        holder: Holder,
    ) -> PyResult<Enter> {
        add(&self.waits, 1);
        let part = Part {
            key,
            state: State::Done,
            object,
            task,
            holder,
        };
        self.queue(call.py, slot, part, false)
    }

    fn queue(&self, py: Python<'_>, slot: &mut Slot, mut part: Part, again: bool) -> PyResult<Enter> {
        let flight: Owned = Py::new(py, Flight::new())?.into();
        match TABLE.queue(part.key, part.holder, &flight, again) {
            Asked::Held(hold) => Ok(self.came_in(slot, part, hold)),
            Asked::Queued(ticket) => {
                part.state = State::Waits(ticket, flight.clone());
                slot.data = Some(Box::new(part));
                Ok(Enter::Wait(Wait::Flight(flight).into()))
            }
        }
    }

    fn came_in(&self, slot: &mut Slot, mut part: Part, hold: Hold) -> Enter {
        add(&self.calls, 1);
        part.state = State::Holds(hold);
        slot.data = Some(Box::new(part));
        Enter::Proceed
    }

    /// Goes on after a wait.
    #[cold]
    fn waited(&self, call: &Call<'_>, slot: &mut Slot) -> PyResult<Enter> {
        let Some(mut data) = slot.data.take() else {
            return Ok(Enter::Proceed);
        };
        let Some(part) = data.as_any().downcast_mut::<Part>() else {
            return Ok(Enter::Proceed);
        };
        let State::Waits(ticket, flight) = &part.state else {
            slot.data = Some(data);
            return Ok(Enter::Proceed);
        };
        let (ticket, flight) = (*ticket, flight.clone());
        if TABLE.was_handed(part.key, ticket) {
            add(&self.calls, 1);
            part.state = State::Holds(ticket);
            slot.data = Some(data);
            return Ok(Enter::Proceed);
        }
        if flight
            .bound(call.py)
            .cast::<Flight>()
            .is_ok_and(|flight| flight.get().landing().is_none())
        {
            slot.data = Some(data);
            return Ok(Enter::Wait(Wait::Flight(flight).into()));
        }
        part.state = State::Done;
        let again = Part {
            key: part.key,
            state: State::Done,
            object: part.object.take(),
            task: part.task.take(),
            holder: part.holder,
        };
        self.queue(call.py, slot, again, true)
    }
}

/// The first parameter's argument where it came by its name.
#[cold]
fn by_keyword<'a>(call: &Call<'a>) -> Option<&'a Owned> {
    call.arguments.keyword(call.py, call.target.parameters.first()?)
}

impl Hooks for Natural {
    fn wraps(&self, wrapped: &Owned) {
        self.wrapped.store(wrapped.as_ptr().addr(), Ordering::Relaxed);
    }

    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        let answer = |error| Enter::Answer(Outcome::error(call.py, error));
        if slot.data.is_some() {
            return self.waited(call, slot).unwrap_or_else(answer);
        }
        if !self.plain {
            return self.enter_suspendable(call, slot).unwrap_or_else(answer);
        }
        let object = self.object(call);
        let (key, holder) = (self.key(object), Holder::thread());
        let Some(hold) = TABLE.take(key, holder) else {
            return self
                .wait(call, slot, key, object.cloned(), None, holder)
                .unwrap_or_else(answer);
        };
        add(&self.calls, 1);
        (slot.started, slot.count, slot.phase) = (key.number(), hold, HELD);
        Enter::Proceed
    }

    #[inline]
    fn exit(&self, call: &Call<'_>, slot: &mut Slot, _outcome: &mut Outcome) -> Exit {
        if slot.phase == HELD {
            slot.phase = 0;
            TABLE.leave(call.py, Key::from_number(slot.started), slot.count);
        }
        drop(slot.data.take());
        Exit::Pass
    }

    /// What a plain function returned to be run later keeps the lock if it is a generator. A coroutine would take the lock
    /// of its thread from one task to another.
    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        if slot.phase != HELD && slot.data.is_none() {
            return Ok(());
        }
        let py = call.py;
        if kind == Suspended::Generator {
            if slot.phase == HELD {
                slot.phase = 0;
                slot.data = Some(Box::new(Part {
                    key: Key::from_number(slot.started),
                    state: State::Holds(slot.count),
                    object: self.object(call).cloned(),
                    task: None,
                    holder: Holder::thread(),
                }));
            }
            return Ok(());
        }
        if self.world == World::Tasks {
            return Ok(());
        }
        self.exit(call, slot, &mut Outcome::Returned(Owned::none()));
        Err(refusal(py, call.target, value, kind))
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("calls", self.calls.get())?;
        stats.set_item("waits", self.waits.get())?;
        Ok(stats.unbind())
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.on.iter().for_each(visit);
    }
}
