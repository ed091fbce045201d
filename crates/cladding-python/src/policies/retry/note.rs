//! What is left on the exception of a call that gave up: a note, and the exceptions before it.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};

/// The attribute with the exceptions of the attempts before, oldest first.
const EARLIER: &str = "__cladding_failures__";

/// Says on the last exception what was tried. An exception has one such note for each function: a stack of two
/// retries, or an exception that is kept and raised by one call after the other, does not collect them.
pub(super) fn leave(
    py: Python<'_>,
    failure: &Owned,
    function: &str,
    retries: u32,
    elapsed: f64,
    reason: &str,
) -> PyResult<()> {
    let begin = format!("retry of {function} gave up after ");
    let (attempts, plural) = (u64::from(retries) + 1, if retries == 0 { "" } else { "s" });
    let note = format!("{begin}{attempts} attempt{plural} in {elapsed:.3} s: {reason}");
    let attributes = failure.bound(py).getattr(pyo3::intern!(py, "__dict__"))?;
    let notes = attributes.cast::<PyDict>()?.get_item(pyo3::intern!(py, "__notes__"))?;
    if let Some(notes) = notes.as_ref().and_then(|notes| notes.cast::<PyList>().ok()) {
        let is_ours = |known: &Bound<'_, PyAny>| {
            known
                .cast::<PyString>()
                .is_ok_and(|known| known.to_string_lossy().starts_with(&begin))
        };
        if let Some(index) = notes.iter().position(|known| is_ours(&known)) {
            return notes.set_item(index, note);
        }
    }
    failure.bound(py).call_method1(pyo3::intern!(py, "add_note"), (note,))?;
    Ok(())
}

/// Leaves the exceptions before it on an exception, in place of those of a call before.
pub(super) fn keep_earlier(py: Python<'_>, failure: &Owned, earlier: &Bound<'_, PyTuple>) -> PyResult<()> {
    let attributes = failure.bound(py).getattr(pyo3::intern!(py, "__dict__"))?;
    let attributes = attributes.cast::<PyDict>()?;
    if !earlier.is_empty() {
        attributes.set_item(EARLIER, earlier)
    } else if attributes.contains(EARLIER)? {
        attributes.del_item(EARLIER)
    } else {
        Ok(())
    }
}
