//! The ghost queue: what was evicted lately, as fingerprints in a table of fixed size.

/// Fingerprints that share a bucket; the oldest makes room.
const WAYS: usize = 4;

/// Parts of the table's size in which ages are counted: a mark has 16 bits for 64 sizes of the table.
const PARTS: u32 = 1024;

/// Remembers about the hashes last put into it, as many times `size` as was asked for.
///
/// The implementation that the authors of S3-FIFO propose in their paper: no queue at all, but a hash table of
/// fingerprints with the time at which each came, counted in evictions. 4 bytes for each place; where two hashes have
/// one 16-bit fingerprint in one bucket, a stranger is taken for one evicted, which costs a better choice and nothing
/// else.
pub(super) struct Ghost {
    /// How many evictions one size of the table is.
    size: usize,
    sizes: usize,
    /// The evictions so far, in parts of the table's size.
    clock: u16,
    /// What is above a whole number of parts, times the size.
    above: usize,
    /// Made when the first hash comes.
    buckets: Vec<[Mark; WAYS]>,
}

#[derive(Clone, Copy, Default)]
struct Mark {
    /// 0 for nobody.
    fingerprint: u16,
    came_at: u16,
}

impl Ghost {
    /// Remembers `sizes` times `size` hashes.
    pub(super) fn new(size: usize, sizes: usize) -> Self {
        Self {
            size: size.max(1),
            sizes,
            clock: 0,
            above: 0,
            buckets: Vec::new(),
        }
    }

    /// How many evictions one size of the table is.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    /// Whether no hash has come yet.
    pub(super) const fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    /// Remembers `hash`, which must be well mixed.
    pub(super) fn insert(&mut self, hash: u64) {
        if self.buckets.is_empty() {
            let buckets = (self.size * self.sizes).div_ceil(WAYS);
            self.buckets = vec![[Mark::default(); WAYS]; buckets];
        }
        self.advance();
        let (clock, at) = (self.clock, self.bucket_of(hash));
        let bucket = &mut self.buckets[at];
        let age = |mark: &Mark| {
            if mark.fingerprint == 0 {
                u32::MAX
            } else {
                u32::from(clock.wrapping_sub(mark.came_at))
            }
        };
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

    /// How long ago `hash` came, in sizes of the table; forgets it.
    pub(super) fn take(&mut self, hash: u64) -> Option<f32> {
        if self.buckets.is_empty() {
            return None;
        }
        let (clock, at) = (self.clock, self.bucket_of(hash));
        let found = self.buckets[at]
            .iter_mut()
            .find(|mark| mark.fingerprint == fingerprint(hash))?;
        found.fingerprint = 0;
        Some(f32::from(clock.wrapping_sub(found.came_at)) / PARTS as f32)
    }

    /// Counts an eviction. Divides only where a part is full.
    #[inline]
    fn advance(&mut self) {
        self.above += PARTS as usize;
        if self.above >= self.size {
            self.clock = self.clock.wrapping_add((self.above / self.size) as u16);
            self.above %= self.size;
        }
    }

    fn bucket_of(&self, hash: u64) -> usize {
        ((u128::from(hash) * self.buckets.len() as u128) >> 64) as usize
    }
}

/// The lower bits; the upper ones choose the bucket.
const fn fingerprint(hash: u64) -> u16 {
    match hash as u16 {
        0 => 1,
        lower => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn remembers_most_of_the_last_and_how_long_ago_they_came() {
        let mut random = SplitMix64::new(4);
        let hashes: Vec<u64> = (0..1_600).map(|_| random.next_u64()).collect();
        let mut ghost = Ghost::new(100, 4);
        for &hash in &hashes {
            ghost.insert(hash);
        }
        let ages = |ghost: &mut Ghost, hashes: &[u64]| -> Vec<f32> {
            hashes.iter().filter_map(|&hash| ghost.take(hash)).collect()
        };
        let last = ages(&mut ghost, &hashes[1_500..]);
        assert!(last.len() > 80 && last.iter().all(|age| *age <= 1.0));
        assert!(ages(&mut ghost, &hashes[..1_500]).iter().all(|age| *age >= 0.9));
        assert!(ages(&mut ghost, &hashes).is_empty(), "what was taken is forgotten");
    }

    #[test]
    fn knows_nothing_at_first() {
        let mut ghost = Ghost::new(0, 4);
        assert_eq!(ghost.take(0), None);
        ghost.insert(1 << 40 | 5);
        assert_eq!(ghost.take(0), None, "an unused place is no hash of zero");
        assert!(ghost.take(1 << 40 | 5).is_some());
    }
}
