//! The other slots of proxies: text, hash, comparison and containers, all the wrapped object's.

use std::ffi::{c_int, c_void};

use pyo3::ffi;

use super::api::{
    PyObject_DelItem, PyObject_GetItem, PyObject_Hash, PyObject_RichCompare, PyObject_SetItem, PyObject_Size,
    PyObject_Str, PySequence_Contains, Raw, entry, entry_number, result, status, type_name,
};
use super::wrapped;
use crate::{Owned, Raised};

unsafe extern "C" fn repr(object: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy; what it wraps is kept alive meanwhile.
    entry(|py| unsafe {
        let wrapped = wrapped(object)?;
        let (own, other) = (type_name(object), type_name(wrapped.as_ptr()));
        let text = format!("<{own} at {object:p} for {other} at {:p}>", wrapped.as_ptr());
        Ok(Owned::from(pyo3::types::PyString::new(py, &text).into_any()))
    })
}

unsafe extern "C" fn str(object: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy.
    entry(|_py| unsafe { result(PyObject_Str(wrapped(object)?.as_ptr())) })
}

unsafe extern "C" fn hash(object: Raw) -> ffi::Py_hash_t {
    // SAFETY: the interpreter passes a live proxy.
    entry_number(|_py| unsafe { counted(PyObject_Hash(wrapped(object)?.as_ptr())) })
}

/// A number that says by -1 that an exception is set.
fn counted(number: isize) -> Result<isize, Raised> {
    if number == -1 {
        Err(Raised::assume())
    } else {
        Ok(number)
    }
}

unsafe extern "C" fn compare(object: Raw, other: Raw, operation: c_int) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|_py| unsafe { result(PyObject_RichCompare(wrapped(object)?.as_ptr(), other, operation)) })
}

unsafe extern "C" fn length(object: Raw) -> ffi::Py_ssize_t {
    // SAFETY: the interpreter passes a live proxy.
    entry_number(|_py| unsafe { counted(PyObject_Size(wrapped(object)?.as_ptr())) })
}

unsafe extern "C" fn contains(object: Raw, value: Raw) -> c_int {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry_number(|_py| unsafe { status(PySequence_Contains(wrapped(object)?.as_ptr(), value)) })
}

unsafe extern "C" fn get_item(object: Raw, key: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|_py| unsafe { result(PyObject_GetItem(wrapped(object)?.as_ptr(), key)) })
}

unsafe extern "C" fn set_item(object: Raw, key: Raw, value: Raw) -> c_int {
    // SAFETY: the interpreter passes a live proxy and live objects; no value stands for a deletion.
    entry_number(|_py| unsafe {
        let wrapped = wrapped(object)?;
        status(if value.is_null() {
            PyObject_DelItem(wrapped.as_ptr(), key)
        } else {
            PyObject_SetItem(wrapped.as_ptr(), key, value)
        })
    })
}

/// The slots with their functions.
pub(super) fn slots() -> Vec<(c_int, *mut c_void)> {
    vec![
        (ffi::Py_tp_repr, repr as *mut c_void),
        (ffi::Py_tp_str, str as *mut c_void),
        (ffi::Py_tp_hash, hash as *mut c_void),
        (ffi::Py_tp_richcompare, compare as *mut c_void),
        (ffi::Py_mp_length, length as *mut c_void),
        (ffi::Py_sq_length, length as *mut c_void),
        (ffi::Py_sq_contains, contains as *mut c_void),
        (ffi::Py_mp_subscript, get_item as *mut c_void),
        (ffi::Py_mp_ass_subscript, set_item as *mut c_void),
    ]
}
