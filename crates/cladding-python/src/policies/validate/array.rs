//! The check of an `Array`: shape and type from the outside, then what is in it.

use cladding_capi::Owned;
use cladding_capi::buffer::{Buffer, Class, Element, Layout, NumpyArray};
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyType};

use super::bounds::{Bounds, Value, show_float};
use super::values::{self, Odd, Wanted};
use super::{Failed, Failure, Names};

/// What is expected of an array.
pub(super) struct ArrayCheck {
    shape: Option<Box<[Length]>>,
    /// A bit for each name in [`DTYPES`]; `None` for any type.
    dtypes: Option<u32>,
    dtype_words: String,
    finite: bool,
    bounds: Bounds,
}

/// What is expected of one dimension.
#[derive(Clone, Copy)]
enum Length {
    Any,
    Exactly(isize),
    /// The same as everywhere else under this name, by its index.
    Named(usize),
}

/// The lengths that names were found to stand for in one call, each with the check that found it first.
pub(super) type Found = Option<(isize, usize)>;

const DTYPES: [(&str, Class, usize); 14] = [
    ("bool", Class::Bool, 1),
    ("int8", Class::Signed, 1),
    ("int16", Class::Signed, 2),
    ("int32", Class::Signed, 4),
    ("int64", Class::Signed, 8),
    ("uint8", Class::Unsigned, 1),
    ("uint16", Class::Unsigned, 2),
    ("uint32", Class::Unsigned, 4),
    ("uint64", Class::Unsigned, 8),
    ("float16", Class::Float, 2),
    ("float32", Class::Float, 4),
    ("float64", Class::Float, 8),
    ("complex64", Class::Complex, 8),
    ("complex128", Class::Complex, 16),
];

const ARRAY: &str = "an array (something with the buffer protocol)";

/// The length of what [dates](is_date) show of themselves, and the [bit] of its elements.
const DATE: isize = 8;
const BYTES: u32 = 1 << 5;

/// Whether this is one of numpy's dates or durations. Alone among its scalars they show themselves as their bytes, which
/// is no array of anything.
#[cold]
fn is_date(py: Python<'_>, value: &Owned) -> bool {
    let is_known = |class: Bound<'_, PyAny>| {
        let name = class.cast::<PyType>().ok()?.fully_qualified_name().ok()?;
        Some(matches!(name.to_str().ok()?, "numpy.datetime64" | "numpy.timedelta64"))
    };
    let classes = value.bound(py).get_type().mro();
    classes.iter().any(|class| is_known(class).unwrap_or(false))
}

/// The bit of an element's type; none for a type without a name here, and for the other order of bytes.
#[inline]
fn bit(element: Element) -> u32 {
    let power = element.size.trailing_zeros();
    let place = match element.class {
        _ if element.swapped => return 0,
        Class::Bool => 0,
        Class::Signed => 1 + power,
        Class::Unsigned => 5 + power,
        Class::Float => 8 + power,
        Class::Complex => 9 + power,
        Class::Other => return 0,
    };
    1 << place
}

impl ArrayCheck {
    /// Reads an `Array`, which has checked itself.
    pub(super) fn new(expectation: &Bound<'_, PyAny>, names: &mut Names) -> PyResult<Self> {
        let shape = expectation.getattr("shape")?;
        let shape = if shape.is_none() {
            None
        } else {
            let lengths = shape.try_iter()?.map(|length| Length::of(&length?, names));
            Some(lengths.collect::<PyResult<Box<[_]>>>()?)
        };
        let dtype = expectation.getattr("dtype")?;
        let (dtypes, dtype_words) = if dtype.is_none() {
            (None, String::new())
        } else {
            let allowed: Vec<String> = dtype.extract()?;
            let places = allowed
                .iter()
                .filter_map(|name| DTYPES.iter().position(|(known, ..)| known == name));
            (
                Some(places.fold(0, |bits, place| bits | 1 << place)),
                allowed.join(" or "),
            )
        };
        let finite = expectation.getattr("finite")?.is_truthy()?;
        Ok(Self {
            shape,
            dtypes,
            dtype_words,
            finite,
            bounds: Bounds::of(expectation)?,
        })
    }

