//! Owned references whose drop is one decrement, with no look at thread-local state.

use std::fmt;
use std::mem::ManuallyDrop;
use std::ops::Deref;
use std::ptr::NonNull;

use pyo3::prelude::*;
use pyo3::{PyTypeInfo, ffi};

/// A strong reference to a Python object, for hot paths.
///
/// The same as PyO3's `Py<PyAny>`, except that dropping it decrements the count at once. `Py` asks a thread-local
/// counter first, which is not kept up on the paths that enter through a vectorcall.
#[repr(transparent)]
pub struct Owned(NonNull<ffi::PyObject>);

// SAFETY: a reference may be moved to another thread; the crate's rule is that every operation on it, the drop
// included, happens while the thread is attached to the interpreter.
unsafe impl Send for Owned {}
// SAFETY: as above; all shared operations are those of the interpreter, which it synchronises itself.
unsafe impl Sync for Owned {}

impl Owned {
    /// Takes over a new reference as C functions return it; `None` stands for NULL, that is, a raised exception.
    ///
    /// # Safety
    /// * `pointer` is NULL or a reference that the caller owns and gives away.
    #[inline]
    pub unsafe fn from_new(pointer: *mut ffi::PyObject) -> Option<Self> {
        NonNull::new(pointer).map(Self)
    }

    /// Makes a new reference to an object that somebody else keeps alive.
    ///
    /// # Safety
    /// * `pointer` points to a live object.
    #[inline]
    pub unsafe fn from_borrowed(pointer: NonNull<ffi::PyObject>) -> Self {
        // SAFETY: the caller says that the object is alive.
        unsafe { ffi::Py_INCREF(pointer.as_ptr()) };
        Self(pointer)
    }

    /// The object's address, still owned by `self`.
    #[inline]
    pub fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// The reference as C functions take or return it; the caller owns it now.
    #[inline]
    pub fn into_ptr(self) -> *mut ffi::PyObject {
        let pointer = self.0.as_ptr();
        std::mem::forget(self);
        pointer
    }

    /// The singleton `None`.
    #[inline]
    pub fn none() -> Self {
        // SAFETY: `None` lives as long as the interpreter.
        unsafe { Self::from_borrowed(NonNull::new_unchecked(ffi::Py_None())) }
    }

    /// Whether this is `None`.
    #[inline]
    pub fn is_none(&self) -> bool {
        // SAFETY: only an address is compared.
        self.as_ptr() == unsafe { ffi::Py_None() }
    }

    /// The same reference in PyO3's words.
    #[inline]
    pub fn bound<'py>(&self, _py: Python<'py>) -> &Bound<'py, PyAny> {
        // SAFETY: `Bound` is a transparent wrapper of a zero-sized token and a non-null pointer, as `Owned` is of the
        // pointer; the token that was passed proves that the thread is attached.
        unsafe { &*std::ptr::from_ref(self).cast::<Bound<'py, PyAny>>() }
    }

    /// The same reference as PyO3 keeps it apart from a token, for its garbage-collector visitor.
    #[inline]
    pub fn as_py(&self) -> &Py<PyAny> {
        // SAFETY: `Py` is a transparent wrapper of a non-null pointer, as `Owned` is.
        unsafe { &*std::ptr::from_ref(self).cast::<Py<PyAny>>() }
    }

    /// Whether the object's type is exactly `T`.
    #[inline]
    pub fn is_exactly<T: PyTypeInfo>(&self, py: Python<'_>) -> bool {
        self.bound(py).is_exact_instance_of::<T>()
    }
}

impl Clone for Owned {
    #[inline]
    fn clone(&self) -> Self {
        // SAFETY: `self` keeps the object alive.
        unsafe { Self::from_borrowed(self.0) }
    }
}

impl Drop for Owned {
    #[inline]
    fn drop(&mut self) {
        #[cfg(debug_assertions)]
        {
            // SAFETY: the call needs nothing.
            let attached = unsafe { ffi::PyGILState_Check() } == 1;
            assert!(attached, "a reference was dropped on a detached thread");
        }
        // SAFETY: `self` owns one reference, and the crate's rule says that the thread is attached.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) };
    }
}

impl<T> From<Bound<'_, T>> for Owned {
    #[inline]
    fn from(object: Bound<'_, T>) -> Self {
        // SAFETY: `into_ptr` gives the reference away, and it is never NULL.
        Self(unsafe { NonNull::new_unchecked(object.into_ptr()) })
    }
}

impl<T> From<&Bound<'_, T>> for Owned {
    #[inline]
    fn from(object: &Bound<'_, T>) -> Self {
        object.clone().into()
    }
}

impl<T> From<Py<T>> for Owned {
    #[inline]
    fn from(object: Py<T>) -> Self {
        // SAFETY: `into_ptr` gives the reference away, and it is never NULL.
        Self(unsafe { NonNull::new_unchecked(object.into_ptr()) })
    }
}

/// A reference to an object of a PyO3 class, whose drop is one decrement at once, as that of [`Owned`] is.
pub struct Kept<T>(ManuallyDrop<Py<T>>);

impl<T> Deref for Kept<T> {
    type Target = Py<T>;

    #[inline]
    fn deref(&self) -> &Py<T> {
        &self.0
    }
}

impl<T> From<Py<T>> for Kept<T> {
    fn from(object: Py<T>) -> Self {
        Self(ManuallyDrop::new(object))
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        // SAFETY: `self` owns one reference, and the crate's rule says that the thread is attached.
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) };
    }
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Owned({:p})", self.0)
    }
}
