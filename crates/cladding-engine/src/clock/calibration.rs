//! Turning a cycle counter's ticks into nanoseconds with one multiplication.

/// Bits behind the point of the fixed-point ratio.
const SHIFT: u32 = 48;

/// Half a nanosecond, added before the fraction is cut off.
const HALF: u128 = 1 << (SHIFT - 1);

/// The rate of a cycle counter against a clock, and the moment both were last read together.
///
/// Reading the processor's counter costs about half of what the system clock does, but it counts in
/// its own unit. Two moments at which both were read fix the ratio, kept as a fixed-point number of
/// nanoseconds per tick with 48 bits behind the point (the scheme of the Linux kernel's
/// `clocksource`: one widening multiplication and a shift, no division).
///
/// The ratio is exact to half of 2⁻⁴⁸ ns for each tick, which is a nanosecond in two days at 3 GHz.
/// What limits it in practice is how far apart the two readings were, and how closely the counter
/// and the clock were read together: 10 ms apart with 50 ns of uncertainty gives 5 parts in a million.
///
/// Reading the counter is left to the caller; this is arithmetic only.
///
/// ```
/// use cladding_engine::clock::Calibration;
///
/// // A counter of 2.5 GHz, watched for 10 ms.
/// let rate = Calibration::new((1_000, 0), (25_001_000, 10_000_000)).unwrap();
/// assert_eq!(rate.to_nanos(2_500), 1_000);
/// assert_eq!(rate.at(25_003_500), 10_001_000);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calibration {
    /// Nanoseconds for each tick, times 2⁴⁸.
    nanos_per_tick: u64,
    /// The later of the two moments.
    anchor_ticks: u64,
    anchor_nanos: u64,
}

impl Calibration {
    /// Calibrates from two moments, each `(ticks, nanoseconds)`, the earlier first.
    ///
    /// `None` where no rate follows: the counter or the clock stood still or went back, or a tick
    /// would be 65 microseconds or longer, or shorter than 2⁻⁴⁸ ns. Use the clock itself then.
    pub fn new(first: (u64, u64), second: (u64, u64)) -> Option<Self> {
        let ticks = second.0.checked_sub(first.0).filter(|&ticks| ticks > 0)?;
        let nanos = second.1.checked_sub(first.1).filter(|&nanos| nanos > 0)?;
        let half_of_divisor = u128::from(ticks / 2);
        let ratio = ((u128::from(nanos) << SHIFT) + half_of_divisor) / u128::from(ticks);
        let nanos_per_tick = u64::try_from(ratio).ok().filter(|&ratio| ratio > 0)?;
        Some(Self {
            nanos_per_tick,
            anchor_ticks: second.0,
            anchor_nanos: second.1,
        })
    }

    /// The nanoseconds that `ticks_delta` ticks last, to the nearest; `u64::MAX` where that is too much.
    #[inline]
    pub fn to_nanos(&self, ticks_delta: u64) -> u64 {
        let product = u128::from(ticks_delta) * u128::from(self.nanos_per_tick);
        u64::try_from((product + HALF) >> SHIFT).unwrap_or(u64::MAX)
    }

    /// The clock's time when the counter stood at `ticks`, before or after the calibration.
    ///
    /// Ends at 0 and at `u64::MAX`. A counter read on another core may be slightly behind: such a
    /// reading answers a slightly earlier time, never a wrapped one.
    #[inline]
    pub fn at(&self, ticks: u64) -> u64 {
        if ticks >= self.anchor_ticks {
            self.anchor_nanos
                .saturating_add(self.to_nanos(ticks - self.anchor_ticks))
        } else {
            self.anchor_nanos
                .saturating_sub(self.to_nanos(self.anchor_ticks - ticks))
        }
    }

    /// The counter's rate in ticks per second.
    pub fn ticks_per_second(&self) -> f64 {
        1e9 * (1_u64 << SHIFT) as f64 / self.nanos_per_tick as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    #[test]
    fn needs_both_to_move_forward() {
        assert_eq!(Calibration::new((5, 5), (5, 9)), None);
        assert_eq!(Calibration::new((5, 5), (9, 5)), None);
        assert_eq!(Calibration::new((9, 5), (5, 9)), None);
        assert_eq!(Calibration::new((5, 9), (9, 5)), None);
    }

    #[test]
    fn refuses_a_ratio_it_cannot_hold() {
        assert_eq!(Calibration::new((0, 0), (1, 1 << 16)), None);
        assert!(Calibration::new((0, 0), (1, (1 << 16) - 1)).is_some());
        assert_eq!(Calibration::new((0, 0), (u64::MAX, 1)), None);
    }

    #[test]
    fn too_long_a_time_is_the_longest() {
        let slow = Calibration::new((0, 0), (1, 1_000)).unwrap();
        assert_eq!(slow.to_nanos(u64::MAX), u64::MAX);
        assert_eq!(slow.at(u64::MAX), u64::MAX);
    }

    #[test]
    fn times_before_the_anchor_are_earlier() {
        let rate = Calibration::new((0, 1_000), (100, 2_000)).unwrap();
        assert_eq!(rate.at(100), 2_000);
        assert_eq!(rate.at(90), 1_900);
        assert_eq!(rate.at(110), 2_100);
        let late = Calibration::new((1_000, 0), (2_000, 10)).unwrap();
        assert_eq!(late.at(0), 0);
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn error_is_within_the_documented_bound(
            megahertz in 1_u64..6_000,
            watched_nanos in 1_000_000_u64..1_000_000_000,
            ticks in 0_u64..1 << 50,
        ) {
            // Readings of a perfect counter: whole ticks, so the ratio is exactly this fraction.
            let watched_ticks = watched_nanos * megahertz / 1_000;
            let rate = Calibration::new((7, 11), (7 + watched_ticks, 11 + watched_nanos)).unwrap();
            let exact = u128::from(ticks) * u128::from(watched_nanos) / u128::from(watched_ticks);
            let bound = 1 + (u128::from(ticks) >> (SHIFT + 1)) + 1;
            prop_assert!(u128::from(rate.to_nanos(ticks)).abs_diff(exact) <= bound);
            let hertz = watched_ticks as f64 / watched_nanos as f64 * 1e9;
            prop_assert!((rate.ticks_per_second() / hertz - 1.0).abs() < 1e-6);
        }

        #[test]
        fn never_goes_back(rate in 1_u64..1 << 40, a: u64, b: u64) {
            let rate = Calibration::new((1 << 20, 0), (1 << 41, rate)).unwrap();
            let (early, late) = (a.min(b), a.max(b));
            prop_assert!(rate.to_nanos(early) <= rate.to_nanos(late));
            prop_assert!(rate.at(early) <= rate.at(late));
        }
    }
}
