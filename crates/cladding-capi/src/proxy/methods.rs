//! The special methods that have no slot of their own.

use std::ffi::{CStr, c_int};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    PyObject_Dir, PyObject_Format, PyObject_GenericSetAttr, PyObject_GetAttr, PyObject_IsInstance, PyObject_IsSubclass,
    Raw, borrowed, entry, names, optional_attribute, raise, result, status,
};
use super::layout::{COMPATIBLE, Proxy};
use super::{attributes, wrapped};
use crate::arguments::{Arguments, call};
use crate::{Owned, Raised, counted};

/// A method's arguments as C passes them, seen from within.
///
/// # Safety
/// * They are as the vectorcall protocol says.
unsafe fn view<'a>(array: *const Raw, count: ffi::Py_ssize_t, keywords: Raw) -> Arguments<'a> {
    // SAFETY: passed on from the caller.
    unsafe { Arguments::new(array, count as usize, keywords) }
}

macro_rules! passed_on {
    ($($method:ident: $name:ident),* $(,)?) => {$(
        /// Calls the wrapped object's method with the same arguments.
        unsafe extern "C" fn $method(object: Raw, array: *const Raw, count: ffi::Py_ssize_t, keywords: Raw) -> Raw {
            // SAFETY: the interpreter passes a live proxy, and arguments as the protocol says.
            entry(|py| unsafe {
                let method = result(PyObject_GetAttr(wrapped(object)?.as_ptr(), names().$name.as_ptr()))?;
                view(array, count, keywords).call(py, &method)
            })
        }
    )*};
}

passed_on! { enter: enter, exit: exit, async_enter: aenter, async_exit: aexit }

/// Calls something of a standard module with the wrapped object in front.
fn standard(py: Python<'_>, object: Raw, place: (&str, &str), more: &[&Owned]) -> Result<Owned, Raised> {
    let wrapped = wrapped(object)?;
    let found: PyResult<Owned> = counted(py, |py| Ok(py.import(place.0)?.getattr(place.1)?.into()));
    let mut arguments = vec![&wrapped];
    arguments.extend(more);
    call(py, &found?, &arguments)
}

macro_rules! standard {
    ($($method:ident: $module:literal, $function:literal);* $(;)?) => {$(
        unsafe extern "C" fn $method(object: Raw, _nothing: Raw) -> Raw {
            entry(|py| standard(py, object, ($module, $function), &[]))
        }
    )*};
}

standard! {
    bytes: "builtins", "bytes";
    complex: "builtins", "complex";
    reversed: "builtins", "reversed";
    truncate: "math", "trunc";
    floor: "math", "floor";
    ceiling: "math", "ceil";
}

unsafe extern "C" fn round(object: Raw, array: *const Raw, count: ffi::Py_ssize_t, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy, and arguments as the protocol says.
    entry(|py| unsafe {
        let view = view(array, count, keywords);
        let known: Owned = pyo3::intern!(py, "ndigits").as_any().into();
        let digits: Vec<&Owned> = view.positional().iter().chain(view.keyword(py, &known)).collect();
        if digits.len() > 1 || view.keyword_count() > usize::from(view.keyword(py, &known).is_some()) {
            return Err(raise(
                ffi::PyExc_TypeError,
                "__round__() takes at most one argument: ndigits",
            ));
        }
        standard(py, object, ("builtins", "round"), &digits)
    })
}

unsafe extern "C" fn dir(object: Raw, _nothing: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy.
    entry(|_py| unsafe { result(PyObject_Dir(wrapped(object)?.as_ptr())) })
}

unsafe extern "C" fn format(object: Raw, specification: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|_py| unsafe { result(PyObject_Format(wrapped(object)?.as_ptr(), specification)) })
}

unsafe extern "C" fn mro_entries(object: Raw, bases: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|py| unsafe {
        let wrapped = wrapped(object)?;
        if ffi::PyType_Check(wrapped.as_ptr()) == 0
            && let Some(method) = optional_attribute(wrapped.as_ptr(), &names().mro_entries)?
        {
            return call(py, &method, &[&borrowed(bases)]);
        }
        Ok(pyo3::types::PyTuple::new(py, [wrapped.bound(py)])?.into_any().into())
    })
}

fn truth(outcome: c_int) -> Result<Owned, Raised> {
    let yes = status(outcome)? != 0;
    // SAFETY: the two live as long as the interpreter.
    unsafe { Ok(borrowed(if yes { ffi::Py_True() } else { ffi::Py_False() })) }
}

unsafe extern "C" fn instance_check(object: Raw, instance: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|_py| unsafe { truth(PyObject_IsInstance(instance, wrapped(object)?.as_ptr())) })
}

unsafe extern "C" fn subclass_check(object: Raw, class: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and a live object.
    entry(|_py| unsafe {
        let base = wrapped(object)?;
        let inner = optional_attribute(class, &names().wrapped)?;
        truth(PyObject_IsSubclass(
            inner.as_ref().map_or(class, Owned::as_ptr),
            base.as_ptr(),
        ))
    })
}

unsafe extern "C" fn self_setattr(object: Raw, array: *mut Raw, count: ffi::Py_ssize_t) -> Raw {
    // SAFETY: the interpreter passes a live proxy, and as many live objects as it says.
    entry(|_py| unsafe {
        if count != 2 || ffi::PyUnicode_Check(*array) == 0 {
            let text = "__self_setattr__() takes an attribute's name and its value";
            return Err(raise(ffi::PyExc_TypeError, text));
        }
        status(PyObject_GenericSetAttr(object, *array, *array.add(1)))?;
        Ok(Owned::none())
    })
}

