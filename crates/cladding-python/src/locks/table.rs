//! What is locked now. An entry lives only while somebody holds or wants it, so nothing is kept on the objects
//! themselves, and nothing is left behind.
//!
//! Locks are re-entrant for their holder. Among threads a lock that is let go may be taken by whoever comes first, which
//! spares a switch of threads for each call; a waiter that has lost such a race once gets it handed over. Tasks are
//! served in their order: the lock is handed over always.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::LazyLock;

use cladding_capi::{Guarded, Owned};
use pyo3::prelude::*;

use super::holder::Holder;
use crate::flight::{Flight, Landing};

/// Threads and tasks do not exclude each other: a thread that waits for a task of its own event loop would wait for ever.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum World {
    Threads,
    Tasks,
}

/// What is locked: an object's address, in one of the two worlds. Addresses are even.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Key(usize);

impl Key {
    #[inline]
    pub(crate) fn new(address: usize, world: World) -> Self {
        Self(address << 1 | usize::from(world == World::Tasks))
    }

    #[inline]
    pub(crate) fn world(self) -> World {
        if self.0 & 1 == 1 { World::Tasks } else { World::Threads }
    }

    /// As a slot keeps it.
    #[inline]
    pub(crate) fn number(self) -> u64 {
        self.0 as u64
    }

    /// What a slot kept.
    #[inline]
    pub(crate) fn from_number(number: u64) -> Self {
        Self(number as usize)
    }
}

/// One holding of a lock, which tells it from others of the same lock.
pub(crate) type Hold = u32;

/// A place in a queue. If the lock is handed over, it is the hold as well.
pub(crate) type Ticket = u32;

/// What came of asking.
pub(crate) enum Asked {
    /// The lock is held from now on.
    Held(Hold),
    /// Wait for the flight that was offered.
    Queued(Ticket),
}

struct Entry {
    /// Nobody while a waiter that was woken is on its way.
    holder: Holder,
    depth: u32,
    hold: Hold,
    queue: VecDeque<Waiter>,
}

struct Waiter {
    ticket: Ticket,
    holder: Holder,
    flight: Owned,
    /// Whether the lock is handed over, rather than let go for whoever is first.
    handed: bool,
}

#[derive(Default)]
struct Entries {
    map: HashMap<Key, Entry, BuildHasherDefault<Spread>>,
    last: u32,
}

/// Addresses are well apart already; one multiplication spreads them over the high bits, which the table looks at too.
#[derive(Default)]
struct Spread(u64);

impl Hasher for Spread {
    #[inline]
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    #[inline]
    fn write_usize(&mut self, number: usize) {
        let wide = u128::from(self.0 ^ number as u64) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (wide as u64) ^ ((wide >> 64) as u64);
    }
}

/// The locks of the process.
pub(crate) static TABLE: LazyLock<Table> = LazyLock::new(|| Table(Guarded::new(Entries::default())));

pub(crate) struct Table(Guarded<Entries>);

impl Table {
    /// Takes a lock if that can be done at once.
    #[inline]
    pub(crate) fn take(&self, key: Key, holder: Holder) -> Option<Hold> {
        self.0.with(|entries| entries.take(key, holder))
    }

    /// Takes a lock or queues for it. `again` is for a waiter that was woken and lost the race: it goes first, and is handed
    /// the lock the next time.
    pub(crate) fn queue(&self, key: Key, holder: Holder, flight: &Owned, again: bool) -> Asked {
        self.0.with(|entries| {
            if let Some(hold) = entries.take(key, holder) {
                return Asked::Held(hold);
            }
            let ticket = entries.number();
            let waiter = Waiter {
                ticket,
                holder,
                flight: flight.clone(),
                handed: again || key.world() == World::Tasks,
            };
            if let Some(entry) = entries.map.get_mut(&key) {
                if again {
                    entry.queue.push_front(waiter);
                } else {
                    entry.queue.push_back(waiter);
                }
            }
            Asked::Queued(ticket)
        })
    }

    /// Whether the lock was handed over to this ticket.
    pub(crate) fn was_handed(&self, key: Key, ticket: Ticket) -> bool {
        self.0
            .with(|entries| entries.map.get(&key).is_some_and(|entry| entry.hold == ticket))
    }

    /// Leaves a lock once. A hold that a fork has ended is none any more, which is no error.
    #[inline]
    pub(crate) fn leave(&self, py: Python<'_>, key: Key, hold: Hold) {
        if let Some(flight) = self.0.with(|entries| entries.leave(key, hold)) {
            wake(py, &flight);
        }
    }

