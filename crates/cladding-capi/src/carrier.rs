//! Carriers: genuine functions with a native vectorcall, and classes whose calls are watched.
//!
//! A carrier function keeps the object that answers its calls in the first cell of its closure, so finding it costs
//! three loads. Anything unexpected there falls back to the function's own code, which does the same thing slowly.

use std::ptr::{self, NonNull};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFunction, PyType};

use crate::entry::into_python;
use crate::object::to_c;
#[cfg(Py_3_12)]
use crate::object::vectorcall;
use crate::{Arguments, Class, Owned, Raised, This, Vectorcall, guard};

/// The name in a class's own dictionary under which the object that answers its calls is kept.
pub const CLASS_KEY: &str = "__cladding__";

/// The interpreter's own vectorcall of functions, which it does not export.
#[cfg(Py_3_12)]
static ORDINARY: std::sync::OnceLock<ffi::vectorcallfunc> = std::sync::OnceLock::new();

/// Gives a function the native vectorcall, where the interpreter has a public way to do so (3.12 and newer).
///
/// Its closure's first cell must hold a `T`, or the function simply runs its code.
#[cfg_attr(not(Py_3_12), allow(unused_variables, clippy::unnecessary_wraps))]
pub fn arm<T: Vectorcall>(function: &Bound<'_, PyFunction>) -> bool {
    #[cfg(Py_3_12)]
    {
        unsafe extern "C" {
            fn PyFunction_SetVectorcall(function: *mut ffi::PyFunctionObject, call: ffi::vectorcallfunc);
        }
        // SAFETY: the object is a function; the slot takes any vectorcall.
        unsafe {
            let function: *mut ffi::PyFunctionObject = function.as_ptr().cast();
            if let Some(ordinary) = (*function)
                .vectorcall
                .filter(|call| !ptr::fn_addr_eq(*call, carrier::<T> as ffi::vectorcallfunc))
            {
                ORDINARY.get_or_init(|| ordinary);
            }
            PyFunction_SetVectorcall(function, carrier::<T>);
        }
    }
    cfg!(Py_3_12)
}

/// The object in the first cell of a function's closure, if it is a `T`.
#[inline]
unsafe fn content<T: Class>(function: *mut ffi::PyObject) -> Option<Owned> {
    // SAFETY: the caller passes a live function; its closure is NULL or a tuple of cells, and a cell holds NULL or a
    // live object. The content gets a reference of its own because code may put something else into the cell meanwhile.
    unsafe {
        let closure = (*function.cast::<ffi::PyFunctionObject>()).func_closure;
        if closure.is_null() || ffi::PyTuple_GET_SIZE(closure) == 0 {
            return None;
        }
        let cell = ffi::PyTuple_GET_ITEM(closure, 0);
        let content = (*cell.cast::<ffi::PyCellObject>()).ob_ref;
        let content = Owned::from_borrowed(NonNull::new(content)?);
        This::<T>::of(&content).is_some().then_some(content)
    }
}

/// The object that answers a carrier's calls, if this function is one.
pub fn bound_in<T: Class>(function: &Bound<'_, PyFunction>) -> Option<Owned> {
    // SAFETY: it is a live function.
    unsafe { content::<T>(function.as_ptr()) }
}

#[cfg(Py_3_12)]
unsafe extern "C" fn carrier<T: Vectorcall>(
    function: *mut ffi::PyObject,
    array: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: this is the vectorcall slot of a function, called as the protocol says; the content is kept alive for the
    // call by the reference that `content` made.
    unsafe {
        match content::<T>(function) {
            Some(bound) => vectorcall::<T>(bound.as_ptr(), array, nargsf, names),
            None => ORDINARY.get().expect("set when the first carrier was armed")(function, array, nargsf, names),
        }
    }
}

/// Why a class cannot be watched.
#[derive(Debug)]
pub enum Unwatchable {
    /// It is a static or immutable type, shared by everyone.
    Static,
    /// Its metaclass has a `__call__` of its own, which the interpreter asks instead of the class.
    Metaclass,
}

