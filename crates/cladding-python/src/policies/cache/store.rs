//! What a cache holds: the results, and the computations under way. Nothing here runs Python code while it is borrowed.

use std::sync::OnceLock;

use cladding_capi::keys::Sameness;
use cladding_capi::{Guarded, Owned, Raised};
use cladding_engine::cache::{EntryId, Evictions, Life, Lru, Removed, Table};
use pyo3::prelude::*;

use super::caller::Caller;
use super::kept::Kept;
use super::key::{Key, Quick, View};
use crate::hooks::SlotData;

mod simple;

use simple::Simple;

/// A computation under way.
struct Leading {
    caller: Caller,
    /// A `Flight`, once somebody waits.
    flight: OnceLock<Owned>,
    /// The old result that it is to replace.
    replaces: Option<EntryId>,
}

/// The contents, behind one short lock.
pub(super) struct Store(Guarded<State>);

struct State {
    results: Table<Key, Kept>,
    /// The computation that began last, if it is a simple one; before anybody looks for it, it is made one of the flights.
    latest: Option<Simple>,
    /// Simple ones that were made flights, by number.
    moved: Vec<(u64, EntryId)>,
    /// How many simple ones there have been.
    begun: u64,
    /// What the call of a simple one remembers, kept for the next.
    spare: Option<Box<dyn SlotData>>,
    /// Without a bound, so without an order.
    flights: Lru<Key, Leading>,
    /// Flights that were under way when their result was invalidated: they land, but nothing is kept of them.
    detached: Vec<(EntryId, Owned)>,
    /// How often something was taken out on request.
    clears: u64,
    invalidated: u64,
}

/// Where an equal key was found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Result(EntryId),
    Flight(EntryId),
}

/// A result that was found at once.
pub(super) enum Hit {
    /// There is nothing else to know.
    Plain(Owned),
    Noted(EntryId, Kept),
}

impl Hit {
    #[inline]
    fn of(id: EntryId, kept: &Kept) -> Self {
        match kept.note {
            None => Self::Plain(kept.value.clone()),
            Some(_) => Self::Noted(id, kept.clone()),
        }
    }
}

/// What a call finds that has no result at once.
pub(super) enum Found {
    /// A result after all.
    Result(EntryId, Kept),
    /// Somebody computes it, under that ticket; the flight is there if one was offered or made before.
    Busy(Caller, EntryId, Option<Owned>),
    /// Nothing: the caller computes it, under this ticket. An old result may be in reserve.
    Nothing(EntryId, Option<Kept>),
}

/// What has left the store, for the caller to drop once nothing is borrowed.
#[must_use = "dropping it may run Python code: do it where nothing is borrowed"]
#[derive(Default)]
pub(super) struct Gone {
    results: Vec<(Key, Kept)>,
    flights: Vec<(Key, Leading)>,
}

/// What is to be kept of a computation.
pub(super) struct Landed {
    pub(super) kept: Kept,
    pub(super) life: Life,
    pub(super) now: u64,
}

/// What has been counted in the store.
pub(super) struct Counts {
    pub(super) entries: usize,
    pub(super) weight: u64,
    pub(super) evictions: Evictions,
    pub(super) invalidated: u64,
}

/// How many expired results are freed before others get their turn.
const SWEPT_AT_ONCE: usize = 1024;

impl Store {
    pub(super) fn new(max_entries: Option<usize>, max_weight: Option<u64>) -> Self {
        Self(Guarded::new(State {
            results: Table::new(max_entries, max_weight),
            latest: None,
            moved: Vec::new(),
            begun: 0,
            spare: None,
            flights: Lru::new(None),
            detached: Vec::new(),
            clears: 0,
            invalidated: 0,
        }))
    }

    /// The result under a key, as far as that can be found without running code.
    #[inline]
    pub(super) fn find(&self, py: Python<'_>, view: &View<'_>, hash: u64, now: u64) -> Option<Hit> {
        self.0.with(|state| {
            let (id, kept) = state
                .results
                .find(hash, now, |key| key.compare(py, view) == Sameness::Same)?;
            Some(Hit::of(id, kept))
        })
    }

