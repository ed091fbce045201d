//! The table against a list that is searched from end to end.

use super::{EntryId, Evictions, Life, Table};
use crate::test_support::{any_wait, config};
use proptest::prelude::*;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Step {
    Find(u8),
    Insert(u8, u64, u32),
    Remove(u8),
    Forget(u8),
    Expire(usize),
    Wait(u64),
    Back,
    Resize(usize),
    Clear,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => any::<u8>().prop_map(Step::Find),
        6 => (any::<u8>(), any_life(), 0..8_u32).prop_map(|(key, life, weight)| Step::Insert(key, life, weight)),
        2 => any::<u8>().prop_map(Step::Remove),
        1 => any::<u8>().prop_map(Step::Forget),
        1 => (0..4_usize).prop_map(Step::Expire),
        3 => any_wait().prop_map(Step::Wait),
        1 => Just(Step::Back),
        1 => (0..12_usize).prop_map(Step::Resize),
        1 => Just(Step::Clear),
    ]
}

/// How long an entry lives: mostly a little, at times not at all or for ever.
fn any_life() -> impl Strategy<Value = u64> {
    prop_oneof![8 => 0..100_u64, 2 => 0..1_u64 << 40, 1 => Just(u64::MAX), 1 => any::<u64>()]
}

/// Three keys share each hash, and hashes differ in their upper bits alone.
fn hash_of(key: u8) -> u64 {
    u64::from(key / 3) << 56
}

struct Entry {
    key: u8,
    value: u32,
    expires_at: u64,
    weight: u64,
    id: EntryId,
}

impl Entry {
    fn is_over(&self, now: u64) -> bool {
        self.expires_at <= now && self.expires_at != u64::MAX
    }
}

/// The table under test, and what must be in it. Only the choice of what leaves a full table is the
/// table's own: the model takes that over.
struct Pair {
    table: Table<u8, Rc<u32>>,
    model: Vec<Entry>,
    gone: Vec<EntryId>,
    now: u64,
    latest: u64,
    next_value: u32,
    evictions: Evictions,
}

