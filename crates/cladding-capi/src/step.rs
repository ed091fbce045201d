//! Iteration in steps: advancing generators and coroutines, and being one.

use std::ffi::c_void;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::entry::into_python;
use crate::exception::{self, stop_iteration_value};
use crate::object::to_c;
use crate::{Arguments, Class, Method, Owned, Raised, This, TypeBuilder, guard};

/// What one step of a generator or coroutine came to.
pub enum Step {
    /// It yielded a value and can go on.
    Yield(Owned),
    /// It ended with a value.
    Return(Owned),
    /// It ended with an exception, which is set.
    Raise(Raised),
}

impl Step {
    /// Reads the result of calling a method such as `throw`, where an end shows as `StopIteration`.
    pub fn from_call(py: Python<'_>, result: Result<Owned, Raised>) -> Self {
        match result {
            Ok(value) => Self::Yield(value),
            Err(_raised) => match stop_iteration_value(py) {
                Ok(value) => Self::Return(value),
                Err(raised) => Self::Raise(raised),
            },
        }
    }

    /// The result as a method such as `send` or `throw` gives it.
    fn into_call(self, py: Python<'_>) -> Result<Owned, Raised> {
        match self {
            Self::Yield(value) => Ok(value),
            Self::Return(value) => Err(stop_iteration(py, &value)),
            Self::Raise(raised) => Err(raised),
        }
    }
}

#[cold]
fn stop_iteration(py: Python<'_>, value: &Owned) -> Raised {
    // An instance is made here because setting class and value apart would unpack a tuple.
    match py
        .get_type::<pyo3::exceptions::PyStopIteration>()
        .call1((value.bound(py),))
    {
        Ok(instance) => exception::raise(py, instance.into()),
        Err(error) => error.into(),
    }
}

unsafe extern "C-unwind" {
    fn PyIter_Send(
        iterator: *mut ffi::PyObject,
        value: *mut ffi::PyObject,
        result: *mut *mut ffi::PyObject,
    ) -> ffi::PySendResult;
}

/// Advances any iterator by one step, sending it a value.
#[inline]
pub fn resume(_py: Python<'_>, iterator: &Owned, value: &Owned) -> Step {
    let mut result = ptr::null_mut();
    // SAFETY: both are live objects, and the slot takes a new reference.
    let status = into_python(|| unsafe { PyIter_Send(iterator.as_ptr(), value.as_ptr(), &raw mut result) });
    // SAFETY: the result is a new reference unless the status is an error.
    match (status, unsafe { Owned::from_new(result) }) {
        (ffi::PySendResult::PYGEN_NEXT, Some(value)) => Step::Yield(value),
        (ffi::PySendResult::PYGEN_RETURN, Some(value)) => Step::Return(value),
        _ => Step::Raise(Raised::assume()),
    }
}

/// Whether the object's type is exactly one of the interpreter's coroutine, generator and async generator types.
#[inline]
pub fn type_is(object: &Owned) -> Option<Suspended> {
    // SAFETY: the object is alive, and only addresses of static types are compared.
    unsafe {
        let class = ffi::Py_TYPE(object.as_ptr());
        if class == &raw mut ffi::PyCoro_Type {
            Some(Suspended::Coroutine)
        } else if class == &raw mut ffi::PyGen_Type {
            Some(Suspended::Generator)
        } else if class == &raw mut ffi::PyAsyncGen_Type {
            Some(Suspended::AsyncGenerator)
        } else {
            None
        }
    }
}

/// The interpreter's own types of calls that are not over when the function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suspended {
    /// `types.CoroutineType`
    Coroutine,
    /// `types.GeneratorType`
    Generator,
    /// `types.AsyncGeneratorType`
    AsyncGenerator,
}

/// A heap type that a trampoline awaits or yields from.
pub trait Steps: Class {
    /// Goes on with a value (`None` at first).
    fn send(this: &This<'_, Self>, py: Python<'_>, value: &Owned) -> Step;
    /// Goes on with an exception, given as to a generator's `throw`.
    fn throw(this: &This<'_, Self>, py: Python<'_>, arguments: Arguments<'_>) -> Step;
    /// Ends it early.
    fn close(this: &This<'_, Self>, py: Python<'_>) -> Result<Owned, Raised>;
}

impl<T: Steps> TypeBuilder<T> {
    /// Adds the iterator and awaitable protocols, `send`, `throw` and `close`.
    pub fn steps(self) -> Self {
        self.slot(ffi::Py_tp_iter, itself as *mut c_void)
            .slot(ffi::Py_am_await, itself as *mut c_void)
            .slot(ffi::Py_tp_iternext, iternext::<T> as *mut c_void)
            .slot(ffi::Py_am_send, am_send::<T> as *mut c_void)
            .method::<Send>()
            .method::<Throw>()
            .method::<Close>()
    }
}

struct Send;
struct Throw;
struct Close;

impl<T: Steps> Method<T> for Send {
    const NAME: &'static std::ffi::CStr = c"send";
    const DOC: &'static std::ffi::CStr = c"Resume with a value.";

    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let none = Owned::none();
        T::send(this, py, arguments.positional().first().unwrap_or(&none)).into_call(py)
    }
}

impl<T: Steps> Method<T> for Throw {
    const NAME: &'static std::ffi::CStr = c"throw";
    const DOC: &'static std::ffi::CStr = c"Resume with an exception.";

    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        T::throw(this, py, arguments).into_call(py)
    }
}

impl<T: Steps> Method<T> for Close {
    const NAME: &'static std::ffi::CStr = c"close";
    const DOC: &'static std::ffi::CStr = c"End it early.";

    fn call(this: &This<'_, T>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        T::close(this, py)
    }
}

unsafe extern "C" fn itself(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: the object is alive.
    unsafe { ffi::Py_NewRef(object) }
}

unsafe extern "C" fn iternext<T: Steps>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: the object is alive.
        match T::send(&unsafe { This::from_raw(object) }, py, &Owned::none()) {
            // NULL without an exception is the protocol's cheap way to say `StopIteration(None)`.
            Step::Return(value) if value.is_none() => ptr::null_mut(),
            step => to_c(step.into_call(py)),
        }
    })
}

unsafe extern "C" fn am_send<T: Steps>(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    result: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    guard(ffi::PySendResult::PYGEN_ERROR, |py| {
        // SAFETY: both objects are alive, and a value is never NULL here.
        let (this, value) = unsafe {
            (
                This::from_raw(object),
                Owned::from_borrowed(ptr::NonNull::new_unchecked(value)),
            )
        };
        let (status, value) = match T::send(&this, py, &value) {
            Step::Yield(value) => (ffi::PySendResult::PYGEN_NEXT, value.into_ptr()),
            Step::Return(value) => (ffi::PySendResult::PYGEN_RETURN, value.into_ptr()),
            Step::Raise(_raised) => (ffi::PySendResult::PYGEN_ERROR, ptr::null_mut()),
        };
        // SAFETY: the caller passes a slot for the result.
        unsafe { *result = value };
        status
    })
}
