//! Whether a call's first argument is what a method was called on.

use std::sync::atomic::{AtomicU64, Ordering};

use cladding_capi::{Owned, counted, kind};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use crate::target::{Kind, Target};

/// Knows the methods that were defined in the body of a class, by their qualified name; other functions have no receiver.
///
/// A function in a class's body is a method unless the class has it as a static method. That is looked up in the class of
/// the first argument, or in the first argument itself where that is a class, once for each class and version of it.
pub(crate) struct Receiver {
    /// The qualified name of the class.
    owner: Option<String>,
    name: String,
    /// What was found out last, by the low bits of a class's version: the version, whether it was of a class as the
    /// argument, whether the function is a method of it.
    known: [AtomicU64; 4],
}

impl Receiver {
    pub(crate) fn new(target: &Target) -> Self {
        let (owner, name) = target.qualname.rsplit_once('.').unwrap_or(("", &target.qualname));
        let is_method = target.kind != Kind::Class && !owner.is_empty() && !owner.ends_with("<locals>");
        Self {
            owner: is_method.then(|| owner.to_owned()),
            name: name.to_owned(),
            known: Default::default(),
        }
    }

    /// Whether this is the function's qualified name.
    pub(crate) fn is_named(&self, qualname: &str) -> bool {
        let owner = self.owner.as_deref();
        owner.is_some_and(|owner| qualname.rsplit_once('.') == Some((owner, &self.name)))
    }

    /// Whether calls may have one at all.
    #[inline]
    pub(crate) fn is_possible(&self) -> bool {
        self.owner.is_some()
    }

    /// Whether this first argument is one.
    #[inline]
    pub(crate) fn is(&self, py: Python<'_>, first: &Owned) -> bool {
        let Some((version, is_class)) = kind::version(first) else {
            return self.found(py, first);
        };
        let known = &self.known[version as usize % self.known.len()];
        let state = known.load(Ordering::Relaxed);
        let asked = u64::from(version) << 2 | u64::from(is_class) << 1;
        if state & !1 == asked {
            return state & 1 == 1;
        }
        let is = self.found(py, first);
        known.store(asked | u64::from(is), Ordering::Relaxed);
        is
    }

    #[cold]
    fn found(&self, py: Python<'_>, first: &Owned) -> bool {
        let Some(owner) = &self.owner else {
            return false;
        };
        counted(py, |py| {
            let first = first.bound(py);
            let as_class = first.cast::<PyType>().ok().map(|class| self.is_method_of(class, owner));
            let as_instance = || self.is_method_of(&first.get_type(), owner);
            as_class.flatten().or_else(as_instance).unwrap_or(false)
        })
    }

    /// Whether the function is a method of this class or of one of its bases; `None` if it belongs to none of them.
    fn is_method_of(&self, class: &Bound<'_, PyType>, owner: &str) -> Option<bool> {
        for each in class.mro().iter() {
            let Ok(base) = each.cast::<PyType>() else {
                continue;
            };
            if !base.qualname().is_ok_and(|name| name == owner) {
                continue;
            }
            let dict = base.getattr("__dict__").ok()?;
            let mangled = || {
                let class = owner.rsplit('.').next().unwrap_or(owner).trim_start_matches('_');
                dict.get_item(format!("_{class}{}", self.name)).ok()
            };
            let found = dict.get_item(self.name.as_str()).ok().or_else(mangled);
            return Some(!found.is_some_and(|found| is_static(&found)));
        }
        None
    }
}

fn is_static(attribute: &Bound<'_, PyAny>) -> bool {
    static STATIC: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = attribute.py();
    let class = STATIC.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("builtins")?.getattr("staticmethod")?.unbind())
    });
    class.is_ok_and(|class| attribute.is_instance(class.bind(py)).unwrap_or(false))
}
