//! Entries on their way out, for the caller to drop where it is safe.

use std::iter::Chain;
use std::{option, vec};

/// Entries that left the table. Drop it with no borrow of the table held.
///
/// A full table gives up one entry for each that comes: the first needs no allocation.
#[derive(Debug)]
#[must_use = "dropping a key or a value may run foreign code: do it where no borrow is held"]
pub struct Removed<K, V> {
    first: Option<(K, V)>,
    more: Vec<(K, V)>,
}

impl<K, V> Removed<K, V> {
    pub(super) const fn new() -> Self {
        Self {
            first: None,
            more: Vec::new(),
        }
    }

    pub(super) fn push(&mut self, entry: (K, V)) {
        if self.first.is_none() {
            self.first = Some(entry);
        } else {
            self.more.push(entry);
        }
    }

    /// How many entries left.
    pub fn len(&self) -> usize {
        usize::from(self.first.is_some()) + self.more.len()
    }

    /// Whether none did.
    #[inline]
    pub const fn is_empty(&self) -> bool {
        self.first.is_none()
    }
}

impl<K, V> IntoIterator for Removed<K, V> {
    type Item = (K, V);
    type IntoIter = Chain<option::IntoIter<(K, V)>, vec::IntoIter<(K, V)>>;

    fn into_iter(self) -> Self::IntoIter {
        self.first.into_iter().chain(self.more)
    }
}
