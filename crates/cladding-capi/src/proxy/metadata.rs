//! Names and documentation, which a function wrapper of our own may have for itself, and the attributes in the type's table.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    PyObject_GenericGetAttr, PyObject_GetAttr, PyObject_SetAttr, Raw, borrowed, dict_get, entry, entry_number, names,
    optional_attribute, own_attribute, raise, raise_missing, result, status,
};
use super::attributes::{look_further, look_further_bound};
use super::layout::{COMPATIBLE, Family, INITIALIZED, Kind, Proxy};
use super::{face, wrapped};
use crate::{Owned, Raised};

/// A name, a docstring and the like: the wrapper's own if it has one, else the wrapped object's.
///
/// # Safety
/// * A live proxy.
pub(super) unsafe fn get_metadata(object: Raw, name: &Owned) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let proxy = Proxy::of(object);
        if proxy.has(COMPATIBLE) {
            return look_further(object, name.as_ptr());
        }
        if proxy.kind.get() == Kind::Function
            && let Some(dict) = proxy.dict.get(object)
            && let Some(own) = dict_get(&dict, name.as_ptr())?
        {
            return Ok(own);
        }
        if proxy.kind.get() == Kind::Bound {
            return look_further_bound(object, name.as_ptr());
        }
        look_further(object, name.as_ptr())
    }
}

/// Sets a name, a docstring and the like: on a function wrapper of our own family only for the wrapper.
///
/// # Safety
/// * A live proxy; the value is alive or NULL.
pub(super) unsafe fn set_metadata(object: Raw, name: &Owned, value: Raw) -> Result<c_int, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let proxy = Proxy::of(object);
        let known = names();
        if !proxy.keeps_metadata() {
            let wrapped = wrapped(object)?;
            status(PyObject_SetAttr(wrapped.as_ptr(), name.as_ptr(), value))?;
            let copied = name.as_ptr() == known.module.as_ptr() || name.as_ptr() == known.doc.as_ptr();
            return if copied && proxy.has(COMPATIBLE) {
                copy_again(object, &wrapped, name)
            } else {
                Ok(0)
            };
        }
        let text = name.as_ptr() == known.name.as_ptr() || name.as_ptr() == known.qualname.as_ptr();
        if text && !value.is_null() && ffi::PyUnicode_Check(value) == 0 {
            let attribute = name.bound(Python::assume_attached()).to_string();
            let message = format!("{attribute} must be set to a string object");
            return Err(raise(ffi::PyExc_TypeError, &message));
        }
        let dict = own_dict(object)?;
        if value.is_null() {
            if dict_get(&dict, name.as_ptr())?.is_none() {
                let attribute = name.bound(Python::assume_attached()).to_string();
                return Err(raise_missing(object, &attribute));
            }
            return status(ffi::PyDict_DelItem(dict.as_ptr(), name.as_ptr()));
        }
        status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value))
    }
}

/// Keeps copies of the module and the documentation where `pydoc`, which goes round the proxy, finds them.
///
/// # Safety
/// * A live proxy.
pub(super) unsafe fn copy_metadata(object: Raw, target: &Owned) -> Result<(), Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        for name in [&names().module, &names().doc] {
            if let Some(value) = optional_attribute(target.as_ptr(), name)? {
                let dict = own_dict(object)?;
                status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()))?;
            }
        }
        Ok(())
    }
}

/// Brings the copy of one of the two in step with the wrapped object.
///
/// # Safety
/// * A live proxy.
unsafe fn copy_again(object: Raw, target: &Owned, name: &Owned) -> Result<c_int, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let dict = own_dict(object)?;
        match optional_attribute(target.as_ptr(), name)? {
            Some(value) => status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr())),
            None if dict_get(&dict, name.as_ptr())?.is_some() => {
                status(ffi::PyDict_DelItem(dict.as_ptr(), name.as_ptr()))
            }
            None => Ok(0),
        }
    }
}

/// The proxy's own dictionary, made now if there was none.
///
/// # Safety
/// * A live proxy.
unsafe fn own_dict(object: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let slot = &Proxy::of(object).dict;
        if let Some(dict) = slot.get(object) {
            return Ok(dict);
        }
        Ok(slot.get_or_set(object, result(ffi::PyDict_New())?))
    }
}

/// The attributes that are in the type's table, which the table refers to by their place here.
#[derive(Clone, Copy)]
#[repr(usize)]
pub(super) enum Attribute {
    Name,
    Qualname,
    Annotations,
    Class,
    Dict,
    Code,
    Closure,
}

