//! The clock that time stamps come from: the cycle counter where it can be trusted, else the system's monotonic clock.
//!
//! Stamps are *ticks*. Only differences mean something, and [`nanos_between`] turns them into nanoseconds. The rate is
//! found from the two clocks themselves, over the time since the import, so nothing waits for a calibration: at first it
//! is measured anew at each use, then it is settled.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use cladding_capi::ticks as counter;
use cladding_engine::clock::Calibration;

/// When the module was imported, by both clocks.
struct Origin {
    instant: Instant,
    ticks: u64,
}

static ORIGIN: OnceLock<Origin> = OnceLock::new();
static TRUSTED: AtomicBool = AtomicBool::new(false);
static SETTLED: OnceLock<Calibration> = OnceLock::new();

/// After this time the rate is good to better than one part in 100,000.
const SETTLES_AFTER: Duration = Duration::from_millis(50);

/// Reads both clocks at nearly one moment: of a few tries the one in which the least time went by.
fn both_clocks() -> Origin {
    let tries = (0..5).map(|_| {
        let before = counter::now();
        let instant = Instant::now();
        let after = counter::now();
        let took = after.saturating_sub(before);
        (
            took,
            Origin {
                instant,
                ticks: before + took / 2,
            },
        )
    });
    tries.min_by_key(|(took, _)| *took).expect("there are five").1
}

fn origin() -> &'static Origin {
    ORIGIN.get_or_init(both_clocks)
}

/// Notes the time of the import.
pub(crate) fn start() {
    origin();
    TRUSTED.store(counter::trusted(), Ordering::Relaxed);
}

/// The time in ticks, never 0.
#[inline]
pub(crate) fn ticks() -> u64 {
    if TRUSTED.load(Ordering::Relaxed) {
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
    match SETTLED.get() {
        Some(calibration) => calibration.to_nanos(ticks),
        None => calibrate().to_nanos(ticks),
    }
}

/// A stamp as nanoseconds since the import, for what is shared by calls and needs an origin.
#[inline]
pub(crate) fn nanos(stamp: u64) -> u64 {
    nanos_between(origin().ticks, stamp)
}

/// How many ticks so many nanoseconds are.
#[inline]
pub(crate) fn ticks_from_nanos(nanos: u64) -> u64 {
    static SETTLED_RATE: OnceLock<f64> = OnceLock::new();
    let rate = |calibration: Calibration| calibration.ticks_per_second() / 1e9;
    let rate = match (SETTLED_RATE.get(), SETTLED.get()) {
        (Some(settled), _) => *settled,
        (None, Some(calibration)) => *SETTLED_RATE.get_or_init(|| rate(*calibration)),
        (None, None) => rate(calibrate()),
    };
    (nanos as f64 * rate) as u64
}

/// The rate as well as it can be known now.
#[cold]
fn calibrate() -> Calibration {
    if !TRUSTED.load(Ordering::Relaxed) {
        let second = 1_000_000_000;
        let same = Calibration::new((0, 0), (second, second)).expect("both clocks move");
        return *SETTLED.get_or_init(|| same);
    }
    let origin = origin();
    loop {
        let now = both_clocks();
        let passed = now.instant.duration_since(origin.instant);
        let nanos = u64::try_from(passed.as_nanos()).unwrap_or(u64::MAX);
        if let Some(calibration) = Calibration::new((origin.ticks, 0), (now.ticks, nanos)) {
            return if passed < SETTLES_AFTER {
                calibration
            } else {
                *SETTLED.get_or_init(|| calibration)
            };
        }
    }
}
