//! Results, and who computes those that are not there: one computation for a key, whoever asks meanwhile.
//!
//! [`Flights`] is a state machine, to be kept behind a lock that is held for one step at a time. It runs no foreign code and
//! drops nothing of its user's: what leaves is given back. It does not know how one waits: a waiter's *flight* is a value
//! of the user's, made when the first one comes, stored here beside the computation and handed to whoever ends it.
//!
//! # A computation
//!
//! It begins with [`lead`](Flights::lead), which gives a *ticket*, and ends with [`land`](Flights::land) or
//! [`withdraw`](Flights::withdraw). What is invalidated or cleared in between is *detached*: its key is free for another
//! leader at once, whoever waits goes on waiting for it, and nothing is kept of it when it lands.
//!
//! Most computations are simple (of a plain function, with nothing to replace and nobody who waits) and over before anybody
//! else asks. Those have a place of their own, without an entry in any index ([`lead_quickly`](Flights::lead_quickly),
//! [`land_quickly`](Flights::land_quickly)), and become like the others when somebody looks.
//!
//! # Keys whose comparison runs foreign code
//!
//! [`seek`](Flights::seek) is told of each key under a hash whether it is the same; where that cannot be told while the
//! machine is borrowed, it says which one has to be compared, and is asked again with the answer. What follows must be done
//! under the borrow of the last, conclusive step.

mod ends;
mod quick;
#[cfg(test)]
mod test_model;
#[cfg(test)]
mod test_schedules;
#[cfg(test)]
mod test_steps;

use std::fmt;

pub use self::ends::{Gone, Landed, Landing, Left, Withdrawn};
use self::quick::Quick;
use super::{EntryId, Evictions, Lru, Removed, Table};

/// A result that is of use for a while after its time.
pub trait Reserved {
    /// Whether it may be handed out at that time, and is not only kept in reserve.
    fn is_served(&self, now: u64) -> bool;
}

/// Results of type `V` under keys of type `K`, and computations under way by callers of type `C`, for which others wait by
/// flights of type `W`. Callers of simple computations may be of a smaller type `B`,
/// which has nothing to drop.
///
/// ```
/// use cladding_engine::cache::{Flights, Landing, Life, Reserved, Sought, Under};
///
/// struct Value(u32);
/// impl Reserved for Value {
///     fn is_served(&self, _now: u64) -> bool {
///         true
///     }
/// }
///
/// let mut flights = Flights::new(None, None);
/// let ticket = flights.lead(7, "key", "me", &Sought::default());
///
/// // Somebody else asks for the same:
/// let sought = flights.seek(7, 0, true, |_, key| Some(*key == "key")).unwrap();
/// let Some(Under::Flight(busy)) = sought.place else { unreachable!() };
/// let (caller, flight) = flights.join(busy, Some(&"waits")).unwrap();
/// assert_eq!((*caller, flight), ("me", Some(&"waits")));
///
/// let landed = flights.land(ticket, 7, Some(Landing { value: Value(42), life: Life::ENDLESS, now: 0 }));
/// assert_eq!(landed.flight, Some("waits"), "now wake them");
/// assert!(flights.find(7, 0, |key| *key == "key").is_some_and(|(_, value)| value.0 == 42));
/// ```
pub struct Flights<K, V, C, W, B = C> {
    results: Table<K, V>,
    quick: Quick<K, B>,
    /// Without a bound, so without an order.
    under_way: Lru<K, Leading<C, W>>,
    /// Computations whose result was invalidated, and for which somebody waits: they land, but nothing is kept of them.
    detached: Vec<(EntryId, W)>,
    /// How often something was taken out on request.
    clears: u64,
    invalidated: u64,
}

/// A computation under way.
struct Leading<C, W> {
    caller: C,
    /// There once somebody waits.
    flight: Option<W>,
    /// The old result that it is to replace.
    replaces: Option<EntryId>,
}

/// What is under a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Under {
    /// A result.
    Result(EntryId),
    /// A computation under way, with its ticket.
    Flight(EntryId),
}

/// What [`Flights::seek`] has found out of a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sought {
    /// What is under it; `None` for nothing.
    pub place: Option<Under>,
    /// A result that is no longer served but kept in reserve.
    pub old: Option<EntryId>,
}

