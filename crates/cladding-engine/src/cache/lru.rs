//! The table that evicts exactly what was used least recently, as `functools.lru_cache` promises.

use std::fmt;

use hashbrown::HashTable;

use super::list::{Links, List};
use super::slab::Slab;
use super::table::mix;
use super::{Candidates, EntryId};

/// More entries than this have no numbers.
const MOST_ENTRIES: usize = u32::MAX as usize - 1;

/// Entries found by hash, bounded in number, the one that was used least recently leaving first.
///
/// As [`Table`](super::Table) it never compares keys itself and never drops what it held, so that keys whose comparison or
/// whose end runs foreign code are safe in it. Hashes may be weak. Without a bound no order is kept.
///
/// ```
/// use cladding_engine::cache::Lru;
///
/// let mut table = Lru::new(Some(2));
/// assert_eq!(table.insert(1, "one", 1), None);
/// assert_eq!(table.insert(2, "two", 2), None);
/// assert_eq!(table.find(1, |key| *key == "one"), Some(&1));
/// assert_eq!(table.insert(3, "three", 3), Some(("two", 2)), "the other one was used more recently");
/// ```
pub struct Lru<K, V> {
    index: HashTable<u32>,
    slab: Slab<K, V>,
    order: List,
    links: Links,
    max_entries: Option<usize>,
    insertions: u64,
}

impl<K, V> Lru<K, V> {
    /// An empty table of at most `max_entries` entries; `None` for no bound. No memory is taken before entries come.
    pub fn new(max_entries: Option<usize>) -> Self {
        Self {
            index: HashTable::new(),
            slab: Slab::new(),
            order: List::new(),
            links: Links::default(),
            max_entries: max_entries.filter(|max| *max < MOST_ENTRIES),
            insertions: 0,
        }
    }

    /// Finds the entry under `hash` whose key is the `same`, and makes it the most recent one.
    ///
    /// For keys whose comparison runs no foreign code: the table is borrowed meanwhile.
    #[inline]
    pub fn find(&mut self, hash: u64, mut same: impl FnMut(&K) -> bool) -> Option<&V> {
        let place = *self.index.find(mix(hash), |&place| {
            let slot = self.slab.slot(place);
            slot.hash == hash && slot.entry.as_ref().is_some_and(|(key, _)| same(key))
        })?;
        self.renew(place);
        self.slab.slot(place).entry.as_ref().map(|(_, value)| value)
    }

    /// The ids of all entries under `hash`, for the caller to compare their keys with the table let go.
    pub fn candidates(&self, hash: u64) -> Candidates {
        let mut candidates = Candidates::default();
        for &place in self.index.iter_hash(mix(hash)) {
            if self.slab.slot(place).hash == hash {
                candidates.push(self.slab.id(place));
            }
        }
        candidates
    }

    /// The ids of all entries, in no order.
    pub fn ids(&self) -> Vec<EntryId> {
        self.index.iter().map(|&place| self.slab.id(place)).collect()
    }

    /// Whether any entry has this hash.
    #[inline]
    pub fn has_hash(&self, hash: u64) -> bool {
        !self.index.is_empty()
            && self
                .index
                .iter_hash(mix(hash))
                .any(|&place| self.slab.slot(place).hash == hash)
    }

    /// The entry that `id` names; `None` if it has left.
    pub fn get(&self, id: EntryId) -> Option<(&K, &V)> {
        let (key, value) = self.slab.find(id)?.entry.as_ref()?;
        Some((key, value))
    }

    /// The value of the entry that `id` names, to be changed.
    pub fn get_mut(&mut self, id: EntryId) -> Option<&mut V> {
        self.slab.find(id)?;
        let (_, value) = self.slab.slot_mut(id.place).entry.as_mut()?;
        Some(value)
    }

    /// Makes the entry that `id` names the most recent one, if it is there.
    pub fn touch(&mut self, id: EntryId) {
        if self.slab.find(id).is_some() {
            self.renew(id.place);
        }
    }

    /// Puts in an entry, the most recent one now, where there is no bound. Answers its id.
    pub fn add(&mut self, hash: u64, key: K, value: V) -> EntryId {
        debug_assert!(self.max_entries.is_none(), "one may have to leave");
        self.insertions += 1;
        self.fill(hash, key, value)
    }

