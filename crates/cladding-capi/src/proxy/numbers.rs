//! The arithmetic of proxies: operators are the wrapped objects', whichever side the proxy stands on.

use std::ffi::{c_int, c_void};

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{
    self, PyObject_GetAttr, PyObject_IsTrue, Raw, borrowed, entry, entry_number, lookup, names, optional_attribute,
    result, status,
};
use super::layout::{COMPATIBLE, Family, Kind, Proxy, is_proxy};
use super::wrapped;
use crate::{Owned, Raised};

/// What an operator is to work on: what a proxy wraps, or the object itself.
///
/// # Safety
/// * The object is alive.
unsafe fn operand(object: Raw) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        if is_proxy(object, Kind::Base) {
            wrapped(object)
        } else {
            Ok(borrowed(object))
        }
    }
}

macro_rules! binary {
    ($($name:ident: $function:ident),* $(,)?) => {$(
        unsafe extern "C" fn $name(left: Raw, right: Raw) -> Raw {
            // SAFETY: the interpreter passes live objects, one of them a proxy.
            entry(|_py| unsafe {
                let (left, right) = (operand(left)?, operand(right)?);
                result(api::$function(left.as_ptr(), right.as_ptr()))
            })
        }
    )*};
}

binary! {
    add: PyNumber_Add, subtract: PyNumber_Subtract, multiply: PyNumber_Multiply, matrix: PyNumber_MatrixMultiply,
    remainder: PyNumber_Remainder, divmod: PyNumber_Divmod, floor: PyNumber_FloorDivide, divide: PyNumber_TrueDivide,
    left_shift: PyNumber_Lshift, right_shift: PyNumber_Rshift, and: PyNumber_And, xor: PyNumber_Xor, or: PyNumber_Or,
}

macro_rules! unary {
    ($($name:ident: $function:ident),* $(,)?) => {$(
        unsafe extern "C" fn $name(object: Raw) -> Raw {
            // SAFETY: the interpreter passes a live proxy.
            entry(|_py| unsafe { result(api::$function(wrapped(object)?.as_ptr())) })
        }
    )*};
}

unary! {
    negative: PyNumber_Negative, positive: PyNumber_Positive, absolute: PyNumber_Absolute, invert: PyNumber_Invert,
    integer: PyNumber_Long, float: PyNumber_Float, index: PyNumber_Index,
}

unsafe extern "C" fn truth(object: Raw) -> c_int {
    // SAFETY: the interpreter passes a live proxy.
    entry_number(|_py| unsafe { status(PyObject_IsTrue(wrapped(object)?.as_ptr())) })
}

unsafe extern "C" fn power(left: Raw, right: Raw, modulus: Raw) -> Raw {
    // SAFETY: the interpreter passes live objects, one of them a proxy. A modulus is not unwrapped: nor do plain objects
    // ask theirs, and asking again with the same modulus would never end.
    entry(|_py| unsafe {
        if is_proxy(modulus, Kind::Base) {
            return Ok(borrowed(ffi::Py_NotImplemented()));
        }
        let (left, right) = (operand(left)?, operand(right)?);
        result(api::PyNumber_Power(left.as_ptr(), right.as_ptr(), modulus))
    })
}

/// What decides whether an operation works in place: every proxy has the method, so it is what a chain of them wraps, or a
/// proxy whose class has a method of its own.
///
/// # Safety
/// * The object is alive.
unsafe fn innermost(target: &Owned, method: &Owned) -> Result<Owned, Raised> {
    let mut target = target.clone();
    // SAFETY: everything reached is kept alive by a reference.
    unsafe {
        while is_proxy(target.as_ptr(), Kind::Base) {
            let base = Family::of(Proxy::of(target.as_ptr())).class(Kind::Base);
            let native = lookup(base, method.as_ptr());
            let found = lookup(ffi::Py_TYPE(target.as_ptr()), method.as_ptr());
            if found.map(|found| found.as_ptr()) != native.map(|native| native.as_ptr()) {
                break;
            }
            target = wrapped(target.as_ptr())?;
        }
    }
    Ok(target)
}

/// Works in place on the wrapped object, which the result replaces, where it can do that; else makes a new proxy.
///
/// # Safety
/// * A live proxy and a live object.
unsafe fn in_place(
    py: Python<'_>,
    object: Raw,
    other: Raw,
    method: &str,
    change: impl FnOnce(Raw, Raw) -> Raw,
    compute: impl FnOnce(Raw, Raw) -> Raw,
) -> Result<Owned, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let target = wrapped(object)?;
        let other = operand(other)?;
        let method: Owned = pyo3::types::PyString::intern(py, method).into_any().into();
        let judged = if Proxy::of(object).has(COMPATIBLE) {
            target.clone()
        } else {
            innermost(&target, &method)?
        };
        if optional_attribute(judged.as_ptr(), &method)?.is_some() {
            let changed = result(change(target.as_ptr(), other.as_ptr()))?;
            Proxy::of(object).wrapped.set(object, Some(changed));
            return Ok(borrowed(object));
        }
        let computed = result(compute(target.as_ptr(), other.as_ptr()))?;
        let class = result(PyObject_GetAttr(object, names().object_proxy.as_ptr()))?;
        crate::arguments::call(py, &class, &[&computed])
    }
}

