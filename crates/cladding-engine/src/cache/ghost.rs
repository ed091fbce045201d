//! The ghost queue: what was evicted lately, as fingerprints in a table of fixed size.

/// Fingerprints that share a bucket; the oldest makes room.
const WAYS: usize = 4;

/// Remembers about the last `capacity` hashes put into it.
///
/// The implementation that the authors of S3-FIFO propose in their paper: no queue at all, but a
/// hash table of fingerprints with the number of evictions at which each came. One that came more than
/// `capacity` evictions ago counts as gone and is overwritten in time. 8 bytes for each place; with two
/// hashes of the same 32-bit fingerprint a stranger is taken for one evicted, which costs a better choice
/// and nothing else.
pub(super) struct Ghost {
    capacity: u32,
    /// Evictions so far. Starts beyond `capacity`, so that a place never used counts as gone.
    clock: u32,
    /// Made when the first hash comes; its length is a power of two.
    buckets: Vec<[Mark; WAYS]>,
}

#[derive(Clone, Copy, Default)]
struct Mark {
    fingerprint: u32,
    came_at: u32,
}

impl Ghost {
    pub(super) fn new(capacity: usize) -> Self {
        let capacity = capacity.clamp(1, u32::MAX as usize / 4) as u32;
        Self {
            capacity,
            clock: capacity + 1,
            buckets: Vec::new(),
        }
    }

    /// Remembers `hash`, which must be well mixed.
    pub(super) fn insert(&mut self, hash: u64) {
        if self.buckets.is_empty() {
            let places = self.capacity as usize + self.capacity as usize / 3;
            let buckets = places.div_ceil(WAYS).next_power_of_two();
            self.buckets = vec![[Mark::default(); WAYS]; buckets];
        }
        self.clock = self.clock.wrapping_add(1);
        let (clock, at) = (self.clock, self.bucket_of(hash));
        let age = |mark: &Mark| clock.wrapping_sub(mark.came_at);
        let bucket = &mut self.buckets[at];
        let place = bucket
            .iter()
            .position(|mark| mark.fingerprint == fingerprint(hash))
            .or_else(|| (0..WAYS).max_by_key(|&place| age(&bucket[place])));
        if let Some(place) = place {
            bucket[place] = Mark {
                fingerprint: fingerprint(hash),
                came_at: clock,
            };
        }
    }

    /// Whether `hash` is remembered; forgets it.
    pub(super) fn take(&mut self, hash: u64) -> bool {
        if self.buckets.is_empty() {
            return false;
        }
        let (clock, capacity, at) = (self.clock, self.capacity, self.bucket_of(hash));
        let found = self.buckets[at]
            .iter_mut()
            .find(|mark| mark.fingerprint == fingerprint(hash) && clock.wrapping_sub(mark.came_at) < capacity);
        match found {
            Some(mark) => {
                mark.came_at = clock.wrapping_sub(capacity);
                true
            }
            None => false,
        }
    }

    fn bucket_of(&self, hash: u64) -> usize {
        hash as usize & (self.buckets.len() - 1)
    }
}

/// The upper half; the lower chooses the bucket.
const fn fingerprint(hash: u64) -> u32 {
    (hash >> 32) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn remembers_most_of_the_last_and_none_of_the_old() {
        let mut random = SplitMix64::new(4);
        let hashes: Vec<u64> = (0..400).map(|_| random.next_u64()).collect();
        let mut ghost = Ghost::new(100);
        for &hash in &hashes {
            ghost.insert(hash);
        }
        let remembered = |ghost: &mut Ghost, hashes: &[u64]| hashes.iter().filter(|&&hash| ghost.take(hash)).count();
        assert_eq!(remembered(&mut ghost, &hashes[..300]), 0);
        assert!(remembered(&mut ghost, &hashes[300..]) > 80);
        assert_eq!(remembered(&mut ghost, &hashes), 0, "what was taken is forgotten");
    }

    #[test]
    fn knows_nothing_at_first() {
        let mut ghost = Ghost::new(0);
        assert!(!ghost.take(0));
        ghost.insert(1 << 40);
        assert!(!ghost.take(0), "an unused place is no hash of zero");
        assert!(ghost.take(1 << 40));
    }
}
