//! Smallest, largest, and how many are not finite, of floating-point numbers.

use std::ops::Sub;

/// Partial answers kept side by side. 32 fill two to eight vector registers for each, which hides their latency.
const LANES: usize = 32;

/// Numbers between two looks at whether one was not finite. Few enough to be in the nearest cache still.
const BLOCK: usize = 64 * LANES;

/// `f32` or `f64`.
pub trait Float: Copy + PartialOrd + Sub<Output = Self> + sealed::Sealed {
    /// Positive infinity.
    const INFINITY: Self;
    /// Negative infinity.
    const NEG_INFINITY: Self;
    /// Not a number.
    const NAN: Self;
    /// Zero.
    const ZERO: Self;
}

impl Float for f32 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;
    const ZERO: Self = 0.0;
}

impl Float for f64 {
    const INFINITY: Self = Self::INFINITY;
    const NEG_INFINITY: Self = Self::NEG_INFINITY;
    const NAN: Self = Self::NAN;
    const ZERO: Self = 0.0;
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f32 {}
    impl Sealed for f64 {}
}

/// What one pass over an array found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary<T> {
    /// How many were not a number.
    pub nan: usize,
    /// How many were infinite, of either sign.
    pub infinite: usize,
    /// The smallest of those that are numbers, infinite ones included; NaN where there was none.
    pub min: T,
    /// The largest, likewise.
    pub max: T,
}

impl<T> Summary<T> {
    /// Whether all were finite.
    pub const fn all_finite(&self) -> bool {
        self.nan == 0 && self.infinite == 0
    }
}

/// [`scan`] for `f64`.
///
/// ```
/// use cladding_engine::scan::scan_f64;
///
/// let found = scan_f64(&[2.0, f64::NAN, -1.0, f64::INFINITY]);
/// assert_eq!((found.nan, found.infinite), (1, 1));
/// assert_eq!((found.min, found.max), (-1.0, f64::INFINITY));
/// ```
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
pub fn scan_f64(values: &[f64]) -> Summary<f64> {
    scan(values)
}

/// [`scan`] for `f32`.
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
pub fn scan_f32(values: &[f32]) -> Summary<f32> {
    scan(values)
}

/// Looks at each number once.
///
/// Finite numbers cost four vector operations each: smaller, larger, and a sum of `x - x`, which is 0 as
/// long as all are finite and NaN ever after. Only a block in which that happened is gone through again,
/// while it is in the nearest cache, to count.
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
pub fn scan<T: Float>(values: &[T]) -> Summary<T> {
    let mut lanes = Lanes::new();
    let (mut nan, mut infinite) = (0, 0);
    for block in values.chunks(BLOCK) {
        if !lanes.add(block) {
            for &value in block {
                nan += usize::from(is_nan(value));
                infinite += usize::from(is_infinite(value));
            }
        }
    }
    let (min, max) = lanes.min_max();
    Summary {
        nan,
        infinite,
        min,
        max,
    }
}

/// Where the first number that is NaN or infinite stands.
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
pub fn first_non_finite<T: Float>(values: &[T]) -> Option<usize> {
    let is_odd = |&value: &T| is_nan(value) || is_infinite(value);
    let start = values.chunks(BLOCK).position(|block| !Lanes::new().add(block))? * BLOCK;
    Some(start + values[start..].iter().position(is_odd)?)
}

struct Lanes<T> {
    min: [T; LANES],
    max: [T; LANES],
}

impl<T: Float> Lanes<T> {
    #[expect(clippy::inline_always, reason = "takes on the caller's target features")]
    #[inline(always)]
    const fn new() -> Self {
        Self {
            min: [T::INFINITY; LANES],
            max: [T::NEG_INFINITY; LANES],
        }
    }

    /// Adds numbers. Answers whether all were finite.
    #[expect(clippy::inline_always, reason = "takes on the caller's target features")]
    #[inline(always)]
    fn add(&mut self, values: &[T]) -> bool {
        // Local copies, so that they can stay in registers.
        let (mut min, mut max) = (self.min, self.max);
        let mut odd = [T::ZERO; LANES];
        let (rows, rest) = values.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                min[lane] = smaller(row[lane], min[lane]);
                max[lane] = larger(row[lane], max[lane]);
                odd[lane] = odd[lane] - nothing(row[lane]);
            }
        }
        for (lane, &value) in rest.iter().enumerate() {
            min[lane] = smaller(value, min[lane]);
            max[lane] = larger(value, max[lane]);
            odd[lane] = odd[lane] - nothing(value);
        }
        (self.min, self.max) = (min, max);
        !odd.into_iter().any(is_nan)
    }

    /// The smallest and the largest of all lanes. With no number at all the lanes are as they were made.
    fn min_max(&self) -> (T, T) {
        let min = self.min.into_iter().fold(T::INFINITY, |a, b| smaller(b, a));
        let max = self.max.into_iter().fold(T::NEG_INFINITY, |a, b| larger(b, a));
        if min > max { (T::NAN, T::NAN) } else { (min, max) }
    }
}

