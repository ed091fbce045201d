//! The table itself: an index over the places, and who leaves when it is full.

use std::fmt;

use hashbrown::HashTable;

use super::ghost::Ghost;
use super::list::{Links, List};
use super::slab::{Slab, Slot};
use super::{Candidates, EntryId, Removed};

/// How many of the oldest entries an insertion looks at, to free those that have expired. Two for each one
/// that comes make sure that expired entries become fewer.
const EXPIRED_PER_INSERT: usize = 2;

/// More entries than this have no numbers.
const MOST_ENTRIES: usize = u32::MAX as usize - 1;

/// What an entry has to be asked for in the small queue to move on: the paper's "more than once".
const USES_TO_STAY: u8 = 2;

/// Why an entry had to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The table was full.
    Capacity,
    /// Its time was over.
    Expired,
}

/// How many entries had to leave since the table was made, by cause. What the caller removed is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Because the table was full.
    pub capacity: u64,
    /// Because their time was over.
    pub expired: u64,
}

impl Evictions {
    /// The count of one cause.
    pub const fn of(&self, cause: Cause) -> u64 {
        match cause {
            Cause::Capacity => self.capacity,
            Cause::Expired => self.expired,
        }
    }
}

/// Entries found by hash, bounded in number and age. The [module](super) says how and why.
///
/// Times are nanoseconds of one monotonic clock, and should not go back from call to call by more than
/// threads drift apart. Hashes may be weak (the identity on integers will do), since they are mixed again
/// here. The table does not know which keys are equal: look up before you insert.
///
/// ```
/// use cladding_engine::cache::Table;
///
/// const MINUTE: u64 = 60_000_000_000;
/// let mut table = Table::new(Some(10_000), Some(MINUTE));
/// let removed = table.insert(7, "key", 42, 0);
/// assert!(removed.is_empty());
///
/// // Where comparing keys is harmless:
/// assert!(table.find(7, 1, |key| *key == "key").is_some_and(|(_, value)| *value == 42));
///
/// // Where it may run foreign code, compare with the table let go:
/// for id in table.candidates(7, 1) {
///     let Some(key) = table.get(id).map(|(key, _)| *key) else { continue };
///     if key == "key" {
///         table.touch(id);
///     }
/// }
/// assert!(table.find(7, MINUTE, |_| true).is_none(), "a minute later it is gone");
/// ```
pub struct Table<K, V> {
    /// Places, by mixed hash.
    index: HashTable<u32>,
    slab: Slab<K, V>,
    /// `u64::MAX` where entries do not age.
    ttl_nanos: u64,
    max_entries: usize,
    small: List,
    main: List,
    /// Links of `small` and `main`.
    queue_links: Links,
    /// All entries in the order in which they came.
    ages: List,
    age_links: Links,
    ghost: Ghost,
    evictions: Evictions,
}

