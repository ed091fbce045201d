//! Randomness for schedules and sampling: a trait, a small generator, and one that threads share.
//!
//! Good enough to spread retries and choose samples. Not for secrets.

use std::sync::atomic::{AtomicU64, Ordering};

/// The odd constant `SplitMix64` steps by: 2⁶⁴ divided by the golden ratio.
const GOLDEN_GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

/// A source of random numbers.
pub trait Random {
    /// A number drawn evenly from `[0, 1)`: 0 is possible, 1 is not.
    fn unit(&mut self) -> f64;
}

impl<R: Random + ?Sized> Random for &mut R {
    fn unit(&mut self) -> f64 {
        (**self).unit()
    }
}

/// Sebastiano Vigna's `SplitMix64`, after Steele, Lea and Flood, "Fast Splittable Pseudorandom
/// Number Generators" (OOPSLA 2014).
///
/// One addition and a mixing function for each number; every 64-bit number comes exactly once in a
/// period of 2⁶⁴. The same seed gives the same numbers on every machine.
///
/// ```
/// use cladding_engine::random::{Random, SplitMix64};
///
/// let (mut one, mut same) = (SplitMix64::new(42), SplitMix64::new(42));
/// assert_eq!(one.unit(), same.unit());
/// ```
#[derive(Clone, Debug)]
pub struct SplitMix64 {
    state: u64,
}

impl SplitMix64 {
    /// A generator that starts from `seed`; any number will do.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number, drawn evenly from all of `u64`.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN_GAMMA);
        mix(self.state)
    }
}

impl Random for SplitMix64 {
    #[inline]
    fn unit(&mut self) -> f64 {
        to_unit(self.next_u64())
    }
}

/// `SplitMix64` behind one atomic: threads share it through `&self` and never draw the same step twice.
///
/// One thread alone draws what [`SplitMix64`] with that seed does. A shared reference is itself a
/// [`Random`], so a function that wants one takes `&mut &shared`.
///
/// ```
/// use cladding_engine::random::SharedRandom;
///
/// static RANDOM: SharedRandom = SharedRandom::new(7);
/// assert!((0.0..1.0).contains(&RANDOM.unit()));
/// ```
#[derive(Debug)]
pub struct SharedRandom {
    state: AtomicU64,
}

impl SharedRandom {
    /// A generator that starts from `seed`; any number will do.
    pub const fn new(seed: u64) -> Self {
        Self {
            state: AtomicU64::new(seed),
        }
    }

    /// Starts again from `seed`: in a child process after a fork, which must not repeat its parent's numbers.
    pub fn reseed(&self, seed: u64) {
        self.state.store(seed, Ordering::Relaxed);
    }

    /// The next number, drawn evenly from all of `u64`.
    #[inline]
    pub fn next_u64(&self) -> u64 {
        let before = self.state.fetch_add(GOLDEN_GAMMA, Ordering::Relaxed);
        mix(before.wrapping_add(GOLDEN_GAMMA))
    }

    /// A number drawn evenly from `[0, 1)`.
    #[inline]
    pub fn unit(&self) -> f64 {
        to_unit(self.next_u64())
    }
}

impl Random for &SharedRandom {
    #[inline]
    fn unit(&mut self) -> f64 {
        SharedRandom::unit(self)
    }
}

/// The finaliser "Mix13" of David Stafford, as `SplitMix64` uses it.
#[inline]
const fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The upper 53 bits as a fraction: every multiple of 2⁻⁵³ below 1 is equally likely.
#[inline]
fn to_unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn agrees_with_the_published_sequence() {
        // From the reference implementation, https://prng.di.unimi.it/splitmix64.c, seed 1234567.
        let mut random = SplitMix64::new(1_234_567);
        let first: Vec<u64> = (0..5).map(|_| random.next_u64()).collect();
        assert_eq!(
            first,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423,
                4_593_380_528_125_082_431,
                16_408_922_859_458_223_821,
            ]
        );
    }

    #[test]
    fn shared_draws_what_the_plain_one_does() {
        let (mut plain, shared) = (SplitMix64::new(3), SharedRandom::new(0));
        shared.reseed(3);
        for _ in 0..10 {
            assert_eq!(plain.next_u64(), shared.next_u64());
        }
        assert!((Random::unit(&mut &shared) - Random::unit(&mut &mut plain)).abs() < f64::EPSILON);
    }

    #[test]
    fn threads_never_draw_the_same_step() {
        let shared = SharedRandom::new(1);
        let draws = if cfg!(miri) { 20 } else { 1_000 };
        let all: Vec<u64> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..4)
                .map(|_| scope.spawn(|| (0..draws).map(|_| shared.next_u64()).collect::<Vec<_>>()))
                .collect();
            handles.into_iter().flat_map(|handle| handle.join().unwrap()).collect()
        });
        let distinct: HashSet<u64> = all.iter().copied().collect();
        assert_eq!(distinct.len(), all.len());
    }

    #[test]
    fn one_is_never_reached() {
        assert!(to_unit(u64::MAX) < 1.0);
        assert!(to_unit(0).abs() < f64::EPSILON);
    }

    #[test]
    fn spreads_evenly() {
        let mut random = SplitMix64::new(99);
        let draws = if cfg!(miri) { 1_000 } else { 100_000 };
        let mut tenths = [0_u32; 10];
        for _ in 0..draws {
            tenths[(random.unit() * 10.0) as usize] += 1;
        }
        let expected = f64::from(draws) / 10.0;
        let chi_square: f64 = tenths
            .iter()
            .map(|&seen| (f64::from(seen) - expected).powi(2) / expected)
            .sum();
        // The 99.9 % point of chi-square with nine degrees of freedom.
        assert!(chi_square < 27.88, "chi-square {chi_square}");
    }
}
