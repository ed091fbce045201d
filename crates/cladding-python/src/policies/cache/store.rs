//! What a cache holds, over Python's objects: the engine's machine behind a short lock, and keys compared with it let go.

use std::cell::RefCell;
use std::sync::Arc;

use cladding_capi::keys::Sameness;
use cladding_capi::{Guarded, Owned, Raised};
use cladding_engine::cache::{self, EntryId, Evictions, Flights, Landing, Life, Sought, Under, Withdrawn};
use pyo3::prelude::*;

use super::caller::{Caller, Thread};
use super::kept::{Kept, Note};
use super::key::{Key, Quick, View};
use super::life::after;
use super::wire::{Note as Terms, Opened};
use crate::clock;
use crate::hooks::SlotData;

mod simple;

/// The contents, behind one short lock.
pub(super) struct Store(Guarded<State>);

/// The state machine of the engine, over Python's keys and values; those who wait do so by a `Flight`.
type Machine = Flights<Key, Kept, Caller, Owned, Thread>;

/// What has left the store, for the caller to drop once nothing is borrowed.
pub(super) type Gone = cache::Gone<Key, Kept, Caller>;

struct State {
    flights: Machine,
    /// What the call of a simple computation remembers, kept for the next.
    spare: Option<Box<dyn SlotData>>,
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

/// What is to be kept of a computation.
pub(super) struct Landed {
    pub(super) kept: Kept,
    pub(super) life: Life,
    pub(super) now: u64,
    /// What a store that processes share is told, where there is one.
    pub(super) terms: Option<Box<Terms>>,
}

impl Landed {
    /// What came from a store that processes share.
    pub(super) fn of(opened: &Opened, weight: u32) -> Self {
        Self {
            kept: Kept {
                value: opened.value.clone(),
                note: None,
            },
            life: Life {
                expires_at: u64::MAX,
                weight,
            },
            now: clock::ticks(),
            terms: Some(Box::new(opened.note.clone())),
        }
    }

