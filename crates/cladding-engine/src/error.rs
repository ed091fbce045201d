//! The one error of configuration: which parameter, what it got, what is allowed.

use std::error::Error;
use std::fmt;

/// A parameter was given a value it cannot have.
///
/// Every constructor of the engine that checks its parameters answers with this one type, so that a
/// face can turn it into its own language's error without looking inside.
///
/// ```
/// use cladding_engine::error::ConfigError;
///
/// let error = ConfigError::new("max_retries", "-1", "a whole number, 0 or greater");
/// assert_eq!(error.to_string(), "`max_retries` must be a whole number, 0 or greater, got -1");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigError {
    /// The parameter's name, as the user writes it.
    pub parameter: &'static str,
    /// What was given, printed.
    pub value: String,
    /// What is allowed, worded to follow "must be".
    pub allowed: &'static str,
}

impl ConfigError {
    /// Says that `parameter` was given `value`, where it must be `allowed`.
    pub fn new(parameter: &'static str, value: impl Into<String>, allowed: &'static str) -> Self {
        Self {
            parameter,
            value: value.into(),
            allowed,
        }
    }

    /// The same error under another parameter's name, for helpers that do not know whose value they read.
    #[must_use]
    pub fn for_parameter(self, parameter: &'static str) -> Self {
        Self { parameter, ..self }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` must be {}, got {}", self.parameter, self.allowed, self.value)
    }
}

impl Error for ConfigError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_parameter_value_and_what_is_allowed() {
        let error = ConfigError::new("ttl", "nan", "a positive number of seconds");
        assert_eq!(error.to_string(), "`ttl` must be a positive number of seconds, got nan");
    }

    #[test]
    fn takes_another_name() {
        let error = ConfigError::new("size", "2 apples", "a size").for_parameter("max_bytes");
        assert_eq!(error.parameter, "max_bytes");
        assert_eq!(error.value, "2 apples");
    }
}
