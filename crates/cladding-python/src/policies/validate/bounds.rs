//! A smallest and a largest value, compared exactly with numbers of every width.

use pyo3::prelude::*;
use pyo3::types::PyFloat;

/// Bounds, both included, in the form that each comparison wants.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    /// The bounds as they were given, for messages.
    low: Option<Given>,
    high: Option<Given>,
    /// The whole numbers between the bounds.
    pub(super) whole: (i128, i128),
    /// The same for 64 bits, for a quick yes: nothing is in it where that cannot be told.
    pub(super) small: (i64, i64),
    /// The floats between the bounds, of 64 bits.
    pub(super) double: (f64, f64),
    /// Likewise, the bounds rounded to 32 bits.
    single: (f64, f64),
    /// Likewise, the bounds rounded to 16 bits.
    half: (f64, f64),
}

#[derive(Clone, Copy, Debug)]
enum Given {
    Whole(i128),
    Float(f64),
}

/// One element of an array.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value {
    /// Of an integer type.
    Whole(i128),
    /// Of a float type.
    Float(f64),
}

/// How precise the floats of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Precision {
    Half,
    Single,
    Double,
}

impl Bounds {
    /// Reads the attributes `min` and `max` of an expectation, which has checked them.
    pub(super) fn of(expectation: &Bound<'_, PyAny>) -> PyResult<Self> {
        let read = |name: &str| -> PyResult<Option<Given>> {
            let value = expectation.getattr(name)?;
            if value.is_none() {
                return Ok(None);
            }
            Ok(Some(if value.is_instance_of::<PyFloat>() {
                Given::Float(value.extract()?)
            } else {
                Given::Whole(value.extract()?)
            }))
        };
        let (low, high) = (read("min")?, read("max")?);
        let whole = (
            low.map_or(i128::MIN, |bound| bound.whole(f64::ceil)),
            high.map_or(i128::MAX, |bound| bound.whole(f64::floor)),
        );
        let small = match (
            i64::try_from(whole.0.max(i64::MIN.into())),
            i64::try_from(whole.1.min(i64::MAX.into())),
        ) {
            (Ok(low), Ok(high)) => (low, high),
            _ => (1, 0),
        };
        let double = (
            low.map_or(f64::NEG_INFINITY, Given::up),
            high.map_or(f64::INFINITY, Given::down),
        );
        let rounded = |round: fn(f64) -> f64| (keep_finite(double.0, round), keep_finite(double.1, round));
        let (single, half) = (rounded(|bound| f64::from(bound as f32)), rounded(round_to_half));
        Ok(Self {
            low,
            high,
            whole,
            small,
            double,
            single,
            half,
        })
    }

    /// Whether there is a bound at all.
    pub(super) fn any(&self) -> bool {
        self.low.is_some() || self.high.is_some()
    }

    /// The floats between the bounds, for floats of a precision.
    pub(super) fn floats(&self, precision: Precision) -> (f64, f64) {
        match precision {
            Precision::Half => self.half,
            Precision::Single => self.single,
            Precision::Double => self.double,
        }
    }

    /// `from 0 to 1`, `of at least 0`, `of at most 1`, or nothing.
    pub(super) fn words(&self) -> String {
        match (self.low, self.high) {
            (Some(low), Some(high)) => format!(" from {} to {}", low.show(), high.show()),
            (Some(low), None) => format!(" of at least {}", low.show()),
            (None, Some(high)) => format!(" of at most {}", high.show()),
            (None, None) => String::new(),
        }
    }
}

impl Given {
    fn whole(self, round: fn(f64) -> f64) -> i128 {
        match self {
            Self::Whole(bound) => bound,
            Self::Float(bound) => round(bound) as i128, // saturates
        }
    }

    /// The smallest float that is not below.
    fn up(self) -> f64 {
        match self {
            Self::Float(bound) => bound,
            Self::Whole(bound) => {
                let near = bound as f64;
                if (near as i128) < bound { near.next_up() } else { near }
            }
        }
    }

    /// The largest float that is not above.
    fn down(self) -> f64 {
        match self {
            Self::Float(bound) => bound,
            Self::Whole(bound) => {
                let near = bound as f64;
                if (near as i128) > bound { near.next_down() } else { near }
            }
        }
    }

    fn show(self) -> String {
        match self {
            Self::Whole(bound) => bound.to_string(),
            Self::Float(bound) => show_float(bound),
        }
    }
}

/// A float about as Python shows it.
pub(super) fn show_float(value: f64) -> String {
    let text = format!("{value:?}");
    match text.as_str() {
        "NaN" => "nan".to_owned(),
        _ => text,
    }
}

/// A bound that would round to infinity stays as it is, so that infinity itself is beyond it.
fn keep_finite(bound: f64, round: fn(f64) -> f64) -> f64 {
    let rounded = round(bound);
    if rounded.is_finite() { rounded } else { bound }
}

/// The nearest float of 16 bits, ties to even.
fn round_to_half(value: f64) -> f64 {
    const LARGEST: f64 = 65_504.0;
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    // Ten bits behind the leading one; below 2^-14 all numbers are equally far apart.
    let exponent = ((value.abs().to_bits() >> 52) as i32 - 1023).max(-14);
    let unit = 2_f64.powi(exponent - 10);
    let rounded = (value / unit).round_ties_even() * unit;
    if rounded.abs() > LARGEST {
        f64::INFINITY.copysign(value)
    } else {
        rounded
    }
}