    /// Checks one argument.
    #[inline]
    pub(super) fn check(
        &self,
        py: Python<'_>,
        value: &Owned,
        this: usize,
        names: &Names,
        found: &mut [Found],
    ) -> Result<(), Failed> {
        if let Some(array) = NumpyArray::of(py, value) {
            self.check_layout(py, &array, value, this, names, found)?;
            if !self.looks_inside() {
                return Ok(());
            }
            let element = array.element();
            if element.class == Class::Bool && !self.bounds.any() {
                return Ok(());
            }
            let buffer = self.buffer(py, value)?;
            return self.check_inside(py, &buffer, value);
        }
        let buffer = self.buffer(py, value)?;
        if buffer.shape() == [DATE]
            && bit(buffer.element()) == BYTES
            && cladding_capi::counted(py, |py| is_date(py, value))
        {
            return Err(Failure::new(ARRAY, super::describe(py, value)).into());
        }
        self.check_layout(py, &buffer, value, this, names, found)?;
        if self.looks_inside() {
            self.check_inside(py, &buffer, value)
        } else {
            Ok(())
        }
    }

    #[inline]
    pub(super) fn looks_inside(&self) -> bool {
        self.finite || self.bounds.any()
    }

    fn buffer(&self, py: Python<'_>, value: &Owned) -> Result<Buffer, Failed> {
        Buffer::get(py, value).map_err(|error| cladding_capi::counted(py, |py| self.no_buffer(py, value, error)))
    }

    fn no_buffer(&self, py: Python<'_>, value: &Owned, error: PyErr) -> Failed {
        if !error.is_instance_of::<PyException>(py) {
            return Failed::Error(error);
        }
        let is_array = NumpyArray::of(py, value).is_some();
        let expected = if is_array { self.numbers() } else { ARRAY.to_owned() };
        Failure::new(&expected, super::describe(py, value)).into()
    }

    /// `an array of numbers that can be compared`, as it is needed to look inside.
    fn numbers(&self) -> String {
        let kinds = if self.bounds.any() {
            "integers, or of floats"
        } else {
            "numbers: integers, floats or complex ones,"
        };
        format!("an array of {kinds} of at most 64 bits each")
    }

    #[inline]
    fn check_layout<L: Layout>(
        &self,
        py: Python<'_>,
        array: &L,
        value: &Owned,
        this: usize,
        names: &Names,
        found: &mut [Found],
    ) -> Result<(), Failed> {
        if self.dtypes.is_some_and(|dtypes| dtypes & bit(array.element()) == 0) {
            let expected = format!("an array of dtype {}", self.dtype_words);
            return Err(Failure::new(&expected, super::describe_array(py, value, array)).into());
        }
        let Some(shape) = &self.shape else { return Ok(()) };
        let mut fits = array.dimensions() == shape.len();
        for (dimension, expected) in shape.iter().enumerate() {
            if !fits {
                break;
            }
            let length = array.length(dimension);
            fits = match *expected {
                Length::Any => true,
                Length::Exactly(expected) => length == expected,
                Length::Named(name) => found[name].get_or_insert((length, this)).0 == length,
            };
        }
        if fits {
            Ok(())
        } else {
            Err(self.misshapen(py, array, value, this, names, found))
        }
    }

