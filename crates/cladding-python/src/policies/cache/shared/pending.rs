//! An operation of the store that goes on in the background while a coroutine awaits it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cladding_capi::Owned;
use cladding_stores::{Begun, Front, Key, Op, Reply, Trouble};
use pyo3::prelude::*;

use crate::flight::{Flight, Landing};
use crate::hooks::Wait;

/// An operation under way.
pub(super) struct Pending {
    answer: Arc<Answer>,
    flight: Owned,
}

/// Where the store's answer is put for the one who asked.
struct Answer {
    front: Arc<Front>,
    /// The record whose lease is asked for, and how long giving it back may take.
    lease: Option<(Key, Duration)>,
    state: Mutex<State>,
}

enum State {
    Awaited,
    There(Result<Reply, Trouble>),
    /// Nobody wants to know: it was taken, or who asked has gone.
    Over,
}

impl Pending {
    pub(super) fn submit(py: Python<'_>, front: &Arc<Front>, op: Op, limit: Duration) -> PyResult<Self> {
        let flight: Owned = Py::new(py, Flight::new())?.into();
        let lease = match &op {
            Op::Begin { key, .. } => Some((key.clone(), limit)),
            _ => None,
        };
        let answer = Arc::new(Answer {
            front: Arc::clone(front),
            lease,
            state: Mutex::new(State::Awaited),
        });
        let (theirs, wake) = (Arc::clone(&answer), Wake(Some(flight.clone())));
        let done = move |reply| {
            theirs.put(reply);
            drop(wake);
        };
        if let Err(trouble) = front.submit(op, limit, Box::new(done)) {
            answer.put(Err(trouble));
        }
        Ok(Self { answer, flight })
    }

    /// What the store said.
    pub(super) fn answer(&self) -> Option<Result<Reply, Trouble>> {
        let mut state = self.answer.state();
        match std::mem::replace(&mut *state, State::Over) {
            State::There(reply) => Some(reply),
            other => {
                *state = other;
                None
            }
        }
    }

    /// Waiting for that.
    pub(super) fn wait(&self) -> Wait {
        Wait::Flight(self.flight.clone())
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        visit(&self.flight);
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let state = std::mem::replace(&mut *self.answer.state(), State::Over);
        if let State::There(reply) = state {
            self.answer.give_back(&reply);
        }
    }
}

impl Answer {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, reply: Result<Reply, Trouble>) {
        let mut state = self.state();
        match *state {
            State::Over => {
                drop(state);
                self.give_back(&reply);
            }
            State::Awaited | State::There(_) => *state = State::There(reply),
        }
    }

    /// Gives back a lease that nobody uses, which would otherwise be renewed for as long as the process lives.
    fn give_back(&self, reply: &Result<Reply, Trouble>) {
        if let (Ok(Reply::Begun(Begun::Leads(token))), Some((key, limit))) = (reply, &self.lease) {
            let (key, token) = (key.clone(), *token);
            // Where that cannot be, it is at least not renewed any more.
            let _ = self.front.submit(Op::Release { key, token }, *limit, Box::new(drop));
        }
    }
}

/// Wakes whoever waits when it is dropped, on any thread.
struct Wake(Option<Owned>);

impl Drop for Wake {
    fn drop(&mut self) {
        let woken = Python::try_attach(|py| {
            let flight = self.0.take();
            if let Some(Ok(flight)) = flight.as_ref().map(|flight| flight.bound(py).cast::<Flight>()) {
                flight.get().land(py, Landing::Abandoned);
            }
        });
        if woken.is_none() {
            // The interpreter is on its way out: nobody waits, and the reference stays where it is.
            std::mem::forget(self.0.take());
        }
    }
}
