//! Simple computations, which begin and end without a place among the others.

use super::super::{EntryId, Removed};
use super::{Flights, Landing, Reserved, Sought};

/// The simple computation that began last, and what became of those before.
pub(super) struct Quick<K, B> {
    /// Before anybody looks for it, it is made one like others.
    latest: Option<Latest<K, B>>,
    /// The tickets of those that were, by number.
    moved: Vec<(u64, EntryId)>,
    /// How many there have been.
    begun: u64,
}

struct Latest<K, B> {
    number: u64,
    hash: u64,
    key: K,
    caller: B,
}

impl<K, B> Default for Quick<K, B> {
    fn default() -> Self {
        Self {
            latest: None,
            moved: Vec::new(),
            begun: 0,
        }
    }
}

impl<K, B> Quick<K, B> {
    pub(super) fn has_hash(&self, hash: u64) -> bool {
        self.latest.as_ref().is_some_and(|latest| latest.hash == hash)
    }

    pub(super) fn key(&self) -> Option<&K> {
        self.latest.as_ref().map(|latest| &latest.key)
    }

    #[cfg(test)]
    pub(super) fn is_settled(&self) -> bool {
        self.latest.is_none() && self.moved.is_empty()
    }
}

impl<K, V: Reserved, C: From<B>, W, B: Copy> Flights<K, V, C, W, B> {
    /// Begins a simple computation, if nothing at all is under that hash. Gives its number, by which alone it is known.
    /// `looked` says that the caller has seen just now that there is no result, and that nobody came in between.
    #[inline]
    pub fn lead_quickly(&mut self, hash: u64, looked: bool, key: impl FnOnce() -> Option<(K, B)>) -> Option<u64> {
        if !looked && self.results.has_hash(hash) {
            return None;
        }
        self.settle();
        if self.under_way.has_hash(hash) {
            return None;
        }
        let (key, caller) = key()?;
        self.quick.begun += 1;
        let number = self.quick.begun;
        self.quick.latest = Some(Latest {
            number,
            hash,
            key,
            caller,
        });
        Some(number)
    }

    /// Ends a simple computation with a result. `None` if it has become like others: [`ticket`](Self::ticket) says which.
    #[inline]
    pub fn land_quickly(&mut self, number: u64, result: impl FnOnce() -> Landing<V>) -> Option<Removed<K, V>> {
        let Latest { hash, key, .. } = self.quick.latest.take_if(|latest| latest.number == number)?;
        let Landing { value, life, now } = result();
        Some(self.results.insert(hash, key, value, now, life))
    }

    /// The ticket of a simple computation, which is one like others from now on. It is told once.
    pub fn ticket(&mut self, number: u64) -> Option<EntryId> {
        self.settle();
        let moved = &mut self.quick.moved;
        let at = moved.iter().rposition(|(moved, _)| *moved == number)?;
        Some(moved.swap_remove(at).1)
    }

    /// Makes the latest simple computation one like others.
    #[inline]
    pub(super) fn settle(&mut self) {
        if self.quick.latest.is_some() {
            self.move_latest();
        }
    }

    #[inline(never)]
    fn move_latest(&mut self) {
        if let Some(latest) = self.quick.latest.take() {
            let ticket = self.lead(latest.hash, latest.key, latest.caller.into(), &Sought::default());
            self.quick.moved.push((latest.number, ticket));
        }
    }
}
