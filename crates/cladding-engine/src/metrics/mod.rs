//! What is counted and how it is told: counters, gauges, a histogram of durations, Prometheus text.
//!
//! Every number can be recorded in two ways. `*_shared` is for any thread at any time, and costs an
//! atomic read-modify-write. `*_exclusive` is a plain load and store, several times cheaper, for callers
//! who make sure by other means (an interpreter's lock) that no two threads record in the same object
//! at once. A caller who breaks that promise loses counts and nothing else. Reading is always allowed.

mod counter;
pub mod exposition;
mod histogram;
mod labels;

pub use counter::{Counter, Gauge};
pub use histogram::Histogram;
pub use labels::LabelCounts;

use std::sync::atomic::{AtomicU64, Ordering};

/// Adds without a read-modify-write: the caller guarantees that nobody else writes at the same time.
#[inline]
fn add_exclusive(number: &AtomicU64, n: u64) {
    number.store(number.load(Ordering::Relaxed).wrapping_add(n), Ordering::Relaxed);
}
