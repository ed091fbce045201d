//! The table against a list that is searched from end to end.

use super::{EntryId, Evictions, Table};
use crate::test_support::config;
use proptest::prelude::*;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Step {
    Find(u8),
    Insert(u8),
    Remove(u8),
    Forget(u8),
    Expire(usize),
    Wait(u64),
    Resize(usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<u8>().prop_map(Step::Find),
        6 => any::<u8>().prop_map(Step::Insert),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => any::<u8>().prop_map(Step::Forget),
        1 => (0..4_usize).prop_map(Step::Expire),
        3 => (0..20_u64).prop_map(Step::Wait),
        1 => (0..12_usize).prop_map(Step::Resize),
        1 => Just(Step::Clear),
    ]
}

/// Three keys share each hash, and hashes differ in their upper bits alone.
fn hash_of(key: u8) -> u64 {
    u64::from(key / 3) << 56
}

struct Entry {
    key: u8,
    value: u32,
    inserted_at: u64,
    id: EntryId,
}

/// The table under test, and what must be in it. Only the choice of what leaves a full table is the
/// table's own: the model takes that over.
struct Pair {
    table: Table<u8, Rc<u32>>,
    model: Vec<Entry>,
    gone: Vec<EntryId>,
    now: u64,
    ttl: u64,
    next_value: u32,
    evictions: Evictions,
}

impl Pair {
    fn live(&self, key: u8) -> Option<&Entry> {
        self.model
            .iter()
            .find(|entry| entry.key == key && self.now - entry.inserted_at < self.ttl)
    }

    fn id_of(&self, key: u8) -> Option<EntryId> {
        self.table
            .candidates(hash_of(key), self.now)
            .find(|&id| self.table.get(id).is_some_and(|(&other, _)| other == key))
    }

    /// Takes what left the table out of the model, and checks that each had a reason.
    fn leave(&mut self, removed: impl IntoIterator<Item = (u8, Rc<u32>)>) -> usize {
        let mut capacity = 0;
        for (key, value) in removed {
            assert_eq!(Rc::strong_count(&value), 1, "the table kept what it gave back");
            let position = self
                .model
                .iter()
                .position(|entry| entry.key == key && entry.value == *value)
                .expect("what left was there");
            let entry = self.model.remove(position);
            if self.now - entry.inserted_at >= self.ttl {
                self.evictions.expired += 1;
            } else {
                capacity += 1;
            }
            self.gone.push(entry.id);
        }
        self.evictions.capacity += capacity as u64;
        capacity
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Wait(nanos) => self.now += nanos,
            Step::Find(key) => {
                let expected = self.live(key).map(|entry| (entry.id, entry.value));
                let found = self.table.find(hash_of(key), self.now, |&other| other == key);
                assert_eq!(found.map(|(id, value)| (id, **value)), expected);
                assert_eq!(self.id_of(key), expected.map(|(id, _)| id));
                if let Some((id, _)) = expected {
                    self.table.touch(id);
                }
            }
            Step::Insert(key) => self.insert(key),
            Step::Remove(key) => {
                let Some(id) = self.live(key).map(|entry| entry.id) else {
                    return;
                };
                let (_, value) = self.table.remove(id).expect("a live id");
                let position = self.model.iter().position(|entry| entry.id == id).unwrap();
                assert_eq!(self.model.remove(position).value, *value);
                assert!(self.table.remove(id).is_none(), "an id removes once");
                self.gone.push(id);
            }
            Step::Forget(key) => {
                let removed = self.table.expire_hash(hash_of(key), self.now);
                assert_eq!(self.leave(removed), 0);
                let expired = self
                    .model
                    .iter()
                    .find(|entry| hash_of(entry.key) == hash_of(key) && self.now - entry.inserted_at >= self.ttl);
                assert!(expired.is_none());
            }
            Step::Expire(limit) => {
                let is_expired = |entry: &&Entry| self.now - entry.inserted_at >= self.ttl;
                let expired = self.model.iter().filter(is_expired).count();
                let removed = self.table.expire_some(self.now, limit);
                assert_eq!(removed.len(), expired.min(limit));
                assert_eq!(self.leave(removed), 0);
            }
            Step::Resize(max) => {
                let over = self.table.len().saturating_sub(max);
                let expired = self.evictions.expired;
                let removed = self.table.set_max_entries(Some(max));
                assert_eq!(removed.len(), over);
                // The bound asks for no age: all of these count as capacity.
                self.leave(removed);
                self.evictions.capacity += self.evictions.expired - expired;
                self.evictions.expired = expired;
            }
            Step::Clear => {
                let cleared = self.table.clear();
                assert_eq!(cleared.len(), self.model.len());
                let evictions = self.evictions;
                self.leave(cleared);
                self.evictions = evictions;
                assert!(self.table.is_empty() && self.model.is_empty());
            }
        }
    }

    fn insert(&mut self, key: u8) {
        if self.live(key).is_some() {
            return;
        }
        self.next_value += 1;
        let value = self.next_value;
        let removed = self.table.insert(hash_of(key), key, Rc::new(value), self.now);
        if self.table.max_entries() == Some(0) {
            assert!(removed.into_iter().any(|(_, back)| *back == value));
            return;
        }
        if self.leave(removed) > 0 {
            assert_eq!(Some(self.table.len()), self.table.max_entries());
        }
        let id = self.id_of(key);
        assert_eq!(id.is_some(), self.ttl > 0);
        if let Some(id) = id {
            self.model.push(Entry {
                key,
                value,
                inserted_at: self.now,
                id,
            });
        }
    }

    fn check(&self) {
        assert!(self.table.max_entries().is_none_or(|max| self.table.len() <= max));
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(self.table.evictions(), self.evictions);
        let mut shown = Vec::new();
        self.table.traverse(|_, value| shown.push(**value));
        let mut expected: Vec<u32> = self.model.iter().map(|entry| entry.value).collect();
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected);
        assert!(self.gone.iter().all(|&id| self.table.get(id).is_none()));
        for entry in &self.model {
            assert_eq!(self.table.get(entry.id).map(|(_, value)| **value), Some(entry.value));
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn does_what_the_model_does(
        steps in prop::collection::vec(any_step(), 1..if cfg!(miri) { 30 } else { 300 }),
        max_entries in prop::option::of(1..12_usize),
        ttl in prop::option::of(1..100_u64),
    ) {
        let mut pair = Pair {
            table: Table::new(max_entries, ttl),
            model: Vec::new(),
            gone: Vec::new(),
            now: 1_000,
            ttl: ttl.unwrap_or(u64::MAX),
            next_value: 0,
            evictions: Evictions::default(),
        };
        for step in &steps {
            pair.take(step);
            pair.check();
        }
    }
}

