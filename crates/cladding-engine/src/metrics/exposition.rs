//! Prometheus' text format, version 0.0.4: what a scraper reads.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format> is the specification.

use std::fmt::Write as _;

use crate::error::ConfigError;

/// The content type to serve the text under.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What a family of samples measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that goes both ways.
    Gauge,
    /// Counts at or below bounds.
    Histogram,
    /// Quantiles computed where they were measured.
    Summary,
    /// Nothing is known about it.
    Untyped,
}

impl Kind {
    /// The format's word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Untyped => "untyped",
        }
    }
}

/// Writes families and their samples, escaped and formatted as the specification asks.
///
/// The order is the caller's duty: the format wants each family once, with all of its samples after it.
/// Names are written as they are; [`check_metric_name`] and [`check_label_name`] tell which are good.
///
/// ```
/// use cladding_engine::metrics::exposition::{Kind, Writer};
///
/// let mut text = Writer::new();
/// text.family("calls_total", "Calls begun.", Kind::Counter);
/// text.sample("calls_total", &[("function", "predict")], 3.0);
/// assert_eq!(
///     text.finish(),
///     "# HELP calls_total Calls begun.\n# TYPE calls_total counter\ncalls_total{function=\"predict\"} 3\n"
/// );
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    text: String,
}

impl Writer {
    /// A writer that has written nothing.
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// Begins a family: its help line and its type.
    pub fn family(&mut self, name: &str, help: &str, kind: Kind) {
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        push_escaped(&mut self.text, help, false);
        self.text.push_str("\n# TYPE ");
        self.text.push_str(name);
        self.text.push(' ');
        self.text.push_str(kind.name());
        self.text.push('\n');
    }

    /// Writes one sample, `labels` in the order given.
    pub fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.line(name, "", labels, None, |text| push_float(text, value));
    }

    /// Writes one sample that is a whole number, exactly also where a float would round it.
    pub fn count(&mut self, name: &str, labels: &[(&str, &str)], value: u64) {
        self.line(name, "", labels, None, |text| push_whole(text, value));
    }

    /// Writes the samples of one classic histogram: a `_bucket` for each bound and for `+Inf`, `_sum`, `_count`.
    ///
    /// `cumulative` is what [`Histogram::cumulative`](super::Histogram::cumulative) answers for `bounds`: one
    /// number for each bound, and one for all. `sum` is in the unit of the bounds, seconds by custom.
    pub fn histogram(&mut self, name: &str, labels: &[(&str, &str)], bounds: &[f64], cumulative: &[u64], sum: f64) {
        let total = cumulative.last().copied().unwrap_or(0);
        for (&bound, &count) in bounds.iter().zip(cumulative) {
            if bound < f64::INFINITY {
                self.line(name, "_bucket", labels, Some(bound), |text| push_whole(text, count));
            }
        }
        let all = Some(f64::INFINITY);
        self.line(name, "_bucket", labels, all, |text| push_whole(text, total));
        self.line(name, "_sum", labels, None, |text| push_float(text, sum));
        self.line(name, "_count", labels, None, |text| push_whole(text, total));
    }

    /// The text written.
    pub fn finish(self) -> String {
        self.text
    }

    fn line(
        &mut self,
        name: &str,
        suffix: &str,
        labels: &[(&str, &str)],
        bound: Option<f64>,
        push_value: impl FnOnce(&mut String),
    ) {
        let text = &mut self.text;
        text.push_str(name);
        text.push_str(suffix);
        let mut opening = '{';
        for (label, value) in labels {
            text.push(opening);
            text.push_str(label);
            text.push_str("=\"");
            push_escaped(text, value, true);
            text.push('"');
            opening = ',';
        }
        if let Some(bound) = bound {
            text.push(opening);
            text.push_str("le=\"");
            push_float(text, bound);
            text.push('"');
            opening = ',';
        }
        if opening == ',' {
            text.push('}');
        }
        text.push(' ');
        push_value(text);
        text.push('\n');
    }
}

/// Accepts a metric name that the format allows.
///
/// # Errors
///
/// Names `parameter` where `name` is anything else.
pub fn check_metric_name(parameter: &'static str, name: &str) -> Result<(), ConfigError> {
    let allowed = "a metric name: letters, digits, `_` and `:`, not starting with a digit";
    check_name(parameter, name, allowed, |c| c == '_' || c == ':')
}

/// Accepts a label name that the format allows and that Prometheus does not keep for itself.
///
/// # Errors
///
/// Names `parameter` where `name` is anything else: `le`, `quantile` and what starts with `__` included.
pub fn check_label_name(parameter: &'static str, name: &str) -> Result<(), ConfigError> {
    let allowed = "a label name: letters, digits and `_`, not starting with a digit or `__`, \
                   not `le` or `quantile`";
    if name.starts_with("__") || name == "le" || name == "quantile" {
        return Err(ConfigError::new(parameter, format!("{name:?}"), allowed));
    }
    check_name(parameter, name, allowed, |c| c == '_')
}

fn check_name(
    parameter: &'static str,
    name: &str,
    allowed: &'static str,
    is_extra: impl Fn(char) -> bool,
) -> Result<(), ConfigError> {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || is_extra(c));
    if starts_well && name.chars().all(|c| c.is_ascii_alphanumeric() || is_extra(c)) {
        Ok(())
    } else {
        Err(ConfigError::new(parameter, format!("{name:?}"), allowed))
    }
}

