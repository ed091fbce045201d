//! Exceptions in flight: taken from the interpreter, looked at, and given back.

use std::collections::HashSet;

use pyo3::exceptions::{PyBaseException, PyBaseExceptionGroup};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{PyTypeInfo, ffi};

use crate::{Owned, counted};

/// The sign that an exception is set in the interpreter, as NULL is in C. It must reach the caller.
#[must_use = "an exception is set and must reach the caller"]
#[derive(Debug)]
pub struct Raised(());

impl Raised {
    /// Says that an exception is set.
    #[inline]
    pub(crate) fn assume() -> Self {
        Self(())
    }

    /// Takes the exception away from the interpreter, as one normalised object that carries its traceback.
    #[inline]
    pub fn take(self, _py: Python<'_>) -> Owned {
        // SAFETY: the thread is attached, and `self` says that an exception is set.
        let exception = unsafe { Owned::from_new(raw_take()) };
        exception.expect("an exception is set")
    }
}

impl From<PyErr> for Raised {
    #[cold]
    fn from(error: PyErr) -> Self {
        // SAFETY: a `PyErr` is made and returned only on attached threads.
        let py = unsafe { Python::assume_attached() };
        counted(py, |py| error.restore(py));
        Self(())
    }
}

impl From<Raised> for PyErr {
    #[cold]
    fn from(raised: Raised) -> Self {
        // SAFETY: exceptions are raised only on attached threads.
        let py = unsafe { Python::assume_attached() };
        Self::from_value(raised.take(py).bound(py).clone())
    }
}

#[cfg(Py_3_12)]
unsafe fn raw_take() -> *mut ffi::PyObject {
    // SAFETY: passed on from the caller.
    unsafe { ffi::PyErr_GetRaisedException() }
}

#[cfg(not(Py_3_12))]
unsafe fn raw_take() -> *mut ffi::PyObject {
    let (mut kind, mut value, mut traceback) = (std::ptr::null_mut(), std::ptr::null_mut(), std::ptr::null_mut());
    // SAFETY: the three slots are valid for writing; after normalising, `value` is an exception object, and the
    // references to the type and the traceback are ours to give back.
    unsafe {
        ffi::PyErr_Fetch(&raw mut kind, &raw mut value, &raw mut traceback);
        ffi::PyErr_NormalizeException(&raw mut kind, &raw mut value, &raw mut traceback);
        if !traceback.is_null() {
            ffi::PyException_SetTraceback(value, traceback);
        }
        ffi::Py_XDECREF(traceback);
        ffi::Py_XDECREF(kind);
    }
    value
}

/// Gives an exception back to the interpreter, traceback and all.
#[inline]
pub fn raise(_py: Python<'_>, exception: Owned) -> Raised {
    #[cfg(Py_3_12)]
    // SAFETY: the exception is an exception instance (it was taken from the interpreter or made by PyO3) and the
    // reference is given away.
    unsafe {
        ffi::PyErr_SetRaisedException(exception.into_ptr());
    }
    #[cfg(not(Py_3_12))]
    // SAFETY: as above; the type is borrowed from the live instance and made our own.
    unsafe {
        let kind = ffi::Py_TYPE(exception.as_ptr()).cast::<ffi::PyObject>();
        ffi::Py_INCREF(kind);
        let traceback = ffi::PyException_GetTraceback(exception.as_ptr());
        ffi::PyErr_Restore(kind, exception.into_ptr(), traceback);
    }
    Raised(())
}

/// Whether an exception object is an instance of a class that derives from `BaseException`, asked without running code.
#[inline]
pub fn is_a<T: PyTypeInfo>(py: Python<'_>, exception: &Owned) -> bool {
    let class = T::type_object_raw(py);
    // SAFETY: both are live types.
    unsafe { ffi::PyType_IsSubtype(ffi::Py_TYPE(exception.as_ptr()), class) != 0 }
}

/// Whether an `except` clause with this class, or this tuple of classes, catches an exception. Runs no Python code.
#[inline]
pub fn matches(_py: Python<'_>, exception: &Owned, classes: &Owned) -> bool {
    // SAFETY: both are live objects, and the thread is attached.
    unsafe { ffi::PyErr_GivenExceptionMatches(exception.as_ptr(), classes.as_ptr()) != 0 }
}

/// Forgets an exception's traceback, and with it the frames that it keeps alive.
pub fn forget_traceback(_py: Python<'_>, exception: &Owned) {
    // SAFETY: the object is an exception instance, and `None` stands for no traceback.
    unsafe { ffi::PyException_SetTraceback(exception.as_ptr(), ffi::Py_None()) };
}

/// Whether an exception is of a type that the interpreter itself, or a module written in C, has made.
pub fn is_of_static_type(_py: Python<'_>, exception: &Owned) -> bool {
    // SAFETY: the object is alive, and so is its type.
    unsafe { ffi::PyType_GetFlags(ffi::Py_TYPE(exception.as_ptr())) & ffi::Py_TPFLAGS_HEAPTYPE == 0 }
}