    /// Leaves a lock once, for a holder that kept no hold. False if somebody else has it.
    pub(crate) fn leave_held(&self, py: Python<'_>, key: Key, holder: Holder) -> bool {
        let left = self.0.with(|entries| match entries.map.get(&key) {
            None => Some(None),
            Some(entry) if entry.holder == holder => {
                let hold = entry.hold;
                Some(entries.leave(key, hold))
            }
            Some(_) => None,
        });
        if let Some(Some(flight)) = &left {
            wake(py, flight);
        }
        left.is_some()
    }

    /// Gives a place in a queue up, whatever has become of it.
    pub(crate) fn give_up(&self, py: Python<'_>, key: Key, ticket: Ticket) {
        let (withdrawn, flight) = self.0.with(|entries| {
            let Some(entry) = entries.map.get_mut(&key) else {
                return (None, None);
            };
            if let Some(place) = entry.queue.iter().position(|waiter| waiter.ticket == ticket) {
                return (entry.queue.remove(place), None);
            }
            if entry.hold == ticket && entry.holder != Holder::NOBODY {
                return (None, entries.leave(key, ticket));
            }
            // It was woken, and the lock may still be free: then the next one is.
            if entry.holder == Holder::NOBODY {
                return (None, entries.pass_on(key));
            }
            (None, None)
        });
        drop(withdrawn);
        if let Some(flight) = flight {
            wake(py, &flight);
        }
    }

    /// In the child of a fork: what only the thread that forked can still let go stays locked.
    pub(super) fn forked(&self, py: Python<'_>, survivor: Holder) {
        let (gone, woken) = self.0.with(|entries| {
            let (mut gone, mut woken) = (Vec::new(), Vec::new());
            let keys: Vec<Key> = entries.map.keys().copied().collect();
            for key in keys {
                let Some(entry) = entries.map.get_mut(&key) else {
                    continue;
                };
                if key.world() == World::Tasks {
                    gone.extend(entries.map.remove(&key).into_iter().flat_map(|entry| entry.queue));
                    continue;
                }
                let (stay, leave): (VecDeque<_>, VecDeque<_>) =
                    entry.queue.drain(..).partition(|waiter| waiter.holder == survivor);
                gone.extend(leave);
                entry.queue = stay;
                if entry.holder != survivor {
                    woken.extend(entries.pass_on(key));
                }
            }
            (gone, woken)
        });
        drop(gone);
        for flight in woken {
            wake(py, &flight);
        }
    }

    /// How many locks are held or wanted.
    pub(super) fn len(&self) -> usize {
        self.0.with(|entries| entries.map.len())
    }
}

impl Entries {
    #[inline]
    fn number(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }

    #[inline]
    fn take(&mut self, key: Key, holder: Holder) -> Option<Hold> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        self.last = self.last.wrapping_add(1);
        let hold = self.last;
        match self.map.entry(key) {
            Vacant(place) => {
                place.insert(Entry {
                    holder,
                    depth: 1,
                    hold,
                    queue: VecDeque::new(),
                });
                Some(hold)
            }
            Occupied(mut place) => {
                let entry = place.get_mut();
                if entry.holder == holder {
                    entry.depth += 1;
                } else if entry.holder == Holder::NOBODY {
                    (entry.holder, entry.depth, entry.hold) = (holder, 1, hold);
                } else {
                    return None;
                }
                Some(entry.hold)
            }
        }
    }

    /// What is to be woken comes back: nothing may be called while the table is being changed.
    #[inline]
    fn leave(&mut self, key: Key, hold: Hold) -> Option<Owned> {
        use std::collections::hash_map::Entry::{Occupied, Vacant};
        match self.map.entry(key) {
            Occupied(mut place) => {
                let entry = place.get_mut();
                if entry.hold != hold || entry.holder == Holder::NOBODY {
                    return None;
                }
                entry.depth -= 1;
                if entry.depth > 0 {
                    return None;
                }
                if entry.queue.is_empty() {
                    place.remove();
                    return None;
                }
                self.pass_on(key)
            }
            Vacant(_) => None,
        }
    }

    /// Hands a lock that nobody holds over, or wakes the first who wants it.
    #[cold]
    fn pass_on(&mut self, key: Key) -> Option<Owned> {
        let entry = self.map.get_mut(&key)?;
        let Some(waiter) = entry.queue.pop_front() else {
            self.map.remove(&key);
            return None;
        };
        if waiter.handed {
            (entry.holder, entry.depth, entry.hold) = (waiter.holder, 1, waiter.ticket);
        } else if entry.queue.is_empty() {
            self.map.remove(&key);
        } else {
            entry.holder = Holder::NOBODY;
        }
        Some(waiter.flight)
    }
}

#[cold]
fn wake(py: Python<'_>, flight: &Owned) {
    if let Ok(flight) = flight.bound(py).cast::<Flight>() {
        flight.get().land(py, Landing::Abandoned);
    }
}