macro_rules! in_place {
    ($($name:ident: $method:literal, $change:ident, $compute:ident);* $(;)?) => {$(
        unsafe extern "C" fn $name(object: Raw, other: Raw) -> Raw {
            // SAFETY: the interpreter passes a live proxy and a live object; the two functions get live objects.
            entry(|py| unsafe {
                in_place(py, object, other, $method, |a, b| api::$change(a, b), |a, b| api::$compute(a, b))
            })
        }
    )*};
}

in_place! {
    in_place_add: "__iadd__", PyNumber_InPlaceAdd, PyNumber_Add;
    in_place_subtract: "__isub__", PyNumber_InPlaceSubtract, PyNumber_Subtract;
    in_place_multiply: "__imul__", PyNumber_InPlaceMultiply, PyNumber_Multiply;
    in_place_matrix: "__imatmul__", PyNumber_InPlaceMatrixMultiply, PyNumber_MatrixMultiply;
    in_place_remainder: "__imod__", PyNumber_InPlaceRemainder, PyNumber_Remainder;
    in_place_floor: "__ifloordiv__", PyNumber_InPlaceFloorDivide, PyNumber_FloorDivide;
    in_place_divide: "__itruediv__", PyNumber_InPlaceTrueDivide, PyNumber_TrueDivide;
    in_place_left_shift: "__ilshift__", PyNumber_InPlaceLshift, PyNumber_Lshift;
    in_place_right_shift: "__irshift__", PyNumber_InPlaceRshift, PyNumber_Rshift;
    in_place_and: "__iand__", PyNumber_InPlaceAnd, PyNumber_And;
    in_place_xor: "__ixor__", PyNumber_InPlaceXor, PyNumber_Xor;
    in_place_or: "__ior__", PyNumber_InPlaceOr, PyNumber_Or;
}

unsafe extern "C" fn in_place_power(object: Raw, other: Raw, modulus: Raw) -> Raw {
    // SAFETY: the interpreter passes a live proxy and live objects; the two functions get live objects.
    entry(|py| unsafe {
        in_place(
            py,
            object,
            other,
            "__ipow__",
            |a, b| api::PyNumber_InPlacePower(a, b, modulus),
            |a, b| api::PyNumber_Power(a, b, modulus),
        )
    })
}

/// The slots with their functions.
pub(super) fn slots() -> Vec<(c_int, *mut c_void)> {
    vec![
        (ffi::Py_nb_add, add as *mut c_void),
        (ffi::Py_nb_subtract, subtract as *mut c_void),
        (ffi::Py_nb_multiply, multiply as *mut c_void),
        (ffi::Py_nb_matrix_multiply, matrix as *mut c_void),
        (ffi::Py_nb_remainder, remainder as *mut c_void),
        (ffi::Py_nb_divmod, divmod as *mut c_void),
        (ffi::Py_nb_floor_divide, floor as *mut c_void),
        (ffi::Py_nb_true_divide, divide as *mut c_void),
        (ffi::Py_nb_lshift, left_shift as *mut c_void),
        (ffi::Py_nb_rshift, right_shift as *mut c_void),
        (ffi::Py_nb_and, and as *mut c_void),
        (ffi::Py_nb_xor, xor as *mut c_void),
        (ffi::Py_nb_or, or as *mut c_void),
        (ffi::Py_nb_power, power as *mut c_void),
        (ffi::Py_nb_negative, negative as *mut c_void),
        (ffi::Py_nb_positive, positive as *mut c_void),
        (ffi::Py_nb_absolute, absolute as *mut c_void),
        (ffi::Py_nb_invert, invert as *mut c_void),
        (ffi::Py_nb_int, integer as *mut c_void),
        (ffi::Py_nb_float, float as *mut c_void),
        (ffi::Py_nb_index, index as *mut c_void),
        (ffi::Py_nb_bool, truth as *mut c_void),
        (ffi::Py_nb_inplace_add, in_place_add as *mut c_void),
        (ffi::Py_nb_inplace_subtract, in_place_subtract as *mut c_void),
        (ffi::Py_nb_inplace_multiply, in_place_multiply as *mut c_void),
        (ffi::Py_nb_inplace_matrix_multiply, in_place_matrix as *mut c_void),
        (ffi::Py_nb_inplace_remainder, in_place_remainder as *mut c_void),
        (ffi::Py_nb_inplace_floor_divide, in_place_floor as *mut c_void),
        (ffi::Py_nb_inplace_true_divide, in_place_divide as *mut c_void),
        (ffi::Py_nb_inplace_lshift, in_place_left_shift as *mut c_void),
        (ffi::Py_nb_inplace_rshift, in_place_right_shift as *mut c_void),
        (ffi::Py_nb_inplace_and, in_place_and as *mut c_void),
        (ffi::Py_nb_inplace_xor, in_place_xor as *mut c_void),
        (ffi::Py_nb_inplace_or, in_place_or as *mut c_void),
        (ffi::Py_nb_inplace_power, in_place_power as *mut c_void),
    ]
}
