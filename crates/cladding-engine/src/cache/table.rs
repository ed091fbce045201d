//! The table itself: an index over the places, and who leaves when it is full.

use std::fmt;

use hashbrown::HashTable;

use super::ghost::Ghost;
use super::list::{Links, List};
use super::reach::Reach;
use super::share::Share;
use super::slab::{Slab, Slot, Standing};
use super::wheel::{NOWHERE, Wheel};
use super::{Candidates, EntryId, Removed};

/// How many expired entries an insertion frees. Two for each one that comes make sure that they become fewer.
const EXPIRED_PER_INSERT: usize = 2;

/// How many steps of the wheel an insertion takes at most: more than one entry can ever need.
const STEPS_PER_INSERT: usize = 16;

/// More entries than this have no numbers.
const MOST_ENTRIES: usize = u32::MAX as usize - 1;

/// Why an entry had to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cause {
    /// There were as many entries as there may be.
    Capacity,
    /// All together had become too heavy, or it alone was.
    Weight,
    /// Its time was over.
    Expired,
}

/// How many entries had to leave since the table was made, by cause. What the caller removed is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evictions {
    /// Because there were as many entries as there may be.
    pub capacity: u64,
    /// Because all together had become too heavy, or it alone was.
    pub weight: u64,
    /// Because their time was over.
    pub expired: u64,
}

impl Evictions {
    /// The count of one cause.
    pub const fn of(&self, cause: Cause) -> u64 {
        match cause {
            Cause::Capacity => self.capacity,
            Cause::Weight => self.weight,
            Cause::Expired => self.expired,
        }
    }
}

/// What the table is told of an entry besides its key and value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Life {
    /// From this time on it is not there; `u64::MAX` for never.
    pub expires_at: u64,
    /// In a unit of the caller's.
    pub weight: u32,
}

impl Life {
    /// For ever, and weighing nothing.
    pub const ENDLESS: Self = Self {
        expires_at: u64::MAX,
        weight: 0,
    };

    /// Until some time, and weighing nothing.
    pub const fn until(expires_at: u64) -> Self {
        Self { expires_at, weight: 0 }
    }
}

/// Entries found by hash, bounded in number and weight, each with a time of its own. The [module](super) says how and why.
///
/// Times are of one monotonic clock, in any unit, and should not go back from call to call by more than threads drift
/// apart. Hashes may be weak (the identity on integers will do), since they are mixed again here. The table does not know
/// which keys are equal: look up before you insert.
///
/// ```
/// use cladding_engine::cache::{Life, Table};
///
/// const MINUTE: u64 = 60_000_000_000;
/// let mut table = Table::new(Some(10_000), None);
/// let removed = table.insert(7, "key", 42, 0, Life::until(MINUTE));
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
    max_entries: usize,
    /// `u64::MAX` where there is no bound.
    max_weight: u64,
    weight: u64,
    small_weight: u64,
    small: List,
    main: List,
    /// Links of `small` and `main`.
    links: Links,
    /// Made when the first entry comes whose time will be over.
    wheel: Option<Box<Wheel>>,
    ghost: Ghost,
    reach: Reach,
    share: Share,
    evictions: Evictions,
}

