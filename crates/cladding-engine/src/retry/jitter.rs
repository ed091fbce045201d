//! How a wait is spread, so that callers who failed together do not come back together.

use std::fmt;
use std::str::FromStr;

use crate::error::ConfigError;
use crate::random::Random;

/// How much of a wait is left to chance.
///
/// The names and the reasons are those of Marc Brooker, "Exponential Backoff And Jitter" (AWS
/// Architecture Blog, 2015), where full jitter finishes the same work with the fewest calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Jitter {
    /// The wait is exactly the ceiling. Callers that failed together come back together.
    None,
    /// Anywhere from nothing to the ceiling. The mean is half the ceiling.
    #[default]
    Full,
    /// Half the ceiling for certain, the other half by chance. The mean is three quarters.
    Equal,
    /// Anywhere from the first delay to three times the wait before, so that it makes its own growth.
    Decorrelated,
}

impl Jitter {
    const ALL: [Self; 4] = [Self::None, Self::Full, Self::Equal, Self::Decorrelated];

    /// The word for it in configurations: `"none"`, `"full"`, `"equal"` or `"decorrelated"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Full => "full",
            Self::Equal => "equal",
            Self::Decorrelated => "decorrelated",
        }
    }

    /// Spreads a wait of at most `ceiling` seconds (finite, 0 or greater). The answer is in `[0, ceiling]`.
    ///
    /// Decorrelated jitter needs the wait before, which only a [`Backoff`](super::Backoff) is told; here it leaves the
    /// ceiling as it is.
    pub fn apply(self, ceiling: f64, random: &mut impl Random) -> f64 {
        match self {
            Self::None | Self::Decorrelated => ceiling,
            Self::Full => ceiling * random.unit(),
            Self::Equal => {
                let half = ceiling / 2.0;
                half + half * random.unit()
            }
        }
    }
}

impl fmt::Display for Jitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Jitter {
    type Err = ConfigError;

    /// Reads what [`Jitter::name`] gives, and nothing else.
    fn from_str(word: &str) -> Result<Self, ConfigError> {
        let allowed = "\"full\", \"equal\", \"decorrelated\" or \"none\"";
        Self::ALL
            .into_iter()
            .find(|jitter| jitter.name() == word)
            .ok_or_else(|| ConfigError::new("jitter", format!("\"{word}\""), allowed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::SplitMix64;

    #[test]
    fn words_and_values_go_both_ways() {
        for jitter in Jitter::ALL {
            assert_eq!(jitter.to_string().parse(), Ok(jitter));
        }
        let error = "some".parse::<Jitter>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`jitter` must be \"full\", \"equal\", \"decorrelated\" or \"none\", got \"some\""
        );
    }

    /// Mean and variance of an even spread over `[low, 1]`, against the draws.
    #[track_caller]
    fn assert_spread(jitter: Jitter, low: f64) {
        let draws: u32 = if cfg!(miri) { 500 } else { 50_000 };
        let mut random = SplitMix64::new(5);
        let waits: Vec<f64> = (0..draws).map(|_| jitter.apply(1.0, &mut random)).collect();
        let mean = waits.iter().sum::<f64>() / f64::from(draws);
        let variance = waits.iter().map(|w| (w - mean).powi(2)).sum::<f64>() / f64::from(draws);
        let width = 1.0 - low;
        let tolerance = 5.0 * width / f64::from(draws).sqrt();
        assert!((mean - f64::midpoint(1.0, low)).abs() < tolerance, "{mean}");
        assert!((variance - width * width / 12.0).abs() < tolerance, "{variance}");
    }

    #[test]
    fn full_spreads_over_all_of_it() {
        assert_spread(Jitter::Full, 0.0);
    }

    #[test]
    fn equal_spreads_over_the_upper_half() {
        assert_spread(Jitter::Equal, 0.5);
    }
}