impl<K, V> Table<K, V> {
    /// An empty table of at most `max_entries` entries that live for `ttl_nanos` each; `None` for no bound.
    ///
    /// With a bound of 0 or a life of 0 nothing is ever found. No memory is taken before entries come.
    pub fn new(max_entries: Option<usize>, ttl_nanos: Option<u64>) -> Self {
        let max_entries = max_entries.unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES);
        Self {
            index: HashTable::new(),
            slab: Slab::new(),
            ttl_nanos: ttl_nanos.unwrap_or(u64::MAX),
            max_entries,
            small: List::new(),
            main: List::new(),
            queue_links: Links::default(),
            ages: List::new(),
            age_links: Links::default(),
            ghost: Ghost::new(max_entries - small_share(max_entries)),
            evictions: Evictions::default(),
        }
    }

    /// Finds the live entry under `hash` whose key is the `same`, and counts its use.
    ///
    /// For keys whose comparison runs no foreign code: the table is borrowed meanwhile.
    #[inline]
    pub fn find(&self, hash: u64, now: u64, mut same: impl FnMut(&K) -> bool) -> Option<(EntryId, &V)> {
        let place = *self.index.find(mix(hash), |&place| {
            let slot = self.slab.slot(place);
            slot.hash == hash && !self.is_expired(slot, now) && slot.entry.as_ref().is_some_and(|(key, _)| same(key))
        })?;
        let slot = self.slab.slot(place);
        slot.touch();
        let (_, value) = slot.entry.as_ref()?;
        let id = EntryId {
            place,
            generation: slot.generation,
        };
        Some((id, value))
    }

    /// The ids of all live entries under `hash`, for the caller to compare their keys.
    ///
    /// Counts no use: [`touch`](Self::touch) the one that was the same.
    #[inline]
    pub fn candidates(&self, hash: u64, now: u64) -> Candidates {
        let mut candidates = Candidates::default();
        for &place in self.index.iter_hash(mix(hash)) {
            let slot = self.slab.slot(place);
            if slot.hash == hash && !self.is_expired(slot, now) {
                candidates.push(self.slab.id(place));
            }
        }
        candidates
    }

    /// The entry that `id` names, however old; `None` if it has left.
    #[inline]
    pub fn get(&self, id: EntryId) -> Option<(&K, &V)> {
        let (key, value) = self.slab.find(id)?.entry.as_ref()?;
        Some((key, value))
    }

    /// Counts a use of the entry that `id` names, if it is there.
    #[inline]
    pub fn touch(&self, id: EntryId) {
        if let Some(slot) = self.slab.find(id) {
            slot.touch();
        }
    }

    /// Puts in an entry. Answers what had to leave: to make room, or because its time was over.
    ///
    /// An entry with an equal key that is there already stays, and which of the two is found is left open:
    /// [`remove`](Self::remove) it before.
    pub fn insert(&mut self, hash: u64, key: K, value: V, now: u64) -> Removed<K, V> {
        let mut removed = self.expire_hash(hash, now);
        self.expire_into(&mut removed, now, EXPIRED_PER_INSERT);
        if self.max_entries == 0 {
            removed.push((key, value));
            return removed;
        }
        self.shrink_into(&mut removed, self.max_entries - 1);
        let is_main = self.ghost.take(mix(hash));
        let place = self.slab.fill(hash, now, is_main, (key, value));
        self.queue(is_main).push(place);
        self.ages.push(&mut self.age_links, place);
        let slab = &self.slab;
        self.index
            .insert_unique(mix(hash), place, |&other| mix(slab.slot(other).hash));
        removed
    }

    /// Takes out the entry that `id` names, if it is there.
    pub fn remove(&mut self, id: EntryId) -> Option<(K, V)> {
        self.slab.find(id)?;
        self.take_out(id.place)
    }

    /// Takes out all entries and gives the table's memory back. Counts stay.
    pub fn clear(&mut self) -> Vec<(K, V)> {
        self.index = HashTable::new();
        self.small = List::new();
        self.main = List::new();
        self.ages = List::new();
        self.queue_links = Links::default();
        self.age_links = Links::default();
        self.ghost = Ghost::new(self.max_entries - small_share(self.max_entries));
        self.slab.drain()
    }

    /// Takes out entries whose time is over, the oldest first, `limit` of them at most.
    pub fn expire_some(&mut self, now: u64, limit: usize) -> Removed<K, V> {
        let mut removed = Removed::new();
        self.expire_into(&mut removed, now, limit);
        removed
    }

    /// Takes out the entries under `hash` whose time is over: after a miss that no insertion follows.
    pub fn expire_hash(&mut self, hash: u64, now: u64) -> Removed<K, V> {
        let mut removed = Removed::new();
        while let Some(place) = self.expired_under(hash, now) {
            self.evict(&mut removed, place, Cause::Expired);
        }
        removed
    }

    /// How many entries there are. Those whose time is over count until they are freed.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The bound on the number of entries; `None` where there is none.
    pub fn max_entries(&self) -> Option<usize> {
        (self.max_entries != MOST_ENTRIES).then_some(self.max_entries)
    }

    /// How long entries live, in nanoseconds; `None` where they do not age.
    pub fn ttl_nanos(&self) -> Option<u64> {
        (self.ttl_nanos != u64::MAX).then_some(self.ttl_nanos)
    }

    /// Changes the bound. Answers what had to leave.
    pub fn set_max_entries(&mut self, max_entries: Option<usize>) -> Removed<K, V> {
        let mut removed = Removed::new();
        self.max_entries = max_entries.unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES);
        self.ghost = Ghost::new(self.max_entries - small_share(self.max_entries));
        self.shrink_into(&mut removed, self.max_entries);
        removed
    }

    /// Changes how long entries live, those included that are there: each still counts from its insertion.
    pub fn set_ttl_nanos(&mut self, ttl_nanos: Option<u64>) {
        self.ttl_nanos = ttl_nanos.unwrap_or(u64::MAX);
    }

    /// How many entries had to leave so far, by cause.
    pub fn evictions(&self) -> Evictions {
        self.evictions
    }

    /// Shows every entry to `visit`, in no order: for a garbage collector that follows references.
    pub fn traverse(&self, mut visit: impl FnMut(&K, &V)) {
        for (key, value) in self.slab.entries() {
            visit(key, value);
        }
    }

    #[inline]
    fn is_expired(&self, slot: &Slot<K, V>, now: u64) -> bool {
        now.saturating_sub(slot.inserted_at) >= self.ttl_nanos
    }

    fn expired_under(&self, hash: u64, now: u64) -> Option<u32> {
        self.index.iter_hash(mix(hash)).copied().find(|&place| {
            let slot = self.slab.slot(place);
            slot.hash == hash && self.is_expired(slot, now)
        })
    }

    fn expire_into(&mut self, removed: &mut Removed<K, V>, now: u64, limit: usize) {
        for _ in 0..limit {
            match self.ages.oldest() {
                Some(place) if self.is_expired(self.slab.slot(place), now) => {
                    self.evict(removed, place, Cause::Expired);
                }
                _ => break,
            }
        }
    }

    /// Evicts until no more than `len` entries are left.
    fn shrink_into(&mut self, removed: &mut Removed<K, V>, len: usize) {
        while self.len() > len {
            let small_is_full = self.small.len() >= small_share(self.max_entries);
            let Some(place) = (match self.small.oldest() {
                Some(place) if small_is_full || self.main.len() == 0 => Some(place),
                _ => self.main.oldest(),
            }) else {
                break;
            };
            self.judge(removed, place);
        }
    }

    /// Decides about the oldest entry of its queue: another round, or out. Each round costs it a use, and
    /// uses are few, so the work for one that leaves is constant in the long run.
    fn judge(&mut self, removed: &mut Removed<K, V>, place: u32) {
        let slot = self.slab.slot_mut(place);
        let (is_main, hash) = (slot.is_main, slot.hash);
        let uses = *slot.uses();
        if is_main && uses > 0 {
            *slot.uses() = uses - 1;
            self.queue(true).unlink(place);
            self.queue(true).push(place);
        } else if !is_main && uses >= USES_TO_STAY {
            *slot.uses() = 0;
            slot.is_main = true;
            self.queue(false).unlink(place);
            self.queue(true).push(place);
        } else {
            if !is_main {
                self.ghost.insert(mix(hash));
            }
            self.evict(removed, place, Cause::Capacity);
        }
    }

    fn evict(&mut self, removed: &mut Removed<K, V>, place: u32, cause: Cause) {
        match cause {
            Cause::Capacity => self.evictions.capacity += 1,
            Cause::Expired => self.evictions.expired += 1,
        }
        if let Some(entry) = self.take_out(place) {
            removed.push(entry);
        }
    }

    /// Removes a filled place from the index and from all lists.
    fn take_out(&mut self, place: u32) -> Option<(K, V)> {
        let slot = self.slab.slot(place);
        let (hash, is_main) = (slot.hash, slot.is_main);
        let indexed = self.index.find_entry(mix(hash), |&other| other == place);
        debug_assert!(indexed.is_ok(), "place {place} is not in the index");
        if let Ok(indexed) = indexed {
            indexed.remove();
        }
        self.queue(is_main).unlink(place);
        self.ages.unlink(&mut self.age_links, place);
        self.slab.empty(place)
    }

    const fn queue(&mut self, is_main: bool) -> Queue<'_> {
        Queue {
            list: if is_main { &mut self.main } else { &mut self.small },
            links: &mut self.queue_links,
        }
    }
}

impl<K, V> fmt::Debug for Table<K, V> {
    /// Shows no entry: that would run foreign code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries())
            .field("ttl_nanos", &self.ttl_nanos())
            .field("evictions", &self.evictions)
            .finish_non_exhaustive()
    }
}

/// The small or the main queue with the links that both share.
struct Queue<'a> {
    list: &'a mut List,
    links: &'a mut Links,
}

impl Queue<'_> {
    fn push(self, place: u32) {
        self.list.push(self.links, place);
    }

    fn unlink(self, place: u32) {
        self.list.unlink(self.links, place);
    }
}

/// The small queue's share of all entries: a tenth, one at least.
const fn small_share(max_entries: usize) -> usize {
    let tenth = max_entries / 10;
    if tenth == 0 && max_entries > 0 { 1 } else { tenth }
}

/// Spreads a hash over all bits, since the index takes some from either end: a multiplication by 2⁶⁴ over the
/// golden ratio, both halves of the product folded together.
#[inline]
pub(super) const fn mix(hash: u64) -> u64 {
    let product = hash as u128 * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}