impl<K, V: Reserved, C: From<B>, W, B: Copy> Flights<K, V, C, W, B> {
    /// No results yet, of which there are to be at most `max_entries` that weigh at most `max_weight` together.
    pub fn new(max_entries: Option<usize>, max_weight: Option<u64>) -> Self {
        Self {
            results: Table::new(max_entries, max_weight),
            quick: Quick::default(),
            under_way: Lru::new(None),
            detached: Vec::new(),
            clears: 0,
            invalidated: 0,
        }
    }

    /// Finds the live result under `hash` whose key is the `same`, in reserve or not, and notes its use.
    ///
    /// For keys whose comparison runs no foreign code.
    #[inline]
    pub fn find(&self, hash: u64, now: u64, same: impl FnMut(&K) -> bool) -> Option<(EntryId, &V)> {
        self.results.find(hash, now, same)
    }

    /// What is under a key, of which `same` says whether it is the one, or `None` where that takes foreign code. `Err` names
    /// the place of such a key, if the others leave it open: compare it with nothing borrowed and ask again. Computations
    /// under way are looked at if `flights`.
    pub fn seek(
        &mut self,
        hash: u64,
        now: u64,
        flights: bool,
        mut same: impl FnMut(Under, &K) -> Option<bool>,
    ) -> Result<Sought, Under> {
        let mut sought = Sought::default();
        let mut unsure = None;
        for id in self.results.candidates(hash, now) {
            let Some((key, value)) = self.results.get(id) else {
                continue;
            };
            match same(Under::Result(id), key) {
                Some(true) if value.is_served(now) => {
                    sought.place = Some(Under::Result(id));
                    return Ok(sought);
                }
                Some(true) => sought.old = Some(id),
                Some(false) => {}
                None => unsure = unsure.or(Some(Under::Result(id))),
            }
        }
        if flights {
            self.settle();
            for id in self.under_way.candidates(hash) {
                let Some((key, _)) = self.under_way.get(id) else {
                    continue;
                };
                match same(Under::Flight(id), key) {
                    Some(true) => {
                        sought.place = Some(Under::Flight(id));
                        return Ok(sought);
                    }
                    Some(false) => {}
                    None => unsure = unsure.or(Some(Under::Flight(id))),
                }
            }
        }
        unsure.map_or(Ok(sought), Err)
    }

    /// The key of what is somewhere.
    pub fn key(&self, place: Under) -> Option<&K> {
        match place {
            Under::Result(id) => self.results.get(id).map(|(key, _)| key),
            Under::Flight(id) => self.under_way.get(id).map(|(key, _)| key),
        }
    }

    /// The result that `id` names, however old.
    #[inline]
    pub fn get(&self, id: EntryId) -> Option<(&K, &V)> {
        self.results.get(id)
    }

    /// Notes a use of the result that `id` names.
    pub fn touch(&self, id: EntryId) {
        self.results.touch(id);
    }

    /// Whether nothing at all is under a hash, so that no keys need be compared.
    pub fn is_free(&mut self, hash: u64) -> bool {
        self.settle();
        !self.results.has_hash(hash) && !self.under_way.has_hash(hash)
    }

    /// Whether there may be something under a hash, a computation under way included.
    pub fn holds(&self, hash: u64) -> bool {
        self.quick.has_hash(hash) || self.results.has_hash(hash) || self.under_way.has_hash(hash)
    }

    /// Begins a computation of a key under which nothing was `sought`. Gives its ticket.
    pub fn lead(&mut self, hash: u64, key: K, caller: C, sought: &Sought) -> EntryId {
        let leading = Leading {
            caller,
            flight: None,
            replaces: sought.old,
        };
        self.under_way.add(hash, key, leading)
    }

    /// Begins to compute anew what is still there, unless somebody does already. Otherwise the caller is given back.
    ///
    /// No keys are compared: a computation under the same hash that is known to replace something else is no obstacle, any
    /// other is, since it may have begun for this key, by a clock that was read later.
    pub fn lead_again(&mut self, id: EntryId, hash: u64, caller: C) -> Result<EntryId, C>
    where
        K: Clone,
    {
        self.settle();
        let is_refreshed = |other: EntryId| {
            let flight = self.under_way.get(other);
            flight.is_some_and(|(_, leading)| leading.replaces.is_none_or(|replaced| replaced == id))
        };
        if self.under_way.candidates(hash).any(is_refreshed) {
            return Err(caller);
        }
        let Some((key, _)) = self.results.get(id) else {
            return Err(caller);
        };
        let (key, old) = (key.clone(), Some(id));
        Ok(self.lead(hash, key, caller, &Sought { place: None, old }))
    }

