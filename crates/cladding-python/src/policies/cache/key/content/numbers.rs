//! Numbers in content: those that are equal are written the same, whatever their types, unless types matter.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyComplex, PyInt};

use super::{Tag, Writer, Written};

/// Floats below this are whole numbers of 64 bits, if they are whole at all.
const WHOLE_LIMIT: f64 = 9_223_372_036_854_775_808.0;

impl Writer<'_> {
    /// An `int` or a `bool`.
    pub(super) fn whole(&mut self, number: &Bound<'_, PyAny>) -> Written {
        self.kind_of_number(if number.is_exact_instance_of::<PyBool>() {
            b'?'
        } else {
            b'i'
        });
        self.any_whole(number)
    }

    pub(super) fn float(&mut self, number: f64, object: &Bound<'_, PyAny>) -> Written {
        self.kind_of_number(b'f');
        if number.fract() == 0.0 && number.abs() >= WHOLE_LIMIT {
            let whole = object.py().get_type::<PyInt>().call1((number,))?;
            return self.any_whole(&whole);
        }
        self.any_float(number);
        Ok(())
    }

    pub(super) fn complex(&mut self, number: &Bound<'_, PyComplex>) -> Written {
        self.kind_of_number(b'c');
        let (real, imaginary) = (number.real(), number.imag());
        if imaginary == 0.0 && real.fract() == 0.0 && real.abs() >= WHOLE_LIMIT {
            let whole = number.py().get_type::<PyInt>().call1((real,))?;
            return self.any_whole(&whole);
        }
        if imaginary != 0.0 {
            self.tag(Tag::Complex);
            self.any_float(imaginary);
        }
        self.any_float(real);
        Ok(())
    }

    fn kind_of_number(&mut self, letter: u8) {
        if self.typed {
            self.bytes.push(letter);
        }
    }

    fn any_whole(&mut self, number: &Bound<'_, PyAny>) -> Written {
        if let Ok(small) = number.extract::<i64>() {
            self.small(small);
            return Ok(());
        }
        let digits = number.call_method1("__format__", ("x",))?;
        self.tag(Tag::WholeLarge);
        self.data(digits.extract::<&str>()?.as_bytes());
        Ok(())
    }

    fn small(&mut self, number: i64) {
        self.tag(Tag::Whole);
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// A float that is not whole, or whole and of 64 bits.
    fn any_float(&mut self, number: f64) {
        if number.is_nan() {
            self.tag(Tag::Nan);
        } else if number.fract() == 0.0 && number.abs() < WHOLE_LIMIT {
            self.small(number as i64);
        } else {
            self.tag(Tag::Float);
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
}