    #[cold]
    fn misshapen<L: Layout>(
        &self,
        py: Python<'_>,
        array: &L,
        value: &Owned,
        this: usize,
        names: &Names,
        found: &[Found],
    ) -> Failed {
        let shape = self.shape.as_deref().unwrap_or_default();
        let mut known = Vec::new();
        let lengths = shape.iter().map(|length| match *length {
            Length::Any => "any".to_owned(),
            Length::Exactly(length) => length.to_string(),
            Length::Named(name) => {
                let text = &names.lengths[name];
                if let Some((length, first)) = found[name] {
                    let place = if first == this {
                        String::new()
                    } else {
                        format!(" as in `{}`", names.parameters[first])
                    };
                    let text = format!("{text} = {length}{place}");
                    if (first != this || shape_repeats(shape, name)) && !known.contains(&text) {
                        known.push(text);
                    }
                }
                text.clone()
            }
        });
        let shown = tuple(&lengths.collect::<Vec<_>>());
        let given = if known.is_empty() {
            String::new()
        } else {
            format!(" with {}", known.join(" and "))
        };
        let expected = format!("an array of shape {shown}{given}");
        Failure::new(&expected, super::describe_array(py, value, array)).into()
    }

    fn check_inside(&self, py: Python<'_>, buffer: &Buffer, value: &Owned) -> Result<(), Failed> {
        let wanted = Wanted {
            finite: self.finite,
            bounds: &self.bounds,
        };
        if !values::readable(buffer.element(), &wanted) {
            return Err(Failure::new(&self.numbers(), super::describe_array(py, value, buffer)).into());
        }
        match values::check(py, buffer, &wanted) {
            None => Ok(()),
            Some(odd) => Err(self.odd_element(buffer, &odd)),
        }
    }

    #[cold]
    fn odd_element(&self, buffer: &Buffer, odd: &Odd) -> Failed {
        let must = if odd.not_finite {
            "be finite".to_owned()
        } else {
            format!("be a number{}", self.bounds.words())
        };
        let got = match odd.value {
            None => "something else, which was changed meanwhile".to_owned(),
            Some(Value::Whole(value)) => value.to_string(),
            Some(Value::Float(value)) => show_float(value),
        };
        let path = odd
            .place
            .map_or_else(String::new, |place| index_of(place, buffer.shape()));
        Failure {
            path,
            whole: false,
            must,
            got,
        }
        .into()
    }
}

impl Length {
    fn of(length: &Bound<'_, PyAny>, names: &mut Names) -> PyResult<Self> {
        if length.is_instance_of::<PyInt>() {
            return Ok(Self::Exactly(length.extract()?));
        }
        if !length.is_instance_of::<PyString>() {
            return Ok(Self::Any);
        }
        let name: String = length.extract()?;
        let known = names.lengths.iter().position(|known| *known == name);
        Ok(Self::Named(known.unwrap_or_else(|| {
            names.lengths.push(name);
            names.lengths.len() - 1
        })))
    }
}

fn shape_repeats(shape: &[Length], name: usize) -> bool {
    shape
        .iter()
        .filter(|length| matches!(length, Length::Named(other) if *other == name))
        .count()
        > 1
}

/// `(3, 4)`, as Python writes it.
pub(super) fn tuple(parts: &[String]) -> String {
    if parts.len() == 1 {
        format!("({},)", parts[0])
    } else {
        format!("({})", parts.join(", "))
    }
}

/// `[3, 5]`: the indices of an element by its place in their order.
fn index_of(mut place: usize, shape: &[isize]) -> String {
    let mut indices = Vec::with_capacity(shape.len());
    for &length in shape.iter().rev() {
        let length = (length as usize).max(1);
        indices.push((place % length).to_string());
        place /= length;
    }
    indices.reverse();
    if indices.is_empty() {
        "[()]".to_owned()
    } else {
        format!("[{}]", indices.join(", "))
    }
}

/// The name of an element's type, as numpy has it.
pub(super) fn dtype_name(element: Element) -> Option<String> {
    let (name, ..) = DTYPES
        .iter()
        .find(|(_, class, size)| *class == element.class && *size == element.size)?;
    Some(if element.swapped {
        format!("{name} in the other byte order")
    } else {
        (*name).to_owned()
    })
}