    /// Who computes under a ticket, and by what others wait for it: what was offered first, if anything was. Waiting begins
    /// with an offer.
    pub fn join(&mut self, ticket: EntryId, offered: Option<&W>) -> Option<(&C, Option<&W>)>
    where
        W: Clone,
    {
        let leading = self.under_way.get_mut(ticket)?;
        if leading.flight.is_none() {
            leading.flight = offered.cloned();
        }
        Some((&leading.caller, leading.flight.as_ref()))
    }

    /// Says who it is that computes from now on. Gives back who it was, or the new one if the computation is over.
    pub fn hand_over(&mut self, ticket: EntryId, caller: C) -> C {
        match self.under_way.get_mut(ticket) {
            Some(leading) => std::mem::replace(&mut leading.caller, caller),
            None => caller,
        }
    }

    /// Ends a computation. A result is kept, in the place of the old one, unless its key was invalidated since it began.
    pub fn land(&mut self, ticket: EntryId, hash: u64, result: Option<Landing<V>>) -> Landed<K, V, C, W> {
        let mut left = Left::new();
        let Some((key, leading)) = self.under_way.remove(ticket) else {
            left.unkept = result.map(|landing| landing.value);
            let flight = self.land_detached(ticket);
            return Landed { flight, left };
        };
        match result {
            Some(Landing { value, life, now }) => {
                left.old = leading.replaces.and_then(|id| self.results.remove(id));
                left.removed = Some(self.results.insert(hash, key, value, now, life));
            }
            None => left.key = Some(key),
        }
        left.caller = Some(leading.caller);
        let flight = leading.flight;
        Landed { flight, left }
    }

    /// Ends a computation without a result, to go on without a ticket and [`add`](Self::add) one later.
    pub fn withdraw(&mut self, ticket: EntryId) -> Withdrawn<K, C, W> {
        match self.under_way.remove(ticket) {
            Some((key, leading)) => Withdrawn {
                key: Some((key, self.clears)),
                flight: leading.flight,
                caller: Some(leading.caller),
            },
            None => Withdrawn {
                key: None,
                flight: self.land_detached(ticket),
                caller: None,
            },
        }
    }

    /// Keeps a result without a ticket, if nothing was taken out on request since there were `clears`, and the key was
    /// `sought` in vain, among the computations too.
    pub fn add(&mut self, sought: &Sought, clears: u64, hash: u64, key: K, result: Landing<V>) -> Gone<K, V, C> {
        let mut gone = Gone::new();
        if sought.place.is_some() || self.clears != clears {
            gone.results.push((key, result.value));
            return gone;
        }
        gone.results.extend(sought.old.and_then(|id| self.results.remove(id)));
        let Landing { value, life, now } = result;
        gone.removed = Some(self.results.insert(hash, key, value, now, life));
        gone
    }

    /// Takes out what was found of a key, on request: the result, the old one, and the computation under way. Where nothing
    /// else was found, keeps `put` in its place.
    pub fn replace(&mut self, sought: &Sought, hash: u64, put: Option<(K, Landing<V>)>) -> Gone<K, V, C> {
        self.clears += 1;
        let mut gone = Gone::new();
        gone.results.extend(sought.old.and_then(|id| self.results.remove(id)));
        match sought.place {
            Some(Under::Result(id)) => {
                gone.results.extend(self.results.remove(id));
                self.invalidated += 1;
            }
            Some(Under::Flight(ticket)) => gone.callers.extend(self.detach(ticket)),
            None => {}
        }
        if let Some((key, Landing { value, life, now })) = put {
            debug_assert!(sought.place.is_none(), "what is there is to leave first");
            gone.removed = Some(self.results.insert(hash, key, value, now, life));
        }
        gone
    }

