//! Waits that grow up to a cap, spread by jitter.

use crate::error::ConfigError;
use crate::random::Random;

use super::{Growth, Jitter};

/// The schedule of waits between attempts: growing, capped, then jittered.
///
/// Retry `i`, counted from 0, may wait up to its *ceiling*, `initial_delay` times what its [`Growth`]
/// gives (`backoff_factor^i` unless told) and never more than `max_delay`. The jitter is drawn below
/// the ceiling, after the cap: were it added before, all late retries would wait exactly the cap,
/// together, which is what jitter is there to prevent. For the same reason decorrelated jitter is
/// drawn between the first delay and three times the wait before or the cap, whichever is less, where
/// the article's formula clips what was drawn. See Marc Brooker, "Exponential Backoff And Jitter"
/// (AWS Architecture Blog, 2015).
///
/// ```
/// use cladding_engine::random::SplitMix64;
/// use cladding_engine::retry::{Backoff, Jitter};
///
/// let backoff = Backoff::new(0.1, 2.0, 1.0, Jitter::None)?;
/// let mut random = SplitMix64::new(1);
/// let waits: Vec<f64> = (0..5).map(|retry| backoff.delay(retry, 0.0, &mut random)).collect();
/// assert_eq!(waits, [0.1, 0.2, 0.4, 0.8, 1.0]);
/// # Ok::<(), cladding_engine::error::ConfigError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    initial: f64,
    factor: f64,
    max: f64,
    jitter: Jitter,
    growth: Growth,
}

/// The most that decorrelated jitter multiplies the wait before by, as the article has it.
const DECORRELATED: f64 = 3.0;

impl Backoff {
    /// An exponential schedule from its parameters, delays in seconds.
    ///
    /// # Errors
    ///
    /// Names the first of these that does not hold: `initial_delay` is finite and at least 0,
    /// `backoff_factor` finite and at least 1, `max_delay` finite and at least `initial_delay`.
    pub fn new(initial_delay: f64, backoff_factor: f64, max_delay: f64, jitter: Jitter) -> Result<Self, ConfigError> {
        let check = |holds: bool, parameter, value: f64, allowed| {
            if holds {
                Ok(())
            } else {
                Err(ConfigError::new(parameter, value.to_string(), allowed))
            }
        };
        check(
            initial_delay.is_finite() && initial_delay >= 0.0,
            "initial_delay",
            initial_delay,
            "a finite number of seconds, 0 or greater",
        )?;
        check(
            backoff_factor.is_finite() && backoff_factor >= 1.0,
            "backoff_factor",
            backoff_factor,
            "a finite number, 1 or greater",
        )?;
        check(
            max_delay.is_finite() && max_delay >= initial_delay,
            "max_delay",
            max_delay,
            "a finite number of seconds, not less than `initial_delay`",
        )?;
        Ok(Self {
            initial: initial_delay,
            factor: backoff_factor,
            max: max_delay,
            jitter,
            growth: Growth::Exponential,
        })
    }

    /// The same schedule with limits that grow in another way.
    ///
    /// # Errors
    ///
    /// Names `jitter` if it is decorrelated, which makes its own growth, and `growth` is not the exponential one.
    pub fn growing(self, growth: Growth) -> Result<Self, ConfigError> {
        if self.jitter == Jitter::Decorrelated && growth != Growth::Exponential {
            let value = format!("\"{}\"", self.jitter);
            let allowed = "\"full\", \"equal\" or \"none\" for a schedule that is not \"exponential\"";
            return Err(ConfigError::new("jitter", value, allowed));
        }
        Ok(Self { growth, ..self })
    }

    /// The wait before retry `retry_index` (the first retry is 0), in seconds, in `[0, max_delay]`.
    ///
    /// `previous` is the wait before the last retry, for decorrelated jitter; anything will do for the first.
    pub fn delay(&self, retry_index: u32, previous: f64, random: &mut impl Random) -> f64 {
        if self.jitter == Jitter::Decorrelated {
            let before = if retry_index == 0 { self.initial } else { previous };
            let most = (before * DECORRELATED).clamp(self.initial, self.max);
            return self.initial + (most - self.initial) * random.unit();
        }
        self.jitter.apply(self.ceiling(retry_index), random)
    }