    /// The same for no longer than so many seconds, without being old meanwhile.
    pub(super) fn for_a_while(self, seconds: f64) -> Self {
        let Some(terms) = &self.terms else { return self };
        let seconds = terms.fresh_for.map_or(seconds, |fresh| fresh.min(seconds));
        let until = after(self.now, seconds);
        let noted = terms.failed || !terms.tags.is_empty();
        let note = noted.then(|| {
            Arc::new(Note {
                failed: terms.failed,
                fresh_until: until,
                served_until: until,
                took: 0,
                tags: terms.tags.clone(),
            })
        });
        Self {
            kept: Kept { note, ..self.kept },
            life: Life {
                expires_at: until,
                ..self.life
            },
            ..self
        }
    }
}

impl From<Landed> for Landing<Kept> {
    fn from(landed: Landed) -> Self {
        let Landed { kept, life, now, .. } = landed;
        Self { value: kept, life, now }
    }
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
            flights: Flights::new(max_entries, max_weight),
            spare: None,
        }))
    }

    /// Takes one step of the machine.
    #[inline]
    fn step<R>(&self, work: impl FnOnce(&mut Machine) -> R) -> R {
        self.0.with(|state| work(&mut state.flights))
    }

    /// The result under a key, as far as that can be found without running code.
    #[inline]
    pub(super) fn find(&self, py: Python<'_>, view: &View<'_>, hash: u64, now: u64) -> Option<Hit> {
        self.step(|flights| {
            let (id, kept) = flights.find(hash, now, |key| key.compare(py, view) == Sameness::Same)?;
            Some(Hit::of(id, kept))
        })
    }

    /// The result under the key of a call as most are; or whether there is another one with the same hash.
    #[inline]
    pub(super) fn find_quickly(&self, py: Python<'_>, quick: Quick<'_>, hash: u64, now: u64) -> Result<Hit, bool> {
        self.step(|flights| {
            let mut others = false;
            let found = flights.find(hash, now, |key| {
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
        let mut spare = Some((Key::of(py, view), caller.clone()));
        let at_once = self.step(|flights| {
            if !flights.is_free(hash) {
                return None;
            }
            let (key, caller) = spare.take()?;
            Some(led(flights, hash, key, caller, &Sought::default(), offered))
        });
        if let Some(ticket) = at_once {
            return Ok(Found::Nothing(ticket, None));
        }
        loop {
            let conclude = |flights: &mut Machine, sought: &Sought| match sought.place {
                Some(Under::Result(id)) => {
                    flights.touch(id);
                    let (_, kept) = flights.get(id)?;
                    Some(Found::Result(id, kept.clone()))
                }
                Some(Under::Flight(ticket)) => {
                    let (leader, flight) = flights.join(ticket, offered)?;
                    Some(Found::Busy(leader.clone(), ticket, flight.cloned()))
                }
                None => spare.take().map(|(key, caller)| {
                    let reserve = sought.old.and_then(|id| flights.get(id));
                    let reserve = reserve.map(|(_, kept)| kept.clone());
                    Found::Nothing(led(flights, hash, key, caller, sought, offered), reserve)
                }),
            };
            if let Some(found) = self.search(py, view, hash, now, true, conclude)? {
                return Ok(found);
            }
        }
    }

    /// What is under a key and may be handed out.
    pub(super) fn look(&self, py: Python<'_>, view: &View<'_>, hash: u64, now: u64) -> Result<Option<Kept>, Raised> {
        let conclude = |flights: &mut Machine, sought: &Sought| match sought.place {
            Some(Under::Result(id)) => flights.get(id).map(|(_, kept)| kept.clone()),
            Some(Under::Flight(_)) | None => None,
        };
        self.search(py, view, hash, now, false, conclude)
    }

    /// A ticket to compute anew what is still there, unless somebody does already.
    pub(super) fn lead_again(&self, id: EntryId, hash: u64, caller: Caller) -> Option<EntryId> {
        self.step(|flights| flights.lead_again(id, hash, caller)).ok()
    }

    /// Says who it is that computes.
    pub(super) fn begin(&self, ticket: EntryId, caller: Caller) {
        let old = self.step(|flights| flights.hand_over(ticket, caller));
        drop(old);
    }

    /// Ends a computation. A result is kept, unless it was invalidated since it began. Gives the flight of those who wait,
    /// if anybody does.
    pub(super) fn land(&self, ticket: EntryId, hash: u64, result: Option<Landed>) -> Option<Owned> {
        let result = result.map(Landing::from);
        self.step(|flights| flights.land(ticket, hash, result)).flight
    }

    /// Ends a computation without a result, to go on without a ticket. Gives its key, if the cache was not cleared
    /// since it began, and how often the cache has been cleared.
    pub(super) fn withdraw(&self, ticket: EntryId) -> (Option<(Key, u64)>, Option<Owned>) {
        let Withdrawn { key, flight, .. } = self.step(|flights| flights.withdraw(ticket));
        (key, flight)
    }

    /// Keeps a result without a ticket, if nothing has been invalidated since, there is none yet and nobody computes one.
    pub(super) fn add(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        clears: u64,
        hash: u64,
        result: Landed,
    ) -> Result<(), Raised> {
        let now = result.now;
        let mut spare = Some((Key::of(py, view), result.into()));
        let conclude = |flights: &mut Machine, sought: &Sought| {
            let (key, landing) = spare.take()?;
            Some(flights.add(sought, clears, hash, key, landing))
        };
        self.search(py, view, hash, now, true, conclude).map(drop)
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
        let mut spare = result.map(|landed| (Key::of(py, view), landed.into()));
        let mut found = false;
        loop {
            let conclude = |flights: &mut Machine, sought: &Sought| {
                let put = if sought.place.is_none() { spare.take() } else { None };
                (sought.place, flights.replace(sought, hash, put))
            };
            let (place, gone) = self.search(py, view, hash, now, true, conclude)?;
            drop(gone);
            match place {
                None => return Ok(found),
                Some(Under::Result(_)) => found = true,
                Some(Under::Flight(_)) => {}
            }
        }
    }

    /// Takes out the results with a tag. What is under way is not kept when it lands, because its tags are not known yet.
    pub(super) fn remove_tagged(&self, tag: &str) -> usize {
        let gone = self.step(|flights| flights.invalidate(|kept| kept.has_tag(tag)));
        gone.results()
    }

    /// The results that are handed out, with their keys.
    pub(super) fn items(&self, now: u64) -> Vec<(Key, Owned)> {
        self.step(|flights| {
            let good = flights.served(now).filter(|(_, kept)| !kept.has_failed());
            good.map(|(key, kept)| (key.clone(), kept.value.clone())).collect()
        })
    }

    /// Looks for an equal key. `conclude` is told what is under it under the same borrow in which that was seen; keys that
    /// only their own methods can compare are compared before, with nothing borrowed.
    fn search<R>(
        &self,
        py: Python<'_>,
        view: &View<'_>,
        hash: u64,
        now: u64,
        flights: bool,
        mut conclude: impl FnMut(&mut Machine, &Sought) -> R,
    ) -> Result<R, Raised> {
        let mut compared: Vec<(Under, bool)> = Vec::new();
        loop {
            let step = self.step(|machine| {
                let same = |place: Under, key: &Key| match compared.iter().find(|(known, _)| *known == place) {
                    Some((_, same)) => Some(*same),
                    None => match key.compare(py, view) {
                        Sameness::Same => Some(true),
                        Sameness::Different => Some(false),
                        Sameness::Unknown => None,
                    },
                };
                match machine.seek(hash, now, flights, same) {
                    Ok(sought) => Ok(conclude(machine, &sought)),
                    Err(place) => Err((place, machine.key(place).cloned())),
                }
            });
            match step {
                Ok(result) => return Ok(result),
                Err((place, Some(key))) => compared.push((place, key.equals(py, view)?)),
                Err((_, None)) => {}
            }
        }
    }

    /// Empties the cache. What is under way is not kept when it lands.
    pub(super) fn clear(&self) -> Gone {
        self.step(Machine::clear)
    }

    /// Whether there may be a result under this hash.
    pub(super) fn holds(&self, hash: u64) -> bool {
        self.step(|flights| flights.holds(hash))
    }

    /// Takes out the results of an instance that is gone, all of which have one of these hashes.
    pub(super) fn forget(&self, py: Python<'_>, reference: &Owned, hashes: &[u64]) -> Gone {
        self.step(|flights| flights.forget(hashes, |key| key.is_of(py, reference)))
    }

    /// Frees what has expired, in steps between which others get their turn.
    pub(super) fn sweep(&self, now: u64) {
        loop {
            let removed = self.step(|flights| flights.expire_some(now, SWEPT_AT_ONCE));
            if removed.is_empty() {
                break;
            }
        }
    }

    /// The result that came last under a hash.
    pub(super) fn newest(&self, hash: u64) -> Option<EntryId> {
        self.step(|flights| flights.newest(hash))
    }

    /// Takes out results.
    pub(super) fn remove(&self, ids: &[EntryId]) -> Gone {
        self.step(|flights| flights.remove(ids))
    }

    /// Whether a result is still there.
    pub(super) fn has(&self, id: EntryId) -> bool {
        self.step(|flights| flights.get(id).is_some())
    }

    /// What has been counted.
    pub(super) fn counts(&self) -> Counts {
        self.step(|flights| Counts {
            entries: flights.len(),
            weight: flights.weight(),
            evictions: flights.evictions(),
            invalidated: flights.invalidated(),
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        let Some(state) = self.0.try_lock() else { return };
        let visit = RefCell::new(visit);
        let one = |object: &Owned| (visit.borrow_mut())(object);
        state
            .flights
            .traverse(|key| key.parts().iter().for_each(one), |kept| one(&kept.value), one);
    }
}

/// A ticket, and a flight with it if one is there already.
fn led(flights: &mut Machine, hash: u64, key: Key, caller: Caller, sought: &Sought, flight: Option<&Owned>) -> EntryId {
    let ticket = flights.lead(hash, key, caller, sought);
    if flight.is_some() {
        flights.join(ticket, flight);
    }
    ticket
}
