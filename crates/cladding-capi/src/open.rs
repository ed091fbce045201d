//! Objects that are like functions: with a dictionary, weak references to them, and binding to instances.

use std::ffi::{c_int, c_void};
use std::mem::offset_of;
use std::ptr::{self, NonNull};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::object::{Object, to_c};
use crate::{Class, Owned, Raised, This, TypeBuilder, guard};

/// An object with a place for its dictionary and its weak references. What is in front is an ordinary [`Object`].
#[repr(C)]
pub(crate) struct Open<T> {
    object: Object<T>,
    dictionary: *mut ffi::PyObject,
    references: *mut ffi::PyObject,
}

/// What an object is when it is looked up on an instance, as a function is a bound method.
pub trait Binds: Class {
    /// The bound object.
    fn bind(this: &This<'_, Self>, py: Python<'_>, instance: &Owned) -> Result<Owned, Raised>;
}

/// Equality and hash of objects of one type.
pub trait Compared: Class {
    /// Whether two objects are equal.
    fn equals(&self, other: &Self) -> bool;
    /// Two equal objects have the same one.
    fn hash(&self) -> isize;
}

/// What calling the type itself makes.
pub trait Constructed: Class {
    /// The object for these arguments.
    fn construct(py: Python<'_>, arguments: &[Owned]) -> Result<Owned, Raised>;
}

/// A bound method of the interpreter's own type.
pub fn bound_method(_py: Python<'_>, function: &Owned, instance: &Owned) -> Result<Owned, Raised> {
    unsafe extern "C" {
        fn PyMethod_New(function: *mut ffi::PyObject, instance: *mut ffi::PyObject) -> *mut ffi::PyObject;
    }
    // SAFETY: both are live objects; the result is a new reference or NULL.
    unsafe { Owned::from_new(PyMethod_New(function.as_ptr(), instance.as_ptr())) }.ok_or_else(Raised::assume)
}

/// A weak reference whose end is told to `callback`. Fails for objects that cannot be referred to so.
pub fn weak_reference(_py: Python<'_>, object: &Owned, callback: &Owned) -> Result<Owned, Raised> {
    // SAFETY: both are live objects; the result is a new reference or NULL.
    unsafe { Owned::from_new(ffi::PyWeakref_NewRef(object.as_ptr(), callback.as_ptr())) }.ok_or_else(Raised::assume)
}

/// Whether weak references to an object can be made.
#[inline]
pub fn takes_weak_references(object: &Owned) -> bool {
    // SAFETY: the object is alive, and so is its type.
    unsafe { (*ffi::Py_TYPE(object.as_ptr())).tp_weaklistoffset != 0 }
}

/// Whether a weak reference that [`weak_reference`] made refers to this very object still.
#[inline]
pub fn refers_to(reference: &Owned, object: &Owned) -> bool {
    // SAFETY: the reference is a live weak reference. Only its address of the object is read, which is that of a live
    // object or of `None`; without the interpreter lock the field may change meanwhile, but not from or to the address of
    // an object that the caller holds.
    unsafe {
        let field = &raw mut (*reference.as_ptr().cast::<ffi::_PyWeakReference>()).wr_object;
        std::sync::atomic::AtomicPtr::from_ptr(field).load(std::sync::atomic::Ordering::Relaxed) == object.as_ptr()
    }
}

impl<T: Class> TypeBuilder<T> {
    /// Gives the objects a dictionary, and weak references to them.
    pub fn open(self) -> Self {
        self.size(size_of::<Open<T>>())
            .member(c"__dictoffset__", offset_of!(Open<T>, dictionary))
            .member(c"__weaklistoffset__", offset_of!(Open<T>, references))
            .dictionary()
            .slot(ffi::Py_tp_dealloc, dealloc::<T> as *mut c_void)
            .slot(ffi::Py_tp_traverse, traverse::<T> as *mut c_void)
            .slot(ffi::Py_tp_clear, clear::<T> as *mut c_void)
    }

    /// Binds the objects to instances. The interpreter may call them with the instance in front of the arguments instead.
    pub fn binds(self) -> Self
    where
        T: Binds,
    {
        self.flag(ffi::Py_TPFLAGS_METHOD_DESCRIPTOR)
            .slot(ffi::Py_tp_descr_get, descr_get::<T> as *mut c_void)
    }

