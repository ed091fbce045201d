//! Numbered places for entries, reused, and ids that outlive their entry without lying.

use std::sync::atomic::{AtomicU8, Ordering};

/// The most uses that are remembered of an entry: S3-FIFO's counters have two bits.
const MOST_USES: u8 = 3;

/// Names one entry of one table for as long as the entry is there.
///
/// Each insertion has a number of its own, never given twice, so the id of an entry that is gone finds
/// nothing, also when its place holds another entry by now. 16 bytes, free to copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EntryId {
    pub(super) place: u32,
    pub(super) generation: u64,
}

/// An entry and what the table knows about it.
pub(super) struct Slot<K, V> {
    /// The caller's hash of the key.
    pub(super) hash: u64,
    /// Nanoseconds.
    pub(super) inserted_at: u64,
    /// The number of the insertion that filled this place.
    pub(super) generation: u64,
    /// Uses since it came or was last looked over. Atomic only so that a lookup can count by `&self`;
    /// a use that is lost between two threads does no harm.
    uses: AtomicU8,
    /// Whether it is in the main queue, not the small one.
    pub(super) is_main: bool,
    /// `None` marks a free place.
    pub(super) entry: Option<(K, V)>,
}

impl<K, V> Slot<K, V> {
    /// Counts a use.
    #[inline]
    pub(super) fn touch(&self) {
        let uses = self.uses.load(Ordering::Relaxed);
        if uses < MOST_USES {
            self.uses.store(uses + 1, Ordering::Relaxed);
        }
    }

    pub(super) fn uses(&mut self) -> &mut u8 {
        self.uses.get_mut()
    }
}

/// The places. Freed ones are used again before new ones are made.
pub(super) struct Slab<K, V> {
    slots: Vec<Slot<K, V>>,
    free: Vec<u32>,
    next_generation: u64,
}

impl<K, V> Slab<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            next_generation: 0,
        }
    }

    /// Fills a free place. The caller keeps the number of entries below `u32::MAX`.
    pub(super) fn fill(&mut self, hash: u64, now: u64, is_main: bool, entry: (K, V)) -> u32 {
        let slot = Slot {
            hash,
            inserted_at: now,
            generation: self.next_generation,
            uses: AtomicU8::new(0),
            is_main,
            entry: Some(entry),
        };
        self.next_generation += 1;
        if let Some(place) = self.free.pop() {
            self.slots[place as usize] = slot;
            return place;
        }
        self.slots.push(slot);
        (self.slots.len() - 1) as u32
    }

    /// Empties a place that holds an entry.
    pub(super) fn empty(&mut self, place: u32) -> Option<(K, V)> {
        let entry = self.slots[place as usize].entry.take();
        debug_assert!(entry.is_some(), "place {place} was emptied twice");
        self.free.push(place);
        entry
    }

    /// Takes all entries and gives the memory back. Ids given before stay invalid.
    pub(super) fn drain(&mut self) -> Vec<(K, V)> {
        self.free = Vec::new();
        std::mem::take(&mut self.slots)
            .into_iter()
            .filter_map(|slot| slot.entry)
            .collect()
    }

    #[inline]
    pub(super) fn slot(&self, place: u32) -> &Slot<K, V> {
        &self.slots[place as usize]
    }

    #[inline]
    pub(super) fn slot_mut(&mut self, place: u32) -> &mut Slot<K, V> {
        &mut self.slots[place as usize]
    }

    /// The slot that `id` names, if its entry is still there.
    #[inline]
    pub(super) fn find(&self, id: EntryId) -> Option<&Slot<K, V>> {
        self.slots
            .get(id.place as usize)
            .filter(|slot| slot.generation == id.generation && slot.entry.is_some())
    }

    pub(super) fn id(&self, place: u32) -> EntryId {
        EntryId {
            place,
            generation: self.slot(place).generation,
        }
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = &(K, V)> {
        self.slots.iter().filter_map(|slot| slot.entry.as_ref())
    }
}
