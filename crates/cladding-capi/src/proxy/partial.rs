//! `PartialCallableObjectProxy`: a callable with its first arguments, and some by keyword, already given.

use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use smallvec::SmallVec;

use super::api::{PyObject_Call, Raw, borrowed, entry, entry_number, raise, raise_missing, result, status};
use super::calls::tuple_of;
use super::layout::{Family, INITIALIZED, Kind, Partial, required};
use super::{life, wrapped};
use crate::arguments::{Arguments, call};
use crate::{Owned, Raised, counted};

/// A partial of one argument.
pub(super) fn make(family: &Family, compatible: bool, target: &Owned, first: &Owned) -> Result<Owned, Raised> {
    // SAFETY: the class is the native one; its object has just been made, and nobody else has it.
    unsafe {
        let object = life::allocate(family.class(Kind::Partial), Kind::Partial, compatible)?;
        let this = Partial::of(object.as_ptr());
        this.proxy.wrapped.set(object.as_ptr(), Some(target.clone()));
        this.proxy.put(INITIALIZED, true);
        this.args
            .set(object.as_ptr(), Some(tuple_of(std::slice::from_ref(first))?));
        Ok(object)
    }
}

pub(super) unsafe extern "C" fn init(object: Raw, arguments: Raw, keywords: Raw) -> c_int {
    // SAFETY: the interpreter passes a live partial, a tuple, and a dictionary or NULL.
    entry_number(|_py| unsafe {
        let count = ffi::PyTuple_GET_SIZE(arguments);
        if count < 1 {
            return Err(raise(ffi::PyExc_TypeError, "__init__ of partial needs an argument"));
        }
        let target = borrowed(ffi::PyTuple_GET_ITEM(arguments, 0));
        if ffi::PyCallable_Check(target.as_ptr()) == 0 {
            return Err(raise(ffi::PyExc_TypeError, "the first argument must be callable"));
        }
        let rest = result(ffi::PyTuple_GetSlice(arguments, 1, count))?;
        let keywords = if keywords.is_null() {
            None
        } else {
            Some(result(ffi::PyDict_Copy(keywords))?)
        };
        super::init_wrapped(object, &target)?;
        let this = Partial::of(object);
        this.args.set(object, Some(rest));
        this.kwargs.set(object, keywords);
        Ok(0)
    })
}

pub(super) unsafe extern "C" fn call_partial(object: Raw, array: *const Raw, nargsf: usize, keywords: Raw) -> Raw {
    // SAFETY: the interpreter passes a live partial, and arguments as the protocol says.
    entry(|py| unsafe {
        let target = wrapped(object)?;
        let this = Partial::of(object);
        let given = required(object, &this.args, "_self_args")?;
        let arguments = Arguments::new(array, nargsf, keywords);
        let positional: SmallVec<[Raw; 8]> = (0..ffi::PyTuple_GET_SIZE(given.as_ptr()))
            .map(|index| ffi::PyTuple_GET_ITEM(given.as_ptr(), index))
            .chain(arguments.positional().iter().map(Owned::as_ptr))
            .collect();
        let Some(given_keywords) = this.kwargs.get(object) else {
            let mut all = positional;
            let count = all.len();
            all.extend(arguments.keywords().map(|(_, value)| value.as_ptr()));
            return Arguments::new(all.as_ptr(), count, keywords).call(py, &target);
        };
        let tuple = result(ffi::PyTuple_New(positional.len() as ffi::Py_ssize_t))?;
        for (index, argument) in positional.iter().enumerate() {
            ffi::PyTuple_SET_ITEM(tuple.as_ptr(), index as ffi::Py_ssize_t, borrowed(*argument).into_ptr());
        }
        let dict = result(ffi::PyDict_Copy(given_keywords.as_ptr()))?;
        for (name, value) in arguments.keywords() {
            status(ffi::PyDict_SetItem(dict.as_ptr(), name.as_ptr(), value.as_ptr()))?;
        }
        result(PyObject_Call(target.as_ptr(), tuple.as_ptr(), dict.as_ptr()))
    })
}

pub(super) unsafe extern "C" fn get_args(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live partial.
    entry(|_py| unsafe { required(object, &Partial::of(object).args, "_self_args") })
}

pub(super) unsafe extern "C" fn get_kwargs(object: Raw, _closure: *mut c_void) -> Raw {
    // SAFETY: a live partial.
    entry(|_py| unsafe {
        let this = Partial::of(object);
        if let Some(keywords) = this.kwargs.get(object) {
            return Ok(keywords);
        }
        if this.args.peek().is_null() {
            return Err(raise_missing(object, "_self_kwargs"));
        }
        result(ffi::PyDict_New())
    })
}

/// The signature of what is left to give, as `inspect` sees it for `functools.partial`.
///
/// # Safety
/// * A live partial.
pub(super) unsafe fn signature(py: Python<'_>, object: Raw) -> Result<Owned, Raised> {
    let target = wrapped(object)?;
    // SAFETY: passed on from the caller.
    unsafe {
        let this = Partial::of(object);
        let given = this.args.get(object);
        let mut arguments = vec![target];
        if let Some(given) = &given {
            for index in 0..ffi::PyTuple_GET_SIZE(given.as_ptr()) {
                arguments.push(borrowed(ffi::PyTuple_GET_ITEM(given.as_ptr(), index)));
            }
        }
        let keywords = this.kwargs.get(object);
        let found: PyResult<[Owned; 2]> = counted(py, |py| {
            let partial = py.import("functools")?.getattr("partial")?;
            Ok([partial.into(), py.import("inspect")?.getattr("signature")?.into()])
        });
        let [partial, signature] = found?;
        let arguments = tuple_of(&arguments)?;
        let keywords = keywords.as_ref().map_or(ptr::null_mut(), Owned::as_ptr);
        let made = result(PyObject_Call(partial.as_ptr(), arguments.as_ptr(), keywords))?;
        call(py, &signature, &[&made])
    }
}
