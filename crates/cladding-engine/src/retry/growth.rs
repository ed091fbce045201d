//! How the limits of successive waits grow, before the cap and the jitter.

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;

/// The shape of a schedule: what the first delay is multiplied by for each retry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Growth {
    /// 1, f, f², f³ and so on, for the factor f.
    #[default]
    Exponential,
    /// 1 always.
    Constant,
    /// 1, 2, 3, 4 and so on.
    Linear,
    /// 1, 1, 2, 3, 5, 8 and so on: slower than doubling, faster than a line.
    Fibonacci,
}

impl Growth {
    const ALL: [Self; 4] = [Self::Exponential, Self::Constant, Self::Linear, Self::Fibonacci];

    /// The word for it in configurations.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exponential => "exponential",
            Self::Constant => "constant",
            Self::Linear => "linear",
            Self::Fibonacci => "fibonacci",
        }
    }

    /// What retry `retry_index`, counted from 0, multiplies the first delay by. Infinite where no number is large enough.
    pub fn multiple(self, retry_index: u32, factor: f64) -> f64 {
        match self {
            Self::Exponential => factor.powf(f64::from(retry_index)),
            Self::Constant => 1.0,
            Self::Linear => f64::from(retry_index) + 1.0,
            Self::Fibonacci => fibonacci(retry_index),
        }
    }
}

/// The number of this index in 1, 1, 2, 3, 5, infinite from 1,476 on.
fn fibonacci(index: u32) -> f64 {
    let (mut now, mut next) = (1.0_f64, 1.0_f64);
    for _ in 0..index {
        if now.is_infinite() {
            break;
        }
        (now, next) = (next, now + next);
    }
    now
}

impl fmt::Display for Growth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Growth {
    type Err = ConfigError;

    /// Reads what [`Growth::name`] gives, and nothing else.
    fn from_str(word: &str) -> Result<Self, ConfigError> {
        let allowed = "\"exponential\", \"constant\", \"linear\" or \"fibonacci\"";
        Self::ALL
            .into_iter()
            .find(|growth| growth.name() == word)
            .ok_or_else(|| ConfigError::new("schedule", format!("\"{word}\""), allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn multiples(growth: Growth) -> Vec<f64> {
        (0..6).map(|retry| growth.multiple(retry, 3.0)).collect()
    }

    #[test]
    fn each_has_its_own_sequence() {
        assert_eq!(multiples(Growth::Exponential), [1.0, 3.0, 9.0, 27.0, 81.0, 243.0]);
        assert_eq!(multiples(Growth::Constant), [1.0; 6]);
        assert_eq!(multiples(Growth::Linear), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        assert_eq!(multiples(Growth::Fibonacci), [1.0, 1.0, 2.0, 3.0, 5.0, 8.0]);
    }

    #[test]
    fn the_last_retries_of_all_overflow_into_infinity_and_no_further() {
        for growth in Growth::ALL {
            let last = growth.multiple(u32::MAX, 2.0);
            assert!(last >= 1.0, "{growth}: {last}");
        }
        assert!(fibonacci(1475).is_finite() && fibonacci(1476).is_infinite());
        assert!(fibonacci(u32::MAX).is_infinite());
    }

    #[test]
    fn words_and_values_go_both_ways() {
        for growth in Growth::ALL {
            assert_eq!(growth.to_string().parse(), Ok(growth));
        }
        let error = "quadratic".parse::<Growth>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`schedule` must be \"exponential\", \"constant\", \"linear\" or \"fibonacci\", got \"quadratic\""
        );
    }
}
