//! The latest reading, shared by threads that ask far more often than memory need be read.

use std::sync::atomic::{AtomicU64, Ordering, fence};

use super::{Reading, Source};

/// The time of something that has not happened.
const NEVER: u64 = u64::MAX;

/// How often a reader tries again while a reading is being stored, before it takes what it finds.
const PATIENCE: u32 = 64;

/// Keeps the latest [`Reading`], its time, and who may fetch the next.
///
/// Readers never wait: the fields are guarded by a sequence number that is odd while they change (a
/// seqlock; Boehm, "Can Seqlocks Get Along With Programming Language Memory Models?", MSPC 2012). A
/// reader that meets an odd number tries again some times and then answers what stands there, which may
/// mix two consecutive readings. So a thread that vanishes while it stores, as in a fork, harms nobody.
///
/// ```
/// use cladding_engine::memory::{Reading, Sampler, Source};
///
/// const INTERVAL: u64 = 100_000_000;
/// let sampler = Sampler::new();
/// if sampler.try_claim(0, INTERVAL) {
///     sampler.store(Reading { used: 1, limit: 2, source: Source::Host }, 0);
/// }
/// assert!(!sampler.try_claim(99_999_999, INTERVAL));
/// assert_eq!(sampler.latest().unwrap().fraction(), 0.5);
/// ```
#[derive(Debug)]
pub struct Sampler {
    sequence: AtomicU64,
    used: AtomicU64,
    limit: AtomicU64,
    source: AtomicU64,
    /// When the reading was stored.
    stored_at: AtomicU64,
    /// When the right to refresh was last given away.
    claimed_at: AtomicU64,
}

impl Sampler {
    /// A sampler that has no reading yet.
    pub const fn new() -> Self {
        Self {
            sequence: AtomicU64::new(0),
            used: AtomicU64::new(0),
            limit: AtomicU64::new(0),
            source: AtomicU64::new(0),
            stored_at: AtomicU64::new(NEVER),
            claimed_at: AtomicU64::new(NEVER),
        }
    }

    /// Whether there is no reading, or the latest is `interval` nanoseconds old or older.
    #[inline]
    pub fn stale(&self, now: u64, interval: u64) -> bool {
        is_due(self.stored_at.load(Ordering::Relaxed), now, interval)
    }

