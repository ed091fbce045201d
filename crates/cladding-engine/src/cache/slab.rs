//! Numbered places for entries, reused, and ids that outlive their entry without lying.

use std::sync::atomic::{AtomicBool, Ordering};

use super::wheel::NOWHERE;

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
    /// When its time is over; `u64::MAX` for never.
    pub(super) expires_at: u64,
    /// The number of the insertion that filled this place.
    pub(super) generation: u64,
    pub(super) weight: u32,
    /// Its bucket in the wheel of deadlines.
    pub(super) bucket: u16,
    /// Whether it was used since it came or was last looked at. Atomic only so that a lookup can note it by `&self`;
    /// a use that is lost between two threads does no harm.
    used: AtomicBool,
    pub(super) standing: Standing,
    /// `None` marks a free place.
    pub(super) entry: Option<(K, V)>,
}

/// What an entry is to the table that evicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// In the small queue.
    New,
    /// In the main queue, not looked at there yet.
    Promoted,
    /// The same, and it came back late.
    Late,
    /// In the main queue for more than a round.
    Settled,
}

impl<K, V> Slot<K, V> {
    /// Notes a use. Writes only where that changes something, so that threads do not take the line from each other.
    #[inline]
    pub(super) fn touch(&self) {
        if !self.used.load(Ordering::Relaxed) {
            self.used.store(true, Ordering::Relaxed);
        }
    }

    /// Whether it was used; forgets it.
    pub(super) fn take_use(&mut self) -> bool {
        std::mem::take(self.used.get_mut())
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
    #[inline]
    pub(super) fn fill(&mut self, hash: u64, entry: (K, V)) -> u32 {
        let generation = self.next_generation;
        self.next_generation += 1;
        if let Some(place) = self.free.pop() {
            // Field by field: a slot that is made elsewhere and moved here takes several times as long.
            let slot = &mut self.slots[place as usize];
            slot.hash = hash;
            slot.expires_at = u64::MAX;
            slot.generation = generation;
            slot.weight = 0;
            slot.bucket = NOWHERE;
            *slot.used.get_mut() = false;
            slot.standing = Standing::New;
            slot.entry = Some(entry);
            return place;
        }
        self.slots.push(Slot {
            hash,
            expires_at: u64::MAX,
            generation,
            weight: 0,
            bucket: NOWHERE,
            used: AtomicBool::new(false),
            standing: Standing::New,
            entry: Some(entry),
        });
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