/// The instruction's own notion of a minimum: `kept` where `value` is NaN.
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
fn smaller<T: Float>(value: T, kept: T) -> T {
    if value < kept { value } else { kept }
}

#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
fn larger<T: Float>(value: T, kept: T) -> T {
    if value > kept { value } else { kept }
}

/// Zero, or NaN where `value` is not finite.
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[expect(clippy::eq_op, reason = "not zero for every float")]
#[inline(always)]
fn nothing<T: Float>(value: T) -> T {
    value - value
}

#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[expect(clippy::eq_op, reason = "the definition of NaN")]
#[inline(always)]
fn is_nan<T: Float>(value: T) -> bool {
    value != value
}

#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
fn is_infinite<T: Float>(value: T) -> bool {
    value == T::INFINITY || value == T::NEG_INFINITY
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;
    use std::cmp::Ordering;

    fn plainly(values: &[f64]) -> Summary<f64> {
        let fold = |better: fn(f64, f64) -> f64| values.iter().copied().fold(f64::NAN, better);
        Summary {
            nan: values.iter().filter(|value| value.is_nan()).count(),
            infinite: values.iter().filter(|value| value.is_infinite()).count(),
            min: fold(f64::min),
            max: fold(f64::max),
        }
    }

    /// NaN is the same as NaN here.
    fn same(a: &Summary<f64>, b: &Summary<f64>) -> bool {
        let same = |a: f64, b: f64| (a.is_nan() && b.is_nan()) || a.partial_cmp(&b).is_some_and(Ordering::is_eq);
        (a.nan, a.infinite) == (b.nan, b.infinite) && same(a.min, b.min) && same(a.max, b.max)
    }

    #[test]
    fn of_nothing_there_is_no_smallest() {
        let found = scan_f32(&[]);
        assert!(found.min.is_nan() && found.max.is_nan() && found.all_finite());
        let found = scan_f32(&[f32::NAN; 100]);
        assert!(found.min.is_nan() && found.max.is_nan());
        assert_eq!((found.nan, found.infinite), (100, 0));
    }

    #[test]
    fn infinities_alone_are_the_extremes() {
        let found = scan_f64(&[f64::INFINITY]);
        assert_eq!((found.min, found.max), (f64::INFINITY, f64::INFINITY));
        let found = scan_f64(&[f64::NEG_INFINITY]);
        assert_eq!((found.min, found.max), (f64::NEG_INFINITY, f64::NEG_INFINITY));
        assert!(!found.all_finite());
    }

    #[test]
    fn one_odd_number_is_found_wherever_it_stands() {
        let len = if cfg!(miri) { LANES + 3 } else { 2 * BLOCK + 5 };
        for odd in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let mut values = vec![1.5; len];
            for position in (0..len).step_by(7) {
                values[position] = odd;
                assert_eq!(first_non_finite(&values), Some(position));
                assert!(same(&scan_f64(&values), &plainly(&values)), "at {position}");
                values[position] = 1.5;
            }
            assert_eq!(first_non_finite(&values), None);
        }
    }

    #[test]
    fn the_largest_finite_numbers_are_finite() {
        let found = scan_f32(&[f32::MAX, f32::MIN, f32::MIN_POSITIVE, -0.0]);
        assert!(found.all_finite());
        assert_eq!((found.min, found.max), (f32::MIN, f32::MAX));
    }

    /// Several blocks, where there is time for that.
    const LONG: usize = if cfg!(miri) { 100 } else { 5_000 };

    fn any_number() -> impl Strategy<Value = f64> {
        prop_oneof![
            8 => any::<f64>(),
            1 => Just(f64::NAN),
            1 => Just(f64::INFINITY),
            1 => Just(f64::NEG_INFINITY),
        ]
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn finds_what_a_plain_loop_finds(values in prop::collection::vec(any_number(), 0..200)) {
            prop_assert!(same(&scan_f64(&values), &plainly(&values)));
            let first = values.iter().position(|value| !value.is_finite());
            prop_assert_eq!(first_non_finite(&values), first);
        }

        #[test]
        fn finite_numbers_are_finite(values in prop::collection::vec(-1e300..1e300_f64, 0..LONG)) {
            prop_assert!(same(&scan_f64(&values), &plainly(&values)));
            let halves: Vec<f32> = values.iter().map(|&value| (value / 1e270) as f32).collect();
            prop_assert!(scan_f32(&halves).all_finite());
            prop_assert_eq!(first_non_finite(&halves), None);
        }
    }
}
