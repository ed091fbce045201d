//! What a heap type says of itself: its name, what the garbage collector must see, its calls, methods and attributes.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::{Arguments, Owned, Raised, This};

/// The Rust value of a heap type, and what every such type must say.
pub trait Class: Sized + Send + 'static {
    /// The full name, as in `c"package.module.Name"`.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr;

    /// Where the type object is kept once it is made.
    fn cell() -> &'static TypeCell;

    /// Shows every owned reference to the garbage collector. What is left out can never be collected in a cycle.
    fn traverse(&self, visit: &mut Visit<'_>);

    /// Drops references that can be part of a cycle. The object stays usable enough to be deallocated.
    fn clear(&self) {}

    /// Whether [`Class::finish`] has anything to do.
    fn is_unfinished(&self) -> bool {
        false
    }

    /// Called once, with [`TypeBuilder::finishing`], before the object is cleared by the garbage collector or freed; no
    /// exception is set then.
    fn finish(&self, _py: Python<'_>) {}

    /// What is found when the object is looked up as an attribute of a class: itself, or nothing for some classes.
    fn is_found_on(&self, _owner: &Owned) -> bool {
        true
    }

    /// The text of `repr`.
    fn repr(&self, _py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{}>", Self::NAME.to_string_lossy()))
    }

    /// An attribute that no table names, asked when the ordinary look-up has failed, with [`TypeBuilder::more_attributes`].
    fn attribute(_this: &This<'_, Self>, _py: Python<'_>, _name: &str) -> Option<Owned> {
        None
    }
}

/// A heap type whose objects can be called.
pub trait Vectorcall: Class {
    /// The call. `this` is kept alive by the caller.
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised>;
}

/// A method of a heap type; the implementing type has no values and only stands for the method.
pub trait Method<T: Class> {
    /// The name in Python.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr;
    /// The call.
    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised>;
}

/// A read-only attribute of a heap type; the implementing type has no values and only stands for the attribute.
pub trait Getter<T: Class> {
    /// The name in Python.
    const NAME: &'static CStr;
    /// The docstring.
    const DOC: &'static CStr;
    /// The value.
    fn get(this: &This<'_, T>, py: Python<'_>) -> PyResult<Owned>;
}

/// The place of one type object.
pub struct TypeCell(OnceLock<usize>);

impl TypeCell {
    /// An empty place.
    #[allow(clippy::new_without_default)]
    pub const fn new() -> Self {
        Self(OnceLock::new())
    }

    #[inline]
    pub(crate) fn get(&self) -> *mut ffi::PyTypeObject {
        self.0
            .get()
            .map_or(ptr::null_mut(), |address| ptr::with_exposed_provenance_mut(*address))
    }

    /// Keeps a type for the life of the process.
    pub(crate) fn keep(&self, class: Owned) {
        let _ = self.0.set(class.into_ptr().expose_provenance());
    }
}

/// The garbage collector's visitor.
pub struct Visit<'a> {
    function: ffi::visitproc,
    argument: *mut c_void,
    stopped: c_int,
    life: std::marker::PhantomData<&'a ()>,
}

impl Visit<'_> {
    /// The collector's own visitor and argument.
    pub(crate) fn new(function: ffi::visitproc, argument: *mut c_void) -> Self {
        Self {
            function,
            argument,
            stopped: 0,
            life: std::marker::PhantomData,
        }
    }

    /// What the visitor has said: anything but 0 ends the visit.
    pub(crate) fn stopped(&self) -> c_int {
        self.stopped
    }

    /// Shows one reference.
    #[inline]
    pub fn one(&mut self, object: &Owned) {
        if self.stopped == 0 {
            // SAFETY: the visitor and its argument come from the collector together.
            self.stopped = unsafe { (self.function)(object.as_ptr(), self.argument) };
        }
    }

    /// Shows one reference of PyO3's kind.
    #[inline]
    pub fn py<T>(&mut self, object: &Py<T>) {
        if self.stopped == 0 {
            // SAFETY: as in `one`.
            self.stopped = unsafe { (self.function)(object.as_ptr(), self.argument) };
        }
    }

    /// Shows several references.
    pub fn all<'o>(&mut self, objects: impl IntoIterator<Item = &'o Owned>) {
        for object in objects {
            self.one(object);
        }
    }
}
