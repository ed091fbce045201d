//! The clock that time stamps come from: the cycle counter where it can be trusted, else the system's monotonic clock.
//!
//! Stamps are *ticks*. Only differences mean something, and [`to_nanos`] turns them into nanoseconds. The rate is found
//! from the two clocks themselves, over the time since the import, so nothing waits for a calibration.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use cladding_capi::ticks as counter;

struct Origin {
    instant: Instant,
    ticks: u64,
    trusted: bool,
}

static ORIGIN: OnceLock<Origin> = OnceLock::new();
static TRUSTED: AtomicU64 = AtomicU64::new(0);
/// Nanoseconds a tick, as a fixed-point number with 32 bits behind the point; 0 until it is known well enough.
static RATE: AtomicU64 = AtomicU64::new(0);
/// The length of the base line that `RATE` was measured over, in nanoseconds.
static BASE_LINE: AtomicU64 = AtomicU64::new(0);

/// Base line after which the rate is good to about one part in 20,000, and after which it is not measured again.
const ENOUGH_NANOS: u64 = 2_000_000;
const FINAL_NANOS: u64 = 10_000_000_000;

fn origin() -> &'static Origin {
    ORIGIN.get_or_init(|| {
        let trusted = counter::trusted();
        TRUSTED.store(u64::from(trusted), Ordering::Relaxed);
        Origin {
            instant: Instant::now(),
            ticks: counter::now(),
            trusted,
        }
    })
}

/// Starts the base line; called when the module is imported.
pub(crate) fn start() {
    origin();
}

/// The time in ticks, never 0.
#[inline]
pub(crate) fn ticks() -> u64 {
    if TRUSTED.load(Ordering::Relaxed) == 1 {
        counter::now() | 1
    } else {
        system_nanos() | 1
    }
}

/// Nanoseconds of the monotonic clock since the import.
pub(crate) fn system_nanos() -> u64 {
    u64::try_from(origin().instant.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// The nanoseconds between two stamps; 0 if they are the wrong way round, as they can be across processors.
#[inline]
pub(crate) fn nanos_between(earlier: u64, later: u64) -> u64 {
    let ticks = later.saturating_sub(earlier);
    if TRUSTED.load(Ordering::Relaxed) == 0 {
        return ticks;
    }
    let rate = if BASE_LINE.load(Ordering::Relaxed) >= FINAL_NANOS {
        RATE.load(Ordering::Relaxed)
    } else {
        rate(later)
    };
    scale(ticks, rate)
}

/// The stamp that lies so many nanoseconds after another.
pub(crate) fn ticks_from_nanos(nanos: u64) -> u64 {
    if TRUSTED.load(Ordering::Relaxed) == 0 {
        return nanos;
    }
    let rate = u128::from(rate(counter::now()).max(1));
    u64::try_from((u128::from(nanos) << 32) / rate).unwrap_or(u64::MAX)
}

#[inline]
fn scale(ticks: u64, rate: u64) -> u64 {
    ((u128::from(ticks) * u128::from(rate)) >> 32) as u64
}

/// The rate as well as it can be known now: measured again each time the base line has doubled.
fn rate(now: u64) -> u64 {
    let known = RATE.load(Ordering::Relaxed);
    let base_line = BASE_LINE.load(Ordering::Relaxed);
    let origin = origin();
    debug_assert!(origin.trusted);
    if known != 0 && scale(now.saturating_sub(origin.ticks), known) < base_line.saturating_mul(2) {
        return known;
    }
    loop {
        let ticks = counter::now().saturating_sub(origin.ticks);
        let nanos = u64::try_from(origin.instant.elapsed().as_nanos()).unwrap_or(u64::MAX);
        if nanos < ENOUGH_NANOS {
            // So soon after the import the base line is too short. The few who ask now wait for it in bounded time.
            std::thread::yield_now();
            continue;
        }
        let rate = u64::try_from((u128::from(nanos) << 32) / u128::from(ticks.max(1))).unwrap_or(1 << 32);
        RATE.store(rate, Ordering::Relaxed);
        BASE_LINE.store(nanos, Ordering::Relaxed);
        return rate;
    }
}