    /// Puts in an entry, the most recent one now. Answers the one that had to leave for it: with a bound of 0, itself.
    ///
    /// An entry with an equal key that is there already stays: look before.
    pub fn insert(&mut self, hash: u64, key: K, value: V) -> Option<(K, V)> {
        self.insertions += 1;
        let max = self.max_entries.unwrap_or(MOST_ENTRIES);
        if max == 0 {
            return Some((key, value));
        }
        let evicted = if self.index.len() >= max {
            self.take_oldest()
        } else {
            None
        };
        self.fill(hash, key, value);
        evicted
    }

    fn fill(&mut self, hash: u64, key: K, value: V) -> EntryId {
        let place = self.slab.fill(hash, (key, value));
        if self.max_entries.is_some() {
            self.order.push(&mut self.links, place);
        }
        let slab = &self.slab;
        self.index
            .insert_unique(mix(hash), place, |&other| mix(slab.slot(other).hash));
        self.slab.id(place)
    }

    /// Takes out the entry that `id` names, if it is there.
    pub fn remove(&mut self, id: EntryId) -> Option<(K, V)> {
        let hash = self.slab.find(id)?.hash;
        if let Ok(indexed) = self.index.find_entry(mix(hash), |&other| other == id.place) {
            indexed.remove();
        }
        if self.max_entries.is_some() {
            self.order.unlink(&mut self.links, id.place);
        }
        self.slab.empty(id.place)
    }

    /// Takes out all entries and gives the table's memory back.
    pub fn clear(&mut self) -> Vec<(K, V)> {
        self.index = HashTable::new();
        self.order = List::new();
        self.links = Links::default();
        self.slab.drain()
    }

    /// How often something was put in, ever: where this is as it was, no key is there that was not there then.
    pub const fn insertions(&self) -> u64 {
        self.insertions
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Shows every entry to `visit`, in no order: for a garbage collector that follows references.
    pub fn traverse(&self, mut visit: impl FnMut(&K, &V)) {
        for (key, value) in self.slab.entries() {
            visit(key, value);
        }
    }

    #[inline]
    fn renew(&mut self, place: u32) {
        if self.max_entries.is_some() && !self.order.is_newest(place) {
            self.order.unlink(&mut self.links, place);
            self.order.push(&mut self.links, place);
        }
    }

    fn take_oldest(&mut self) -> Option<(K, V)> {
        let place = self.order.oldest()?;
        let hash = self.slab.slot(place).hash;
        if let Ok(indexed) = self.index.find_entry(mix(hash), |&other| other == place) {
            indexed.remove();
        }
        self.order.unlink(&mut self.links, place);
        self.slab.empty(place)
    }
}

impl<K, V> fmt::Debug for Lru<K, V> {
    /// Shows no entry: that would run foreign code.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lru")
            .field("len", &self.len())
            .field("max_entries", &self.max_entries)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(config())]

        /// Against a list with the most recent entry at its end. Three keys share each hash.
        #[test]
        fn does_what_a_list_does(
            bound in prop::option::of(0_usize..6),
            moves in prop::collection::vec((0_u8..12, any::<bool>(), 0_u8..40), 0..120),
        ) {
            let mut table = Lru::new(bound);
            let mut model: Vec<(u8, usize)> = Vec::new();
            for (step, (key, by_id, clear)) in moves.into_iter().enumerate() {
                let hash = u64::from(key / 3);
                let found = if by_id {
                    let id = table.candidates(hash).find(|id| table.get(*id).is_some_and(|(other, _)| *other == key));
                    id.map(|id| {
                        table.touch(id);
                        *table.get(id).expect("it was just there").1
                    })
                } else {
                    table.find(hash, |other| *other == key).copied()
                };
                let position = model.iter().position(|(other, _)| *other == key);
                prop_assert_eq!(found, position.map(|position| model[position].1));
                if let Some(position) = position {
                    let entry = model.remove(position);
                    model.push(entry);
                } else {
                    model.push((key, step));
                    let expected = (model.len() > bound.unwrap_or(usize::MAX)).then(|| model.remove(0));
                    prop_assert_eq!(table.insert(hash, key, step), expected);
                }
                if clear == 1
                    && let Some(id) = table.candidates(hash).find(|id| table.get(*id).is_some_and(|(other, _)| *other == key))
                {
                    prop_assert!(table.has_hash(hash));
                    prop_assert_eq!(table.remove(id), model.pop());
                    prop_assert_eq!(table.remove(id), None);
                    prop_assert_eq!(table.get_mut(id), None);
                }
                if clear == 0 {
                    let mut left = table.clear();
                    left.sort_unstable();
                    model.sort_unstable();
                    prop_assert_eq!(&left, &model);
                    model.clear();
                }
                prop_assert_eq!(table.len(), model.len());
            }
        }
    }
}
