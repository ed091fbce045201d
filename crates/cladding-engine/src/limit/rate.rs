//! How many calls may begin in a time: the generic cell rate algorithm.
//!
//! From the ATM Forum's "Traffic Management Specification 4.1" (1999), section 4.4.2, in its virtual scheduling form: all
//! that is kept is when the next call would come if calls came evenly, the *theoretical arrival time*. It decides as a
//! token bucket does that holds `burst` tokens and gets one each `per / rate`, and a place in the future is taken by the
//! same addition, so that waiting calls are spaced and in order.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::ConfigError;

/// The longest time between two calls, and the longest `per`, in seconds.
const LONGEST: f64 = 1e9;

/// How often calls may begin.
///
/// In any time `x` at most `burst + x / interval` calls begin, where the interval is `per / rate`. Intervals are whole
/// nanoseconds, rounded up, so that the rate is never exceeded.
///
/// ```
/// use cladding_engine::limit::rate::{InMemory, Rate, RateState, Taken};
///
/// let rate = Rate::new(10.0, 1.0, Some(2))?;
/// let state = InMemory::new();
/// assert!(matches!(state.take(&rate, 0, None), Taken::Now));
/// assert!(matches!(state.take(&rate, 0, None), Taken::Now));
/// assert!(matches!(state.take(&rate, 0, None), Taken::After { nanos: 100_000_000, .. }));
/// assert!(matches!(state.take(&rate, 0, Some(0)), Taken::Refused { nanos: 200_000_000 }));
/// # Ok::<(), cladding_engine::error::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds between two calls.
    interval: u64,
    burst: u64,
}

impl Rate {
    /// `rate` calls in `per` seconds, of which `burst` may begin together after a quiet time; the whole part of `rate`, and
    /// 1 at least, unless told.
    ///
    /// # Errors
    ///
    /// Names the first of these that does not hold: `per` is above 0 and at most 1e9; `rate` is above 0 and comes to at most
    /// one call in a nanosecond and at least one in 1e9 seconds; `burst` is at least 1.
    pub fn new(rate: f64, per: f64, burst: Option<u64>) -> Result<Self, ConfigError> {
        let check = |holds: bool, parameter, value: String, allowed| {
            if holds {
                Ok(())
            } else {
                Err(ConfigError::new(parameter, value, allowed))
            }
        };
        check(
            per > 0.0 && per <= LONGEST,
            "per",
            per.to_string(),
            "seconds above 0 and at most 1e9",
        )?;
        let nanos = per * 1e9 / rate;
        check(
            rate > 0.0 && (1.0..=LONGEST * 1e9).contains(&nanos),
            "rate",
            rate.to_string(),
            "a number above 0 that comes to at most one call in a nanosecond and at least one in 1e9 seconds",
        )?;
        check(burst != Some(0), "burst", "0".to_owned(), "1 or greater")?;
        Ok(Self {
            interval: rounded_up(nanos) as u64,
            burst: burst.unwrap_or_else(|| (rate as u64).max(1)),
        })
    }

    /// How many calls may begin together.
    pub const fn burst(&self) -> u64 {
        self.burst
    }

    /// How far before its theoretical arrival time a call may begin.
    const fn tolerance(&self) -> u64 {
        (self.burst - 1).saturating_mul(self.interval)
    }
}

/// The next whole number; what is one but for the rounding of a division stays as it is.
fn rounded_up(number: f64) -> f64 {
    let nearest = number.round();
    if (number - nearest).abs() <= number * 4.0 * f64::EPSILON {
        nearest
    } else {
        number.ceil()
    }
}

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Begin now.
    Now,
    /// Begin in so many nanoseconds. The place is taken, and can be given back until then.
    After {
        /// How long to wait.
        nanos: u64,
        /// What to give back.
        place: Place,
    },
    /// That would be too long. Nothing was taken.
    Refused {
        /// How long the wait would have been.
        nanos: u64,
    },
}

/// A place in the line of calls that wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// What has been taken of a rate. In memory here; a store that processes share can be another.
///
/// All times are nanoseconds of one monotonic clock.
pub trait RateState: Send + Sync {
    /// Takes the earliest time to begin, unless that is more than `max_wait` away.
    fn take(&self, rate: &Rate, now: u64, max_wait: Option<u64>) -> Taken;