/// Makes every call of exactly this class go through the `T` under [`CLASS_KEY`] in the class's own dictionary.
///
/// The type's own `tp_vectorcall` is never inherited, so subclasses, the metaclass and the bases stay as they were.
/// Its allocator is replaced by one that does the same, because CPython 3.13 inlines the making of simple objects and
/// tells them by their allocator.
pub fn watch_class<T: Vectorcall>(class: &Bound<'_, PyType>) -> Result<(), Unwatchable> {
    let class = class.as_type_ptr();
    // SAFETY: the type is alive and, being a mutable heap type, may be changed; the interpreter is told of the change.
    unsafe {
        let flags = ffi::PyType_GetFlags(class);
        if flags & ffi::Py_TPFLAGS_HEAPTYPE == 0 || flags & ffi::Py_TPFLAGS_IMMUTABLETYPE != 0 {
            return Err(Unwatchable::Static);
        }
        let metaclass = ffi::Py_TYPE(class.cast());
        // 3.11 does not pass the flag on to metaclasses written in Python, though nothing stands against it.
        #[cfg(not(Py_3_12))]
        if same_call(metaclass, &raw mut ffi::PyType_Type) {
            (*metaclass).tp_flags |= ffi::Py_TPFLAGS_HAVE_VECTORCALL;
        }
        if ffi::PyType_GetFlags(metaclass) & ffi::Py_TPFLAGS_HAVE_VECTORCALL == 0 {
            return Err(Unwatchable::Metaclass);
        }
        (*class).tp_vectorcall = Some(class_call::<T>);
        if (*class)
            .tp_alloc
            .is_some_and(|alloc| ptr::fn_addr_eq(alloc, ffi::PyType_GenericAlloc as ffi::allocfunc))
        {
            (*class).tp_alloc = Some(allocate);
        }
        ffi::PyType_Modified(class);
    }
    Ok(())
}

/// Whether two types are called by the same function.
#[cfg(not(Py_3_12))]
unsafe fn same_call(one: *mut ffi::PyTypeObject, other: *mut ffi::PyTypeObject) -> bool {
    // SAFETY: both are live types.
    match unsafe { ((*one).tp_call, (*other).tp_call) } {
        (Some(one), Some(other)) => ptr::fn_addr_eq(one, other),
        _ => false,
    }
}

unsafe extern "C" fn allocate(class: *mut ffi::PyTypeObject, items: ffi::Py_ssize_t) -> *mut ffi::PyObject {
    // SAFETY: passed on from the caller.
    unsafe { ffi::PyType_GenericAlloc(class, items) }
}

unsafe extern "C" fn class_call<T: Vectorcall>(
    class: *mut ffi::PyObject,
    array: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: called on a live type with arguments as the protocol says; a heap type's dictionary is a live dict.
        let (arguments, found) = unsafe {
            let key = pyo3::intern!(py, "__cladding__");
            let found = ffi::PyDict_GetItemWithError((*class.cast::<ffi::PyTypeObject>()).tp_dict, key.as_ptr());
            (
                Arguments::new(array, nargsf, names),
                NonNull::new(found).map(|found| Owned::from_borrowed(found)),
            )
        };
        to_c(match found.as_ref().and_then(This::<T>::of) {
            Some(this) => T::call(&this, py, &arguments),
            // SAFETY: the class is alive.
            None => construct(py, unsafe { &*(&raw const class).cast::<Owned>() }, &arguments),
        })
    })
}

/// A type's call, which may end the thread instead of returning.
type Call =
    unsafe extern "C-unwind" fn(*mut ffi::PyObject, *mut ffi::PyObject, *mut ffi::PyObject) -> *mut ffi::PyObject;

/// Makes an instance as the class would without us: through its metaclass, `__new__` and `__init__`.
pub fn construct(py: Python<'_>, class: &Owned, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
    let (tuple, dict) = arguments.packed(py)?;
    let dict = dict.as_ref().map_or(ptr::null_mut(), Bound::as_ptr);
    // SAFETY: the class is alive, its metaclass has a call slot (it derives from `type`), and the result is a new reference
    // or NULL with an exception set.
    unsafe {
        let call = (*ffi::Py_TYPE(class.as_ptr()))
            .tp_call
            .expect("a metaclass can be called");
        let call = std::mem::transmute::<ffi::ternaryfunc, Call>(call);
        let result = into_python(|| call(class.as_ptr(), tuple.as_ptr(), dict));
        Owned::from_new(result).ok_or_else(Raised::assume)
    }
}
