//! Objects as keys: hashing them, and comparing them without running anybody's code where that can be told.
//!
//! Equality is a dictionary's: an object equals itself, and numbers of different types can be equal. One thing is added,
//! so that a NaN is no key that nobody finds again: floats that are NaN equal each other and hash the same.

use pyo3::ffi;
use pyo3::prelude::*;

use crate::{Owned, Raised};

/// How two keys compare as far as it can be told without running code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sameness {
    /// They are equal.
    Same,
    /// They are not.
    Different,
    /// Only their own methods can say, see [`equal`].
    Unknown,
}

/// What an object is, by its exact type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nature {
    /// `int`, `bool`, `float`, `complex`
    Number,
    /// `str`
    Text,
    /// `bytes`
    Bytes,
    /// `None`
    None,
    /// `tuple`, which is as native as its items are
    Tuple,
    /// Anything else
    Foreign,
}

/// How deep tuples are looked into.
const DEPTH: u32 = 4;

/// The hash of all NaN.
const NAN_HASH: u64 = 0x7ff8_0000_0000_0000;

/// The object's hash, which may run code and may be refused.
#[inline]
pub fn hash(_py: Python<'_>, object: &Owned) -> Result<u64, Raised> {
    if is_nan(object) {
        return Ok(NAN_HASH);
    }
    // SAFETY: the object is alive and the thread attached.
    match unsafe { ffi::PyObject_Hash(object.as_ptr()) } {
        -1 => Err(Raised::assume()),
        hash => Ok(hash as u64),
    }
}

/// The hash of an object that [is a scalar](is_scalar), all of which have one.
#[inline]
pub fn hash_of_scalar(_py: Python<'_>, object: &Owned) -> u64 {
    if is_nan(object) {
        return NAN_HASH;
    }
    // SAFETY: the object is alive and the thread attached. The interpreter's own scalar types never fail to hash.
    unsafe { ffi::PyObject_Hash(object.as_ptr()) as u64 }
}

/// Compares as far as no code is run and nothing is allocated that the garbage collector watches.
#[inline]
pub fn compare(left: &Owned, right: &Owned) -> Sameness {
    if left.as_ptr() == right.as_ptr() {
        Sameness::Same
    } else {
        compare_others(left, right, DEPTH)
    }
}

/// As [`compare`], where a NaN equals itself alone: exactly as a dictionary compares.
#[inline]
pub fn compare_as_dict(left: &Owned, right: &Owned) -> Sameness {
    match compare(left, right) {
        Sameness::Same if left.as_ptr() != right.as_ptr() && is_nan(left) => Sameness::Different,
        sameness => sameness,
    }
}

/// The object's hash as a dictionary takes it, which may run code and may be refused.
#[inline]
pub fn hash_as_dict(_py: Python<'_>, object: &Owned) -> Result<u64, Raised> {
    // SAFETY: the object is alive and the thread attached.
    match unsafe { ffi::PyObject_Hash(object.as_ptr()) } {
        -1 => Err(Raised::assume()),
        hash => Ok(hash as u64),
    }
}

/// Whether the object is exactly an `int` or a `str`.
#[inline]
pub fn is_int_or_str(object: &Owned) -> bool {
    // SAFETY: the object is alive, and only addresses of static types are compared.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        class == &raw mut ffi::PyLong_Type || class == &raw mut ffi::PyUnicode_Type
    }
}

/// Whether the object is exactly a number, a text, bytes or `None`: hashing and comparing those runs no code.
#[inline]
pub fn is_scalar(object: &Owned) -> bool {
    !matches!(nature(object), Nature::Tuple | Nature::Foreign)
}

/// The items of an object that is exactly a tuple.
#[inline]
pub fn tuple_items(object: &Owned) -> Option<&[Owned]> {
    (nature(object) == Nature::Tuple).then(|| items(object))
}

/// Whether the object's class says that its objects have no hash.
#[inline]
pub fn has_no_hash(object: &Owned) -> bool {
    // SAFETY: the object is alive, and so is its type; only addresses are compared.
    let hash = unsafe { (*ffi::Py_TYPE(object.as_ptr())).tp_hash };
    hash.is_some_and(|hash| std::ptr::fn_addr_eq(hash, ffi::PyObject_HashNotImplemented as ffi::hashfunc))
}

/// Whether two objects have the same type.
#[inline]
pub fn same_type(left: &Owned, right: &Owned) -> bool {
    // SAFETY: both are alive.
    unsafe { ffi::Py_TYPE(left.as_ptr()) == ffi::Py_TYPE(right.as_ptr()) }
}

