//! Reading and setting attributes: what the proxy's own type and dictionary have, then what the wrapped object has.

use std::ffi::c_int;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    PyObject_GenericGetAttr, PyObject_GenericSetAttr, PyObject_GetAttr, PyObject_SetAttr, Raw, borrowed,
    descriptor_get, dict_get, entry, entry_number, is_name, lookup, names, optional_attribute, raise, result, status,
};
use super::layout::{COMPATIBLE, Family, Function, Kind, Proxy};
use super::metadata::{get_metadata, set_metadata};
use super::wrapped;
use crate::{Owned, Raised};

pub(super) unsafe extern "C" fn getattro(object: Raw, name: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live string.
    entry(|py| unsafe { get(py, object, name) })
}

/// # Safety
/// * A live proxy and a live string.
#[inline]
unsafe fn get(py: Python<'_>, object: Raw, name: Raw) -> Result<Owned, Raised> {
    let known = names();
    // SAFETY: everything reached from a live proxy is alive; references are taken before other code can run.
    unsafe {
        let proxy = Proxy::of(object);
        let class = ffi::Py_TYPE(object);
        let ours = uses_ours(class, proxy);
        // A class always has an entry of its own for these two, which would hide the wrapped object's.
        if is_name(name, &known.module) {
            return get_metadata(object, &known.module);
        }
        if is_name(name, &known.doc) {
            return match doc_descriptor(class) {
                Some(found) => through(&found, object, class),
                None => get_metadata(object, &known.doc),
            };
        }
        if proxy.kind.get() == Kind::Partial && is_name(name, &known.signature) {
            return super::partial::signature(py, object);
        }
        let mut found = lookup(class, name);
        let getter = |found: &Option<Owned>| {
            let found = found.as_ref()?;
            (*ffi::Py_TYPE(found.as_ptr())).tp_descr_get
        };
        let mut get = getter(&found);
        // Up to 3.13 a class has these as an entry of its own, made when they are first read. They are not its objects'.
        if get.is_none() && found.is_some() && is_name(name, &known.annotations) {
            found = lookup(Family::of(proxy).class(Kind::Base), name);
            get = getter(&found);
        }
        if let (Some(found), Some(get)) = (&found, get)
            && (*ffi::Py_TYPE(found.as_ptr())).tp_descr_set.is_some()
        {
            return described(py, descriptor_get(get, found, object, class.cast()), object, name);
        }
        if let Some(dict) = proxy.dict.get(object)
            && let Some(value) = dict_get(&dict, name)?
        {
            return Ok(value);
        }
        match (found, get) {
            (Some(found), Some(get)) => described(py, descriptor_get(get, &found, object, class.cast()), object, name),
            (Some(found), None) => Ok(found),
            (None, _) if ours => missing(py, object, name),
            // The class has a `__getattr__` of its own, which the interpreter asks when this has failed.
            (None, _) => result(PyObject_GenericGetAttr(object, name)),
        }
    }
}

/// What a descriptor said. An `AttributeError` is its own, except in the family that takes it for "look further".
///
/// # Safety
/// * A live proxy and a live string.
#[inline]
unsafe fn described(py: Python<'_>, outcome: Result<Owned, Raised>, object: Raw, name: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller; the exception that is forgotten is an `AttributeError`.
    unsafe {
        if outcome.is_ok()
            || !Proxy::of(object).has(COMPATIBLE)
            || ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0
        {
            return outcome;
        }
        // Nothing is looked up on a type while an exception is set.
        let failed = Raised::assume().take(py);
        if was_passed_on(object, name) {
            return Err(crate::exception::raise(py, failed));
        }
        drop(failed);
        missing(py, object, name)
    }
}

/// Whether the getter of this name has asked the wrapped object in vain, so that to ask once more would only double the work
/// for each proxy in a chain.
///
/// # Safety
/// * A live proxy and a live string.
#[cold]
unsafe fn was_passed_on(object: Raw, name: Raw) -> bool {
    let known = names();
    let passed_on = [
        &known.name,
        &known.qualname,
        &known.annotations,
        &known.class_of,
        &known.dict,
    ];
    // SAFETY: passed on from the caller.
    unsafe {
        let family = Family::of(Proxy::of(object));
        passed_on.into_iter().any(|known| is_name(name, known))
            && lookup(ffi::Py_TYPE(object), known.getattr.as_ptr())
                .is_some_and(|hook| hook.as_ptr() == family.getattr.as_ptr())
            && lookup(ffi::Py_TYPE(object), name).is_some_and(|found| {
                lookup(family.class(Kind::Base), name).is_some_and(|ours| ours.as_ptr() == found.as_ptr())
            })
    }
}

