//! The `Retry-After` field of HTTP answers: seconds, or a date.

use std::time::SystemTime;

/// The seconds that a `Retry-After` field asks to wait, from its text and the time by the calendar.
///
/// Both forms of RFC 9110, section 10.2.3, are read: a number of seconds (with a fraction too, as some servers send it)
/// and a date in any of the three formats of section 5.6.7. A date that is past means 0. Anything else is no answer.
///
/// A date is of use only by the calendar's clock, whose steps make it wrong: whoever waits should cap what comes of it.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use cladding_engine::retry::seconds_asked;
///
/// let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_700);
/// assert_eq!(seconds_asked("120", now), Some(120.0));
/// assert_eq!(seconds_asked("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(77.0));
/// assert_eq!(seconds_asked("soon", now), None);
/// ```
pub fn seconds_asked(text: &str, now: SystemTime) -> Option<f64> {
    let text = text.trim();
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    if text.chars().all(is_number) {
        return text.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).map_or(0.0, |left| left.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;
    use std::time::Duration;

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_770)
    }

    #[test]
    fn numbers_are_seconds() {
        for (text, seconds) in [("0", 0.0), (" 7 ", 7.0), ("1.5", 1.5), ("0120", 120.0)] {
            assert_eq!(seconds_asked(text, now()), Some(seconds), "{text}");
        }
    }

    #[test]
    fn dates_are_read_in_all_three_formats() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(seconds_asked(text, now()), Some(7.0), "{text}");
        }
        assert_eq!(seconds_asked("Sun, 06 Nov 1994 08:00:00 GMT", now()), Some(0.0));
    }

    #[test]
    fn anything_else_is_no_answer() {
        for text in [
            "",
            ".",
            "-1",
            "+1",
            "1e3",
            "inf",
            "NaN",
            "1 second",
            "1.2.3",
            "Sun, 99 Nov 1994 08:49:37 GMT",
        ] {
            assert_eq!(seconds_asked(text, now()), None, "{text}");
        }
        assert_eq!(seconds_asked(&"9".repeat(400), now()), None);
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn any_text_gives_nothing_or_a_wait(text: String) {
            if let Some(seconds) = seconds_asked(&text, now()) {
                prop_assert!(seconds.is_finite() && seconds >= 0.0);
            }
        }

        #[test]
        fn a_date_comes_back_as_it_was_written(ahead in 0_u64..1_000_000) {
            let text = httpdate::fmt_http_date(now() + Duration::from_secs(ahead));
            prop_assert_eq!(seconds_asked(&text, now()), Some(ahead as f64));
        }
    }
}
