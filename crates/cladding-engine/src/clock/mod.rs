//! Clocks: what "now" is, for programs and for tests.
//!
//! All times of the engine are `u64` nanoseconds since an origin the clock chose, never going back.
//! Functions of the engine take `now` as an argument and ask no clock themselves; the types here are
//! for those who have to get a `now` from somewhere.

mod calibration;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

pub use calibration::Calibration;

/// A monotonic clock.
pub trait Clock {
    /// Nanoseconds since this clock's origin. A later call never answers less.
    fn now(&self) -> u64;
}

impl<C: Clock + ?Sized> Clock for &C {
    fn now(&self) -> u64 {
        (**self).now()
    }
}

/// The operating system's monotonic clock, counted from the moment this object was made.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose origin is now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    /// Stays at `u64::MAX` after 584 years.
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// A clock that moves only when told to, for tests that must not sleep.
///
/// ```
/// use cladding_engine::clock::{Clock, ManualClock};
///
/// let clock = ManualClock::new(0);
/// clock.advance(1_500);
/// assert_eq!(clock.now(), 1_500);
/// ```
#[derive(Debug, Default)]
pub struct ManualClock {
    nanos: AtomicU64,
}

impl ManualClock {
    /// A clock that stands at `nanos`.
    pub const fn new(nanos: u64) -> Self {
        Self {
            nanos: AtomicU64::new(nanos),
        }
    }

    /// Moves the clock on by `nanos`, to `u64::MAX` at most.
    pub fn advance(&self, nanos: u64) {
        let forward = |now: u64| Some(now.saturating_add(nanos));
        // The closure always answers `Some`, so the update cannot fail.
        let _ = self.nanos.fetch_update(Ordering::Relaxed, Ordering::Relaxed, forward);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> u64 {
        self.nanos.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn system_clock_never_goes_back() {
        let clock = SystemClock::default();
        let mut last = 0;
        for _ in 0..100 {
            let now = clock.now();
            assert!(now >= last);
            last = now;
        }
    }

    #[test]
    fn manual_clock_stops_at_the_end_of_time() {
        let clock = ManualClock::new(u64::MAX - 1);
        clock.advance(1);
        clock.advance(1);
        assert_eq!(clock.now(), u64::MAX);
    }
}