/// Backslashes and line ends are escaped everywhere, quotes within quotes.
fn push_escaped(text: &mut String, raw: &str, quoted: bool) {
    for c in raw.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if quoted => text.push_str("\\\""),
            _ => text.push(c),
        }
    }
}

/// The shortest digits that read back as the same number; an exponent where there would be many zeros.
fn push_float(text: &mut String, value: f64) {
    let size = value.abs();
    // Writing to a string cannot fail.
    let _ = if value.is_nan() {
        text.write_str("NaN")
    } else if value.is_infinite() {
        text.write_str(if value > 0.0 { "+Inf" } else { "-Inf" })
    } else if size == 0.0 || (1e-7..1e16).contains(&size) {
        write!(text, "{value}")
    } else {
        write!(text, "{value:e}")
    };
}

fn push_whole(text: &mut String, value: u64) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{value}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Histogram;
    use crate::test_support::config;
    use proptest::prelude::*;

    #[track_caller]
    fn assert_float(value: f64, expected: &str) {
        let mut text = String::new();
        push_float(&mut text, value);
        assert_eq!(text, expected);
    }

    #[test]
    fn floats_as_prometheus_reads_them() {
        assert_float(f64::INFINITY, "+Inf");
        assert_float(f64::NEG_INFINITY, "-Inf");
        assert_float(f64::NAN, "NaN");
        assert_float(0.0, "0");
        assert_float(0.005, "0.005");
        assert_float(-2.5, "-2.5");
        assert_float(1e300, "1e300");
        assert_float(2.5e-9, "2.5e-9");
    }

    #[test]
    fn escapes_what_would_break_a_line() {
        let mut text = Writer::new();
        text.family("a", "one\\two\n\"three\"", Kind::Gauge);
        text.sample("a", &[("x", "1\\2\n\"3\""), ("y", "")], 1.0);
        assert_eq!(
            text.finish(),
            "# HELP a one\\\\two\\n\"three\"\n# TYPE a gauge\na{x=\"1\\\\2\\n\\\"3\\\"\",y=\"\"} 1\n"
        );
    }

    #[test]
    fn whole_numbers_stay_exact() {
        let mut text = Writer::new();
        text.count("n", &[], u64::MAX);
        assert_eq!(text.finish(), "n 18446744073709551615\n");
    }

    #[test]
    fn a_histogram_in_full() {
        let latency = Histogram::new();
        for nanos in [1_000_000, 20_000_000, 9_000_000_000] {
            latency.record_shared(nanos);
        }
        let bounds = [0.005, 0.1];
        let sum = latency.sum_nanos() as f64 / 1e9;
        let mut text = Writer::new();
        text.family("s", "Seconds.", Kind::Histogram);
        text.histogram("s", &[("f", "g")], &bounds, &latency.cumulative(&bounds), sum);
        assert_eq!(
            text.finish(),
            "# HELP s Seconds.\n# TYPE s histogram\n\
             s_bucket{f=\"g\",le=\"0.005\"} 1\ns_bucket{f=\"g\",le=\"0.1\"} 2\n\
             s_bucket{f=\"g\",le=\"+Inf\"} 3\ns_sum{f=\"g\"} 9.021\ns_count{f=\"g\"} 3\n"
        );
    }

    #[test]
    fn a_bound_of_infinity_is_not_written_twice() {
        let mut text = Writer::new();
        text.histogram("s", &[], &[f64::INFINITY], &[4, 4], 1.0);
        assert_eq!(text.finish(), "s_bucket{le=\"+Inf\"} 4\ns_sum 1\ns_count 4\n");
    }

    #[test]
    fn names_are_checked() {
        for good in ["a", "_a9", "ns:calls_total"] {
            assert_eq!(check_metric_name("name", good), Ok(()));
        }
        for bad in ["", "9a", "a-b", "é", "a b"] {
            assert!(check_metric_name("name", bad).is_err(), "{bad}");
            assert!(check_label_name("labels", bad).is_err(), "{bad}");
        }
        assert_eq!(check_label_name("labels", "_model"), Ok(()));
        for kept in ["__name__", "le", "quantile", "a:b"] {
            assert_eq!(check_label_name("labels", kept).unwrap_err().parameter, "labels");
        }
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn floats_read_back_as_themselves(value: f64) {
            let mut text = String::new();
            push_float(&mut text, value);
            let back: f64 = text.parse().unwrap();
            prop_assert!(back.total_cmp(&value).is_eq() || (back.is_nan() && value.is_nan()));
        }

        #[test]
        fn any_label_value_stays_on_its_line(value: String) {
            let mut text = Writer::new();
            text.sample("a", &[("x", &value)], 1.0);
            let text = text.finish();
            prop_assert_eq!(text.matches('\n').count(), 1);
            let inner = text.strip_prefix("a{x=\"").unwrap().strip_suffix("\"} 1\n").unwrap();
            let mut back = String::new();
            let mut chars = inner.chars();
            while let Some(c) = chars.next() {
                back.push(match c {
                    '\\' if chars.as_str().starts_with('n') => chars.next().map_or('?', |_| '\n'),
                    '\\' => chars.next().unwrap(),
                    c => c,
                });
            }
            prop_assert_eq!(back, value);
        }
    }
}