    /// Claims the right to refresh: of all who ask, one in each `interval` nanoseconds is told `true`.
    ///
    /// The winner reads the memory and [stores](Self::store) what it found. One that fails to do so holds
    /// nobody up longer than `interval`, after which the next claim is granted.
    #[inline]
    pub fn try_claim(&self, now: u64, interval: u64) -> bool {
        let claimed_at = self.claimed_at.load(Ordering::Relaxed);
        is_due(claimed_at, now, interval)
            && self
                .claimed_at
                .compare_exchange(claimed_at, now.min(NEVER - 1), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }

    /// Keeps `reading`, taken at `now`.
    ///
    /// Where another thread is storing one at this very moment, that one is kept instead.
    pub fn store(&self, reading: Reading, now: u64) {
        let sequence = self.sequence.load(Ordering::Relaxed);
        let is_mine = sequence.is_multiple_of(2)
            && self
                .sequence
                .compare_exchange(sequence, sequence + 1, Ordering::Acquire, Ordering::Relaxed)
                .is_ok();
        if !is_mine {
            return;
        }
        fence(Ordering::Release);
        self.used.store(reading.used, Ordering::Relaxed);
        self.limit.store(reading.limit, Ordering::Relaxed);
        self.source.store(encode(reading.source), Ordering::Relaxed);
        self.stored_at.store(now.min(NEVER - 1), Ordering::Relaxed);
        self.sequence.store(sequence.wrapping_add(2), Ordering::Release);
    }

    /// The latest reading; `None` before the first.
    #[inline]
    pub fn latest(&self) -> Option<Reading> {
        let mut found = None;
        for _ in 0..PATIENCE {
            let before = self.sequence.load(Ordering::Acquire);
            found = self.fields();
            fence(Ordering::Acquire);
            if before.is_multiple_of(2) && self.sequence.load(Ordering::Relaxed) == before {
                break;
            }
            std::hint::spin_loop();
        }
        found
    }

    /// Forgets reading and claims: in a child process after a fork, whose memory is another matter.
    pub fn reset(&self) {
        self.stored_at.store(NEVER, Ordering::Relaxed);
        self.claimed_at.store(NEVER, Ordering::Relaxed);
        self.sequence.store(0, Ordering::Release);
    }

    #[inline]
    fn fields(&self) -> Option<Reading> {
        let is_there = self.stored_at.load(Ordering::Relaxed) != NEVER;
        is_there.then(|| Reading {
            used: self.used.load(Ordering::Relaxed),
            limit: self.limit.load(Ordering::Relaxed),
            source: decode(self.source.load(Ordering::Relaxed)),
        })
    }
}

impl Default for Sampler {
    fn default() -> Self {
        Self::new()
    }
}

/// Whether `interval` has passed since `last`. Times of other threads may lie slightly ahead: then it has not.
#[inline]
fn is_due(last: u64, now: u64, interval: u64) -> bool {
    last == NEVER || now.saturating_sub(last) >= interval
}

const fn encode(source: Source) -> u64 {
    match source {
        Source::CgroupV2 => 0,
        Source::CgroupV1 => 1,
        Source::Host => 2,
        Source::Process => 3,
    }
}

#[inline]
const fn decode(source: u64) -> Source {
    match source {
        0 => Source::CgroupV2,
        1 => Source::CgroupV1,
        3 => Source::Process,
        _ => Source::Host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn reading(used: u64) -> Reading {
        Reading {
            used,
            limit: used * 2,
            source: Source::CgroupV1,
        }
    }

    #[test]
    fn grows_stale_and_fresh_again() {
        let sampler = Sampler::default();
        assert!(sampler.stale(0, 10));
        assert_eq!(sampler.latest(), None);
        sampler.store(reading(3), 5);
        assert!(!sampler.stale(14, 10));
        assert!(
            !sampler.stale(2, 10),
            "a slightly earlier time is no reason to read again"
        );
        assert!(sampler.stale(15, 10));
        assert_eq!(sampler.latest(), Some(reading(3)));
        sampler.store(reading(4), 15);
        assert_eq!(sampler.latest(), Some(reading(4)));
        sampler.reset();
        assert_eq!(sampler.latest(), None);
    }

    #[test]
    fn a_claim_is_given_once_in_an_interval() {
        let sampler = Sampler::new();
        assert!(sampler.try_claim(100, 10));
        assert!(!sampler.try_claim(100, 10));
        assert!(!sampler.try_claim(109, 10));
        assert!(sampler.try_claim(110, 10), "a winner that failed holds nobody up");
    }

    #[test]
    fn sources_survive() {
        for source in [Source::CgroupV2, Source::CgroupV1, Source::Host] {
            assert_eq!(decode(encode(source)), source);
        }
    }

    #[test]
    fn a_writer_that_vanished_blocks_no_reader() {
        let sampler = Sampler::new();
        sampler.store(reading(1), 0);
        sampler.sequence.store(3, Ordering::Relaxed);
        assert_eq!(sampler.latest(), Some(reading(1)));
        sampler.store(reading(2), 1);
        assert_eq!(sampler.latest(), Some(reading(1)));
        sampler.reset();
        sampler.store(reading(2), 1);
        assert_eq!(sampler.latest(), Some(reading(2)));
    }

    #[test]
    fn of_many_threads_one_wins() {
        let sampler = Sampler::new();
        let wins: usize = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| sampler.try_claim(5, 10))).collect();
            threads.into_iter().map(|t| usize::from(t.join().unwrap())).sum()
        });
        assert_eq!(wins, 1);
    }

    #[test]
    fn readers_never_see_a_mixture() {
        let (sampler, done) = (Sampler::new(), AtomicBool::new(false));
        let rounds = if cfg!(miri) { 50 } else { 20_000 };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                (1..rounds).for_each(|n| sampler.store(reading(n), n));
                done.store(true, Ordering::Relaxed);
            });
            while !done.load(Ordering::Relaxed) {
                // Reading past the patience may mix, so compare only what a quiet moment gave.
                let before = sampler.sequence.load(Ordering::Acquire);
                let found = sampler.latest();
                fence(Ordering::Acquire);
                let quiet = before.is_multiple_of(2) && sampler.sequence.load(Ordering::Relaxed) == before;
                if let (true, Some(found)) = (quiet, found) {
                    assert_eq!(found.limit, found.used * 2);
                }
            }
        });
    }
}
