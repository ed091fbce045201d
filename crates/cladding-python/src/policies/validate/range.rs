//! The check of a `Range`.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use super::bounds::Bounds;
use super::{Failed, Failure};

/// What is expected of a number.
pub(super) struct RangeCheck {
    bounds: Bounds,
    low: Owned,
    high: Owned,
}

impl RangeCheck {
    /// Reads a `Range`, which has checked itself.
    pub(super) fn new(expectation: &Bound<'_, PyAny>) -> PyResult<Self> {
        let (low, high) = (expectation.getattr("min")?.into(), expectation.getattr("max")?.into());
        Ok(Self {
            bounds: Bounds::of(expectation)?,
            low,
            high,
        })
    }

    /// Checks one argument. Exact floats and ints are decided here; the rest, and every failure, in Python's own words.
    #[inline]
    pub(super) fn check(&self, py: Python<'_>, value: &Owned) -> Result<(), Failed> {
        let good = if let Ok(float) = value.bound(py).cast_exact::<PyFloat>() {
            let (low, high) = self.bounds.double;
            let float = float.value();
            low <= float && float <= high
        } else if let Ok(int) = value.bound(py).cast_exact::<PyInt>() {
            let (low, high) = self.bounds.small;
            match int.extract::<i64>() {
                Ok(int) => low <= int && int <= high,
                Err(error) => {
                    cladding_capi::counted(py, |_| drop(error));
                    false
                }
            }
        } else {
            false
        };
        if good { Ok(()) } else { self.ask(py, value) }
    }

    #[cold]
    fn ask(&self, py: Python<'_>, value: &Owned) -> Result<(), Failed> {
        let ask = super::module(py)?.getattr("in_range")?;
        if ask
            .call1((value.bound(py), self.low.bound(py), self.high.bound(py)))?
            .is_truthy()?
        {
            return Ok(());
        }
        Err(Failure::new(&format!("a number{}", self.bounds.words()), super::describe(py, value)).into())
    }
}
