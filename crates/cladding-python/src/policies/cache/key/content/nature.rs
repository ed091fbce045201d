//! Which objects are keys by their content, though some of them have a hash.

use std::sync::atomic::{AtomicU64, Ordering};

use cladding_capi::{Owned, counted, keys};
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;

use super::class_version;

/// How deep tuples are looked into.
const DEPTH: u32 = 8;

/// The method by which a class says what its objects' content is.
const METHOD: &str = "__cladding_key__";

/// What was found out last, by the low bits of a class's version: the version, and whether content is needed.
static KNOWN: [AtomicU64; 16] = [const { AtomicU64::new(0) }; 16];

/// Whether an object's content has to stand for it: because it has no hash, because its hash is no business of its content,
/// or because its class says so.
#[inline]
pub(in super::super) fn is_needed(py: Python<'_>, object: &Owned) -> bool {
    is_needed_within(py, object, DEPTH)
}

fn is_needed_within(py: Python<'_>, object: &Owned, depth: u32) -> bool {
    if keys::is_scalar(object) {
        return false;
    }
    if let Some(items) = keys::tuple_items(object) {
        return depth == 0 || items.iter().any(|item| is_needed_within(py, item, depth - 1));
    }
    let Some(version) = class_version(object) else {
        return find_out(py, object);
    };
    let known = &KNOWN[version as usize % KNOWN.len()];
    let state = known.load(Ordering::Relaxed);
    if state >> 1 == u64::from(version) {
        return state & 1 == 1;
    }
    let is_needed = find_out(py, object);
    known.store(u64::from(version) << 1 | u64::from(is_needed), Ordering::Relaxed);
    is_needed
}

#[cold]
fn find_out(py: Python<'_>, object: &Owned) -> bool {
    counted(py, |py| {
        let class = object.bound(py).get_type();
        if class.is_subclass_of::<pyo3::types::PyType>().unwrap_or(false) {
            return false;
        }
        keys::has_no_hash(object)
            || object.is_exactly::<PyMemoryView>(py)
            || class.mro().iter().any(|base| is_tensor(&base))
            || class.getattr(METHOD).is_ok_and(|method| !method.is_none())
    })
}

/// Whether a class is that of torch's tensors, whose hash is their address.
fn is_tensor(class: &Bound<'_, PyAny>) -> bool {
    let is = |name: &str, text: &str| class.getattr(name).is_ok_and(|found| found.eq(text).unwrap_or(false));
    is("__qualname__", "Tensor") && is("__module__", "torch")
}
