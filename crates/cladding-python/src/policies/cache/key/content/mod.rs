//! Keys made of content, for arguments that have no hash: a digest of 128 bits.
//!
//! What an argument is made of is written down as bytes, each piece with what it is and how long it is, so that no two
//! contents are written the same; the digest of that is the key. Objects inside it that can be hashed stay as they are and
//! become parts of the key themselves, so they are compared as in a dictionary, and kept alive by the key. Large pieces are
//! written as digests of their own. What is not of the language's own types is taken apart in Python (`_content.py`).

use cladding_capi::{Owned, Raised, has_room, keys, kind};
use cladding_engine::digest::digest;
use pyo3::exceptions::{PyRecursionError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyString, PyTuple};
use pyo3::types::{PyByteArray, PyBytes, PyComplex, PyDict, PyFloat, PyFrozenSet, PyInt, PyList, PyMemoryView, PySet};

use super::spec::type_name;

mod arrays;
mod nature;
mod numbers;

pub(super) use nature::is_needed;

/// How deep content may be nested.
const DEEPEST: u32 = 200;

/// Pieces that are longer are written as their digest.
const LONGEST_INLINE: usize = 64;

/// What a piece is.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    None = 1,
    Whole,
    WholeLarge,
    Float,
    Nan,
    Complex,
    Text,
    Bytes,
    Tuple,
    List,
    Dict,
    Set,
    FrozenSet,
    ByteArray,
    MemoryView,
    Array,
    Leaf,
    Apart,
}

/// The key of one argument.
pub(super) struct Content {
    /// The digest, as bytes.
    pub(super) digest: Owned,
    /// The objects inside that are compared as they are.
    pub(super) leaves: Vec<Owned>,
}

/// Why there is none.
pub(super) enum Trouble {
    /// An object of this type has neither a hash nor content.
    Unknown(String),
    /// Taking it apart failed.
    Failed(PyErr),
}

impl From<PyErr> for Trouble {
    fn from(error: PyErr) -> Self {
        Self::Failed(error)
    }
}

/// The key of an argument's content. Called where references of PyO3 are counted.
pub(super) fn content(py: Python<'_>, object: &Owned, typed: bool) -> Result<Content, Trouble> {
    let mut writer = Writer::new(py, typed, false);
    writer.object(object)?;
    let digest = digest(&writer.bytes).to_le_bytes();
    Ok(Content {
        digest: PyBytes::new(py, &digest).into_any().into(),
        leaves: writer.leaves,
    })
}

/// The hash of an argument as a key; `None` in place of an error says that its content is needed.
#[inline]
pub(super) fn hash(py: Python<'_>, object: &Owned) -> Result<u64, Option<Raised>> {
    if !keys::is_scalar(object) && is_needed(py, object) {
        return Err(None);
    }
    keys::hash(py, object).map_err(Some)
}

/// Writes content down.
pub(super) struct Writer<'py> {
    py: Python<'py>,
    bytes: Vec<u8>,
    leaves: Vec<Owned>,
    typed: bool,
    /// For other processes, so there are no leaves, and no names that are only good in this one.
    portable: bool,
    depth: u32,
}

type Written = Result<(), Trouble>;

impl<'py> Writer<'py> {
    fn new(py: Python<'py>, typed: bool, portable: bool) -> Self {
        Self {
            py,
            bytes: Vec::with_capacity(128),
            leaves: Vec::new(),
            typed,
            portable,
            depth: 0,
        }
    }

    pub(super) fn portable(py: Python<'py>, typed: bool) -> Self {
        Self::new(py, typed, true)
    }

