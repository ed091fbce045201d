//! What the proxies use of the C API: declared so that a thread's end stops at our border, and turned into `Result`s.

use std::ffi::{CString, c_int};
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::object::to_c;
use crate::{Owned, Raised, guard, has_room};

/// An object as C passes it.
pub(super) type Raw = *mut ffi::PyObject;

unsafe extern "C-unwind" {
    pub(super) fn PyObject_GetAttr(object: Raw, name: Raw) -> Raw;
    pub(super) fn PyObject_SetAttr(object: Raw, name: Raw, value: Raw) -> c_int;
    pub(super) fn PyObject_GenericGetAttr(object: Raw, name: Raw) -> Raw;
    pub(super) fn PyObject_GenericSetAttr(object: Raw, name: Raw, value: Raw) -> c_int;
    pub(super) fn PyObject_Call(callable: Raw, arguments: Raw, keywords: Raw) -> Raw;
    pub(super) fn PyObject_IsInstance(object: Raw, class: Raw) -> c_int;
    pub(super) fn PyObject_IsSubclass(class: Raw, base: Raw) -> c_int;
    pub(super) fn PyObject_IsTrue(object: Raw) -> c_int;
    pub(super) fn PyObject_Hash(object: Raw) -> ffi::Py_hash_t;
    pub(super) fn PyObject_Str(object: Raw) -> Raw;
    pub(super) fn PyObject_Dir(object: Raw) -> Raw;
    pub(super) fn PyObject_Format(object: Raw, specification: Raw) -> Raw;
    pub(super) fn PyObject_Size(object: Raw) -> ffi::Py_ssize_t;
    pub(super) fn PyObject_GetItem(object: Raw, key: Raw) -> Raw;
    pub(super) fn PyObject_SetItem(object: Raw, key: Raw, value: Raw) -> c_int;
    pub(super) fn PyObject_DelItem(object: Raw, key: Raw) -> c_int;
    pub(super) fn PySequence_Contains(object: Raw, value: Raw) -> c_int;
    pub(super) fn PyObject_RichCompare(object: Raw, other: Raw, operation: c_int) -> Raw;
    pub(super) fn PyNumber_Add(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Subtract(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Multiply(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_MatrixMultiply(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Remainder(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Divmod(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_FloorDivide(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_TrueDivide(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Lshift(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Rshift(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_And(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Xor(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Or(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_Power(left: Raw, right: Raw, modulus: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceAdd(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceSubtract(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceMultiply(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceMatrixMultiply(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceRemainder(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceFloorDivide(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceTrueDivide(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceLshift(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceRshift(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceAnd(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceXor(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlaceOr(left: Raw, right: Raw) -> Raw;
    pub(super) fn PyNumber_InPlacePower(left: Raw, right: Raw, modulus: Raw) -> Raw;
    pub(super) fn PyNumber_Negative(object: Raw) -> Raw;
    pub(super) fn PyNumber_Positive(object: Raw) -> Raw;
    pub(super) fn PyNumber_Absolute(object: Raw) -> Raw;
    pub(super) fn PyNumber_Invert(object: Raw) -> Raw;
    pub(super) fn PyNumber_Long(object: Raw) -> Raw;
    pub(super) fn PyNumber_Float(object: Raw) -> Raw;
    pub(super) fn PyNumber_Index(object: Raw) -> Raw;

    #[cfg(not(Py_GIL_DISABLED))]
    fn _PyType_Lookup(class: *mut ffi::PyTypeObject, name: Raw) -> Raw;
    #[cfg(Py_GIL_DISABLED)]
    fn _PyType_LookupRef(class: *mut ffi::PyTypeObject, name: Raw) -> Raw;
    #[cfg(Py_3_13)]
    fn PyObject_GetOptionalAttr(object: Raw, name: Raw, value: *mut Raw) -> c_int;
    #[cfg(not(Py_3_13))]
    #[link_name = "_PyObject_LookupAttr"]
    fn PyObject_GetOptionalAttr(object: Raw, name: Raw, value: *mut Raw) -> c_int;
}

unsafe extern "C" {
    pub(super) static mut PyMethod_Type: ffi::PyTypeObject;
    pub(super) fn PyMethod_New(function: Raw, instance: Raw) -> Raw;
    /// A borrowed reference.
    pub(super) fn PyMethod_Function(method: Raw) -> Raw;
    /// A borrowed reference.
    pub(super) fn PyMethod_Self(method: Raw) -> Raw;
}

/// A descriptor's getter, which may end the thread instead of returning.
type DescriptorGet = unsafe extern "C-unwind" fn(Raw, Raw, Raw) -> Raw;

macro_rules! names {
    ($($field:ident = $text:literal),* $(,)?) => {
        /// The names that the proxies look for, interned.
        pub(super) struct Names { $(pub(super) $field: Owned),* }

        impl Names {
            fn new(py: Python<'_>) -> Self {
                Self { $($field: pyo3::types::PyString::intern(py, $text).into_any().into()),* }
            }
        }
    };
}

names! {
    aenter = "__aenter__", aexit = "__aexit__", annotate = "__annotate__", annotations = "__annotations__",
    bound_function_wrapper = "__bound_function_wrapper__", builtin = "builtin", callable = "callable", class = "class",
    class_of = "__class__", classmethod = "classmethod", closure = "__closure__", code = "__code__", dict = "__dict__",
    doc = "__doc__", enter = "__enter__", exit = "__exit__", function = "function", getattr = "__getattr__",
    func = "__func__", getattribute = "__getattribute__", instancemethod = "instancemethod", module = "__module__",
    mro_entries = "__mro_entries__", name = "__name__", object_proxy = "__object_proxy__", qualname = "__qualname__",
    self_ = "__self__", self_binding = "_self_binding", self_prefix = "_self_", set_name = "__set_name__",
    signature = "__signature__", staticmethod = "staticmethod", type_params = "__type_params__", wrapped = "__wrapped__",
    wrapped_factory = "__wrapped_factory__", wrapped_get = "__wrapped_get__",
    wrapped_setattr_fixups = "__wrapped_setattr_fixups__",
}

static NAMES: OnceLock<Names> = OnceLock::new();

/// Makes the names. Done before any type is made.
pub(super) fn start(py: Python<'_>) {
    NAMES.get_or_init(|| Names::new(py));
}

#[inline]
pub(super) fn names() -> &'static Names {
    NAMES.get().expect("made when the module was imported")
}

/// Whether an attribute's name is this one. Names are nearly always interned; one made at run time is compared by its text.
#[inline]
pub(super) fn is_name(name: Raw, known: &Owned) -> bool {
    // SAFETY: both are live strings: the interpreter refuses other names before it asks a type.
    unsafe {
        name == known.as_ptr()
            || (ffi::PyUnicode_GET_LENGTH(name) == ffi::PyUnicode_GET_LENGTH(known.as_ptr())
                && ffi::PyUnicode_Compare(name, known.as_ptr()) == 0)
    }
}

/// The outcome of a C function that returns a new reference, or NULL with an exception set.
///
/// # Safety
/// * `result` is such an outcome.
#[inline]
pub(super) unsafe fn result(result: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe { Owned::from_new(result) }.ok_or_else(Raised::assume)
}

/// The outcome of a C function that returns a negative number with an exception set.
#[inline]
pub(super) fn status(outcome: c_int) -> Result<c_int, Raised> {
    if outcome < 0 {
        Err(Raised::assume())
    } else {
        Ok(outcome)
    }
}

/// A new reference to an object that the caller keeps alive.
///
/// # Safety
/// * `object` is alive.
#[inline]
pub(super) unsafe fn borrowed(object: Raw) -> Owned {
    // SAFETY: passed on from the caller.
    unsafe { Owned::from_borrowed(ptr::NonNull::new_unchecked(object)) }
}

/// An entry from C that returns an object.
#[inline]
pub(super) fn entry(body: impl FnOnce(Python<'_>) -> Result<Owned, Raised>) -> Raw {
    guard(ptr::null_mut(), |py| to_c(body(py)))
}

/// An entry from C that returns a number, of which -1 says that an exception is set.
#[inline]
pub(super) fn entry_number<N: From<i8>>(body: impl FnOnce(Python<'_>) -> Result<N, Raised>) -> N {
    guard(N::from(-1), |py| body(py).unwrap_or_else(|_raised| N::from(-1)))
}

/// Raises an exception of a builtin class.
#[cold]
pub(super) fn raise(class: Raw, text: &str) -> Raised {
    let text = CString::new(text.replace('\0', " ")).expect("no zero is left");
    // SAFETY: the class is a live exception class, and the text ends with a zero.
    unsafe { ffi::PyErr_SetString(class, text.as_ptr()) };
    Raised::assume()
}

/// Raises the error of a missing attribute.
#[cold]
pub(super) fn raise_missing(object: Raw, attribute: &str) -> Raised {
    // SAFETY: the object is alive, and the class is static.
    let (name, class) = unsafe { (type_name(object), ffi::PyExc_AttributeError) };
    raise(class, &format!("'{name}' object has no attribute '{attribute}'"))
}

/// The name of an object's type as C keeps it.
///
/// # Safety
/// * `object` is alive.
pub(super) unsafe fn type_name(object: Raw) -> String {
    // SAFETY: a type's name is a text that ends with a zero.
    unsafe { std::ffi::CStr::from_ptr((*ffi::Py_TYPE(object)).tp_name) }
        .to_string_lossy()
        .into_owned()
}

/// Fails where the thread's stack has no room for one more step through a chain of proxies.
#[inline]
pub(super) fn check_room() -> Result<(), Raised> {
    #[cold]
    fn full() -> Raised {
        // SAFETY: the class is static.
        raise(
            unsafe { ffi::PyExc_RecursionError },
            "maximum recursion depth exceeded in a chain of proxies",
        )
    }
    if has_room() { Ok(()) } else { Err(full()) }
}

/// What a type, by its method resolution order, has under a name; no descriptor is asked and no exception made.
///
/// # Safety
/// * The type and the name are alive.
#[inline]
pub(super) unsafe fn lookup(class: *mut ffi::PyTypeObject, name: Raw) -> Option<Owned> {
    // SAFETY: passed on from the caller; with the interpreter lock the borrowed answer is alive until other code runs.
    unsafe {
        #[cfg(not(Py_GIL_DISABLED))]
        return ptr::NonNull::new(_PyType_Lookup(class, name)).map(|found| Owned::from_borrowed(found));
        #[cfg(Py_GIL_DISABLED)]
        return Owned::from_new(_PyType_LookupRef(class, name));
    }
}

/// An attribute, or `None` where there is none.
///
/// # Safety
/// * The object is alive.
pub(super) unsafe fn optional_attribute(object: Raw, name: &Owned) -> Result<Option<Owned>, Raised> {
    let mut value = ptr::null_mut();
    // SAFETY: both are alive; the answer is a new reference, or NULL.
    unsafe {
        status(PyObject_GetOptionalAttr(object, name.as_ptr(), &raw mut value))?;
        Ok(Owned::from_new(value))
    }
}

/// An attribute by the ordinary rules of objects, with no look at what a proxy wraps; `None` where there is none.
///
/// # Safety
/// * The object is alive.
pub(super) unsafe fn own_attribute(object: Raw, name: &Owned) -> Result<Option<Owned>, Raised> {
    // SAFETY: both are alive; where NULL is returned an exception is set, which is forgotten only if it says "missing".
    unsafe {
        let found = Owned::from_new(PyObject_GenericGetAttr(object, name.as_ptr()));
        if found.is_none() {
            if ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) == 0 {
                return Err(Raised::assume());
            }
            ffi::PyErr_Clear();
        }
        Ok(found)
    }
}

/// Asks a descriptor's getter.
///
/// # Safety
/// * All are alive; `object` may be NULL, and then `class` is not.
#[inline]
pub(super) unsafe fn descriptor_get(
    get: ffi::descrgetfunc,
    descriptor: &Owned,
    object: Raw,
    class: Raw,
) -> Result<Owned, Raised> {
    // SAFETY: the same function in other words, and the arguments as the protocol wants them.
    unsafe {
        let get = std::mem::transmute::<ffi::descrgetfunc, DescriptorGet>(get);
        result(get(descriptor.as_ptr(), object, class))
    }
}

/// What a dictionary has under a name.
///
/// # Safety
/// * `dict` is a live dictionary.
#[inline]
pub(super) unsafe fn dict_get(dict: &Owned, name: Raw) -> Result<Option<Owned>, Raised> {
    // SAFETY: passed on from the caller; the borrowed answer gets a reference of its own before other code runs.
    unsafe {
        #[cfg(not(Py_GIL_DISABLED))]
        {
            let found = ffi::PyDict_GetItemWithError(dict.as_ptr(), name);
            if found.is_null() && !ffi::PyErr_Occurred().is_null() {
                return Err(Raised::assume());
            }
            Ok(ptr::NonNull::new(found).map(|found| Owned::from_borrowed(found)))
        }
        #[cfg(Py_GIL_DISABLED)]
        {
            let mut found = ptr::null_mut();
            status(ffi::compat::PyDict_GetItemRef(dict.as_ptr(), name, &raw mut found))?;
            Ok(Owned::from_new(found))
        }
    }
}