    /// The result under the key of a call as most are; or whether there is another one with the same hash.
    #[inline]
    pub(super) fn find_quickly(&self, py: Python<'_>, quick: Quick<'_>, hash: u64, now: u64) -> Result<Hit, bool> {
        self.0.with(|state| {
            let mut others = false;
            let found = state.results.find(hash, now, |key| {
                others = true;
                quick.is(py, key)
            });
            found.map(|(id, kept)| Hit::of(id, kept)).ok_or(others)
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
        let at_once = self.0.with(|state| {
            state.settle();
            if state.results.has_hash(hash) || state.flights.has_hash(hash) {
                return None;
            }
            let (key, caller) = spare.take()?;
            Some(state.lead_with(key, hash, caller, None, offered))
        });
        if let Some(ticket) = at_once {
            return Ok(Found::Nothing(ticket, None));
        }
        loop {
            let conclude = |state: &mut State, place: Option<Place>, old: Option<EntryId>| match place {
                Some(Place::Result(id)) => {
                    state.results.touch(id);
                    let (_, kept) = state.results.get(id)?;
                    Some(Found::Result(id, kept.clone()))
                }
                Some(Place::Flight(id)) => state.busy(id, offered),
                None => spare.take().map(|(key, caller)| {
                    let reserve = old.and_then(|id| state.results.get(id)).map(|(_, kept)| kept.clone());
                    Found::Nothing(state.lead_with(key, hash, caller, old, offered), reserve)
                }),
            };
            if let Some(found) = self.search(py, view, hash, now, true, conclude)? {
                return Ok(found);
            }
        }
    }

    /// What is under a key and may be handed out.
    pub(super) fn look(&self, py: Python<'_>, view: &View<'_>, hash: u64, now: u64) -> Result<Option<Kept>, Raised> {
        let conclude = |state: &mut State, place: Option<Place>, _| match place {
            Some(Place::Result(id)) => state.results.get(id).map(|(_, kept)| kept.clone()),
            Some(Place::Flight(_)) | None => None,
        };
        self.search(py, view, hash, now, false, conclude)
    }

    /// A ticket to compute anew what is still there, unless somebody does already.
    pub(super) fn lead_again(&self, id: EntryId, hash: u64, caller: Caller) -> Option<EntryId> {
        let mut caller = Some(caller);
        self.0.with(|state| {
            state.settle();
            let is_refreshed = |other: EntryId| {
                let flight = state.flights.get(other);
                flight.is_some_and(|(_, leading)| leading.replaces == Some(id))
            };
            if state.flights.candidates(hash).any(is_refreshed) {
                return None;
            }
            let key = state.results.get(id)?.0.clone();
            Some(state.lead(key, hash, caller.take()?, Some(id)))
        })
    }

    /// Says who it is that computes.
    pub(super) fn begin(&self, ticket: EntryId, caller: Caller) {
        let old = self.0.with(|state| {
            let leading = state.flights.get_mut(ticket)?;
            Some(std::mem::replace(&mut leading.caller, caller))
        });
        drop(old);
    }

    /// Ends a computation. A result is kept, unless it was invalidated since it began. Gives the flight of those who wait,
    /// if anybody does.
    pub(super) fn land(&self, ticket: EntryId, hash: u64, result: Option<Landed>) -> Option<Owned> {
        let mut result = result;
        let (flight, gone) = self.0.with(|state| {
            let Some((key, leading)) = state.flights.remove(ticket) else {
                let place = state.detached.iter().position(|(detached, _)| *detached == ticket);
                return (place.map(|place| state.detached.swap_remove(place).1), None);
            };
            let gone = match result.take() {
                Some(Landed { kept, life, now }) => {
                    let old = leading.replaces.and_then(|id| state.results.remove(id));
                    (Some(state.results.insert(hash, key, kept, now, life)), old, None)
                }
                None => (None, None, Some(key)),
            };
            (leading.flight.into_inner(), Some((gone, leading.caller)))
        });
        drop((gone, result));
        flight
    }

    /// Ends a computation without a result, to go on without a ticket. Gives its key, if the cache was not cleared
    /// since it began, and how often the cache has been cleared.
    pub(super) fn withdraw(&self, ticket: EntryId, hash: u64) -> (Option<(Key, u64)>, Option<Owned>) {
        let (key, flight, _caller) = self.0.with(|state| match state.flights.remove(ticket) {
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

    /// Keeps a result without a ticket, if nothing has been invalidated since and there is none yet.
    pub(super) fn add(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        clears: u64,
        hash: u64,
        result: Landed,
    ) -> Result<(), Raised> {
        let now = result.now;
        let mut spare = Some((Key::of(py, view), result));
        let conclude = |state: &mut State, place: Option<Place>, old: Option<EntryId>| {
            let (key, landed) = spare.take()?;
            if place.is_some() || state.clears != clears {
                return None;
            }
            let old = old.and_then(|id| state.results.remove(id));
            Some((state.results.insert(hash, key, landed.kept, now, landed.life), old))
        };
        self.search(py, view, hash, now, false, conclude).map(drop)
    }

    /// Takes out what is under a key, the computation under way included. Then keeps `result`, if there is one. Says
    /// whether there was a result.
    pub(super) fn replace(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        hash: u64,
        now: u64,
        result: Option<Landed>,
    ) -> Result<bool, Raised> {
        let mut spare = result.map(|landed| (Key::of(py, view), landed));
        let mut found = false;
        loop {
            let conclude = |state: &mut State, place: Option<Place>, old: Option<EntryId>| {
                state.clears += 1;
                let mut gone = Gone::default();
                gone.results.extend(old.and_then(|id| state.results.remove(id)));
                match place {
                    Some(Place::Result(id)) => gone.results.extend(state.results.remove(id)),
                    Some(Place::Flight(id)) => {
                        gone.flights.extend(state.detach(id));
                    }
                    None => {
                        if let Some((key, landed)) = spare.take() {
                            let removed = state.results.insert(hash, key, landed.kept, now, landed.life);
                            gone.results.extend(removed);
                        }
                    }
                }
                (place, gone)
            };
            let (place, gone) = self.search(py, view, hash, now, true, conclude)?;
            drop(gone);
            match place {
                None => break,
                Some(Place::Result(_)) => found = true,
                Some(Place::Flight(_)) => {}
            }
        }
        if found {
            self.0.with(|state| state.invalidated += 1);
        }
        Ok(found)
    }

    /// Takes out the results with a tag. What is under way is not kept when it lands, because its tags are not known yet.
    pub(super) fn remove_tagged(&self, tag: &str) -> usize {
        let gone = self.0.with(|state| {
            state.clears += 1;
            let tagged: Vec<EntryId> = state
                .results
                .ids(0)
                .into_iter()
                .filter(|id| {
                    let entry = state.results.get(*id);
                    entry.is_some_and(|(_, kept)| kept.has_tag(tag))
                })
                .collect();
            let results: Vec<_> = tagged.into_iter().filter_map(|id| state.results.remove(id)).collect();
            state.invalidated += results.len() as u64;
            Gone {
                results,
                flights: state.detach_all(),
            }
        });
        gone.results.len()
    }

    /// The results that are handed out, with their keys.
    pub(super) fn items(&self, now: u64) -> Vec<(Key, Owned)> {
        self.0.with(|state| {
            let live = state
                .results
                .ids(now)
                .into_iter()
                .filter_map(|id| state.results.get(id));
            let served = live.filter(|(_, kept)| kept.is_served(now) && !kept.has_failed());
            served.map(|(key, kept)| (key.clone(), kept.value.clone())).collect()
        })
    }

    /// Looks for an equal key. `conclude` is told where it is, or that it is nowhere, under the same borrow in which that
    /// was seen, and where an old result is that is kept in reserve; keys that only their own methods can compare are
    /// compared before, with nothing borrowed.
    fn search<R>(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        hash: u64,
        now: u64,
        flights: bool,
        mut conclude: impl FnMut(&mut State, Option<Place>, Option<EntryId>) -> R,
    ) -> Result<R, Raised> {
        let mut compared: Vec<(Place, bool)> = Vec::new();
        loop {
            let step = self.0.with(|state| {
                if flights {
                    state.settle();
                }
                let (mut unsure, mut old) = (None, None);
                for place in state.places(hash, now, flights) {
                    let Some(key) = state.key(place) else { continue };
                    let sameness = match compared.iter().find(|(known, _)| *known == place) {
                        Some((_, true)) => Sameness::Same,
                        Some((_, false)) => Sameness::Different,
                        None => key.compare(py, view),
                    };
                    match (sameness, place) {
                        (Sameness::Same, Place::Result(id)) if !state.is_served(id, now) => old = Some(id),
                        (Sameness::Same, _) => return Ok(conclude(state, Some(place), old)),
                        (Sameness::Different, _) => {}
                        (Sameness::Unknown, _) => unsure = unsure.or_else(|| Some((place, key.clone()))),
                    }
                }
                match unsure {
                    None => Ok(conclude(state, None, old)),
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
            Gone {
                results: state.results.clear(),
                flights: state.detach_all(),
            }
        })
    }

    /// Whether there may be a result under this hash.
    pub(super) fn holds(&self, hash: u64) -> bool {
        self.0.with(|state| {
            let latest = state.latest.as_ref();
            latest.is_some_and(|latest| latest.hash == hash) || state.places(hash, 0, true).next().is_some()
        })
    }

    /// Takes out the results of an instance that is gone, all of which have one of these hashes.
    pub(super) fn forget(&self, py: Python<'_>, reference: &Owned, hashes: &[u64]) -> Vec<(Key, Kept)> {
        self.0.with(|state| {
            let ids = hashes.iter().flat_map(|&hash| state.results.candidates(hash, 0));
            let ids: Vec<EntryId> = ids
                .filter(|id| state.results.get(*id).is_some_and(|(key, _)| key.is_of(py, reference)))
                .collect();
            ids.into_iter().filter_map(|id| state.results.remove(id)).collect()
        })
    }

    /// Frees what has expired, in steps between which others get their turn.
    pub(super) fn sweep(&self, now: u64) {
        loop {
            let removed: Removed<Key, Kept> = self.0.with(|state| state.results.expire_some(now, SWEPT_AT_ONCE));
            if removed.is_empty() {
                break;
            }
        }
    }

    /// What has been counted.
    pub(super) fn counts(&self) -> Counts {
        self.0.with(|state| Counts {
            entries: state.results.len(),
            weight: state.results.weight(),
            evictions: state.results.evictions(),
            invalidated: state.invalidated,
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        let Some(state) = self.0.try_lock() else { return };
        state.results.traverse(|key, kept| {
            key.parts().iter().for_each(&mut *visit);
            visit(&kept.value);
        });
        let latest = state.latest.iter().flat_map(|latest| latest.key.parts());
        latest.for_each(&mut *visit);
        state.flights.traverse(|key, leading| {
            key.parts().iter().for_each(&mut *visit);
            leading.flight.get().into_iter().for_each(&mut *visit);
        });
        state.detached.iter().for_each(|(_, flight)| visit(flight));
    }
}

impl State {
    fn places(&self, hash: u64, now: u64, flights: bool) -> impl Iterator<Item = Place> + use<> {
        let flights = flights.then(|| self.flights.candidates(hash)).into_iter().flatten();
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
        Some(Found::Busy(leading.caller.clone(), id, flight))
    }

    fn lead(&mut self, key: Key, hash: u64, caller: Caller, replaces: Option<EntryId>) -> EntryId {
        let leading = Leading {
            caller,
            flight: OnceLock::new(),
            replaces,
        };
        self.flights.add(hash, key, leading)
    }

    /// The same with a flight already.
    fn lead_with(
        &mut self,
        key: Key,
        hash: u64,
        caller: Caller,
        replaces: Option<EntryId>,
        flight: Option<&Owned>,
    ) -> EntryId {
        let ticket = self.lead(key, hash, caller, replaces);
        if let (Some(flight), Some(leading)) = (flight, self.flights.get_mut(ticket)) {
            leading.flight.get_or_init(|| flight.clone());
        }
        ticket
    }

    /// Takes out a flight, and remembers who waits for it.
    fn detach(&mut self, id: EntryId) -> Option<(Key, Leading)> {
        let mut flight = self.flights.remove(id)?;
        if let Some(waited_for) = flight.1.flight.take() {
            self.detached.push((id, waited_for));
        }
        Some(flight)
    }

    fn detach_all(&mut self) -> Vec<(Key, Leading)> {
        self.settle();
        let ids = self.flights.ids();
        ids.into_iter().filter_map(|id| self.detach(id)).collect()
    }

    fn is_served(&self, id: EntryId, now: u64) -> bool {
        self.results.get(id).is_some_and(|(_, kept)| kept.is_served(now))
    }
}