fn is_getattro(function: ffi::getattrofunc) -> bool {
    ptr::fn_addr_eq(function, getattro as ffi::getattrofunc)
}

/// Whether attributes of this class's objects are found by our function alone. Asked before an object is used first, because
/// the interpreter's own function, which a Python class has at the beginning, takes every `AttributeError` for "look further".
///
/// # Safety
/// * The class is that of the proxy.
#[inline]
pub(super) unsafe fn uses_ours(class: *mut ffi::PyTypeObject, proxy: &Proxy) -> bool {
    // SAFETY: passed on from the caller.
    unsafe { (*class).tp_getattro.is_some_and(is_getattro) || adopt(class, proxy) }
}

/// Gives a Python class our own function for attributes back, if neither it nor a base has `__getattr__` or
/// `__getattribute__` of its own. The interpreter takes ours away from every Python class because there is a method
/// `__getattr__` (which `super` must find), and would call both, with an exception between.
///
/// # Safety
/// * The class is that of the proxy.
#[cold]
unsafe fn adopt(class: *mut ffi::PyTypeObject, proxy: &Proxy) -> bool {
    let family = Family::of(proxy);
    // SAFETY: the class is alive; the interpreter sets the field again whenever one of the two names is set on the class.
    unsafe {
        let same = |name: &Owned, ours: [&Owned; 2]| {
            lookup(class, name.as_ptr()).is_some_and(|found| ours.iter().any(|own| own.as_ptr() == found.as_ptr()))
        };
        let ours = same(&names().getattr, [&family.getattr, &family.bound_getattr])
            && same(&names().getattribute, [&family.getattribute; 2]);
        if ours {
            (*class).tp_getattro = Some(getattro);
        }
        ours
    }
}

/// Asks `__getattr__`, which is nearly always ours.
///
/// # Safety
/// * A live proxy and a live string.
unsafe fn missing(py: Python<'_>, object: Raw, name: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let family = Family::of(Proxy::of(object));
        let Some(hook) = lookup(class, names().getattr.as_ptr()) else {
            return look_further(object, name);
        };
        if hook.as_ptr() == family.getattr.as_ptr() {
            return look_further(object, name);
        }
        if hook.as_ptr() == family.bound_getattr.as_ptr() {
            return look_further_bound(object, name);
        }
        let hook = match (*ffi::Py_TYPE(hook.as_ptr())).tp_descr_get {
            Some(get) => descriptor_get(get, &hook, object, class.cast())?,
            None => hook,
        };
        crate::arguments::call(py, &hook, &[&borrowed(name)])
    }
}

/// The wrapped object's attribute.
///
/// # Safety
/// * A live proxy and a live string.
#[inline]
pub(super) unsafe fn look_further(object: Raw, name: Raw) -> Result<Owned, Raised> {
    let wrapped = wrapped(object)?;
    // SAFETY: both are alive.
    unsafe { result(PyObject_GetAttr(wrapped.as_ptr(), name)) }
}

/// The attribute of the function wrapper that was bound, or else the bound object's.
///
/// # Safety
/// * A live bound function wrapper and a live string.
pub(super) unsafe fn look_further_bound(object: Raw, name: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        super::api::check_room()?;
        if let Some(parent) = Function::of(object)
            .parent
            .get(object)
            .filter(|parent| !parent.is_none())
            && let Some(found) = optional_attribute(parent.as_ptr(), &borrowed(name))?
        {
            return Ok(found);
        }
        look_further(object, name)
    }
}

/// `__getattr__` of all proxies but the bound ones.
pub(super) unsafe extern "C" fn getattr(object: Raw, name: Raw) -> Raw {
    // SAFETY: a live proxy; the name is checked.
    entry(|_py| unsafe { check_name(name).and_then(|()| look_further(object, name)) })
}

/// `__getattr__` of bound function wrappers.
pub(super) unsafe extern "C" fn bound_getattr(object: Raw, name: Raw) -> Raw {
    // SAFETY: a live bound function wrapper; the name is checked.
    entry(|_py| unsafe { check_name(name).and_then(|()| look_further_bound(object, name)) })
}