#[test]
fn a_bound_of_nothing_gives_the_entry_back() {
    let mut table = Table::new(Some(0), None);
    let back: Vec<_> = table.insert(1, "key", "value", 0).into_iter().collect();
    assert_eq!(back, [("key", "value")]);
    assert!(table.is_empty());
}

#[test]
fn a_shorter_life_holds_for_those_there() {
    let mut table = Table::new(None, Some(100));
    let _ = table.insert(1, (), (), 0);
    assert!(table.find(1, 99, |()| true).is_some());
    table.set_ttl_nanos(Some(10));
    assert!(table.find(1, 10, |()| true).is_none());
    table.set_ttl_nanos(None);
    assert!(table.find(1, u64::MAX - 1, |()| true).is_some());
    assert_eq!((table.ttl_nanos(), table.max_entries()), (None, None));
}

#[test]
fn a_time_slightly_earlier_is_no_age() {
    let mut table = Table::new(None, Some(10));
    let _ = table.insert(1, (), (), 100);
    assert!(table.find(1, 95, |()| true).is_some());
}

#[test]
fn one_insertion_frees_what_has_expired() {
    let mut table = Table::new(Some(100), Some(10));
    for key in 0..100 {
        let _ = table.insert(key, key, (), 0);
    }
    for key in 100..150 {
        assert_eq!(table.insert(key, key, (), 10).len(), 2);
    }
    assert_eq!(table.len(), 50);
    assert_eq!(
        table.evictions(),
        Evictions {
            capacity: 0,
            expired: 100
        }
    );
}

#[test]
fn threads_may_share_it() {
    fn assert_shared<T: Send + Sync>(_: &T) {}
    let table = Table::<String, String>::new(Some(1), None);
    assert_shared(&table);
    assert!(format!("{table:?}").starts_with("Table { len: 0, max_entries: Some(1)"));
}

/// A full table of 100 entries after three that were used as often as told, and `flood` others.
fn flooded(uses: [usize; 3], flood: u64) -> Table<u64, ()> {
    let mut table = Table::new(Some(100), None);
    for (key, uses) in (0..).zip(uses) {
        let _ = table.insert(key, key, (), 0);
        for _ in 0..uses {
            assert!(table.find(key, 0, |&other| other == key).is_some());
        }
    }
    for key in 1_000..1_000 + flood {
        let _ = table.insert(key, key, (), 0);
    }
    table
}

fn has(table: &Table<u64, ()>, key: u64) -> bool {
    table
        .candidates(key, 0)
        .any(|id| table.get(id).is_some_and(|(&other, ())| other == key))
}

#[test]
fn more_than_one_use_outlives_a_flood() {
    let table = flooded([0, 1, 2], 500);
    assert_eq!([0, 1, 2].map(|key| has(&table, key)), [false, false, true]);
}

#[test]
fn what_comes_back_soon_outlives_a_flood() {
    let mut table = flooded([0, 0, 0], 110);
    assert!(!has(&table, 0) && !has(&table, 1));
    let _ = table.insert(0, 0, (), 0);
    for key in 2_000..2_500 {
        let _ = table.insert(key, key, (), 0);
    }
    assert_eq!([0, 1].map(|key| has(&table, key)), [true, false]);
}

#[test]
fn only_keys_of_the_very_hash_are_compared() {
    let mut table = Table::new(None, None);
    let keys = if cfg!(miri) { 200 } else { 5_000 };
    for key in 0..keys {
        let _ = table.insert(key, key, (), 0);
    }
    for key in 0..keys {
        assert_eq!(table.candidates(key, 0).len(), 1);
        let mut compared = 0;
        let _ = table.find(key, 0, |_| {
            compared += 1;
            true
        });
        assert_eq!(compared, 1);
    }
}