impl Attribute {
    fn of(closure: *mut c_void) -> Self {
        use Attribute::{Annotations, Class, Closure, Code, Dict, Name, Qualname};
        [Name, Qualname, Annotations, Class, Dict, Code, Closure][closure.addr()]
    }

    pub(super) fn name(self) -> &'static Owned {
        let known = names();
        match self {
            Self::Name => &known.name,
            Self::Qualname => &known.qualname,
            Self::Annotations => &known.annotations,
            Self::Class => &known.class_of,
            Self::Dict => &known.dict,
            Self::Code => &known.code,
            Self::Closure => &known.closure,
        }
    }
}

pub(super) unsafe extern "C" fn get_known(object: Raw, closure: *mut c_void) -> Raw {
    let attribute = Attribute::of(closure);
    // SAFETY: a live proxy.
    entry(|py| unsafe {
        match attribute {
            Attribute::Name | Attribute::Qualname | Attribute::Annotations => get_metadata(object, attribute.name()),
            Attribute::Class | Attribute::Dict => look_further(object, attribute.name().as_ptr()),
            Attribute::Code | Attribute::Closure => {
                let target = match face::of(py, object)? {
                    Some(face) => face,
                    None => wrapped(object)?,
                };
                result(PyObject_GetAttr(target.as_ptr(), attribute.name().as_ptr()))
            }
        }
    })
}

pub(super) unsafe extern "C" fn set_known(object: Raw, value: Raw, closure: *mut c_void) -> c_int {
    let attribute = Attribute::of(closure);
    // SAFETY: a live proxy, and a live value or NULL.
    entry_number(|_py| unsafe {
        match attribute {
            Attribute::Name | Attribute::Qualname | Attribute::Annotations => {
                set_metadata(object, attribute.name(), value)
            }
            Attribute::Dict => {
                let what = if value.is_null() { "deleter" } else { "setter" };
                let text = format!(
                    "property '__dict__' of '{}' object has no {what}",
                    super::api::type_name(object)
                );
                Err(raise(ffi::PyExc_AttributeError, &text))
            }
            Attribute::Class | Attribute::Code | Attribute::Closure => {
                let wrapped = wrapped(object)?;
                status(PyObject_SetAttr(wrapped.as_ptr(), attribute.name().as_ptr(), value))
            }
        }
    })
}

pub(super) unsafe extern "C" fn get_self_dict(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live proxy.
    entry(|_py| unsafe { own_dict(object) })
}

pub(super) unsafe extern "C" fn get_wrapped(object: Raw, _closure: *mut c_void) -> Raw {
    entry(|_py| wrapped(object))
}

pub(super) unsafe extern "C" fn get_object_proxy(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live proxy; the type lives for ever.
    entry(|_py| unsafe { Ok(borrowed(Family::of(Proxy::of(object)).class(Kind::Base).cast())) })
}

pub(super) unsafe extern "C" fn set_wrapped(object: Raw, value: Raw, _closure: *mut c_void) -> c_int {
    // SAFETY: a live proxy, and a live value or NULL.
    entry_number(|py| unsafe {
        if value.is_null() {
            return Err(raise(ffi::PyExc_TypeError, "can't delete __wrapped__ attribute"));
        }
        let proxy = Proxy::of(object);
        proxy.wrapped.set(object, Some(borrowed(value)));
        if matches!(proxy.kind.get(), Kind::FunctionBase | Kind::Function | Kind::Bound) {
            face::forget(object);
        }
        if let Some(fixups) = own_attribute(object, &names().wrapped_setattr_fixups)? {
            crate::arguments::call(py, &fixups, &[])?;
        }
        Ok(0)
    })
}

/// The wrapped object where there is none yet: what the class's factory makes, or an error.
#[cold]
pub(super) fn make_wrapped(py: Python<'_>, object: Raw) -> Result<Owned, Raised> {
    // SAFETY: a live proxy.
    unsafe {
        let proxy = Proxy::of(object);
        if own_attribute(object, &names().wrapped_factory)?.is_some_and(|factory| !factory.is_none()) {
            let getter = result(PyObject_GenericGetAttr(object, names().wrapped_get.as_ptr()))?;
            let value = crate::arguments::call(py, &getter, &[])?;
            status(PyObject_SetAttr(object, names().wrapped.as_ptr(), value.as_ptr()))?;
            return Ok(proxy.wrapped.get(object).unwrap_or(value));
        }
        if !proxy.has(INITIALIZED) {
            return Err(raise_missing(object, "__wrapped__"));
        }
        let text = "wrapper is in an inconsistent state: __wrapped__ is not set";
        Err(raise(super::not_initialized(py).as_ptr(), text))
    }
}
