//! What kind of object something is, told by a number that stays the same until its type is changed.

use pyo3::ffi;

use crate::Owned;

/// The version of a class, or of an object's class, and whether the object is a class itself.
///
/// Versions are given out by the interpreter, never twice while it runs. `None` where the class has none at the moment.
#[inline]
pub fn version(object: &Owned) -> Option<(u32, bool)> {
    // SAFETY: the object is alive, and so is its type; a type's flags say whether its instances are types, whose layout
    // begins as that of all types does.
    let (version, is_class) = unsafe {
        let own = ffi::Py_TYPE(object.as_ptr());
        if ffi::PyType_GetFlags(own) & ffi::Py_TPFLAGS_TYPE_SUBCLASS == 0 {
            ((*own).tp_version_tag, false)
        } else {
            ((*object.as_ptr().cast::<ffi::PyTypeObject>()).tp_version_tag, true)
        }
    };
    (version != 0).then_some((version, is_class))
}