fn compare_others(left: &Owned, right: &Owned, depth: u32) -> Sameness {
    let (left_nature, right_nature) = (nature(left), nature(right));
    if left_nature == Nature::Foreign || right_nature == Nature::Foreign {
        return Sameness::Unknown;
    }
    if left_nature != right_nature {
        return Sameness::Different;
    }
    match left_nature {
        Nature::Number | Nature::Text | Nature::Bytes => compare_native(left, right),
        Nature::Tuple if depth > 0 => compare_tuples(left, right, depth - 1),
        Nature::Tuple | Nature::Foreign => Sameness::Unknown,
        Nature::None => Sameness::Same,
    }
}

fn compare_native(left: &Owned, right: &Owned) -> Sameness {
    // SAFETY: both objects are alive, of the interpreter's own types, whose comparison runs no code and does not warn
    // (only bytes compared with something else do).
    match unsafe { ffi::PyObject_RichCompareBool(left.as_ptr(), right.as_ptr(), ffi::Py_EQ) } {
        1 => Sameness::Same,
        0 if is_nan(left) && is_nan(right) => Sameness::Same,
        0 => Sameness::Different,
        _ => {
            // The recursion limit or the memory is used up; whoever asks again gets the exception.
            // SAFETY: the thread is attached, and the exception that was just set is given up.
            unsafe { ffi::PyErr_Clear() };
            Sameness::Unknown
        }
    }
}

fn compare_tuples(left: &Owned, right: &Owned, depth: u32) -> Sameness {
    let (left, right) = (items(left), items(right));
    if left.len() != right.len() {
        return Sameness::Different;
    }
    let mut sameness = Sameness::Same;
    for (left, right) in left.iter().zip(right) {
        if left.as_ptr() == right.as_ptr() {
            continue;
        }
        // Within a tuple a NaN is hashed by the tuple, that is, by its identity; so it is compared by it too.
        match if is_nan(left) && is_nan(right) {
            Sameness::Different
        } else {
            compare_others(left, right, depth)
        } {
            Sameness::Same => {}
            Sameness::Different => return Sameness::Different,
            Sameness::Unknown => sameness = Sameness::Unknown,
        }
    }
    sameness
}

/// The items of an exact tuple.
fn items(tuple: &Owned) -> &[Owned] {
    // SAFETY: the caller has looked at the type; a tuple's items are live objects for as long as the tuple is, it never
    // changes, and `Owned` is a transparent wrapper of a pointer to one.
    unsafe {
        let first = (&raw const (*tuple.as_ptr().cast::<ffi::PyTupleObject>()).ob_item).cast::<Owned>();
        std::slice::from_raw_parts(first, ffi::PyTuple_GET_SIZE(tuple.as_ptr()) as usize)
    }
}

/// Compares by the objects' own methods, which may run code and may fail.
pub fn equal(_py: Python<'_>, left: &Owned, right: &Owned) -> Result<bool, Raised> {
    // SAFETY: both objects are alive and the thread is attached.
    match unsafe { ffi::PyObject_RichCompareBool(left.as_ptr(), right.as_ptr(), ffi::Py_EQ) } {
        -1 => Err(Raised::assume()),
        answer => Ok(answer == 1),
    }
}

/// Whether the object is something that is used up by going through it once: an iterator.
pub fn is_iterator(object: &Owned) -> bool {
    // SAFETY: the object is alive.
    unsafe { ffi::PyIter_Check(object.as_ptr()) != 0 }
}

#[inline]
fn is_nan(object: &Owned) -> bool {
    // SAFETY: the object is alive, and its value is read only if its exact type is `float`.
    unsafe {
        ffi::Py_TYPE(object.as_ptr()) == &raw mut ffi::PyFloat_Type && ffi::PyFloat_AS_DOUBLE(object.as_ptr()).is_nan()
    }
}

#[inline]
fn nature(object: &Owned) -> Nature {
    // SAFETY: the object is alive, and only addresses of static types are compared.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        if class == &raw mut ffi::PyLong_Type {
            Nature::Number
        } else if class == &raw mut ffi::PyUnicode_Type {
            Nature::Text
        } else if class == &raw mut ffi::PyFloat_Type
            || class == &raw mut ffi::PyBool_Type
            || class == &raw mut ffi::PyComplex_Type
        {
            Nature::Number
        } else if class == &raw mut ffi::PyTuple_Type {
            Nature::Tuple
        } else if class == &raw mut ffi::PyBytes_Type {
            Nature::Bytes
        } else if object.is_none() {
            Nature::None
        } else {
            Nature::Foreign
        }
    }
}