/// Calls the function of the Python side that copies or takes apart; the family that behaves as wrapt's refuses.
unsafe fn in_python(object: Raw, method: &str, function: &str, more: &[&Owned]) -> Raw {
    // SAFETY: the interpreter passes a live proxy.
    entry(|py| unsafe {
        if Proxy::of(object).has(COMPATIBLE) {
            let text = format!("object proxy must define {method}()");
            return Err(raise(ffi::PyExc_NotImplementedError, &text));
        }
        let found: PyResult<Owned> = counted(py, |py| {
            Ok(py.import("cladding._proxy_state")?.getattr(function)?.into())
        });
        let this = borrowed(object);
        let mut arguments = vec![&this];
        arguments.extend(more);
        call(py, &found?, &arguments)
    })
}

unsafe extern "C" fn copy(object: Raw, _nothing: Raw) -> Raw {
    // SAFETY: a live proxy.
    unsafe { in_python(object, "__copy__", "copy_proxy", &[]) }
}

unsafe extern "C" fn deepcopy(object: Raw, array: *const Raw, count: ffi::Py_ssize_t, keywords: Raw) -> Raw {
    // SAFETY: a live proxy, and arguments as the protocol says.
    unsafe {
        let view = view(array, count, keywords);
        let memo: Vec<&Owned> = view
            .positional()
            .iter()
            .chain(view.keywords().map(|(_, value)| value))
            .collect();
        in_python(object, "__deepcopy__", "deepcopy_proxy", &memo)
    }
}

unsafe extern "C" fn reduce(object: Raw, _nothing: Raw) -> Raw {
    // SAFETY: a live proxy.
    unsafe { in_python(object, "__reduce__", "reduce_proxy", &[]) }
}

/// `__set_name__` of function wrappers: the wrapped object's, if it has one.
unsafe extern "C" fn set_name(object: Raw, array: *const Raw, count: ffi::Py_ssize_t, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy, and arguments as the protocol says.
    entry(|py| unsafe {
        match optional_attribute(wrapped(object)?.as_ptr(), &names().set_name)? {
            Some(method) => view(array, count, keywords).call(py, &method),
            None => Ok(Owned::none()),
        }
    })
}

unsafe extern "C" fn class_getitem(class: Raw, item: Raw) -> Raw {
    unsafe extern "C" {
        fn Py_GenericAlias(origin: Raw, arguments: Raw) -> Raw;
    }
    // SAFETY: the interpreter passes a live class and a live object.
    unsafe { Py_GenericAlias(class, item) }
}

fn no_arguments(name: &'static CStr, function: ffi::PyCFunction) -> ffi::PyMethodDef {
    definition(
        name,
        ffi::PyMethodDefPointer { PyCFunction: function },
        ffi::METH_NOARGS,
    )
}

fn one_argument(name: &'static CStr, function: ffi::PyCFunction) -> ffi::PyMethodDef {
    definition(name, ffi::PyMethodDefPointer { PyCFunction: function }, ffi::METH_O)
}

fn any_arguments(name: &'static CStr, function: ffi::PyCFunctionFastWithKeywords) -> ffi::PyMethodDef {
    let function = ffi::PyMethodDefPointer {
        PyCFunctionFastWithKeywords: function,
    };
    definition(name, function, ffi::METH_FASTCALL | ffi::METH_KEYWORDS)
}

fn definition(name: &'static CStr, function: ffi::PyMethodDefPointer, flags: c_int) -> ffi::PyMethodDef {
    ffi::PyMethodDef {
        ml_name: name.as_ptr(),
        ml_meth: function,
        ml_flags: flags,
        ml_doc: ptr::null(),
    }
}

/// The methods of every proxy.
pub(super) fn of_proxies() -> Vec<ffi::PyMethodDef> {
    vec![
        any_arguments(c"__enter__", enter),
        any_arguments(c"__exit__", exit),
        any_arguments(c"__aenter__", async_enter),
        any_arguments(c"__aexit__", async_exit),
        no_arguments(c"__bytes__", bytes),
        no_arguments(c"__complex__", complex),
        no_arguments(c"__reversed__", reversed),
        no_arguments(c"__trunc__", truncate),
        no_arguments(c"__floor__", floor),
        no_arguments(c"__ceil__", ceiling),
        any_arguments(c"__round__", round),
        no_arguments(c"__dir__", dir),
        one_argument(c"__format__", format),
        one_argument(c"__mro_entries__", mro_entries),
        one_argument(c"__instancecheck__", instance_check),
        one_argument(c"__subclasscheck__", subclass_check),
        one_argument(c"__getattr__", attributes::getattr),
        definition(
            c"__self_setattr__",
            ffi::PyMethodDefPointer {
                PyCFunctionFast: self_setattr,
            },
            ffi::METH_FASTCALL,
        ),
        no_arguments(c"__copy__", copy),
        any_arguments(c"__deepcopy__", deepcopy),
        no_arguments(c"__reduce__", reduce),
        definition(
            c"__class_getitem__",
            ffi::PyMethodDefPointer {
                PyCFunction: class_getitem,
            },
            ffi::METH_O | ffi::METH_CLASS,
        ),
    ]
}

/// The further methods of function wrappers.
pub(super) fn of_functions() -> Vec<ffi::PyMethodDef> {
    vec![any_arguments(c"__set_name__", set_name)]
}

/// The further methods of bound function wrappers.
pub(super) fn of_bound() -> Vec<ffi::PyMethodDef> {
    vec![one_argument(c"__getattr__", attributes::bound_getattr)]
}