impl Pair {
    fn live(&self, key: u8) -> Option<&Entry> {
        self.model
            .iter()
            .find(|entry| entry.key == key && !entry.is_over(self.now))
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
            if entry.is_over(self.now) {
                self.evictions.expired += 1;
            } else {
                capacity += 1;
            }
            self.gone.push(entry.id);
        }
        capacity
    }

    fn take(&mut self, step: &Step) {
        self.latest = self.latest.max(self.now);
        match *step {
            Step::Wait(time) => self.now = self.now.saturating_add(time).min(u64::MAX - 1),
            // Threads read the clock at slightly different times.
            Step::Back => self.now = self.now.saturating_sub(3),
            Step::Find(key) => {
                let expected = self.live(key).map(|entry| (entry.id, entry.value));
                let found = self.table.find(hash_of(key), self.now, |&other| other == key);
                assert_eq!(found.map(|(id, value)| (id, **value)), expected);
                assert_eq!(self.id_of(key), expected.map(|(id, _)| id));
                if let Some((id, _)) = expected {
                    self.table.touch(id);
                }
            }
            Step::Insert(key, life, weight) => self.insert(key, life, weight),
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
                    .find(|entry| hash_of(entry.key) == hash_of(key) && entry.is_over(self.now));
                assert!(expired.is_none());
            }
            Step::Expire(limit) => {
                // What is over is freed by the latest time that was told.
                self.now = self.now.max(self.latest);
                let is_expired = |entry: &&Entry| entry.is_over(self.now);
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
                self.evictions.capacity += over as u64;
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

    fn insert(&mut self, key: u8, life: u64, weight: u32) {
        if self.live(key).is_some() {
            return;
        }
        self.next_value += 1;
        let value = self.next_value;
        let expires_at = self.now.saturating_add(life);
        let life = Life { expires_at, weight };
        let removed = self.table.insert(hash_of(key), key, Rc::new(value), self.now, life);
        let is_too_heavy = self.table.max_weight().is_some_and(|max| u64::from(weight) > max);
        if self.table.max_entries() == Some(0) || is_too_heavy {
            let (back, removed): (Vec<_>, Vec<_>) = removed.into_iter().partition(|(_, back)| **back == value);
            assert_eq!(back.len(), 1);
            self.evictions.weight += u64::from(is_too_heavy);
            assert_eq!(self.leave(removed), 0);
            return;
        }
        let before = self.table.evictions();
        let evicted = self.leave(removed) as u64;
        // Which of the two bounds was in the way is the table's to say, as long as one was.
        let gone = before.capacity + before.weight - self.evictions.capacity - self.evictions.weight;
        assert_eq!(gone, evicted);
        self.evictions.capacity = before.capacity;
        self.evictions.weight = before.weight;
        if evicted > 0 {
            let is_full = Some(self.table.len()) == self.table.max_entries();
            assert!(is_full || self.table.max_weight().is_some());
        }
        // Not by `find`, which would count as a use.
        let same = |id: &EntryId| self.table.get(*id).is_some_and(|(_, other)| **other == value);
        let found = self.table.candidates(hash_of(key), 0).find(same);
        self.model.push(Entry {
            key,
            value,
            expires_at,
            weight: u64::from(weight),
            id: found.expect("what was put in is there"),
        });
    }

    fn check(&self) {
        assert!(self.table.max_entries().is_none_or(|max| self.table.len() <= max));
        assert_eq!(self.table.len(), self.model.len());
        assert_eq!(self.table.weight(), self.model.iter().map(|entry| entry.weight).sum());
        assert!(self.table.max_weight().is_none_or(|max| self.table.weight() <= max));
        let live = self.model.iter().filter(|entry| !entry.is_over(self.now)).count();
        assert_eq!(self.table.ids(self.now).len(), live);
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
        max_weight in prop::option::of(1..40_u64),
    ) {
        let mut pair = Pair {
            table: Table::new(max_entries, max_weight),
            model: Vec::new(),
            gone: Vec::new(),
            now: 1_000,
            latest: 1_000,
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
    let back: Vec<_> = table.insert(1, "key", "value", 0, Life::ENDLESS).into_iter().collect();
    assert_eq!(back, [("key", "value")]);
    assert!(table.is_empty());
}

#[test]
fn a_time_slightly_earlier_is_no_age() {
    let mut table = Table::new(None, None);
    let _ = table.insert(1, (), (), 100, Life::until(110));
    assert!(table.find(1, 95, |()| true).is_some());
}

#[test]
fn lives_end_one_by_one() {
    let mut table = Table::new(None, None);
    for key in 0..1_000_u64 {
        let _ = table.insert(key, key, (), 0, Life::until((key * 7_919) % 1_000 * 1_000_000));
    }
    for millis in 1..1_000 {
        assert_eq!(table.expire_some(millis * 1_000_000, usize::MAX).len(), 1);
    }
    assert!(table.is_empty());
}

#[test]
fn one_insertion_frees_what_has_expired() {
    let mut table = Table::new(Some(100), None);
    for key in 0..100 {
        let _ = table.insert(key, key, (), 0, Life::until(10));
    }
    for key in 100..150 {
        assert_eq!(table.insert(key, key, (), 10, Life::until(20)).len(), 2);
    }
    assert_eq!(table.len(), 50);
    assert_eq!(
        table.evictions(),
        Evictions {
            expired: 100,
            ..Evictions::default()
        }
    );
}

#[test]
fn a_heavy_entry_pushes_out_as_many_as_it_weighs() {
    let mut table = Table::new(None, Some(100));
    let weighing = |weight| Life {
        weight,
        ..Life::ENDLESS
    };
    for key in 0..100 {
        assert!(table.insert(key, key, (), 0, weighing(1)).is_empty());
    }
    assert_eq!(table.insert(100, 100, (), 0, weighing(30)).len(), 30);
    assert_eq!((table.len(), table.weight(), table.evictions().weight), (71, 100, 30));
    assert_eq!(
        table.insert(101, 101, (), 0, weighing(101)).len(),
        1,
        "one too heavy comes back"
    );
    assert_eq!((table.len(), table.weight()), (71, 100));
}

#[test]
fn threads_may_share_it() {
    fn assert_shared<T: Send + Sync>(_: &T) {}
    let table = Table::<String, String>::new(Some(1), None);
    assert_shared(&table);
    assert!(format!("{table:?}").starts_with("Table { len: 0, max_entries: Some(1)"));
}

/// A full table of 100 entries after two that were used as often as told, and `flood` others.
fn flooded(uses: [usize; 2], flood: u64) -> Table<u64, ()> {
    let mut table = Table::new(Some(100), None);
    for (key, uses) in (0..).zip(uses) {
        let _ = table.insert(key, key, (), 0, Life::ENDLESS);
        for _ in 0..uses {
            assert!(table.find(key, 0, |&other| other == key).is_some());
        }
    }
    for key in 1_000..1_000 + flood {
        let _ = table.insert(key, key, (), 0, Life::ENDLESS);
    }
    table
}

fn has(table: &Table<u64, ()>, key: u64) -> bool {
    table
        .candidates(key, 0)
        .any(|id| table.get(id).is_some_and(|(&other, ())| other == key))
}

#[test]
fn a_use_outlives_a_flood() {
    let table = flooded([0, 1], 500);
    assert_eq!([0, 1].map(|key| has(&table, key)), [false, true]);
}

#[test]
fn what_comes_back_soon_outlives_a_flood() {
    let mut table = flooded([0, 0], 110);
    assert!(!has(&table, 0) && !has(&table, 1));
    let _ = table.insert(0, 0, (), 0, Life::ENDLESS);
    for key in 2_000..2_500 {
        let _ = table.insert(key, key, (), 0, Life::ENDLESS);
    }
    assert_eq!([0, 1].map(|key| has(&table, key)), [true, false]);
}

#[test]
fn only_keys_of_the_very_hash_are_compared() {
    let mut table = Table::new(None, None);
    let keys = if cfg!(miri) { 200 } else { 5_000 };
    for key in 0..keys {
        let _ = table.insert(key, key, (), 0, Life::ENDLESS);
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