    /// The longest that retry `retry_index` may wait, in seconds, before jitter shortens it.
    pub fn ceiling(&self, retry_index: u32) -> f64 {
        let grown = self.initial * self.growth.multiple(retry_index, self.factor);
        // Growth beyond all numbers is beyond the cap, except from nothing: then the product is NaN.
        if self.initial > 0.0 { grown.min(self.max) } else { 0.0 }
    }

    /// The first wait's ceiling, in seconds.
    pub const fn initial_delay(&self) -> f64 {
        self.initial
    }

    /// What each ceiling is multiplied by to give the next.
    pub const fn backoff_factor(&self) -> f64 {
        self.factor
    }

    /// What no wait exceeds, in seconds.
    pub const fn max_delay(&self) -> f64 {
        self.max
    }

    /// How waits are spread below their ceilings.
    pub const fn jitter(&self) -> Jitter {
        self.jitter
    }

    /// How the ceilings grow.
    pub const fn growth(&self) -> Growth {
        self.growth
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;
    use crate::test_support::config;
    use proptest::prelude::*;

    /// Room for the rounding of `powf`, which miri also varies on purpose.
    const ROUNDING: f64 = 1e-12;

    #[track_caller]
    fn assert_refused(initial: f64, factor: f64, max: f64, parameter: &str, message: &str) {
        let error = Backoff::new(initial, factor, max, Jitter::Full).unwrap_err();
        assert_eq!(error.parameter, parameter);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        let delay = "`initial_delay` must be a finite number of seconds, 0 or greater, got ";
        assert_refused(-0.5, 2.0, 1.0, "initial_delay", &format!("{delay}-0.5"));
        assert_refused(f64::NAN, 2.0, 1.0, "initial_delay", &format!("{delay}NaN"));
        assert_refused(f64::INFINITY, 2.0, 1.0, "initial_delay", &format!("{delay}inf"));
        let factor = "`backoff_factor` must be a finite number, 1 or greater, got ";
        assert_refused(0.1, 0.5, 1.0, "backoff_factor", &format!("{factor}0.5"));
        assert_refused(0.1, f64::NAN, 1.0, "backoff_factor", &format!("{factor}NaN"));
        assert_refused(0.1, f64::INFINITY, 1.0, "backoff_factor", &format!("{factor}inf"));
        let max = "`max_delay` must be a finite number of seconds, not less than `initial_delay`, got ";
        assert_refused(2.0, 2.0, 1.0, "max_delay", &format!("{max}1"));
        assert_refused(0.1, 2.0, f64::NAN, "max_delay", &format!("{max}NaN"));
        assert_refused(0.1, 2.0, f64::INFINITY, "max_delay", &format!("{max}inf"));
    }

    #[test]
    fn nothing_grows_from_nothing() {
        let backoff = Backoff::new(0.0, 10.0, 30.0, Jitter::None).unwrap();
        let mut random = SplitMix64::new(0);
        for retry in [0, 1, 400, u32::MAX] {
            assert!(backoff.delay(retry, 0.0, &mut random).abs() < f64::EPSILON);
        }
    }

    #[test]
    fn late_retries_still_differ_under_the_cap() {
        let backoff = Backoff::new(1.0, 2.0, 30.0, Jitter::Full).unwrap();
        let mut random = SplitMix64::new(8);
        let waits: Vec<f64> = (0..50).map(|_| backoff.delay(60, 30.0, &mut random)).collect();
        assert!(waits.iter().all(|&wait| wait < 30.0));
        assert!(waits.iter().any(|&wait| wait < 10.0) && waits.iter().any(|&wait| wait > 20.0));
    }

    #[test]
    fn tells_its_parameters() {
        let backoff = Backoff::new(0.1, 2.0, 30.0, Jitter::Equal).unwrap();
        let told = (backoff.initial_delay(), backoff.backoff_factor(), backoff.max_delay());
        assert_eq!(told, (0.1, 2.0, 30.0));
        assert_eq!(backoff.jitter(), Jitter::Equal);
        assert_eq!(backoff.growth(), Growth::Exponential);
        assert_eq!(backoff.growing(Growth::Linear).unwrap().growth(), Growth::Linear);
    }

    #[test]
    fn decorrelated_jitter_goes_with_no_other_growth() {
        let backoff = Backoff::new(0.1, 2.0, 30.0, Jitter::Decorrelated).unwrap();
        let error = backoff.growing(Growth::Linear).unwrap_err();
        assert_eq!(error.parameter, "jitter");
        assert!(backoff.growing(Growth::Exponential).is_ok());
    }

    #[test]
    fn decorrelated_waits_spread_evenly_up_to_three_times_the_wait_before() {
        let backoff = Backoff::new(1.0, 2.0, 100.0, Jitter::Decorrelated).unwrap();
        let draws: u32 = if cfg!(miri) { 500 } else { 50_000 };
        let mut random = SplitMix64::new(11);
        let waits: Vec<f64> = (0..draws).map(|_| backoff.delay(3, 7.0, &mut random)).collect();
        let mean = waits.iter().sum::<f64>() / f64::from(draws);
        let variance = waits.iter().map(|wait| (wait - mean).powi(2)).sum::<f64>() / f64::from(draws);
        let (middle, width) = (11.0, 20.0); // even over [1, 21]
        let tolerance = 5.0 * width / f64::from(draws).sqrt();
        assert!((mean - middle).abs() < tolerance, "{mean}");
        assert!(
            (variance - width * width / 12.0).abs() < tolerance * width,
            "{variance}"
        );
        assert!(waits.iter().all(|wait| (1.0..21.0).contains(wait)));
    }

    #[test]
    fn decorrelated_waits_still_differ_under_the_cap() {
        let backoff = Backoff::new(1.0, 2.0, 30.0, Jitter::Decorrelated).unwrap();
        let mut random = SplitMix64::new(8);
        let mut wait = 0.0;
        let waits: Vec<f64> = (0..200)
            .map(|retry| {
                wait = backoff.delay(retry, wait, &mut random);
                wait
            })
            .collect();
        assert!(waits.iter().all(|&wait| wait < 30.0));
    }

    fn any_backoff() -> impl Strategy<Value = Backoff> {
        let jitter = prop_oneof![Just(Jitter::None), Just(Jitter::Full), Just(Jitter::Equal)];
        let growth = prop_oneof![
            Just(Growth::Exponential),
            Just(Growth::Constant),
            Just(Growth::Linear),
            Just(Growth::Fibonacci)
        ];
        let numbers = (0.0..1e6_f64, 1.0..100.0_f64, 0.0..1e6_f64);
        (numbers, jitter, growth).prop_map(|((initial, factor, room), jitter, growth)| {
            let backoff = Backoff::new(initial, factor, initial + room, jitter).unwrap();
            backoff.growing(growth).unwrap()
        })
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn every_wait_is_within_its_bounds(backoff in any_backoff(), retry: u32, seed: u64) {
            let ceiling = backoff.ceiling(retry);
            let wait = backoff.delay(retry, 0.0, &mut SplitMix64::new(seed));
            let least = match backoff.jitter() {
                Jitter::None | Jitter::Decorrelated => ceiling,
                Jitter::Full => 0.0,
                Jitter::Equal => ceiling / 2.0,
            };
            prop_assert!(ceiling.is_finite() && ceiling <= backoff.max_delay());
            prop_assert!((least..=ceiling).contains(&wait), "{wait} of {ceiling}");
        }

        #[test]
        fn ceilings_never_shrink(backoff in any_backoff(), retry in 0..u32::MAX) {
            let (now, next) = (backoff.ceiling(retry), backoff.ceiling(retry + 1));
            prop_assert!(now <= next * (1.0 + ROUNDING));
            let most = match backoff.growth() {
                Growth::Exponential => backoff.backoff_factor(),
                Growth::Constant => 1.0,
                Growth::Linear | Growth::Fibonacci => 2.0,
            };
            prop_assert!(next <= now * most * (1.0 + ROUNDING));
        }

        #[test]
        fn decorrelated_waits_are_within_their_bounds(
            initial in 0.0..1e6_f64, room in 0.0..1e6_f64, retry: u32, previous in 0.0..1e9_f64, seed: u64
        ) {
            let backoff = Backoff::new(initial, 2.0, initial + room, Jitter::Decorrelated).unwrap();
            let wait = backoff.delay(retry, previous, &mut SplitMix64::new(seed));
            let before = if retry == 0 { initial } else { previous.max(initial) };
            let most = (before * 3.0).min(initial + room).max(initial);
            prop_assert!((initial..=most * (1.0 + ROUNDING)).contains(&wait), "{wait} of {initial} to {most}");
        }

        #[test]
        fn the_first_ceiling_is_the_initial_delay(backoff in any_backoff()) {
            let first = backoff.ceiling(0);
            prop_assert!((first - backoff.initial_delay()).abs() <= first * ROUNDING);
        }
    }
}
