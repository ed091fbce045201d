//! Smallest and largest of whole numbers.

/// Partial answers kept side by side.
const LANES: usize = 32;

/// One of Rust's integers of 8 to 64 bits.
pub trait Integer: Copy + Ord + sealed::Sealed {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! integers {
    ($($integer:ty)*) => {
        $(
            impl sealed::Sealed for $integer {}
            impl Integer for $integer {}
        )*
    };
}

integers! { i8 i16 i32 i64 u8 u16 u32 u64 }

/// The smallest and the largest number; `None` where there are none.
///
/// ```
/// use cladding_engine::scan::min_max;
///
/// assert_eq!(min_max(&[3_i16, -7, 5]), Some((-7, 5)));
/// assert_eq!(min_max::<u8>(&[]), None);
/// ```
#[expect(clippy::inline_always, reason = "takes on the caller's target features")]
#[inline(always)]
pub fn min_max<T: Integer>(values: &[T]) -> Option<(T, T)> {
    let first = *values.first()?;
    let (mut min, mut max) = ([first; LANES], [first; LANES]);
    let (rows, rest) = values.as_chunks::<LANES>();
    for row in rows {
        for lane in 0..LANES {
            min[lane] = min[lane].min(row[lane]);
            max[lane] = max[lane].max(row[lane]);
        }
    }
    let smallest = min.iter().chain(rest).min()?;
    let largest = max.iter().chain(rest).max()?;
    Some((*smallest, *largest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    fn plainly<T: Integer>(values: &[T]) -> Option<(T, T)> {
        Some((*values.iter().min()?, *values.iter().max()?))
    }

    macro_rules! checks {
        ($($integer:ident)*) => {
            proptest! {
                #![proptest_config(config())]

                $(
                    #[test]
                    fn $integer(values in prop::collection::vec(any::<$integer>(), 0..200)) {
                        prop_assert_eq!(min_max(&values), plainly(&values));
                    }
                )*
            }
        };
    }

    checks! { i8 i16 i32 i64 u8 u16 u32 u64 }
}