impl<K, V> Table<K, V> {
    /// An empty table of at most `max_entries` entries that weigh at most `max_weight` together; `None` for no bound.
    ///
    /// With a bound of 0 nothing is ever found. No memory is taken before entries come.
    pub fn new(max_entries: Option<usize>, max_weight: Option<u64>) -> Self {
        Self {
            index: HashTable::new(),
            slab: Slab::new(),
            max_entries: max_entries.unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES),
            max_weight: max_weight.unwrap_or(u64::MAX),
            weight: 0,
            small_weight: 0,
            small: List::new(),
            main: List::new(),
            links: Links::default(),
            wheel: None,
            ghost: Ghost::new(0, 0),
            reach: Reach::new(),
            share: Share::new(),
            evictions: Evictions::default(),
        }
    }

    /// Finds the live entry under `hash` whose key is the `same`, and notes its use.
    ///
    /// For keys whose comparison runs no foreign code: the table is borrowed meanwhile.
    #[inline]
    pub fn find(&self, hash: u64, now: u64, mut same: impl FnMut(&K) -> bool) -> Option<(EntryId, &V)> {
        let place = *self.index.find(mix(hash), |&place| {
            let slot = self.slab.slot(place);
            slot.hash == hash && !is_expired(slot, now) && slot.entry.as_ref().is_some_and(|(key, _)| same(key))
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
    /// Notes no use: [`touch`](Self::touch) the one that was the same.
    #[inline]
    pub fn candidates(&self, hash: u64, now: u64) -> Candidates {
        let mut candidates = Candidates::default();
        for &place in self.index.iter_hash(mix(hash)) {
            let slot = self.slab.slot(place);
            if slot.hash == hash && !is_expired(slot, now) {
                candidates.push(self.slab.id(place));
            }
        }
        candidates
    }

    /// The entry that came last of those whose keys have this hash, expired ones included.
    pub fn newest(&self, hash: u64) -> Option<EntryId> {
        self.candidates(hash, 0).max_by_key(|id| id.generation)
    }

    /// Whether any entry has this hash, expired ones included.
    #[inline]
    pub fn has_hash(&self, hash: u64) -> bool {
        let same = |&place: &u32| self.slab.slot(place).hash == hash;
        self.index.find(mix(hash), same).is_some()
    }

    /// The ids of all live entries, in no order.
    pub fn ids(&self, now: u64) -> Vec<EntryId> {
        let live = self
            .index
            .iter()
            .filter(|place| !is_expired(self.slab.slot(**place), now));
        live.map(|&place| self.slab.id(place)).collect()
    }

    /// The entry that `id` names, however old; `None` if it has left.
    #[inline]
    pub fn get(&self, id: EntryId) -> Option<(&K, &V)> {
        let (key, value) = self.slab.find(id)?.entry.as_ref()?;
        Some((key, value))
    }

    /// Notes a use of the entry that `id` names, if it is there.
    #[inline]
    pub fn touch(&self, id: EntryId) {
        if let Some(slot) = self.slab.find(id) {
            slot.touch();
        }
    }

    /// Puts in an entry. Answers what had to leave: to make room, or because its time was over. One that is heavier than
    /// all may be together is among them.
    ///
    /// An entry with an equal key that is there already stays, and which of the two is found is left open:
    /// [`remove`](Self::remove) it before.
    pub fn insert(&mut self, hash: u64, key: K, value: V, now: u64, life: Life) -> Removed<K, V> {
        let mut removed = Removed::new();
        if self.wheel.is_some() {
            self.expire_hash_into(&mut removed, hash, now);
        }
        self.expire_into(&mut removed, now, EXPIRED_PER_INSERT, STEPS_PER_INSERT);
        let weight = u64::from(life.weight);
        if self.max_entries == 0 || weight > self.max_weight {
            self.evictions.weight += u64::from(weight > self.max_weight);
            removed.push((key, value));
            return removed;
        }
        let room = self.max_weight.saturating_sub(weight);
        self.shrink_into(&mut removed, self.max_entries - 1, room, now);
        let place = self.slab.fill(hash, (key, value));
        let came_back = self.ghost.take(mix(hash)).and_then(|age| self.reach.judge(age));
        let slot = self.slab.slot_mut(place);
        slot.weight = life.weight;
        slot.expires_at = life.expires_at;
        slot.standing = match came_back {
            None => Standing::New,
            Some(false) => Standing::Promoted,
            Some(true) => Standing::Late,
        };
        if life.expires_at != u64::MAX {
            let wheel = self.wheel.get_or_insert_with(|| Box::new(Wheel::new()));
            slot.bucket = wheel.push(place, life.expires_at);
        }
        self.weight = self.weight.saturating_add(weight);
        self.enqueue(place);
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
        self.links = Links::default();
        self.wheel = None;
        self.ghost = Ghost::new(0, 0);
        self.weight = 0;
        self.small_weight = 0;
        self.slab.drain()
    }

    /// Takes out entries whose time is over, `limit` of them at most.
    pub fn expire_some(&mut self, now: u64, limit: usize) -> Removed<K, V> {
        let mut removed = Removed::new();
        self.expire_into(&mut removed, now, limit, usize::MAX);
        removed
    }

    /// Takes out the entries under `hash` whose time is over: after a miss that no insertion follows.
    pub fn expire_hash(&mut self, hash: u64, now: u64) -> Removed<K, V> {
        let mut removed = Removed::new();
        self.expire_hash_into(&mut removed, hash, now);
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

    /// What all entries weigh together.
    pub fn weight(&self) -> u64 {
        self.weight
    }

    /// The bound on the number of entries; `None` where there is none.
    pub fn max_entries(&self) -> Option<usize> {
        (self.max_entries != MOST_ENTRIES).then_some(self.max_entries)
    }

    /// The bound on the weight; `None` where there is none.
    pub fn max_weight(&self) -> Option<u64> {
        (self.max_weight != u64::MAX).then_some(self.max_weight)
    }

    /// Changes the bound on the number of entries. Answers what had to leave.
    pub fn set_max_entries(&mut self, max_entries: Option<usize>) -> Removed<K, V> {
        let mut removed = Removed::new();
        self.max_entries = max_entries.unwrap_or(MOST_ENTRIES).min(MOST_ENTRIES);
        self.shrink_into(&mut removed, self.max_entries, u64::MAX, 0);
        removed
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
    fn expire_hash_into(&mut self, removed: &mut Removed<K, V>, hash: u64, now: u64) {
        while let Some(place) = self.expired_under(hash, now) {
            self.evict(removed, place, Cause::Expired);
        }
    }

    fn expired_under(&self, hash: u64, now: u64) -> Option<u32> {
        self.index.iter_hash(mix(hash)).copied().find(|&place| {
            let slot = self.slab.slot(place);
            slot.hash == hash && is_expired(slot, now)
        })
    }

    fn expire_into(&mut self, removed: &mut Removed<K, V>, now: u64, limit: usize, steps: usize) {
        let mut freed = 0;
        for _ in 0..steps {
            let due = |wheel: &mut Box<Wheel>| if freed < limit { wheel.due(now) } else { None };
            let Some(place) = self.wheel.as_mut().and_then(due) else {
                break;
            };
            let slot = self.slab.slot_mut(place);
            slot.bucket = NOWHERE;
            if slot.expires_at <= now {
                freed += 1;
                self.evict(removed, place, Cause::Expired);
            } else if let Some(wheel) = &mut self.wheel {
                slot.bucket = wheel.push(place, slot.expires_at);
            }
        }
    }

    /// Evicts until no more than so many entries of no more than that weight are left.
    fn shrink_into(&mut self, removed: &mut Removed<K, V>, len: usize, weight: u64, now: u64) {
        loop {
            let cause = if self.len() > len {
                Cause::Capacity
            } else if self.weight > weight {
                Cause::Weight
            } else {
                break;
            };
            let small_is_full = self.small.len() > 0
                && (self.share.is_reached(self.small.len() as u64, self.max_entries as u64)
                    || self.share.is_reached(self.small_weight, self.max_weight));
            let oldest = if small_is_full || self.main.len() == 0 {
                self.small.oldest()
            } else {
                self.main.oldest()
            };
            let Some(place) = oldest else { break };
            if is_expired(self.slab.slot(place), now) {
                self.evict(removed, place, Cause::Expired);
            } else {
                self.judge(removed, place, cause);
            }
        }
    }

    /// Decides about the oldest entry of its queue: another round, or out. Each round costs it its use, so the work for
    /// one that leaves is constant in the long run.
    fn judge(&mut self, removed: &mut Removed<K, V>, place: u32, cause: Cause) {
        let slot = self.slab.slot_mut(place);
        let used = slot.take_use();
        match slot.standing {
            Standing::Late => self.reach.saw_late(used),
            Standing::Settled => {
                self.reach.saw_settled(used);
                self.share.follow(self.reach.settled());
            }
            Standing::New | Standing::Promoted => {}
        }
        if used {
            self.dequeue(place);
            let slot = self.slab.slot_mut(place);
            slot.standing = match slot.standing {
                Standing::New => Standing::Promoted,
                Standing::Promoted | Standing::Late | Standing::Settled => Standing::Settled,
            };
            self.enqueue(place);
        } else {
            let (standing, hash) = (slot.standing, slot.hash);
            self.evict(removed, place, cause);
            if standing == Standing::New {
                self.remember(mix(hash));
            }
        }
    }

    /// Notes in the ghost queue what has left the small one.
    fn remember(&mut self, hash: u64) {
        // Where the weight is bounded, the number of entries shows only when the table is full.
        let len = self.len() + 1;
        if self.ghost.is_empty() || !(self.ghost.size() / 4..=self.ghost.size() * 2).contains(&len) {
            self.ghost = Ghost::new(len, Reach::longest());
        }
        self.ghost.insert(hash);
    }

    fn evict(&mut self, removed: &mut Removed<K, V>, place: u32, cause: Cause) {
        match cause {
            Cause::Capacity => self.evictions.capacity += 1,
            Cause::Weight => self.evictions.weight += 1,
            Cause::Expired => self.evictions.expired += 1,
        }
        if let Some(entry) = self.take_out(place) {
            removed.push(entry);
        }
    }

    /// Removes a filled place from the index, its queue and the wheel.
    fn take_out(&mut self, place: u32) -> Option<(K, V)> {
        self.dequeue(place);
        let slot = self.slab.slot(place);
        let (hash, bucket, weight) = (slot.hash, slot.bucket, slot.weight);
        let indexed = self.index.find_entry(mix(hash), |&other| other == place);
        debug_assert!(indexed.is_ok(), "place {place} is not in the index");
        if let Ok(indexed) = indexed {
            indexed.remove();
        }
        if bucket != NOWHERE
            && let Some(wheel) = &mut self.wheel
        {
            wheel.unlink(place, bucket);
        }
        self.weight = self.weight.saturating_sub(u64::from(weight));
        self.slab.empty(place)
    }

    fn enqueue(&mut self, place: u32) {
        let slot = self.slab.slot(place);
        if slot.standing == Standing::New {
            self.small_weight += u64::from(slot.weight);
            self.small.push(&mut self.links, place);
        } else {
            self.main.push(&mut self.links, place);
        }
    }

    fn dequeue(&mut self, place: u32) {
        let slot = self.slab.slot(place);
        if slot.standing == Standing::New {
            self.small_weight -= u64::from(slot.weight);
            self.small.unlink(&mut self.links, place);
        } else {
            self.main.unlink(&mut self.links, place);
        }
    }
}

#[inline]
fn is_expired<K, V>(slot: &Slot<K, V>, now: u64) -> bool {
    now >= slot.expires_at && slot.expires_at != u64::MAX
}

impl<K, V> fmt::Debug for Table<K, V> {
    /// Shows no entry: that would run foreign code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Table")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries())
            .field("weight", &self.weight)
            .field("max_weight", &self.max_weight())
            .field("evictions", &self.evictions)
            .finish_non_exhaustive()
    }
}

/// Spreads a hash over all bits, since the index takes some from either end: a multiplication by 2⁶⁴ over the
/// golden ratio, both halves of the product folded together.
#[inline]
pub(super) const fn mix(hash: u64) -> u64 {
    let product = hash as u128 * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}
