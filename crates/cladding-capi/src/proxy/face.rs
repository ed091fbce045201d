//! What few function wrappers need: a genuine function that stands for the wrapper, and the search for a lost instance.

use std::sync::Mutex;

use pyo3::ffi;
use pyo3::prelude::*;

use super::api::{PyObject_IsTrue, Raw, borrowed, lookup, names, optional_attribute, status};
use super::layout::Function;
use super::metadata::Attribute;
use crate::arguments::call;
use crate::{Owned, Raised};

/// A Python function that the proxies ask.
pub struct Hook(Mutex<Option<Owned>>);

/// Makes the function that stands for a function wrapper where tools go by `__code__`.
pub static FACE_MAKER: Hook = Hook(Mutex::new(None));
/// Says whether an attribute of an argument's class leads to a function wrapper.
pub static INSTANCE_FINDER: Hook = Hook(Mutex::new(None));

impl Hook {
    /// Sets or takes back the hook, and gives the one that was there before.
    pub fn set(&self, hook: Option<Owned>) -> Option<Owned> {
        std::mem::replace(
            &mut *self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner),
            hook,
        )
    }

    fn get(&self) -> Option<Owned> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }
}

/// The function that stands for a wrapper, made when it is asked for first.
///
/// # Safety
/// * A live function wrapper.
pub(super) unsafe fn of(py: Python<'_>, object: Raw) -> Result<Option<Owned>, Raised> {
    // SAFETY: passed on from the caller.
    unsafe {
        let this = Function::of(object);
        if let Some(extra) = this.extra.get().as_ref()
            && let Some(face) = extra.face.get(object)
        {
            return Ok(Some(face).filter(|face| !face.is_none()));
        }
        let Some(maker) = FACE_MAKER.get() else {
            return Ok(None);
        };
        let face = call(py, &maker, &[&borrowed(object)])?;
        this.extra().face.set(object, Some(face.clone()));
        Ok(Some(face).filter(|face| !face.is_none()))
    }
}

/// Forgets the function, because the wrapper is no longer the same.
///
/// # Safety
/// * A live function wrapper.
pub(super) unsafe fn forget(object: Raw) {
    // SAFETY: passed on from the caller.
    unsafe {
        if let Some(extra) = Function::of(object).extra.get().as_ref() {
            extra.face.set(object, None);
        }
    }
}

/// Whether an attribute of the first argument's class (or of the first argument, if it is a class) leads to this wrapper.
/// The answer is kept for the class until the class changes.
///
/// # Safety
/// * A live function wrapper.
pub(super) unsafe fn leads_to(py: Python<'_>, object: Raw, first: &Owned) -> Result<bool, Raised> {
    // SAFETY: passed on from the caller; the class is alive as long as the argument.
    unsafe {
        let pointer = first.as_ptr();
        let class = if ffi::PyType_Check(pointer) != 0 {
            pointer.cast()
        } else {
            ffi::Py_TYPE(pointer)
        };
        let answers = &Function::of(object).extra().answers;
        if let Some(version) = version(class)
            && let Some(answer) = answers.get(object, class, version)
        {
            return Ok(answer);
        }
        // A method under its own name, which is what is asked nearly always. Looking something up gives a class a version.
        let name = optional_attribute(object, Attribute::Name.name())?;
        let found = name.filter(|name| ffi::PyUnicode_Check(name.as_ptr()) != 0);
        let found = found.and_then(|name| lookup(ffi::Py_TYPE(pointer), name.as_ptr()));
        drop(lookup(class, names().wrapped.as_ptr()));
        if found.is_some_and(|found| found.as_ptr() == object) {
            if let Some(version) = version(class) {
                answers.keep(object, class, version, true);
            }
            return Ok(true);
        }
        let Some(finder) = INSTANCE_FINDER.get() else {
            return Ok(false);
        };
        // The class may change while Python code runs, and then it has another version than this.
        let version = version(class);
        let answer = call(py, &finder, &[&borrowed(object), first])?;
        let answer = status(PyObject_IsTrue(answer.as_ptr()))? != 0;
        if let Some(version) = version {
            answers.keep(object, class, version, answer);
        }
        Ok(answer)
    }
}

/// The version of a class together with its metaclass's; `None` while one of them has none.
#[inline]
unsafe fn version(class: *mut ffi::PyTypeObject) -> Option<u64> {
    // SAFETY: the caller passes a live class, which keeps its metaclass alive.
    let (own, meta) = unsafe { ((*class).tp_version_tag, (*ffi::Py_TYPE(class.cast())).tp_version_tag) };
    (own != 0 && meta != 0).then(|| u64::from(meta) << 32 | u64::from(own))
}