/// How many of the exceptions behind one are looked at.
const MOST_BEHIND: usize = 1000;

/// Forgets the tracebacks of an exception, of those that it came from, and of the members of groups among them.
///
/// An exception that is being handled where this is called belongs to the caller and stays as it is, with all behind it.
pub fn forget_tracebacks(py: Python<'_>, exception: &Owned) {
    forget_traceback(py, exception);
    let mut found = origins(py, exception);
    if found.is_empty() {
        return;
    }
    // SAFETY: the thread is attached; the answer is a new reference or NULL.
    let handled = unsafe { Owned::from_new(ffi::PyErr_GetHandledException()) };
    // Those that were seen are kept, so that no other comes to be at the address of one of them.
    let (mut seen, mut addresses) = (vec![exception.clone()], HashSet::from([exception.as_ptr()]));
    addresses.extend(handled.as_ref().map(Owned::as_ptr));
    while let Some(next) = found.pop() {
        if addresses.insert(next.as_ptr()) && seen.len() <= MOST_BEHIND {
            forget_traceback(py, &next);
            found.extend(origins(py, &next));
            seen.push(next);
        }
    }
}

/// The exceptions that one came from: its cause, its context, and the members if it is a group.
fn origins(py: Python<'_>, exception: &Owned) -> Vec<Owned> {
    // SAFETY: the object is an exception; the answers are new references or NULL.
    let linked = unsafe {
        [
            Owned::from_new(ffi::PyException_GetContext(exception.as_ptr())),
            Owned::from_new(ffi::PyException_GetCause(exception.as_ptr())),
        ]
    };
    let mut all: Vec<Owned> = linked.into_iter().flatten().collect();
    if is_a::<PyBaseExceptionGroup>(py, exception)
        && let Ok(members) = exception.bound(py).getattr(pyo3::intern!(py, "exceptions"))
        && let Ok(members) = members.cast::<PyTuple>()
    {
        all.extend(members.iter().map(Owned::from));
        all.retain(|each| is_a::<PyBaseException>(py, each));
    }
    all
}

/// An exception's traceback, to be put back with [`set_traceback`].
pub fn traceback(exception: &Owned) -> Option<Owned> {
    // SAFETY: the object is an exception; the answer is a new reference to a traceback, or NULL.
    unsafe { Owned::from_new(ffi::PyException_GetTraceback(exception.as_ptr())) }
}

/// Puts a traceback back, so that raising one exception in several places does not make it longer and longer.
pub fn set_traceback(_py: Python<'_>, exception: &Owned, traceback: Option<&Owned>) {
    // SAFETY: the object is an exception, and what was its traceback once (or `None`) is accepted without an error.
    unsafe {
        let traceback = traceback.map_or_else(|| ffi::Py_None(), Owned::as_ptr);
        ffi::PyException_SetTraceback(exception.as_ptr(), traceback);
    }
}

/// Drops the outermost entry of the traceback of the exception that is being handled now, and gives the exception.
///
/// A trampoline calls this in its handler, where the outermost entry is its own frame's, so that a traceback shows the
/// caller and the function with nothing between.
pub fn strip_handled(py: Python<'_>) -> Option<Owned> {
    // SAFETY: the thread is attached; the answer is a new reference or NULL.
    let exception = unsafe { Owned::from_new(ffi::PyErr_GetHandledException()) }?;
    strip(py, &exception);
    Some(exception)
}

/// Drops the outermost entry of an exception's traceback.
pub fn strip(_py: Python<'_>, exception: &Owned) {
    // SAFETY: the answer is a new reference to a traceback, or NULL.
    let Some(traceback) = (unsafe { Owned::from_new(ffi::PyException_GetTraceback(exception.as_ptr())) }) else {
        return;
    };
    // SAFETY: the object is a traceback, whose `tb_next` is a borrowed traceback or NULL.
    unsafe {
        let next = (*traceback.as_ptr().cast::<ffi::PyTracebackObject>()).tb_next;
        let next = if next.is_null() { ffi::Py_None() } else { next.cast() };
        ffi::PyException_SetTraceback(exception.as_ptr(), next);
    }
}

/// Forgets a raised `StopIteration` and hands out its value; any other exception stays raised.
pub(crate) fn stop_iteration_value(py: Python<'_>) -> Result<Owned, Raised> {
    // SAFETY: the thread is attached.
    if unsafe { ffi::PyErr_Occurred() }.is_null() {
        return Ok(Owned::none());
    }
    // SAFETY: an exception is set, and the class is a live type.
    if unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_StopIteration) } == 0 {
        return Err(Raised::assume());
    }
    let exception = Raised::assume().take(py);
    Ok(exception.bound(py).getattr("value")?.into())
}
