//! Calls of proxies, as vectorcalls from end to end.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    PyMethod_Self, PyMethod_Type, PyObject_IsInstance, PyObject_IsTrue, Raw, borrowed, entry, names,
    optional_attribute, result, status,
};
use super::layout::{Binding, COMPATIBLE, FIND_INSTANCE, Function, Kind, required};
use super::{binding, face, partial, wrapped};
use crate::arguments::{Arguments, call};
use crate::{Owned, Raised};

/// The call of a kind.
pub(super) fn vectorcall(kind: Kind) -> Option<ffi::vectorcallfunc> {
    match kind {
        Kind::Base => None,
        Kind::Callable => Some(call_wrapped),
        Kind::Partial => Some(partial::call_partial),
        Kind::FunctionBase | Kind::Function => Some(call_function),
        Kind::Bound => Some(call_bound),
    }
}

unsafe extern "C" fn call_wrapped(object: Raw, array: *const Raw, nargsf: usize, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy, and arguments as the protocol says.
    entry(|py| unsafe { Arguments::new(array, nargsf, keywords).call(py, &wrapped(object)?) })
}

unsafe extern "C" fn call_function(object: Raw, array: *const Raw, nargsf: usize, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live function wrapper, and arguments as the protocol says.
    entry(|py| unsafe {
        let target = wrapped(object)?;
        let this = Function::of(object);
        let arguments = Arguments::new(array, nargsf, keywords);
        let instance = required(object, &this.instance, "_self_instance")?;
        let wrapper = required(object, &this.wrapper, "_self_wrapper")?;
        if !is_enabled(py, object, this)? {
            return arguments.call(py, &target);
        }
        let bound = this.proxy.binding.get();
        if instance.is_none() {
            if this.proxy.has(FIND_INSTANCE)
                && (bound == Binding::Function || (bound == Binding::Callable && binding::binds(&target)))
                && let Some(first) = arguments.positional().first()
                && face::leads_to(py, object, first)?
            {
                let target = binding::bind(&target, first)?;
                return call_wrapper(py, &wrapper, &target, first, arguments, 1);
            }
            if matches!(
                bound,
                Binding::Function | Binding::InstanceMethod | Binding::Callable | Binding::ClassMethod
            ) && let Some(instance) = instance_of(&target)?
            {
                return call_wrapper(py, &wrapper, &target, &instance, arguments, 0);
            }
            // A method of C code is bound too; a function of C code has its module there.
            if bound == Binding::Builtin
                && !this.proxy.has(COMPATIBLE)
                && let Some(instance) = instance_of(&target)?
                && ffi::PyModule_Check(instance.as_ptr()) == 0
            {
                return call_wrapper(py, &wrapper, &target, &instance, arguments, 0);
            }
        }
        call_wrapper(py, &wrapper, &target, &instance, arguments, 0)
    })
}

unsafe extern "C" fn call_bound(object: Raw, array: *const Raw, nargsf: usize, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live bound function wrapper, and arguments as the protocol says.
    entry(|py| unsafe {
        let target = wrapped(object)?;
        let this = Function::of(object);
        let arguments = Arguments::new(array, nargsf, keywords);
        let instance = required(object, &this.instance, "_self_instance")?;
        let wrapper = required(object, &this.wrapper, "_self_wrapper")?;
        if !is_enabled(py, object, this)? {
            return arguments.call(py, &target);
        }
        if !matches!(this.proxy.binding.get(), Binding::Function | Binding::Callable) {
            // A class method's or a static method's: the method itself knows the class, or that there is none.
            let instance = instance_of(&target)?.unwrap_or_else(Owned::none);
            return call_wrapper(py, &wrapper, &target, &instance, arguments, 0);
        }
        // Called by way of the class, with the instance in front.
        if instance.is_none()
            && let Some(first) = arguments.positional().first()
        {
            let owner = required(object, &this.owner, "_self_owner")?;
            if is_instance(first, &owner)? {
                let family = super::layout::Family::of(&this.proxy);
                let target = if !this.proxy.has(COMPATIBLE) && is_function(&target) {
                    binding::bind(&target, first)?
                } else {
                    partial::make(family, this.proxy.has(COMPATIBLE), &target, first)?
                };
                return call_wrapper(py, &wrapper, &target, first, arguments, 1);
            }
        }
        call_wrapper(py, &wrapper, &target, &instance, arguments, 0)
    })
}

