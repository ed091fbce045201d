//! Which kind of budget, and how large.

use crate::error::ConfigError;
use crate::window::nanos;

/// The checked parameters of a budget.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Kind {
    Windowed {
        ratio: f64,
        /// The retries that a window has whatever the number of calls.
        reserve: f64,
        window: u64,
    },
    /// In thousandths of a token, as gRPC counts.
    Throttled { most: u64, given_back: u64 },
    Quota {
        capacity: u64,
        cost: u64,
        timeout_cost: u64,
    },
}

/// gRPC counts in thousandths of a token.
pub(super) const TOKEN: u64 = 1_000;

const COUNT: &str = "a whole number, 1 or greater";

fn check(
    holds: bool,
    parameter: &'static str,
    value: &impl ToString,
    allowed: &'static str,
) -> Result<(), ConfigError> {
    if holds {
        Ok(())
    } else {
        Err(ConfigError::new(parameter, value.to_string(), allowed))
    }
}

impl Config {
    /// In each `window` of seconds there may be `ratio` retries for each call, and `min_per_second` for each second.
    ///
    /// The window is of ten buckets: a call or retry leaves it nine to ten tenths of `window` after it came.
    ///
    /// # Errors
    ///
    /// Names the first of these that does not hold: `ratio` is from 0 to 1000, `min_per_second` from 0 to 1e9, `window`
    /// above 0 and at most 1e9 seconds.
    pub fn windowed(ratio: f64, min_per_second: f64, window: f64) -> Result<Self, ConfigError> {
        let is_ratio = (0.0..=1000.0).contains(&ratio);
        check(is_ratio, "ratio", &ratio, "a number from 0 to 1000")?;
        let is_rate = (0.0..=1e9).contains(&min_per_second);
        check(is_rate, "min_per_second", &min_per_second, "a number from 0 to 1e9")?;
        let is_time = window > 0.0 && window <= 1e9;
        check(
            is_time,
            "window",
            &window,
            "a number of seconds above 0 and at most 1e9",
        )?;
        Ok(Self(Kind::Windowed {
            ratio,
            reserve: min_per_second * window,
            window: nanos(window),
        }))
    }

    /// `max_tokens` to begin with; a failure takes one, a success gives back `token_ratio`; retries only while there are
    /// more than half of them. Both count in thousandths; what is finer is cut off, as gRFC A6 says.
    ///
    /// # Errors
    ///
    /// Names the first of these that does not hold: `max_tokens` is from 0.001 to 1e6, `token_ratio` from 0.001 to 1e6.
    pub fn throttled(max_tokens: f64, token_ratio: f64) -> Result<Self, ConfigError> {
        let allowed = "a number from 0.001 to 1e6";
        // A thousandth may be a little less than that in binary numbers.
        let thousandths = |tokens: f64| (tokens * TOKEN as f64 + 1e-6) as u64;
        let fits = |tokens: f64| tokens <= 1e6 && thousandths(tokens) >= 1;
        check(fits(max_tokens), "max_tokens", &max_tokens, allowed)?;
        check(fits(token_ratio), "token_ratio", &token_ratio, allowed)?;
        Ok(Self(Kind::Throttled {
            most: thousandths(max_tokens),
            given_back: thousandths(token_ratio),
        }))
    }

    /// `capacity` tokens; a retry takes `cost`, after a timeout `timeout_cost`. When it succeeds they come back; a call
    /// that succeeds without a retry gives one.
    ///
    /// # Errors
    ///
    /// Names the first of `capacity`, `cost` and `timeout_cost` that is not at least 1.
    pub fn quota(capacity: u64, cost: u64, timeout_cost: u64) -> Result<Self, ConfigError> {
        check(capacity >= 1, "capacity", &capacity, COUNT)?;
        check(cost >= 1, "cost", &cost, COUNT)?;
        check(timeout_cost >= 1, "timeout_cost", &timeout_cost, COUNT)?;
        Ok(Self(Kind::Quota {
            capacity,
            cost,
            timeout_cost,
        }))
    }

    /// Whether [`Machine::deposit`](super::Machine::deposit) does anything, so that callers may spare it.
    pub const fn counts_calls(&self) -> bool {
        matches!(self.0, Kind::Windowed { .. })
    }

    /// Whether [`Machine::succeeded`](super::Machine::succeeded) does anything, so that callers may spare it.
    pub const fn counts_successes(&self) -> bool {
        !self.counts_calls()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn assert_refused(made: Result<Config, ConfigError>, message: &str) {
        assert_eq!(made.unwrap_err().to_string(), message);
    }

    #[test]
    fn wrong_parameters_are_refused_by_name() {
        for (wrong, shown) in [(-0.1, "-0.1"), (f64::NAN, "NaN"), (f64::INFINITY, "inf")] {
            let ratio = format!("`ratio` must be a number from 0 to 1000, got {shown}");
            assert_refused(Config::windowed(wrong, 1.0, 1.0), &ratio);
            let rate = format!("`min_per_second` must be a number from 0 to 1e9, got {shown}");
            assert_refused(Config::windowed(0.2, wrong, 1.0), &rate);
            let window = format!("`window` must be a number of seconds above 0 and at most 1e9, got {shown}");
            assert_refused(Config::windowed(0.2, 1.0, wrong), &window);
            let tokens = format!("`max_tokens` must be a number from 0.001 to 1e6, got {shown}");
            assert_refused(Config::throttled(wrong, 0.1), &tokens);
            let ratio = format!("`token_ratio` must be a number from 0.001 to 1e6, got {shown}");
            assert_refused(Config::throttled(10.0, wrong), &ratio);
        }
        let whole = "must be a whole number, 1 or greater, got 0";
        assert_refused(Config::quota(0, 1, 1), &format!("`capacity` {whole}"));
        assert_refused(Config::quota(1, 0, 1), &format!("`cost` {whole}"));
        assert_refused(Config::quota(1, 1, 0), &format!("`timeout_cost` {whole}"));
    }

    #[test]
    fn tokens_are_counted_in_thousandths() {
        let Kind::Throttled { most, given_back } = Config::throttled(10.0, 0.0019).unwrap().0 else {
            panic!("it is throttled")
        };
        assert_eq!((most, given_back), (10_000, 1));
        assert!(Config::throttled(1.0, 0.001).is_ok());
        assert!(Config::throttled(1.0, 0.0005).is_err());
    }
}
