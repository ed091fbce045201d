//! Results as `MessagePack` (<https://github.com/msgpack/msgpack/blob/master/spec.md>), with extension types of our own.

use cladding_capi::buffer::{Buffer, Class, Element, Layout, NumpyArray};
use cladding_capi::{Owned, has_room, keys};
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMemoryView, PySet,
    PyString, PyTuple,
};

use super::module;
use super::record::LARGE;
use crate::target::Target;

/// How deep results may be nested.
pub(super) const DEEPEST: u32 = 200;

/// So much is reserved behind something large.
const BEHIND: usize = 256;

/// So many steps into a result are shown in an error.
const LONGEST_PATH: usize = 12;

/// What `MessagePack` has no word for. The numbers are those of its extension types.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Kind {
    /// A whole number of more than 64 bits: its two's complement, the lowest byte first.
    Whole = 1,
    /// A text with lone surrogates, in UTF-8 that allows for them.
    Text,
    Tuple,
    Set,
    FrozenSet,
    ByteArray,
    /// Two floats.
    Complex,
    /// An array of numpy's of numbers that lie in order: the type's length and name, the number of dimensions, their lengths
    /// in 8 bytes each, the elements.
    Array,
    /// What Python took apart: a name, and parts.
    Other,
}

impl Kind {
    pub(super) fn of(number: u8) -> Option<Self> {
        use Kind::{Array, ByteArray, Complex, FrozenSet, Other, Set, Text, Tuple, Whole};
        let all = [Whole, Text, Tuple, Set, FrozenSet, ByteArray, Complex, Array, Other];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// Why a result cannot be written.
pub(super) enum Trouble {
    /// It would not come back as what it is. The path is that from the result to it, the last step first.
    Unknown {
        what: String,
        path: Vec<String>,
    },
    Failed(PyErr),
}

impl From<PyErr> for Trouble {
    fn from(error: PyErr) -> Self {
        Self::Failed(error)
    }
}

impl Trouble {
    /// Seen from the object that it is in.
    fn inside(mut self, step: impl FnOnce() -> String) -> Self {
        if let Self::Unknown { path, .. } = &mut self {
            path.push(step());
        }
        self
    }

    /// The error that users see.
    pub(super) fn told(self, target: &Target, root: &str) -> PyErr {
        match self {
            Self::Failed(error) => error,
            Self::Unknown { what, path } => {
                let dots = if path.len() > LONGEST_PATH { "..." } else { "" };
                let steps: String = path.into_iter().rev().take(LONGEST_PATH).collect();
                PyTypeError::new_err(format!(
                    "cache_result: what {}() returned cannot be kept where other processes read it: {root}{steps}{dots} {what}; use \
                     serializer=\"pickle\" with a `signing_key`, or give as `serializer` an object with dumps() and loads()",
                    target.full_name(),
                ))
            }
        }
    }
}

type Written = Result<(), Trouble>;

/// Writes a result behind what is there.
pub(super) fn encode(py: Python<'_>, value: &Owned, out: &mut Vec<u8>) -> Result<(), Trouble> {
    Encoder { py, out, depth: 0 }.value(value)
}

struct Encoder<'a, 'py> {
    py: Python<'py>,
    out: &'a mut Vec<u8>,
    depth: u32,
}

impl Encoder<'_, '_> {
    fn value(&mut self, value: &Owned) -> Written {
        let bound = value.bound(self.py);
        if let Ok(text) = bound.cast_exact::<PyString>() {
            return self.text(text);
        }
        if bound.is_exact_instance_of::<PyInt>() {
            return self.whole(bound);
        }
        if let Ok(float) = bound.cast_exact::<PyFloat>() {
            self.out.push(0xcb);
            self.out.extend_from_slice(&float.value().to_be_bytes());
        } else if value.is_none() {
            self.out.push(0xc0);
        } else if let Ok(truth) = bound.cast_exact::<PyBool>() {
            self.out.push(if truth.is_true() { 0xc3 } else { 0xc2 });
        } else if let Ok(bytes) = bound.cast_exact::<PyBytes>() {
            let bytes = bytes.as_bytes();
            self.head(bytes.len(), None, [0xc4, 0xc5, 0xc6])?;
            self.raw(bytes);
        } else if let Ok(complex) = bound.cast_exact::<PyComplex>() {
            self.out.extend_from_slice(&[0xd8, Kind::Complex as u8]);
            self.out.extend_from_slice(&complex.real().to_be_bytes());
            self.out.extend_from_slice(&complex.imag().to_be_bytes());
        } else {
            if self.depth >= DEEPEST || !has_room() {
                let what = format!("is nested deeper than {DEEPEST} levels, or contains itself");
                return Err(Trouble::Unknown { what, path: Vec::new() });
            }
            self.depth += 1;
            self.compound(value)?;
            self.depth -= 1;
        }
        Ok(())
    }

    fn compound(&mut self, value: &Owned) -> Written {
        let bound = value.bound(self.py);
        if let Ok(list) = bound.cast_exact::<PyList>() {
            return self.list(list);
        }
        if let Ok(dict) = bound.cast_exact::<PyDict>() {
            // A copy, because what is inside may run code that changes it.
            let items: Vec<(Owned, Owned)> = dict.iter().map(|(key, value)| (key.into(), value.into())).collect();
            self.head(items.len(), Some((0x80, 15)), [0, 0xde, 0xdf])?;
            for (key, value) in &items {
                let py = self.py;
                let place = || format!("[{}]", shown(py, key));
                self.value(key)
                    .map_err(|trouble| trouble.inside(|| format!(", key {}", shown(py, key))))?;
                self.value(value).map_err(|trouble| trouble.inside(place))?;
            }
            return Ok(());
        }
        if let Some(items) = keys::tuple_items(value) {
            return self.extension(Kind::Tuple, |this| this.items(items, |at| format!("[{at}]")));
        }
        let member = |_: usize| ", an item".to_owned();
        if let Ok(set) = bound.cast_exact::<PySet>() {
            let items: Vec<Owned> = set.iter().map(Owned::from).collect();
            return self.extension(Kind::Set, |this| this.items(&items, member));
        }
        if let Ok(set) = bound.cast_exact::<PyFrozenSet>() {
            let items: Vec<Owned> = set.iter().map(Owned::from).collect();
            return self.extension(Kind::FrozenSet, |this| this.items(&items, member));
        }
        if bound.is_exact_instance_of::<PyByteArray>() {
            return self.memory(&[value]);
        }
        match self.array(value) {
            Some(written) => written,
            None => self.other(value),
        }
    }

    fn list(&mut self, list: &Bound<'_, PyList>) -> Written {
        let length = list.len();
        self.head(length, Some((0x90, 15)), [0, 0xdc, 0xdd])?;
        for at in 0..length {
            // Asked each time, because what is inside may run code that changes it.
            let item: Owned = list.get_item(at)?.into();
            self.value(&item)
                .map_err(|trouble| trouble.inside(|| format!("[{at}]")))?;
        }
        if list.len() == length {
            return Ok(());
        }
        Err(PyRuntimeError::new_err("a list changed while it was written").into())
    }

    fn items(&mut self, items: &[Owned], place: impl Fn(usize) -> String) -> Written {
        self.head(items.len(), Some((0x90, 15)), [0, 0xdc, 0xdd])?;
        for (at, item) in items.iter().enumerate() {
            self.value(item).map_err(|trouble| trouble.inside(|| place(at)))?;
        }
        Ok(())
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Written {
        if let Ok(text) = text.to_str() {
            self.head(text.len(), Some((0xa0, 31)), [0xd9, 0xda, 0xdb])?;
            self.raw(text.as_bytes());
            return Ok(());
        }
        let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        let bytes = bytes.cast::<PyBytes>().map_err(PyErr::from)?;
        self.extension(Kind::Text, |this| {
            this.raw(bytes.as_bytes());
            Ok(())
        })
    }

    fn whole(&mut self, number: &Bound<'_, PyAny>) -> Written {
        if let Ok(number) = number.extract::<i64>() {
            self.small(number);
            return Ok(());
        }
        if let Ok(number) = number.extract::<u64>() {
            self.out.push(0xcf);
            self.out.extend_from_slice(&number.to_be_bytes());
            return Ok(());
        }
        let bytes = module(self.py)?.getattr("bytes_of_int")?.call1((number,))?;
        let bytes = bytes.cast::<PyBytes>().map_err(PyErr::from)?;
        self.extension(Kind::Whole, |this| {
            this.raw(bytes.as_bytes());
            Ok(())
        })
    }

    fn small(&mut self, number: i64) {
        let out = &mut *self.out;
        match number {
            -32..=127 => out.push(number as u8),
            128..=0xff => out.extend_from_slice(&[0xcc, number as u8]),
            0x100..=0xffff => {
                out.push(0xcd);
                out.extend_from_slice(&(number as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                out.push(0xce);
                out.extend_from_slice(&(number as u32).to_be_bytes());
            }
            0x1_0000_0000.. => {
                out.push(0xcf);
                out.extend_from_slice(&number.to_be_bytes());
            }
            -0x80..=-33 => out.extend_from_slice(&[0xd0, number as u8]),
            -0x8000..=-0x81 => {
                out.push(0xd1);
                out.extend_from_slice(&(number as i16).to_be_bytes());
            }
            -0x8000_0000..=-0x8001 => {
                out.push(0xd2);
                out.extend_from_slice(&(number as i32).to_be_bytes());
            }
            _ => {
                out.push(0xd3);
                out.extend_from_slice(&number.to_be_bytes());
            }
        }
    }

    /// A length, in the shortest form that there is: within the byte itself up to some length, or behind one of the codes for
    /// 8, 16 and 32 bits (0 for a form that there is not).
    fn head(&mut self, length: usize, inside: Option<(u8, usize)>, codes: [u8; 3]) -> Written {
        if let Some((code, _)) = inside.filter(|(_, most)| length <= *most) {
            self.out.push(code | length as u8);
        } else if codes[0] != 0 && length <= 0xff {
            self.out.extend_from_slice(&[codes[0], length as u8]);
        } else if length <= 0xffff {
            self.out.push(codes[1]);
            self.out.extend_from_slice(&(length as u16).to_be_bytes());
        } else {
            self.out.push(codes[2]);
            self.out.extend_from_slice(&length_of_32_bits(length)?.to_be_bytes());
        }
        Ok(())
    }

    /// An extension, whose length is known when it is written.
    fn extension(&mut self, kind: Kind, write: impl FnOnce(&mut Self) -> Written) -> Written {
        self.out.extend_from_slice(&[0xc9, 0, 0, 0, 0, kind as u8]);
        let start = self.out.len();
        write(self)?;
        let length = length_of_32_bits(self.out.len() - start)?;
        self.out[start - 5..start - 1].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    fn raw(&mut self, bytes: &[u8]) {
        if bytes.len() < LARGE {
            self.out.extend_from_slice(bytes);
        } else {
            let out = &mut *self.out;
            // With room for what usually follows, so that it is not moved.
            self.py.detach(|| {
                out.reserve_exact(bytes.len() + BEHIND);
                out.extend_from_slice(bytes);
            });
        }
    }

    /// A byte array of the memory of some objects, one behind the other.
    fn memory(&mut self, objects: &[&Owned]) -> Written {
        self.extension(Kind::ByteArray, |this| {
            for object in objects {
                let buffer = Buffer::get(this.py, object)?;
                let Some(bytes) = buffer.bytes() else {
                    return Err(PyTypeError::new_err("memory that does not lie in order").into());
                };
                this.raw(bytes);
            }
            Ok(())
        })
    }

    /// An array of numpy's own class, of numbers that lie in order; nothing is written for others.
    fn array(&mut self, object: &Owned) -> Option<Written> {
        let array = NumpyArray::of(self.py, object).filter(NumpyArray::is_exact)?;
        let Element { class, size, swapped } = array.element();
        let letter = match class {
            Class::Bool => 'b',
            Class::Signed => 'i',
            Class::Unsigned => 'u',
            Class::Float => 'f',
            Class::Complex => 'c',
            Class::Other => return None,
        };
        let length = array.bytes()?.len();
        let order = match (size, swapped ^ cfg!(target_endian = "big")) {
            (1, _) => '|',
            (_, false) => '<',
            (_, true) => '>',
        };
        let name = format!("{order}{letter}{size}");
        Some(self.extension(Kind::Array, |this| {
            this.out.push(name.len() as u8);
            this.out.extend_from_slice(name.as_bytes());
            this.out.push(array.dimensions() as u8);
            for dimension in 0..array.dimensions() {
                this.out
                    .extend_from_slice(&(array.length(dimension) as u64).to_le_bytes());
            }
            if length < LARGE {
                this.out.extend_from_slice(array.bytes().unwrap_or_default());
                return Ok(());
            }
            // Held, because other threads run meanwhile.
            let buffer = Buffer::get(this.py, object)?;
            match buffer.bytes() {
                Some(bytes) if bytes.len() == length => {
                    this.raw(bytes);
                    Ok(())
                }
                _ => Err(PyRuntimeError::new_err("an array changed while it was written").into()),
            }
        }))
    }

    /// An object that is not the language's own: what Python takes it apart into.
    fn other(&mut self, object: &Owned) -> Written {
        static PIECES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.py;
        let parts = module(py)?.getattr("parts_of")?.call1((object.bound(py),))?;
        let class = object.bound(py).get_type();
        let unknown = |what: String| Trouble::Unknown { what, path: Vec::new() };
        if parts.is_none() {
            return Err(unknown(format!(
                "is a {}, which would not come back as one",
                class.qualname()?
            )));
        }
        if let Ok(reason) = parts.cast::<PyString>() {
            return Err(unknown(format!("is a {} {}", class.qualname()?, reason.to_str()?)));
        }
        let pieces = PIECES
            .get_or_try_init(py, || Ok::<_, PyErr>(module(py)?.getattr("Pieces")?.unbind()))?
            .bind(py);
        let parts = parts.cast_into::<PyTuple>().map_err(PyErr::from)?;
        self.extension(Kind::Other, |this| {
            this.head(parts.len(), Some((0x90, 15)), [0, 0xdc, 0xdd])?;
            for part in parts.iter() {
                if part.is_exact_instance_of::<PyMemoryView>() {
                    this.memory(&[&part.into()])?;
                } else if part.get_type().is(pieces) {
                    let pieces: Vec<Owned> = part
                        .try_iter()?
                        .map(|piece| piece.map(Owned::from))
                        .collect::<PyResult<_>>()?;
                    this.memory(&pieces.iter().collect::<Vec<_>>())?;
                } else {
                    this.value(&part.into())?;
                }
            }
            Ok(())
        })
    }
}

fn length_of_32_bits(length: usize) -> Result<u32, Trouble> {
    u32::try_from(length).map_err(|_| {
        PyOverflowError::new_err("cache_result: a result of more than 4 GiB is not kept where other processes read it")
            .into()
    })
}

/// A key of a dictionary in a path.
fn shown(py: Python<'_>, key: &Owned) -> String {
    let text = key
        .bound(py)
        .repr()
        .map_or_else(|_| "...".to_owned(), |text| text.to_string_lossy().into_owned());
    if text.chars().count() <= 40 {
        return text;
    }
    text.chars().take(37).chain("...".chars()).collect()
}
