//! What a cache holds: the results, and the computations under way. Nothing here runs Python code while it is borrowed.

use std::sync::OnceLock;

use cladding_capi::keys::Sameness;
use cladding_capi::{Guarded, Owned, Raised};
use cladding_engine::cache::{EntryId, Removed, Table};
use pyo3::prelude::*;

use super::caller::Caller;
use super::key::{Key, Quick, View};

/// A computation under way.
struct Leading {
    ticket: u64,
    caller: Caller,
    /// A `Flight`, once somebody waits.
    flight: OnceLock<Owned>,
}

/// The contents, behind one short lock.
pub(super) struct Store(Guarded<State>);

struct State {
    results: Table<Key, Owned>,
    flights: Table<Key, Leading>,
    /// Flights that were under way when the cache was cleared: they land, but nothing is kept of them.
    detached: Vec<(u64, Owned)>,
    tickets: u64,
    clears: u64,
}

/// Where an equal key was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Result(EntryId),
    Flight(EntryId),
}

/// What a call finds that has no result at once.
pub(super) enum Found {
    /// A result after all.
    Result(Owned),
    /// Somebody computes it, under that ticket; the flight is there if one was offered or made before.
    Busy(Caller, u64, Option<Owned>),
    /// Nothing: the caller computes it, under this ticket.
    Nothing(u64),
}

/// What has left the store, for the caller to drop once nothing is borrowed.
#[must_use = "dropping it may run Python code: do it where nothing is borrowed"]
pub(super) struct Gone {
    _results: Vec<(Key, Owned)>,
    _flights: Vec<(Key, Leading)>,
}

impl Store {
    pub(super) fn new(max_entries: Option<usize>) -> Self {
        Self(Guarded::new(State {
            results: Table::new(max_entries, None),
            flights: Table::new(None, None),
            detached: Vec::new(),
            tickets: 0,
            clears: 0,
        }))
    }

    /// The result under a key, as far as that can be found without running code.
    #[inline]
    pub(super) fn find(&self, py: Python<'_>, view: &View<'_>, hash: u64, now: u64) -> Option<Owned> {
        self.0.with(|state| {
            let found = state
                .results
                .find(hash, now, |key| key.compare(py, view) == Sameness::Same);
            found.map(|(_, value)| value.clone())
        })
    }

    /// The result under the key of a call as most are.
    #[inline]
    pub(super) fn find_quickly(&self, py: Python<'_>, quick: Quick<'_>, hash: u64, now: u64) -> Option<Owned> {
        self.0.with(|state| {
            let found = state.results.find(hash, now, |key| quick.is(py, key));
            found.map(|(_, value)| value.clone())
        })
    }

    /// The result under a key, or who computes it, or else a ticket to compute it.
    pub(super) fn find_or_lead(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        hash: u64,
        now: u64,
        caller: &Caller,
        offered: Option<&Owned>,
    ) -> Result<Found, Raised> {
        let key = Key::of(py, view);
        let mut spare = Some((key, caller.clone()));
        loop {
            let conclude = |state: &mut State, place: Option<Place>| match place {
                Some(Place::Result(id)) => {
                    state.results.touch(id);
                    state.results.get(id).map(|(_, value)| Found::Result(value.clone()))
                }
                Some(Place::Flight(id)) => state.busy(id, offered),
                None => spare.take().map(|(key, caller)| state.lead(key, hash, caller)),
            };
            if let Some(found) = self.search(py, view, hash, now, true, conclude)? {
                return Ok(found);
            }
        }
    }

    /// Ends a computation. A result is kept, unless the cache was cleared since it began. Gives the flight of those who
    /// wait, if anybody does.
    pub(super) fn land(&self, ticket: u64, hash: u64, result: Option<(&Owned, u64)>) -> Option<Owned> {
        let (flight, gone) = self.0.with(|state| {
            let Some((key, leading)) = state.take_flight(ticket, hash) else {
                let place = state.detached.iter().position(|(detached, _)| *detached == ticket);
                return (place.map(|place| state.detached.swap_remove(place).1), None);
            };
            let (removed, key) = match result {
                Some((value, now)) => (Some(state.results.insert(hash, key, value.clone(), now)), None),
                None => (None, Some(key)),
            };
            (leading.flight.into_inner(), Some((removed, key, leading.caller)))
        });
        drop(gone);
        flight
    }

    /// Ends a computation without a result, to go on without a ticket. Gives its key, if the cache was not cleared
    /// since it began, and how often the cache has been cleared.
    pub(super) fn withdraw(&self, ticket: u64, hash: u64) -> (Option<(Key, u64)>, Option<Owned>) {
        let (key, flight, _caller) = self.0.with(|state| match state.take_flight(ticket, hash) {
            Some((key, leading)) => (
                Some((key, state.clears)),
                leading.flight.into_inner(),
                Some(leading.caller),
            ),
            None => (None, None, None),
        });
        match key {
            Some(_) => (key, flight),
            None => (None, self.land(ticket, hash, None)),
        }
    }

    /// Keeps a result without a ticket, if the cache has not been cleared since and there is none yet.
    pub(super) fn add(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        clears: u64,
        hash: u64,
        value: &Owned,
        now: u64,
    ) -> Result<(), Raised> {
        let mut spare = Some(Key::of(py, view));
        let conclude = |state: &mut State, place: Option<Place>| match (place, spare.take()) {
            (None, Some(key)) if state.clears == clears => Some(state.results.insert(hash, key, value.clone(), now)),
            _ => None,
        };
        self.search(py, view, hash, now, false, conclude).map(drop)
    }