    pub(super) fn py(&self) -> Python<'py> {
        self.py
    }

    /// Writes a byte that says what comes next.
    pub(super) fn mark(&mut self, mark: u8) {
        self.bytes.push(mark);
    }

    /// Writes one object behind a mark, or nothing at all.
    pub(super) fn marked(&mut self, mark: u8, object: &Owned) -> Written {
        let start = self.bytes.len();
        self.mark(mark);
        let written = self.object(object);
        if written.is_err() {
            self.bytes.truncate(start);
            self.depth = 0;
        }
        written
    }

    pub(super) fn finish(self) -> u128 {
        digest(&self.bytes)
    }
}

impl Writer<'_> {
    fn tag(&mut self, tag: Tag) {
        self.bytes.push(tag as u8);
    }

    pub(super) fn length(&mut self, length: usize) {
        self.bytes.extend_from_slice(&(length as u64).to_le_bytes());
    }

    /// A piece of any length.
    fn data(&mut self, data: &[u8]) {
        self.length(data.len());
        if data.len() <= LONGEST_INLINE {
            self.bytes.extend_from_slice(data);
        } else {
            self.bytes.extend_from_slice(&digest(data).to_le_bytes());
        }
    }

    fn object(&mut self, object: &Owned) -> Written {
        let (py, bound) = (self.py, object.bound(self.py));
        if object.is_none() {
            self.tag(Tag::None);
        } else if bound.is_exact_instance_of::<PyInt>() || bound.is_exact_instance_of::<PyBool>() {
            self.whole(bound)?;
        } else if let Ok(text) = bound.cast_exact::<PyString>() {
            self.text(text)?;
        } else if let Ok(float) = bound.cast_exact::<PyFloat>() {
            self.float(float.value(), bound)?;
        } else if let Ok(bytes) = bound.cast_exact::<PyBytes>() {
            self.tag(Tag::Bytes);
            self.large(bytes.as_bytes());
        } else if let Ok(complex) = bound.cast_exact::<PyComplex>() {
            self.complex(complex)?;
        } else {
            if self.depth >= DEEPEST || !has_room() {
                let text = "is nested too deeply to make a key of, or contains itself";
                return Err(PyRecursionError::new_err(format!("a {} {text}", type_name(py, object))).into());
            }
            self.depth += 1;
            self.compound(object)?;
            self.depth -= 1;
        }
        Ok(())
    }

    fn text(&mut self, text: &Bound<'_, PyString>) -> Written {
        self.tag(Tag::Text);
        if let Ok(text) = text.to_str() {
            self.data(text.as_bytes());
            return Ok(());
        }
        // Lone surrogates have no encoding of the usual kind; this one is none of another text's.
        let bytes = text.call_method1("encode", ("utf-8", "surrogatepass"))?;
        self.data(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes());
        Ok(())
    }

    fn compound(&mut self, object: &Owned) -> Written {
        let bound = object.bound(self.py);
        if let Some(items) = keys::tuple_items(object) {
            self.tag(Tag::Tuple);
            return self.items(items);
        }
        if let Ok(list) = bound.cast_exact::<PyList>() {
            self.tag(Tag::List);
            // A copy, because what the items are made of may run code that changes the list.
            let items: Vec<Owned> = list.iter().map(Owned::from).collect();
            return self.items(&items);
        }
        if let Ok(dict) = bound.cast_exact::<PyDict>() {
            let items: Vec<[Owned; 2]> = dict.iter().map(|(key, value)| [key.into(), value.into()]).collect();
            return self.unordered(Tag::Dict, &items);
        }
        if let Ok(set) = bound.cast_exact::<PySet>() {
            let items: Vec<[Owned; 1]> = set.iter().map(|item| [item.into()]).collect();
            return self.unordered(Tag::Set, &items);
        }
        if let Ok(set) = bound.cast_exact::<PyFrozenSet>() {
            let items: Vec<[Owned; 1]> = set.iter().map(|item| [item.into()]).collect();
            return self.unordered(Tag::FrozenSet, &items);
        }
        if bound.is_exact_instance_of::<PyByteArray>() {
            return self.buffer(Tag::ByteArray, object);
        }
        if bound.is_exact_instance_of::<PyMemoryView>() {
            return self.buffer(Tag::MemoryView, object);
        }
        match self.array(object) {
            Some(written) => written,
            None => self.foreign(object),
        }
    }

    fn items(&mut self, items: &[Owned]) -> Written {
        self.length(items.len());
        items.iter().try_for_each(|item| self.object(item))
    }

    /// What has no order: the digests of the entries, sorted.
    fn unordered<const N: usize>(&mut self, tag: Tag, entries: &[[Owned; N]]) -> Written {
        let (start, first_leaf) = (self.bytes.len(), self.leaves.len());
        let mut digests = Vec::with_capacity(entries.len());
        for entry in entries {
            entry.iter().try_for_each(|part| self.object(part))?;
            let leaves: Vec<Owned> = self.leaves.drain(first_leaf..).collect();
            // Entries that differ in leaves alone are brought into an order by the leaves' hashes.
            let hashes = leaves
                .iter()
                .map(|leaf| keys::hash(self.py, leaf))
                .collect::<Result<Vec<u64>, Raised>>();
            let hashes = hashes.map_err(|raised| Trouble::Failed(error_of(self.py, raised)))?;
            digests.push((digest(&self.bytes[start..]), hashes, leaves));
            self.bytes.truncate(start);
        }
        digests.sort_by(|left, right| (left.0, &left.1).cmp(&(right.0, &right.1)));
        self.tag(tag);
        self.length(entries.len());
        for (digest, _, leaves) in digests {
            self.bytes.extend_from_slice(&digest.to_le_bytes());
            self.leaves.extend(leaves);
        }
        Ok(())
    }

    /// An object that is no container of the language: as it is, if it has a hash, or what Python takes it apart into.
    fn foreign(&mut self, object: &Owned) -> Written {
        static APART: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.py;
        if self.portable {
            return self.foreign_portable(object);
        }
        if !is_needed(py, object) {
            match keys::hash(py, object) {
                Ok(_) => {
                    self.tag(Tag::Leaf);
                    self.leaves.push(object.clone());
                    return Ok(());
                }
                Err(raised) => {
                    let error = error_of(py, raised);
                    if !error.is_instance_of::<PyTypeError>(py) {
                        return Err(error.into());
                    }
                }
            }
        }
        let apart = APART.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._content")?.getattr("taken_apart")?.unbind())
        })?;
        let parts = apart.bind(py).call1((object.bound(py),))?;
        if parts.is_none() {
            return Err(Trouble::Unknown(type_name(py, object)));
        }
        self.tag(Tag::Apart);
        // What Python answers is a tuple, whose first item is the class.
        self.object(&parts.cast_into::<PyTuple>().map_err(PyErr::from)?.into_any().into())
    }

    /// The same for other processes: a tuple that begins with a name, or in a list what it is equal to.
    fn foreign_portable(&mut self, object: &Owned) -> Written {
        static PARTS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = self.py;
        let known = PARTS.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._portable")?.getattr("parts_of")?.unbind())
        })?;
        let parts = known.bind(py).call1((object.bound(py), self.typed))?;
        if parts.is_none() {
            return Err(Trouble::Unknown(type_name(py, object)));
        }
        if let Ok(equal) = parts.cast_exact::<PyList>() {
            return self.object(&equal.get_item(0)?.into());
        }
        self.tag(Tag::Apart);
        self.object(&parts.cast_into::<PyTuple>().map_err(PyErr::from)?.into_any().into())
    }
}

fn error_of(py: Python<'_>, raised: Raised) -> PyErr {
    PyErr::from_value(raised.take(py).bound(py).clone())
}

/// The version of an object's class, to know by what was found out about it; `None` for objects that are classes.
fn class_version(object: &Owned) -> Option<u32> {
    kind::version(object).and_then(|(version, is_class)| (!is_class).then_some(version))
}