    /// Takes out, on request, the results that `is_meant` says. What is under way is not kept when it lands, because nobody
    /// knows yet what it will be.
    pub fn invalidate(&mut self, mut is_meant: impl FnMut(&V) -> bool) -> Gone<K, V, C> {
        self.clears += 1;
        let all = self.results.ids(0).into_iter();
        let meant: Vec<EntryId> = all
            .filter(|id| self.results.get(*id).is_some_and(|(_, value)| is_meant(value)))
            .collect();
        let gone = Gone {
            callers: self.detach_all(),
            ..self.remove(&meant)
        };
        self.invalidated += gone.results.len() as u64;
        gone
    }

    /// Takes out all results. What is under way is not kept when it lands.
    pub fn clear(&mut self) -> Gone<K, V, C> {
        self.clears += 1;
        Gone {
            results: self.results.clear(),
            removed: None,
            callers: self.detach_all(),
        }
    }

    /// Takes out the results under these hashes whose keys `is_meant` says.
    pub fn forget(&mut self, hashes: &[u64], mut is_meant: impl FnMut(&K) -> bool) -> Gone<K, V, C> {
        let ids = hashes.iter().flat_map(|&hash| self.results.candidates(hash, 0));
        let ids: Vec<EntryId> = ids
            .filter(|id| self.results.get(*id).is_some_and(|(key, _)| is_meant(key)))
            .collect();
        self.remove(&ids)
    }

    /// Takes out results.
    pub fn remove(&mut self, ids: &[EntryId]) -> Gone<K, V, C> {
        Gone {
            results: ids.iter().filter_map(|id| self.results.remove(*id)).collect(),
            ..Gone::new()
        }
    }

    /// Takes out results whose time is over, `limit` of them at most.
    pub fn expire_some(&mut self, now: u64, limit: usize) -> Removed<K, V> {
        self.results.expire_some(now, limit)
    }

    /// The results that are served at that time, in no order.
    pub fn served(&self, now: u64) -> impl Iterator<Item = (&K, &V)> {
        let live = self.results.ids(now).into_iter();
        live.filter_map(|id| self.results.get(id))
            .filter(move |(_, value)| value.is_served(now))
    }

    /// The result that came last under a hash.
    pub fn newest(&self, hash: u64) -> Option<EntryId> {
        self.results.newest(hash)
    }

    /// How many results there are, those included whose time is over and that are not freed yet.
    pub fn len(&self) -> usize {
        self.results.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.results.is_empty()
    }

    /// What all results weigh together.
    pub fn weight(&self) -> u64 {
        self.results.weight()
    }

    /// How many results had to leave, by cause.
    pub fn evictions(&self) -> Evictions {
        self.results.evictions()
    }

    /// How many results were taken out on request, one by one.
    pub const fn invalidated(&self) -> u64 {
        self.invalidated
    }

    /// Shows everything that is held, in no order: for a garbage collector that follows references.
    pub fn traverse(&self, mut key: impl FnMut(&K), mut value: impl FnMut(&V), mut flight: impl FnMut(&W)) {
        self.results.traverse(|of, result| {
            key(of);
            value(result);
        });
        self.quick.key().into_iter().for_each(&mut key);
        self.under_way.traverse(|of, leading| {
            key(of);
            leading.flight.iter().for_each(&mut flight);
        });
        self.detached.iter().for_each(|(_, detached)| flight(detached));
    }

    /// Takes out a computation, and remembers who waits for it.
    fn detach(&mut self, ticket: EntryId) -> Option<(K, C)> {
        let (key, leading) = self.under_way.remove(ticket)?;
        self.detached.extend(leading.flight.map(|flight| (ticket, flight)));
        Some((key, leading.caller))
    }

    fn detach_all(&mut self) -> Vec<(K, C)> {
        self.settle();
        let tickets = self.under_way.ids();
        tickets.into_iter().filter_map(|ticket| self.detach(ticket)).collect()
    }

    fn land_detached(&mut self, ticket: EntryId) -> Option<W> {
        let place = self.detached.iter().position(|(detached, _)| *detached == ticket)?;
        Some(self.detached.swap_remove(place).1)
    }
}

impl<K, V, C, W, B> fmt::Debug for Flights<K, V, C, W, B> {
    /// Shows no entry: that would run foreign code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights")
            .field("results", &self.results)
            .field("under_way", &self.under_way.len())
            .field("detached", &self.detached.len())
            .field("clears", &self.clears)
            .finish_non_exhaustive()
    }
}
