//! How long things took: a log-linear histogram of durations.

use std::sync::atomic::{AtomicU64, Ordering};

/// Each power of two is split into 2⁴ buckets of one width.
const SPLIT_BITS: u32 = 4;
const SPLIT: u64 = 1 << SPLIT_BITS;

/// Durations of 2⁴² ns (73 minutes) and more go into one last bucket.
const LIMIT_BITS: u32 = 42;

/// 16 exact buckets below 16 ns, then 16 for each power of two.
const OVERFLOW: usize = (LIMIT_BITS - SPLIT_BITS + 1) as usize * SPLIT as usize;
const BUCKETS: usize = OVERFLOW + 1;

/// Counts of durations in buckets whose width grows with the duration.
///
/// The layout is that of Gil Tene's `HdrHistogram`: below 16 ns each nanosecond has its own bucket; above,
/// every power of two is split into 16 buckets of equal width. A bucket is at most 1/16 (6.25 %) of its
/// lower edge wide, and estimates answer its middle, which is within 3.2 % of any duration in it. From
/// 2⁴² ns, which is 73 minutes, durations are counted together; their estimates answer that edge.
///
/// Recording finds the bucket from the number's leading zeros: no loop, no branch, no search. A histogram
/// is 5,008 bytes whatever is recorded, all of it inline: keep it behind a box where that matters.
///
/// ```
/// use cladding_engine::metrics::Histogram;
///
/// let latency = Histogram::new();
/// for millis in 1..=100 {
///     latency.record_shared(millis * 1_000_000);
/// }
/// let median = latency.quantile(0.5).unwrap();
/// assert!((median - 0.050).abs() < 0.002);
/// ```
#[derive(Debug)]
pub struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    sum_nanos: AtomicU64,
}

impl Histogram {
    /// An empty histogram.
    pub const fn new() -> Self {
        Self {
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
            sum_nanos: AtomicU64::new(0),
        }
    }

    /// Counts one duration, where the caller guarantees that no other thread records at the same time.
    #[inline]
    pub fn record_exclusive(&self, nanos: u64) {
        super::add_exclusive(&self.buckets[bucket_of(nanos)], 1);
        super::add_exclusive(&self.sum_nanos, nanos);
    }

    /// Counts one duration, from any thread.
    #[inline]
    pub fn record_shared(&self, nanos: u64) {
        self.buckets[bucket_of(nanos)].fetch_add(1, Ordering::Relaxed);
        self.sum_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// How many durations were recorded. Adds up the buckets, which keeps recording cheap.
    pub fn count(&self) -> u64 {
        self.counts().sum()
    }

    /// All durations together, in nanoseconds. Wraps around after 584 years.
    pub fn sum_nanos(&self) -> u64 {
        self.sum_nanos.load(Ordering::Relaxed)
    }

    /// The duration, in seconds, that a share `q` of all durations does not exceed: 0.5 for the median.
    ///
    /// `None` while nothing is recorded, and where `q` is not within 0 to 1.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        // A copy, so that what is recorded meanwhile cannot move the rank past the end.
        let counts: Vec<u64> = self.counts().collect();
        let total: u64 = counts.iter().sum();
        let rank = ((q * total as f64).ceil() as u64).clamp(1, total.max(1));
        let mut seen = 0;
        let bucket = counts.iter().position(|&count| {
            seen += count;
            seen >= rank
        })?;
        Some(middle_of(bucket) / 1e9)
    }

    /// How many durations are at or below each bound, for the `le` buckets of a classic Prometheus histogram.
    ///
    /// `bounds_seconds` ascend. The answer has one number more than there are bounds: the last is the
    /// count of all (`+Inf`), read in the same pass, so the numbers never contradict each other. The
    /// durations of a bucket that a bound falls into are taken to lie evenly in it.
    pub fn cumulative(&self, bounds_seconds: &[f64]) -> Vec<u64> {
        let mut answer = Vec::with_capacity(bounds_seconds.len() + 1);
        let mut bounds = bounds_seconds.iter().map(|seconds| seconds * 1e9).peekable();
        let mut below = 0;
        for (bucket, count) in self.counts().enumerate() {
            let (low, width) = edges_of(bucket);
            while let Some(bound) = bounds.next_if(|&bound| bound < low + width) {
                // Durations are whole nanoseconds, so a bound at `low` includes those of exactly `low`.
                let share = ((bound.floor() + 1.0 - low) / width).clamp(0.0, 1.0);
                answer.push(below + (count as f64 * share).round() as u64);
            }
            below += count;
        }
        answer.resize(bounds_seconds.len() + 1, below);
        answer
    }

    /// Forgets everything recorded.
    pub fn reset(&self) {
        for number in self.buckets.iter().chain([&self.sum_nanos]) {
            number.store(0, Ordering::Relaxed);
        }
    }

    fn counts(&self) -> impl Iterator<Item = u64> {
        self.buckets.iter().map(|count| count.load(Ordering::Relaxed))
    }
}

impl Default for Histogram {
    fn default() -> Self {
        Self::new()
    }
}

/// The bucket of a duration. Numbers below 16 are treated as if they had the leading bit of 16.
#[inline]
fn bucket_of(nanos: u64) -> usize {
    let octave = (nanos | SPLIT).ilog2() - SPLIT_BITS;
    let bucket = u64::from(octave) * SPLIT + (nanos >> octave);
    (bucket as usize).min(OVERFLOW)
}

/// A bucket's lower edge and its width, in nanoseconds. The last one has no end.
fn edges_of(bucket: usize) -> (f64, f64) {
    let bucket = bucket as u64;
    if bucket == OVERFLOW as u64 {
        return ((1_u64 << LIMIT_BITS) as f64, f64::INFINITY);
    }
    let octave = (bucket / SPLIT).saturating_sub(1);
    let low = (bucket - octave * SPLIT) << octave;
    (low as f64, (1_u64 << octave) as f64)
}

