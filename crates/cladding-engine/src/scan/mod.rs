//! One pass over an array of numbers: smallest, largest, and what is no number.
//!
//! The loops keep one partial answer for each lane of a vector register, with operations that exist as one
//! instruction each, and are written so that the compiler turns them into such: there is no `unsafe` and no
//! instruction named here. All are `#[inline(always)]`: called inside of a function that is compiled for wider
//! registers (`#[target_feature(enable = "avx2")]`) they use those.

mod floats;
mod integers;

pub use floats::{Float, Summary, first_non_finite, scan, scan_f32, scan_f64};
pub use integers::{Integer, min_max};
