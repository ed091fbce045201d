//! The places of one bulkhead, shared by functions, threads and tasks.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use cladding_capi::{Guarded, Owned};
use cladding_engine::limit::places::{GivenUp, Places, Ticket};
use pyo3::prelude::*;

use crate::flight::{Flight, Landing};
use crate::locks::Holder;

/// Who holds a place or waits for one.
#[derive(Clone, Copy)]
pub(super) struct Holding {
    /// The thread, or the task where a task can hold it.
    pub(super) holder: Holder,
    /// The thread that it was taken in.
    pub(super) thread: Holder,
    /// It is held on while the function does not run: by a generator, or by what a plain function returned to be run.
    pub(super) open: bool,
}

/// Who asks for a place.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) thread: Holder,
    pub(super) task: Holder,
}

/// What came of asking for a place.
pub(super) enum Asked {
    Inside(Ticket),
    /// The caller is inside already, further out, and needs no second place.
    Nested,
    Full,
}

/// What came of asking to wait.
pub(super) enum Queued {
    Inside(Ticket),
    Nested,
    Waits(Ticket),
    /// Too many wait.
    Full(Load),
    /// The caller itself has what it would wait for.
    Stuck(Load),
}

/// How full it is.
#[derive(Clone, Copy)]
pub(super) struct Load {
    pub(super) running: u64,
    pub(super) waiting: u64,
}

pub(crate) struct Room {
    places: Guarded<Places<Holding, Owned>>,
}

/// All rooms, for forks.
static ROOMS: Mutex<Vec<Weak<Room>>> = Mutex::new(Vec::new());

impl Room {
    pub(super) fn new(max_concurrent: u64, max_waiting: Option<u64>) -> Arc<Self> {
        let room = Arc::new(Self {
            places: Guarded::new(Places::new(max_concurrent, max_waiting)),
        });
        let mut rooms = ROOMS.lock().unwrap_or_else(PoisonError::into_inner);
        if rooms.len() == rooms.capacity() {
            rooms.retain(|room| room.strong_count() > 0);
        }
        rooms.push(Arc::downgrade(&room));
        room
    }

    /// Takes a place if one is free. `nests` is for calls that end before what is around them goes on.
    #[inline]
    pub(super) fn take(&self, holding: Holding, nests: bool) -> Asked {
        self.places.with(|places| {
            if nests && is_within(places, holding.holder) {
                return Asked::Nested;
            }
            places.take(holding).map_or(Asked::Full, Asked::Inside)
        })
    }

    /// Takes a place, or waits for one if it may. `blocks` says that the whole thread would wait.
    pub(super) fn queue(
        &self,
        holding: Holding,
        asker: Asker,
        nests: bool,
        blocks: bool,
        waits: bool,
        flight: &Owned,
    ) -> Queued {
        self.places.with(|places| {
            if nests && (is_within(places, asker.thread) || is_within(places, asker.task)) {
                return Queued::Nested;
            }
            if let Some(ticket) = places.take(holding) {
                return Queued::Inside(ticket);
            }
            let load = load(places);
            let is_stuck = places.holders().any(|held| {
                held.holder == asker.task || held.holder == asker.thread || (blocks && held.thread == asker.thread)
            });
            if !waits || !places.may_queue() {
                return Queued::Full(load);
            }
            if is_stuck {
                return Queued::Stuck(load);
            }
            let ticket = places.queue(holding, flight.clone());
            ticket.map_or(Queued::Full(load), Queued::Waits)
        })
    }

    /// Whether a wait has ended with a place; if not, it is over now.
    pub(super) fn claim(&self, ticket: Ticket) -> Result<(), Load> {
        let (claimed, own) = self.places.with(|places| {
            if places.is_inside(ticket) {
                return (Ok(()), None);
            }
            let load = load(places);
            let own = match places.leave(ticket) {
                GivenUp::Withdrawn(flight) => Some(flight),
                GivenUp::Wake(_) | GivenUp::Nothing => None,
            };
            (Err(load), own)
        });
        drop(own);
        claimed
    }

    /// Leaves, whether inside or waiting, and wakes whoever gets the place.
    #[inline]
    pub(super) fn leave(&self, py: Python<'_>, ticket: Ticket) {
        match self.places.with(|places| places.leave(ticket)) {
            GivenUp::Nothing => {}
            GivenUp::Withdrawn(own) => drop(own),
            GivenUp::Wake(flight) => wake(py, &flight),
        }
    }

    /// From now on the place is held while the function does not run.
    pub(super) fn keep_open(&self, ticket: Ticket, holder: Holder) {
        self.places.with(|places| {
            if let Some(held) = places.holder_mut(ticket) {
                (held.holder, held.open) = (holder, true);
            }
        });
    }

    pub(super) fn load(&self) -> Load {
        self.places.with(|places| load(places))
    }

    /// In the child of a fork: those who are no more hold nothing.
    fn forked(&self, py: Python<'_>, survivor: Holder) {
        let (gone, woken) = self.places.with(|places| {
            let gone = places.keep(|held| held.thread == survivor);
            let woken: Vec<Owned> = std::iter::from_fn(|| places.hand_over()).collect();
            (gone, woken)
        });
        drop(gone);
        for flight in woken {
            wake(py, &flight);
        }
    }
}

/// Whether a call of this holder runs inside, with what asks somewhere in it.
#[inline]
fn is_within(places: &Places<Holding, Owned>, holder: Holder) -> bool {
    places.holders().any(|held| held.holder == holder && !held.open)
}

fn load(places: &Places<Holding, Owned>) -> Load {
    Load {
        running: places.running(),
        waiting: places.waiting(),
    }
}

#[cold]
fn wake(py: Python<'_>, flight: &Owned) {
    if let Ok(flight) = flight.bound(py).cast::<Flight>() {
        flight.get().land(py, Landing::Abandoned);
    }
}

/// In the child of a fork: the places of all threads but the one that forked are free.
pub(crate) fn forked(py: Python<'_>, survivor: Holder) {
    let rooms = ROOMS.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for room in rooms.iter().filter_map(Weak::upgrade) {
        room.forked(py, survivor);
    }
}
