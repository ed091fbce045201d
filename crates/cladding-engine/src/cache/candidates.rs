//! The few entries a lookup has to choose from, owned, so that the table is free meanwhile.

use super::EntryId;

/// How many ids fit without an allocation. Two keys with one 64-bit hash are rare enough.
const INLINE: usize = 2;

/// Ids of the live entries under one hash, as [`Table::candidates`](super::Table::candidates) found them.
///
/// An iterator that borrows nothing. Allocates only where more than two entries share a hash.
#[derive(Clone, Debug, Default)]
pub struct Candidates {
    first: [Option<EntryId>; INLINE],
    more: Vec<EntryId>,
}

impl Candidates {
    pub(super) fn push(&mut self, id: EntryId) {
        match self.first.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(id),
            None => self.more.push(id),
        }
    }
}

impl Iterator for Candidates {
    type Item = EntryId;

    #[inline]
    fn next(&mut self) -> Option<EntryId> {
        self.first.iter_mut().find_map(Option::take).or_else(|| self.more.pop())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = self.first.iter().flatten().count() + self.more.len();
        (len, Some(len))
    }
}

impl ExactSizeIterator for Candidates {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_each_once() {
        let mut candidates = Candidates::default();
        for place in 0..5 {
            candidates.push(EntryId { place, generation: 0 });
        }
        assert_eq!(candidates.len(), 5);
        let mut places: Vec<u32> = candidates.map(|id| id.place).collect();
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3, 4]);
    }
}