    /// Lets the type be called, by position.
    pub fn constructed(self) -> Self
    where
        T: Constructed,
    {
        self.without_flag(ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION)
            .slot(ffi::Py_tp_new, construct::<T> as *mut c_void)
    }

    /// Compares the objects by value.
    pub fn compared(self) -> Self
    where
        T: Compared,
    {
        self.slot(ffi::Py_tp_richcompare, richcompare::<T> as *mut c_void)
            .slot(ffi::Py_tp_hash, hash::<T> as *mut c_void)
    }
}

unsafe extern "C" fn dealloc<T: Class>(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this once, with the last reference gone. Weak references go first, because their
    // callbacks may look at the object; then what `create` wrote, the dictionary and the memory. The object owned a
    // reference to its type.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let open: *mut Open<T> = object.cast();
        ffi::PyObject_GC_UnTrack(object.cast());
        if !(*open).references.is_null() {
            ffi::PyObject_ClearWeakRefs(object);
        }
        guard((), |_| Object::<T>::finish_value(object));
        let dictionary = ptr::replace(&raw mut (*open).dictionary, ptr::null_mut());
        ffi::Py_XDECREF(dictionary);
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse<T: Class>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the object is alive; its dictionary is NULL or a live object.
    unsafe {
        let dictionary = (*object.cast::<Open<T>>()).dictionary;
        if !dictionary.is_null() {
            let stopped = visit(dictionary, argument);
            if stopped != 0 {
                return stopped;
            }
        }
        crate::object::traverse::<T>(object, visit, argument)
    }
}

unsafe extern "C" fn clear<T: Class>(object: *mut ffi::PyObject) -> c_int {
    // SAFETY: the object is alive; the dictionary is given up after nothing points to it any more.
    unsafe {
        let dictionary = ptr::replace(&raw mut (*object.cast::<Open<T>>()).dictionary, ptr::null_mut());
        ffi::Py_XDECREF(dictionary);
        crate::object::clear::<T>(object)
    }
}

unsafe extern "C" fn descr_get<T: Binds>(
    object: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    _owner: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: the object is alive, the instance too if it is not NULL.
        unsafe {
            match NonNull::new(instance) {
                Some(instance) if instance.as_ptr() != ffi::Py_None() => {
                    let instance = Owned::from_borrowed(instance);
                    to_c(T::bind(&This::from_raw(object), py, &instance))
                }
                _ => ffi::Py_NewRef(object),
            }
        }
    })
}

unsafe extern "C" fn construct<T: Constructed>(
    _class: *mut ffi::PyTypeObject,
    arguments: *mut ffi::PyObject,
    _keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: the arguments are a live tuple, whose items live as long; `Owned` is a transparent wrapper of a pointer to
        // one.
        let arguments = unsafe {
            let first = (&raw const (*arguments.cast::<ffi::PyTupleObject>()).ob_item).cast::<Owned>();
            std::slice::from_raw_parts(first, ffi::PyTuple_GET_SIZE(arguments) as usize)
        };
        to_c(T::construct(py, arguments))
    })
}

unsafe extern "C" fn richcompare<T: Compared>(
    left: *mut ffi::PyObject,
    right: *mut ffi::PyObject,
    operation: c_int,
) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |_| {
        // SAFETY: both are live objects, the left one of this type; the right one's type is compared before it is read.
        unsafe {
            let known = ffi::Py_TYPE(left) == ffi::Py_TYPE(right) && matches!(operation, ffi::Py_EQ | ffi::Py_NE);
            let answer = if known {
                let same = This::<T>::from_raw(left).equals(&This::<T>::from_raw(right));
                if same == (operation == ffi::Py_EQ) {
                    ffi::Py_True()
                } else {
                    ffi::Py_False()
                }
            } else {
                ffi::Py_NotImplemented()
            };
            ffi::Py_NewRef(answer)
        }
    })
}

unsafe extern "C" fn hash<T: Compared>(object: *mut ffi::PyObject) -> isize {
    // SAFETY: the object is alive. Only an error may have the hash -1.
    guard(-1, |_| match unsafe { This::<T>::from_raw(object) }.hash() {
        -1 => -2,
        hash => hash,
    })
}
