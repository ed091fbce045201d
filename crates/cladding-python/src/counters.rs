//! Counting, in the way that is right for this build: plain with the interpreter lock, atomic without it.

use cladding_engine::metrics::{Counter, Histogram};

/// Adds to a counter that only attached threads change.
#[inline]
pub(crate) fn add(counter: &Counter, amount: u64) {
    if cfg!(Py_GIL_DISABLED) {
        counter.add_shared(amount);
    } else {
        counter.add_exclusive(amount);
    }
}

/// Records a duration in a histogram that only attached threads change.
#[inline]
pub(crate) fn record(histogram: &Histogram, nanos: u64) {
    if cfg!(Py_GIL_DISABLED) {
        histogram.record_shared(nanos);
    } else {
        histogram.record_exclusive(nanos);
    }
}
