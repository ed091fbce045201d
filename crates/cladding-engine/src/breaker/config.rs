//! When a breaker opens, for how long, and with how many calls it tries again.

use crate::error::ConfigError;
use crate::window::{ROUNDING, nanos};

/// The checked parameters of a breaker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    failure_ratio: Option<f64>,
    min_calls: u64,
    failures: Option<u64>,
    pub(super) window: u64,
    pub(super) open_for: u64,
    pub(super) probes: u32,
}

/// What is too much at once for a duration, in seconds.
const LONGEST: f64 = 1e9;

impl Config {
    /// A breaker that opens when in the latest `window` seconds there are at least `min_calls` calls and the share of
    /// failures is at least `failure_ratio`, or when there are `failures` failed calls, however many others. It stays
    /// open for `open_for` seconds and tries again with `probes` calls.
    ///
    /// The window is of ten buckets: a call leaves it nine to ten tenths of `window` after it came.
    ///
    /// # Errors
    ///
    /// Names the first of these that does not hold: `failure_ratio` is above 0 and at most 1, or there is none and there
    /// are `failures`; `min_calls` is at least 1; `failures`, if any, is at least 1; `window` and `open_for` are above 0
    /// and at most 1e9 seconds; `probes` is at least 1.
    pub fn new(
        failure_ratio: Option<f64>,
        min_calls: u64,
        failures: Option<u64>,
        window: f64,
        open_for: f64,
        probes: u32,
    ) -> Result<Self, ConfigError> {
        let check = |holds: bool, parameter, value: String, allowed| {
            if holds {
                Ok(())
            } else {
                Err(ConfigError::new(parameter, value, allowed))
            }
        };
        match failure_ratio {
            Some(ratio) => check(
                ratio > 0.0 && ratio <= 1.0,
                "failure_ratio",
                ratio.to_string(),
                "a number above 0 and at most 1",
            )?,
            None => check(
                failures.is_some(),
                "failure_ratio",
                "None".to_owned(),
                "a number above 0 and at most 1 where `failures` is not given",
            )?,
        }
        let count = "a whole number, 1 or greater";
        check(min_calls >= 1, "min_calls", min_calls.to_string(), count)?;
        check(failures != Some(0), "failures", "0".to_owned(), count)?;
        let time = "a number of seconds above 0 and at most 1e9";
        let is_time = |seconds: f64| seconds > 0.0 && seconds <= LONGEST;
        check(is_time(window), "window", window.to_string(), time)?;
        check(is_time(open_for), "open_for", open_for.to_string(), time)?;
        check(probes >= 1, "probes", probes.to_string(), count)?;
        Ok(Self {
            failure_ratio,
            min_calls,
            failures,
            window: nanos(window),
            open_for: nanos(open_for),
            probes,
        })
    }

    /// Whether so many failures among so many calls are too many.
    #[inline]
    pub(super) fn is_too_much(&self, calls: u64, failures: u64) -> bool {
        if failures == 0 {
            return false;
        }
        let by_ratio = self
            .failure_ratio
            .is_some_and(|ratio| calls >= self.min_calls && failures as f64 >= calls as f64 * (ratio - ROUNDING));
        by_ratio || self.failures.is_some_and(|most| failures >= most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(made: Result<Config, ConfigError>, parameter: &str, message: &str) {
        let error = made.unwrap_err();
        assert_eq!(error.parameter, parameter);
        assert_eq!(error.to_string(), message);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for (ratio, shown) in [(0.0, "0"), (1.5, "1.5"), (-0.5, "-0.5"), (f64::NAN, "NaN")] {
            let message = format!("`failure_ratio` must be a number above 0 and at most 1, got {shown}");
            assert_refused(
                Config::new(Some(ratio), 1, None, 1.0, 1.0, 1),
                "failure_ratio",
                &message,
            );
        }
        let message = "`failure_ratio` must be a number above 0 and at most 1 where `failures` is not given, got None";
        assert_refused(Config::new(None, 1, None, 1.0, 1.0, 1), "failure_ratio", message);
        let whole = "must be a whole number, 1 or greater, got 0";
        let made = Config::new(Some(0.5), 0, None, 1.0, 1.0, 1);
        assert_refused(made, "min_calls", &format!("`min_calls` {whole}"));
        let made = Config::new(Some(0.5), 1, Some(0), 1.0, 1.0, 1);
        assert_refused(made, "failures", &format!("`failures` {whole}"));
        let made = Config::new(Some(0.5), 1, None, 1.0, 1.0, 0);
        assert_refused(made, "probes", &format!("`probes` {whole}"));
        for (seconds, shown) in [(0.0, "0"), (-1.0, "-1"), (f64::INFINITY, "inf"), (f64::NAN, "NaN")] {
            let message = format!("must be a number of seconds above 0 and at most 1e9, got {shown}");
            let made = Config::new(Some(0.5), 1, None, seconds, 1.0, 1);
            assert_refused(made, "window", &format!("`window` {message}"));
            let made = Config::new(Some(0.5), 1, None, 1.0, seconds, 1);
            assert_refused(made, "open_for", &format!("`open_for` {message}"));
        }
    }

    #[test]
    fn a_ratio_is_reached_by_exactly_its_share() {
        for (ratio, calls, failures) in [
            (0.1, 30, 3),
            (0.29, 100, 29),
            (0.7, 10, 7),
            (1.0, 5, 5),
            (1.0 / 3.0, 9, 3),
        ] {
            let config = Config::new(Some(ratio), 1, None, 1.0, 1.0, 1).unwrap();
            assert!(config.is_too_much(calls, failures), "{ratio}");
            assert!(!config.is_too_much(calls, failures - 1), "{ratio}");
        }
    }

    #[test]
    fn either_way_is_enough() {
        let config = Config::new(Some(0.5), 10, Some(7), 1.0, 1.0, 1).unwrap();
        assert!(!config.is_too_much(9, 6));
        assert!(config.is_too_much(10, 5));
        assert!(config.is_too_much(1_000, 7));
        let by_count = Config::new(None, 1, Some(2), 1.0, 1.0, 1).unwrap();
        assert!(!by_count.is_too_much(1, 1));
        assert!(by_count.is_too_much(1_000, 2));
    }
}