/// The middle of the whole nanoseconds that a bucket holds.
fn middle_of(bucket: usize) -> f64 {
    let (low, width) = edges_of(bucket);
    if width.is_finite() {
        low + (width - 1.0) / 2.0
    } else {
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    #[test]
    fn size_is_as_documented() {
        assert_eq!(size_of::<Histogram>(), 5_008);
    }

    #[test]
    fn buckets_join_without_gaps() {
        let mut expected_low = 0.0;
        for bucket in 0..OVERFLOW {
            let (low, width) = edges_of(bucket);
            assert!((low - expected_low).abs() < f64::EPSILON);
            assert_eq!(bucket_of(low as u64), bucket);
            assert_eq!(bucket_of((low + width) as u64 - 1), bucket);
            expected_low = low + width;
        }
        assert_eq!(bucket_of(1 << LIMIT_BITS), OVERFLOW);
        assert_eq!(bucket_of((1 << LIMIT_BITS) - 1), OVERFLOW - 1);
        assert_eq!(bucket_of(u64::MAX), OVERFLOW);
    }

    #[test]
    fn empty_knows_no_quantile() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), None);
        assert_eq!((histogram.count(), histogram.sum_nanos()), (0, 0));
        assert_eq!(histogram.cumulative(&[0.1, 1.0]), [0, 0, 0]);
    }

    #[test]
    fn a_share_outside_of_one_is_refused() {
        let histogram = Histogram::new();
        histogram.record_exclusive(1);
        for q in [-0.1, 1.1, f64::NAN] {
            assert_eq!(histogram.quantile(q), None);
        }
    }

    #[test]
    fn hours_are_counted_at_the_limit() {
        let histogram = Histogram::new();
        histogram.record_exclusive(u64::MAX);
        histogram.record_exclusive(5);
        let limit = (1_u64 << LIMIT_BITS) as f64 / 1e9;
        assert_eq!(histogram.quantile(1.0), Some(limit));
        assert_eq!(histogram.quantile(0.0), Some(5e-9));
        assert_eq!(histogram.cumulative(&[1.0, f64::INFINITY]), [1, 2, 2]);
        histogram.reset();
        assert_eq!((histogram.count(), histogram.sum_nanos()), (0, 0));
    }

    #[test]
    fn bounds_split_the_bucket_they_fall_into() {
        let histogram = Histogram::new();
        // 1024 ns to 1087 ns share a bucket; a bound of 1055 ns is at half of it.
        (0..10).for_each(|_| histogram.record_exclusive(1_024));
        assert_eq!(histogram.cumulative(&[1.055e-6]), [5, 10]);
        assert_eq!(histogram.cumulative(&[1.0e-6, 1.087e-6]), [0, 10, 10]);
    }

    #[test]
    fn exact_buckets_include_their_bound() {
        let histogram = Histogram::new();
        histogram.record_shared(7);
        assert_eq!(histogram.cumulative(&[-1.0, 6e-9, 7e-9, 8e-9]), [0, 0, 1, 1, 1]);
    }

    fn record_all(histogram: &Histogram, durations: &[u64]) {
        for (position, &nanos) in durations.iter().enumerate() {
            match position % 2 {
                0 => histogram.record_shared(nanos),
                _ => histogram.record_exclusive(nanos),
            }
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn estimates_are_within_the_documented_error(nanos in 0_u64..1 << LIMIT_BITS) {
            let histogram = Histogram::new();
            histogram.record_exclusive(nanos);
            let estimate = histogram.quantile(0.5).unwrap() * 1e9;
            prop_assert!((estimate - nanos as f64).abs() <= nanos as f64 * 0.032 + 1e-6);
        }

        #[test]
        fn quantiles_follow_the_sorted_durations(
            mut durations in prop::collection::vec(0_u64..1 << LIMIT_BITS, 1..60),
            q in 0.0..=1.0_f64,
        ) {
            let histogram = Histogram::new();
            record_all(&histogram, &durations);
            durations.sort_unstable();
            let rank = ((q * durations.len() as f64).ceil() as usize).max(1);
            let exact = durations[rank - 1] as f64;
            let estimate = histogram.quantile(q).unwrap() * 1e9;
            prop_assert!((estimate - exact).abs() <= exact * 0.032 + 1e-6);
            prop_assert_eq!(histogram.count(), durations.len() as u64);
            prop_assert_eq!(histogram.sum_nanos(), durations.iter().sum::<u64>());
        }

        #[test]
        fn cumulative_counts_never_shrink_and_end_in_all(
            durations in prop::collection::vec(0_u64..1 << 44, 0..60),
            mut bounds in prop::collection::vec(0.0..4e3_f64, 0..12),
        ) {
            let histogram = Histogram::new();
            record_all(&histogram, &durations);
            bounds.sort_unstable_by(f64::total_cmp);
            let counts = histogram.cumulative(&bounds);
            prop_assert_eq!(counts.len(), bounds.len() + 1);
            prop_assert!(counts.is_sorted());
            prop_assert_eq!(counts.last().copied(), Some(durations.len() as u64));
            for (&bound, &count) in bounds.iter().zip(&counts) {
                let surely = durations.iter().filter(|&&n| (n as f64) < bound * 1e9 * 0.93).count();
                let perhaps = durations.iter().filter(|&&n| (n as f64) < bound * 1e9 * 1.07).count();
                prop_assert!((surely as u64..=perhaps as u64).contains(&count));
            }
        }
    }
}
