//! The parameters of the proxies' own `__init__`s.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};

use super::api::{Raw, borrowed, raise};
use crate::{Owned, Raised};

/// Reads arguments that may all be given by position or by name; those that were not given are `None`.
///
/// # Safety
/// * A live tuple, and a live dictionary or NULL.
pub(super) unsafe fn read(
    py: Python<'_>,
    function: &str,
    arguments: Raw,
    keywords: Raw,
    expected: &[&str],
    required: usize,
) -> Result<Vec<Option<Owned>>, Raised> {
    // SAFETY: passed on from the caller; the class is static.
    unsafe {
        let wrong = |text: String| raise(ffi::PyExc_TypeError, &text);
        let count = ffi::PyTuple_GET_SIZE(arguments) as usize;
        if count > expected.len() {
            let most = expected.len();
            return Err(wrong(format!(
                "{function}() takes at most {most} arguments ({count} given)"
            )));
        }
        let mut given: Vec<Option<Owned>> = (0..expected.len())
            .map(|index| (index < count).then(|| borrowed(ffi::PyTuple_GET_ITEM(arguments, index as ffi::Py_ssize_t))))
            .collect();
        if !keywords.is_null() {
            let keywords = borrowed(keywords);
            for (name, value) in keywords.bound(py).cast::<PyDict>().map_err(PyErr::from)?.iter() {
                let name = name.cast::<PyString>().map_err(PyErr::from)?.to_string();
                let Some(place) = expected.iter().position(|expected| *expected == name) else {
                    return Err(wrong(format!(
                        "{function}() got an unexpected keyword argument '{name}'"
                    )));
                };
                if given[place].replace(value.into()).is_some() {
                    return Err(wrong(format!("{function}() got multiple values for argument '{name}'")));
                }
            }
        }
        match given[..required].iter().position(Option::is_none) {
            Some(place) => Err(wrong(format!(
                "{function}() missing required argument '{}'",
                expected[place]
            ))),
            None => Ok(given),
        }
    }
}