    /// Gives a place back that was not used. Those who wait behind it keep their times; it is free again once all places
    /// behind it have been given back as well.
    fn give_back(&self, rate: &Rate, place: Place);

    /// How many calls could begin now.
    fn available(&self, rate: &Rate, now: u64) -> u64;
}

/// The state of a rate in this process.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    /// The theoretical arrival time of the next call.
    next: u64,
    /// Places in front of others, given back and still to come.
    unused: BTreeSet<Place>,
}

impl InMemory {
    /// Nothing was taken yet.
    pub fn new() -> Self {
        Self::default()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RateState for InMemory {
    #[inline]
    fn take(&self, rate: &Rate, now: u64, max_wait: Option<u64>) -> Taken {
        let mut line = self.line();
        let (arrival, tolerance) = (line.next.max(now), rate.tolerance());
        let nanos = arrival.saturating_sub(tolerance).saturating_sub(now);
        if max_wait.is_some_and(|most| nanos > most) {
            return Taken::Refused { nanos };
        }
        line.next = arrival.saturating_add(rate.interval);
        line.forget_until(now.saturating_add(rate.interval).saturating_add(tolerance));
        if nanos == 0 {
            return Taken::Now;
        }
        let place = Place(line.next);
        Taken::After { nanos, place }
    }

    fn give_back(&self, rate: &Rate, place: Place) {
        let mut line = self.line();
        if place.0 > line.next {
            return;
        }
        line.unused.insert(place);
        while line.unused.last() == Some(&Place(line.next)) {
            line.unused.pop_last();
            line.next = line.next.saturating_sub(rate.interval);
        }
    }

    fn available(&self, rate: &Rate, now: u64) -> u64 {
        let taken = self.line().next.saturating_sub(now).div_ceil(rate.interval);
        rate.burst.saturating_sub(taken)
    }
}

impl Line {
    /// Forgets unused places whose time has passed: so there are never more than calls that could wait.
    #[inline]
    fn forget_until(&mut self, time: u64) {
        while self.unused.first().is_some_and(|place| place.0 <= time) {
            self.unused.pop_first();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::config;

    #[track_caller]
    fn assert_refused(rate: f64, per: f64, burst: Option<u64>, parameter: &str) {
        assert_eq!(Rate::new(rate, per, burst).unwrap_err().parameter, parameter);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for per in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10] {
            assert_refused(1.0, per, None, "per");
        }
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e10, 1e-10] {
            assert_refused(rate, 1.0, None, "rate");
        }
        assert_refused(1.0, 1.0, Some(0), "burst");
    }

    #[test]
    fn the_burst_is_the_rate_unless_told() {
        let burst = |rate| Rate::new(rate, 60.0, None).unwrap().burst();
        assert_eq!([burst(100.0), burst(2.9), burst(0.1)], [100, 2, 1]);
    }

    #[test]
    fn intervals_are_rounded_up() {
        let interval = |rate, per| Rate::new(rate, per, None).unwrap().interval;
        assert_eq!(interval(3.0, 1.0), 333_333_334);
        assert_eq!(interval(10.0, 0.1), 10_000_000);
        assert_eq!(interval(1e9, 1.0), 1);
        assert_eq!(interval(1.0, 1e9), 1_000_000_000_000_000_000);
    }

    #[test]
    fn places_that_are_given_back_one_after_the_other_are_all_free_again() {
        let (rate, state) = (Rate::new(1.0, 1.0, None).unwrap(), InMemory::new());
        assert_eq!(state.take(&rate, 0, None), Taken::Now);
        let places: Vec<Place> = (0..100)
            .map(|_| match state.take(&rate, 0, None) {
                Taken::After { place, .. } => place,
                other => panic!("{other:?}"),
            })
            .collect();
        for place in places {
            state.give_back(&rate, place);
        }
        assert!(matches!(
            state.take(&rate, 0, None),
            Taken::After {
                nanos: 1_000_000_000,
                ..
            }
        ));
    }

    #[test]
    fn times_beyond_all_numbers_do_no_harm() {
        let (rate, state) = (Rate::new(1.0, 1e9, Some(u64::MAX)).unwrap(), InMemory::new());
        assert_eq!(state.take(&rate, u64::MAX, Some(0)), Taken::Now);
        let (rate, state) = (Rate::new(1.0, 1e9, Some(1)).unwrap(), InMemory::new());
        let places: Vec<_> = (0..30).map(|_| state.take(&rate, u64::MAX / 2, None)).collect();
        for taken in places {
            if let Taken::After { place, .. } = taken {
                state.give_back(&rate, place);
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Pass(u64),
        Take(Option<u64>),
        GiveBack(usize),
    }

    /// All calls so far that have begun or will, told apart from those that were given back. A new call begins at the
    /// earliest time at which no stretch of time has more than its share.
    #[derive(Default)]
    struct Model {
        begins: Vec<(u64, bool)>,
    }

    impl Model {
        fn earliest(&self, interval: u64, burst: u64, now: u64) -> u64 {
            let many = |since: usize| (self.begins.len() - since) as u64;
            let after = |(index, begin): (usize, &(u64, bool))| {
                (begin.0 + many(index) * interval).saturating_sub((burst - 1) * interval)
            };
            self.begins.iter().enumerate().map(after).max().unwrap_or(0).max(now)
        }

        fn pop_unused(&mut self) {
            while matches!(self.begins.last(), Some((_, false))) {
                self.begins.pop();
            }
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn each_call_begins_as_soon_as_every_stretch_of_time_allows(
            interval in 1..50_u64,
            burst in 1..6_u64,
            steps in prop::collection::vec(
                prop_oneof![
                    (0..120_u64).prop_map(Step::Pass),
                    prop::option::of(0..200_u64).prop_map(Step::Take),
                    prop::option::of(0..200_u64).prop_map(Step::Take),
                    any::<usize>().prop_map(Step::GiveBack),
                ],
                1..120,
            ),
        ) {
            let (rate, state) = (Rate { interval, burst }, InMemory::new());
            let (mut now, mut model, mut waiting) = (1_000_u64, Model::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Pass(nanos) => now += nanos,
                    Step::Take(max_wait) => {
                        let begin = model.earliest(interval, burst, now);
                        let taken = state.take(&rate, now, max_wait);
                        match taken {
                            Taken::Refused { nanos } => {
                                prop_assert_eq!(nanos, begin - now);
                                prop_assert!(nanos > max_wait.unwrap());
                                continue;
                            }
                            Taken::Now => prop_assert_eq!(begin, now),
                            Taken::After { nanos, place } => {
                                prop_assert_eq!(nanos, begin - now);
                                prop_assert!(nanos > 0 && max_wait.is_none_or(|most| nanos <= most));
                                waiting.push((place, model.begins.len(), begin));
                            }
                        }
                        model.begins.push((begin, true));
                        // What was not given back by its time has begun, or may as well have.
                        for (begin, used) in &mut model.begins {
                            *used |= *begin <= now;
                        }
                    }
                    Step::GiveBack(index) => {
                        waiting.retain(|(_, _, begin)| *begin > now);
                        if waiting.is_empty() {
                            continue;
                        }
                        let (place, index, _) = waiting.swap_remove(index % waiting.len());
                        state.give_back(&rate, place);
                        model.begins[index].1 = false;
                        model.pop_unused();
                    }
                }
            }
            prop_assert!(state.line().unused.len() <= model.begins.len());
        }

        #[test]
        fn what_is_said_to_be_available_is(interval in 1..50_u64, burst in 1..9_u64, takes in 0..20_u64, later in 0..500_u64) {
            let (rate, state) = (Rate { interval, burst }, InMemory::new());
            for _ in 0..takes {
                let _ = state.take(&rate, 1_000, None);
            }
            let available = state.available(&rate, 1_000 + later);
            for _ in 0..available {
                prop_assert_eq!(state.take(&rate, 1_000 + later, Some(0)), Taken::Now);
            }
            prop_assert_ne!(state.take(&rate, 1_000 + later, Some(0)), Taken::Now);
        }
    }
}
