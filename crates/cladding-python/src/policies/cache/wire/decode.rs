//! Results out of their bytes. Nothing here trusts a length: each is compared with what is left before anything is made.

use cladding_capi::has_room;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyList, PySet, PyString, PyTuple};

use super::encode::{DEEPEST, Kind};
use super::{Unopened, module};

static ARRAY_OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// From so many bytes on the interpreter lock is let go for a copy, whose memory has to be cleared first then.
const LARGE: usize = 4 * 1024 * 1024;

/// So many places are reserved for items before the first of them is there.
const AT_ONCE: usize = 1024;

/// What made no sense, or an error on the way.
enum Wrong {
    Text(&'static str),
    Failed(PyErr),
}

impl From<PyErr> for Wrong {
    fn from(error: PyErr) -> Self {
        Self::Failed(error)
    }
}

const SHORT: Wrong = Wrong::Text("its result ends too early");

type Read<'py> = Result<Bound<'py, PyAny>, Wrong>;

/// Reads a result that is all there is.
pub(super) fn decode<'py>(py: Python<'py>, bytes: &[u8]) -> Result<Bound<'py, PyAny>, Unopened> {
    let mut decoder = Decoder {
        py,
        left: bytes,
        depth: 0,
    };
    let value = decoder.value().and_then(|value| match decoder.left {
        [] => Ok(value),
        _ => Err(Wrong::Text("something follows its result")),
    });
    value.map_err(|wrong| match wrong {
        Wrong::Text(reason) => Unopened::damaged(reason),
        Wrong::Failed(error) => Unopened::of(py, error),
    })
}

struct Decoder<'a, 'py> {
    py: Python<'py>,
    left: &'a [u8],
    depth: u32,
}

impl<'a, 'py> Decoder<'a, 'py> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Wrong> {
        let (taken, left) = self.left.split_at_checked(length).ok_or(SHORT)?;
        self.left = left;
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    fn length(&mut self, bytes: usize) -> Result<usize, Wrong> {
        let all = self.take(bytes)?;
        Ok(all.iter().fold(0, |length, &byte| length << 8 | usize::from(byte)))
    }