    /// Looks for an equal key. `conclude` is told where it is, or that it is nowhere, under the same borrow in which that
    /// was seen; keys that only their own methods can compare are compared before, with nothing borrowed.
    fn search<R>(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        hash: u64,
        now: u64,
        flights: bool,
        mut conclude: impl FnMut(&mut State, Option<Place>) -> R,
    ) -> Result<R, Raised> {
        let mut compared: Vec<(Place, bool)> = Vec::new();
        loop {
            let step = self.0.with(|state| {
                let mut unsure = None;
                for place in state.places(hash, now, flights) {
                    let Some(key) = state.key(place) else { continue };
                    let sameness = match compared.iter().find(|(known, _)| *known == place) {
                        Some((_, true)) => Sameness::Same,
                        Some((_, false)) => Sameness::Different,
                        None => key.compare(py, view),
                    };
                    match sameness {
                        Sameness::Same => return Ok(conclude(state, Some(place))),
                        Sameness::Different => {}
                        Sameness::Unknown => unsure = unsure.or_else(|| Some((place, key.clone()))),
                    }
                }
                match unsure {
                    None => Ok(conclude(state, None)),
                    Some(unsure) => Err(unsure),
                }
            });
            match step {
                Ok(result) => return Ok(result),
                Err((place, key)) => compared.push((place, key.equals(py, view)?)),
            }
        }
    }

    /// Empties the cache. What is under way is not kept when it lands.
    pub(super) fn clear(&self) -> Gone {
        self.0.with(|state| {
            state.clears += 1;
            let results = state.results.clear();
            let mut flights = state.flights.clear();
            for (_, leading) in &mut flights {
                if let Some(flight) = leading.flight.take() {
                    state.detached.push((leading.ticket, flight));
                }
            }
            Gone {
                _results: results,
                _flights: flights,
            }
        })
    }

    /// Whether there may be a result under this hash.
    pub(super) fn holds(&self, hash: u64) -> bool {
        self.0.with(|state| state.places(hash, 0, true).next().is_some())
    }

    /// Takes out the results of an instance that is gone, all of which have one of these hashes.
    pub(super) fn forget(&self, py: Python<'_>, reference: &Owned, hashes: &[u64]) -> Vec<(Key, Owned)> {
        self.0.with(|state| {
            let ids = hashes.iter().flat_map(|&hash| state.results.candidates(hash, 0));
            let ids: Vec<EntryId> = ids
                .filter(|id| state.results.get(*id).is_some_and(|(key, _)| key.is_of(py, reference)))
                .collect();
            ids.into_iter().filter_map(|id| state.results.remove(id)).collect()
        })
    }

    /// Sets how long results live, in the unit of the times that are passed in.
    pub(super) fn set_ttl(&self, ttl: u64) {
        self.0.with(|state| state.results.set_ttl_nanos(Some(ttl)));
    }

    /// Frees what has expired.
    pub(super) fn sweep(&self, now: u64) -> Removed<Key, Owned> {
        self.0.with(|state| state.results.expire_some(now, usize::MAX))
    }

    /// How many results there are, how many had to leave because the cache was full, and how many expired.
    pub(super) fn numbers(&self) -> (usize, u64, u64) {
        self.0.with(|state| {
            let evictions = state.results.evictions();
            (state.results.len(), evictions.capacity, evictions.expired)
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        let Some(state) = self.0.try_lock() else { return };
        state.results.traverse(|key, value| {
            key.parts().iter().for_each(&mut *visit);
            visit(value);
        });
        state.flights.traverse(|key, leading| {
            key.parts().iter().for_each(&mut *visit);
            leading.flight.get().into_iter().for_each(&mut *visit);
        });
        state.detached.iter().for_each(|(_, flight)| visit(flight));
    }
}

impl State {
    fn places(&self, hash: u64, now: u64, flights: bool) -> impl Iterator<Item = Place> + use<> {
        let flights = flights.then(|| self.flights.candidates(hash, 0)).into_iter().flatten();
        self.results
            .candidates(hash, now)
            .map(Place::Result)
            .chain(flights.map(Place::Flight))
    }

    fn key(&self, place: Place) -> Option<&Key> {
        match place {
            Place::Result(id) => self.results.get(id).map(|(key, _)| key),
            Place::Flight(id) => self.flights.get(id).map(|(key, _)| key),
        }
    }

    /// Who computes.
    fn busy(&self, id: EntryId, offered: Option<&Owned>) -> Option<Found> {
        let (_, leading) = self.flights.get(id)?;
        if let Some(offered) = offered {
            leading.flight.get_or_init(|| offered.clone());
        }
        let flight = leading.flight.get().cloned();
        Some(Found::Busy(leading.caller.clone(), leading.ticket, flight))
    }

    fn lead(&mut self, key: Key, hash: u64, caller: Caller) -> Found {
        self.tickets += 1;
        let leading = Leading {
            ticket: self.tickets,
            caller,
            flight: OnceLock::new(),
        };
        let removed = self.flights.insert(hash, key, leading, 0);
        debug_assert!(removed.is_empty(), "flights neither age nor are bounded");
        Found::Nothing(self.tickets)
    }

    fn take_flight(&mut self, ticket: u64, hash: u64) -> Option<(Key, Leading)> {
        let id = self.flights.candidates(hash, 0).find(|id| {
            self.flights
                .get(*id)
                .is_some_and(|(_, leading)| leading.ticket == ticket)
        })?;
        self.flights.remove(id)
    }
}
