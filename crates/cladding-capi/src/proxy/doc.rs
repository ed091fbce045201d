//! What the proxy types have under `__doc__`: for the type its own text, for a proxy the wrapped object's.
//!
//! Tools that go round a proxy's attributes, such as `help`, look there. A property would not do: `Type.__doc__` would be
//! the property.

use std::ffi::{c_int, c_uint, c_void};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{Raw, borrowed, entry, names, result, status};
use super::metadata::get_metadata;
use crate::{Owned, Raised};

#[repr(C)]
struct Doc {
    base: ffi::PyObject,
    /// Owned, and alive as long as the object.
    text: Raw,
}

unsafe extern "C" fn get(descriptor: Raw, object: Raw, _class: Raw) -> Raw {
    // SAFETY: the interpreter passes a live descriptor of this type, and a live proxy or NULL.
    entry(|_py| unsafe {
        if object.is_null() || object == ffi::Py_None() {
            return Ok(borrowed((*descriptor.cast::<Doc>()).text));
        }
        get_metadata(object, &names().doc)
    })
}

unsafe extern "C" fn dealloc(descriptor: Raw) {
    // SAFETY: called once, with the last reference gone; the type outlives the object.
    unsafe {
        let class = ffi::Py_TYPE(descriptor);
        ffi::Py_DECREF((*descriptor.cast::<Doc>()).text);
        if let Some(free) = (*class).tp_free {
            free(descriptor.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

/// The type of these descriptors.
pub(super) fn make_type() -> PyResult<Owned> {
    let mut slots = [
        (ffi::Py_tp_descr_get, get as *mut c_void),
        (ffi::Py_tp_dealloc, dealloc as *mut c_void),
        (0, ptr::null_mut()),
    ]
    .map(|(slot, pfunc)| ffi::PyType_Slot { slot, pfunc });
    let mut spec = ffi::PyType_Spec {
        name: c"cladding.ProxyDoc".as_ptr(),
        basicsize: size_of::<Doc>() as c_int,
        itemsize: 0,
        flags: (ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION | ffi::Py_TPFLAGS_IMMUTABLETYPE)
            as c_uint,
        slots: slots.as_mut_ptr(),
    };
    // SAFETY: the spec is complete, and each slot holds a function of the type that the slot asks for.
    unsafe { result(ffi::PyType_FromSpec(&raw mut spec)) }.map_err(PyErr::from)
}

/// Puts a descriptor in the place of a new proxy type's docstring, and gives it.
pub(super) fn install(doc_type: &Owned, class: &Owned) -> Result<Owned, Raised> {
    let name = &names().doc;
    // SAFETY: a heap type that nobody else has yet, whose dictionary has its docstring.
    unsafe {
        let class: *mut ffi::PyTypeObject = class.as_ptr().cast();
        let dict = borrowed((*class).tp_dict);
        let text = super::api::dict_get(&dict, name.as_ptr())?.unwrap_or_else(Owned::none);
        let made = result(ffi::PyType_GenericAlloc(doc_type.as_ptr().cast(), 0))?;
        (*made.as_ptr().cast::<Doc>()).text = text.into_ptr();
        status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), made.as_ptr()))?;
        ffi::PyType_Modified(class);
        Ok(made)
    }
}

/// Whether it is such a descriptor.
pub(super) fn is_ours(found: &Owned) -> bool {
    // SAFETY: the object is alive; only an address is compared.
    unsafe {
        (*ffi::Py_TYPE(found.as_ptr()))
            .tp_descr_get
            .is_some_and(|own| ptr::fn_addr_eq(own, get as ffi::descrgetfunc))
    }
}