    fn value(&mut self) -> Read<'py> {
        let py = self.py;
        let [code] = self.bytes()?;
        Ok(match code {
            0x00..=0x7f => self.number(i64::from(code)),
            0xe0..=0xff => self.number(i64::from(code as i8)),
            0xc0 => py.None().into_bound(py),
            0xc2 => pyo3::types::PyBool::new(py, false).to_owned().into_any(),
            0xc3 => pyo3::types::PyBool::new(py, true).to_owned().into_any(),
            0xcb => PyFloat::new(py, f64::from_be_bytes(self.bytes()?)).into_any(),
            0xcc => self.short::<1>(false)?,
            0xcd => self.short::<2>(false)?,
            0xce => self.short::<4>(false)?,
            0xcf => u64::from_be_bytes(self.bytes()?)
                .into_pyobject(py)
                .map_err(PyErr::from)?
                .into_any(),
            0xd0 => self.short::<1>(true)?,
            0xd1 => self.short::<2>(true)?,
            0xd2 => self.short::<4>(true)?,
            0xd3 => self.short::<8>(true)?,
            0xa0..=0xbf => self.text(usize::from(code & 31))?,
            0xd9..=0xdb => {
                let length = self.length(1 << (code - 0xd9))?;
                self.text(length)?
            }
            0xc4..=0xc6 => {
                let length = self.length(1 << (code - 0xc4))?;
                PyBytes::new(py, self.take(length)?).into_any()
            }
            _ => {
                if self.depth > DEEPEST || !has_room() {
                    return Err(Wrong::Text("its result is nested too deeply"));
                }
                self.depth += 1;
                let value = self.compound(code)?;
                self.depth -= 1;
                value
            }
        })
    }

    fn number(&self, number: i64) -> Bound<'py, PyAny> {
        match number.into_pyobject(self.py) {
            Ok(number) => number.into_any(),
            Err(never) => match never {},
        }
    }

    /// A whole number of some bytes.
    fn short<const N: usize>(&mut self, signed: bool) -> Read<'py> {
        let bytes: [u8; N] = self.bytes()?;
        let first = if signed && bytes[0] & 0x80 != 0 { -1 } else { 0 };
        let number = bytes.iter().fold(first, |number, &byte| number << 8 | i64::from(byte));
        Ok(self.number(number))
    }

    fn text(&mut self, length: usize) -> Read<'py> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| Wrong::Text("a text in it is no UTF-8"))?;
        Ok(PyString::new(self.py, text).into_any())
    }

    fn compound(&mut self, code: u8) -> Read<'py> {
        match code {
            0x90..=0x9f | 0xdc | 0xdd => {
                let count = self.count(code)?;
                Ok(PyList::new(self.py, self.items(count)?)?.into_any())
            }
            0x80..=0x8f | 0xde | 0xdf => {
                let count = match code {
                    0xde => self.length(2)?,
                    0xdf => self.length(4)?,
                    _ => usize::from(code & 15),
                };
                let dict = PyDict::new(self.py);
                for _ in 0..count {
                    dict.set_item(self.value()?, self.value()?)?;
                }
                Ok(dict.into_any())
            }
            0xd4..=0xd8 => self.extension(1 << (code - 0xd4)),
            0xc7..=0xc9 => {
                let length = self.length(1 << (code - 0xc7))?;
                self.extension(length)
            }
            _ => Err(Wrong::Text("its result has a code that is never written")),
        }
    }

    /// How many items an array has.
    fn count(&mut self, code: u8) -> Result<usize, Wrong> {
        match code {
            0x90..=0x9f => Ok(usize::from(code & 15)),
            0xdc => self.length(2),
            0xdd => self.length(4),
            _ => Err(Wrong::Text("there are no items where some should be")),
        }
    }

    fn items(&mut self, count: usize) -> Result<Vec<Bound<'py, PyAny>>, Wrong> {
        if count > self.left.len() {
            return Err(SHORT);
        }
        let mut items = Vec::with_capacity(count.min(AT_ONCE));
        for _ in 0..count {
            items.push(self.value()?);
        }
        Ok(items)
    }

    fn extension(&mut self, length: usize) -> Read<'py> {
        let [kind] = self.bytes()?;
        let kind = Kind::of(kind).ok_or(Wrong::Text("its result is of a kind that is never written"))?;
        let mut inner = Self {
            py: self.py,
            left: self.take(length)?,
            depth: self.depth,
        };
        let value = inner.of_kind(kind)?;
        if inner.left.is_empty() {
            return Ok(value);
        }
        Err(Wrong::Text("a part of its result is longer than it should be"))
    }

    fn of_kind(&mut self, kind: Kind) -> Read<'py> {
        let py = self.py;
        Ok(match kind {
            Kind::Whole => {
                let bytes = PyBytes::new(py, self.rest());
                module(py)?.getattr("int_of_bytes")?.call1((bytes,))?
            }
            Kind::Text => {
                let bytes = PyBytes::new(py, self.rest());
                bytes.call_method1("decode", ("utf-8", "surrogatepass"))?
            }
            Kind::Tuple => PyTuple::new(py, self.all_items()?)?.into_any(),
            Kind::Set => PySet::new(py, self.all_items()?)?.into_any(),
            Kind::FrozenSet => PyFrozenSet::new(py, self.all_items()?)?.into_any(),
            Kind::ByteArray => self.memory()?,
            Kind::Complex => {
                let (real, imaginary) = (f64::from_be_bytes(self.bytes()?), f64::from_be_bytes(self.bytes()?));
                PyComplex::from_doubles(py, real, imaginary).into_any()
            }
            Kind::Array => self.array()?,
            Kind::Other => {
                let parts = PyTuple::new(py, self.all_items()?)?;
                module(py)?.getattr("made_of")?.call1((parts,))?
            }
        })
    }

    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.left)
    }

    fn all_items(&mut self) -> Result<Vec<Bound<'py, PyAny>>, Wrong> {
        let [code] = self.bytes()?;
        let count = self.count(code)?;
        self.items(count)
    }

    /// All that is left, as a byte array.
    fn memory(&mut self) -> Read<'py> {
        let (py, bytes) = (self.py, self.rest());
        if bytes.len() < LARGE {
            return Ok(PyByteArray::new(py, bytes).into_any());
        }
        let copy = PyByteArray::new_with(py, bytes.len(), |copy| {
            py.detach(|| copy.copy_from_slice(bytes));
            Ok(())
        })?;
        Ok(copy.into_any())
    }

    fn array(&mut self) -> Read<'py> {
        let [length] = self.bytes()?;
        let name = self.take(usize::from(length))?;
        let is_number = matches!(name, [b'<' | b'>' | b'|', b'b' | b'i' | b'u' | b'f' | b'c', size @ ..]
            if !size.is_empty() && size.iter().all(u8::is_ascii_digit));
        let name = std::str::from_utf8(name).ok().filter(|_| is_number);
        let name = name.ok_or(Wrong::Text("an array in it is of no numbers"))?;
        let [dimensions] = self.bytes()?;
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            shape.push(u64::from_le_bytes(self.bytes()?));
        }
        let memory = self.memory()?;
        let shape = PyTuple::new(self.py, shape)?;
        let of = ARRAY_OF.get_or_try_init(self.py, || {
            let module = self.py.import("cladding._wire_data")?;
            Ok::<_, PyErr>(module.getattr("array_of")?.unbind())
        })?;
        Ok(of.bind(self.py).call1((name, shape, memory))?)
    }
}