/// Whether the wrapper is to be asked: `enabled` is `None`, true, or a callable that says so now.
unsafe fn is_enabled(py: Python<'_>, object: Raw, this: &Function) -> Result<bool, Raised> {
    // SAFETY: the objects are alive.
    unsafe {
        if this.enabled.peek() == ffi::Py_None() {
            return Ok(true);
        }
        let enabled = required(object, &this.enabled, "_self_enabled")?;
        if ffi::PyCallable_Check(enabled.as_ptr()) == 0 {
            return Ok(status(PyObject_IsTrue(enabled.as_ptr()))? != 0);
        }
        let answer = call(py, &enabled, &[])?;
        Ok(status(PyObject_IsTrue(answer.as_ptr()))? != 0)
    }
}

/// Whether it is exactly a function as `def` makes it.
#[inline]
pub(super) fn is_function(object: &Owned) -> bool {
    // SAFETY: the object is alive.
    unsafe { ffi::Py_TYPE(object.as_ptr()) == &raw mut ffi::PyFunction_Type }
}

/// What a callable is bound to already. No exception is made on the way for functions and methods.
unsafe fn instance_of(target: &Owned) -> Result<Option<Owned>, Raised> {
    // SAFETY: the object is alive; a function's dictionary is a dictionary or NULL, and a method has an instance.
    unsafe {
        let pointer = target.as_ptr();
        let class = ffi::Py_TYPE(pointer);
        if class == &raw mut ffi::PyFunction_Type {
            let dict = (*pointer.cast::<ffi::PyFunctionObject>()).func_dict;
            if dict.is_null() || ffi::PyDict_Size(dict) == 0 {
                return Ok(None);
            }
        } else if class == &raw mut PyMethod_Type {
            return Ok(Some(borrowed(PyMethod_Self(pointer))));
        }
        optional_attribute(pointer, &names().self_)
    }
}

unsafe fn is_instance(object: &Owned, owner: &Owned) -> Result<bool, Raised> {
    // SAFETY: both are alive.
    unsafe {
        Ok(ffi::Py_TYPE(object.as_ptr()).cast() == owner.as_ptr()
            || (!owner.is_none() && status(PyObject_IsInstance(object.as_ptr(), owner.as_ptr()))? != 0))
    }
}

/// Calls `wrapper(wrapped, instance, args, kwargs)` with the caller's arguments, less the first few by position.
#[inline]
fn call_wrapper(
    py: Python<'_>,
    wrapper: &Owned,
    target: &Owned,
    instance: &Owned,
    arguments: Arguments<'_>,
    skipped: usize,
) -> Result<Owned, Raised> {
    let tuple = tuple_of(&arguments.positional()[skipped..])?;
    let dict = dict_of(&arguments)?;
    let array = [
        ptr::null_mut(),
        target.as_ptr(),
        instance.as_ptr(),
        tuple.as_ptr(),
        dict.as_ptr(),
    ];
    // SAFETY: four live objects by position, with a place in front of them that the callee may use.
    unsafe {
        let nargsf = 4 | ffi::PY_VECTORCALL_ARGUMENTS_OFFSET;
        Arguments::new(array.as_ptr().add(1), nargsf, ptr::null_mut()).call(py, wrapper)
    }
}

/// A tuple of these objects.
#[inline]
pub(super) fn tuple_of(objects: &[Owned]) -> Result<Owned, Raised> {
    // SAFETY: a new tuple has room for as many as it was made for, and takes over a reference to each.
    unsafe {
        let tuple = result(ffi::PyTuple_New(objects.len() as ffi::Py_ssize_t))?;
        for (index, object) in objects.iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, object.clone().into_ptr());
        }
        Ok(tuple)
    }
}

/// A dictionary of the arguments that came by keyword.
#[inline]
fn dict_of(arguments: &Arguments<'_>) -> Result<Owned, Raised> {
    // SAFETY: a new dictionary, and live objects.
    unsafe {
        let dict = result(ffi::PyDict_New())?;
        for (name, value) in arguments.keywords() {
            status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()))?;
        }
        Ok(dict)
    }
}