unsafe fn check_name(name: Raw) -> Result<(), Raised> {
    // SAFETY: the name is alive.
    unsafe {
        if ffi::PyUnicode_Check(name) != 0 {
            return Ok(());
        }
        let kind = super::api::type_name(name);
        Err(raise(
            ffi::PyExc_TypeError,
            &format!("attribute name must be string, not '{kind}'"),
        ))
    }
}

/// A descriptor under `__doc__` in a class that derives from ours; the texts that every class has do not count.
///
/// # Safety
/// * The class is alive.
unsafe fn doc_descriptor(class: *mut ffi::PyTypeObject) -> Option<Owned> {
    // SAFETY: a ready type has a tuple of types, and a Python class a dictionary; the builtin base may show none.
    unsafe {
        let order = (*class).tp_mro;
        for index in 0..ffi::PyTuple_GET_SIZE(order) {
            let base = ffi::PyTuple_GET_ITEM(order, index).cast::<ffi::PyTypeObject>();
            let Some(dict) = ptr::NonNull::new((*base).tp_dict) else {
                continue;
            };
            let found = dict_get(&Owned::from_borrowed(dict), names().doc.as_ptr());
            let Ok(found) = found else {
                ffi::PyErr_Clear();
                continue;
            };
            let Some(found) = found.filter(|found| {
                !found.is_none() && ffi::PyUnicode_Check(found.as_ptr()) == 0 && !super::doc::is_ours(found)
            }) else {
                continue;
            };
            return (*ffi::Py_TYPE(found.as_ptr())).tp_descr_get.is_some().then_some(found);
        }
    }
    None
}

/// # Safety
/// * All are alive, and the descriptor has a getter.
unsafe fn through(descriptor: &Owned, object: Raw, class: *mut ffi::PyTypeObject) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        match (*ffi::Py_TYPE(descriptor.as_ptr())).tp_descr_get {
            Some(get) => descriptor_get(get, descriptor, object, class.cast()),
            None => Ok(descriptor.clone()),
        }
    }
}

pub(super) unsafe extern "C" fn setattro(object: Raw, name: Raw, value: Raw) -> c_int {
    // SAFETY: the interpreter passes a live proxy, a live string, and a live value or NULL for a deletion.
    entry_number(|_py| unsafe { set(object, name, value) })
}

/// # Safety
/// * A live proxy and a live string; the value is alive or NULL.
unsafe fn set(object: Raw, name: Raw, value: Raw) -> Result<c_int, Raised> {
    let known = names();
    // SAFETY: passed on from the caller.
    unsafe {
        let proxy = Proxy::of(object);
        let class = ffi::Py_TYPE(object);
        let whole = ffi::Py_ssize_t::MAX;
        if ffi::PyUnicode_Tailmatch(name, known.self_prefix.as_ptr(), 0, whole, -1) > 0 {
            if proxy.kind.get() == Kind::Bound
                && lookup(class, name).is_none()
                && let Some(parent) = Function::of(object)
                    .parent
                    .get(object)
                    .filter(|parent| !parent.is_none())
            {
                return status(PyObject_GenericSetAttr(parent.as_ptr(), name, value));
            }
            return status(PyObject_GenericSetAttr(object, name, value));
        }
        if is_name(name, &known.module) {
            return set_metadata(object, &known.module, value);
        }
        if is_name(name, &known.doc) {
            return match doc_descriptor(class) {
                None => set_metadata(object, &known.doc, value),
                Some(found) => match (*ffi::Py_TYPE(found.as_ptr())).tp_descr_set {
                    Some(set) => status(set(found.as_ptr(), object, value)),
                    None => status(PyObject_GenericSetAttr(object, name, value)),
                },
            };
        }
        if lookup(class, name).is_some() {
            return status(PyObject_GenericSetAttr(object, name, value));
        }
        if proxy.keeps_metadata() {
            let kept = [&known.annotate, &known.signature, &known.type_params];
            if let Some(name) = kept.into_iter().find(|kept| is_name(name, kept)) {
                return set_metadata(object, name, value);
            }
        }
        let wrapped = wrapped(object)?;
        status(PyObject_SetAttr(wrapped.as_ptr(), name, value))
    }
}
