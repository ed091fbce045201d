//! What a cache was asked to do, and for which function.

use cladding_capi::{Owned, Raised, Visit, has_room};
use pyo3::exceptions::PyRecursionError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::store::Counts;

/// The function and the parameters.
pub(super) struct Settings {
    pub(super) function: Owned,
    /// How many results are kept; `None` for any number.
    pub(super) maxsize: Option<usize>,
    /// Arguments of different types are different keys.
    pub(super) typed: bool,
    /// The named tuple that `cache_info()` gives.
    pub(super) info: Owned,
}

impl Settings {
    pub(super) fn info(&self, py: Python<'_>, counts: Counts) -> PyResult<Owned> {
        let parts = (counts.hits, counts.misses, self.maxsize, counts.entries);
        Ok(self.info.bound(py).call1(parts)?.into())
    }

    pub(super) fn parameters(&self, py: Python<'_>) -> PyResult<Owned> {
        let parameters = PyDict::new(py);
        parameters.set_item("maxsize", self.maxsize)?;
        parameters.set_item("typed", self.typed)?;
        Ok(parameters.into_any().into())
    }

    pub(super) fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.function);
        visit.one(&self.info);
    }

    pub(super) fn repr(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<lru_cache of {}>", self.function.bound(py).repr()?))
    }

    /// The function's qualified name, for messages.
    pub(super) fn name(&self, py: Python<'_>) -> String {
        let name = self.function.bound(py).getattr("__qualname__");
        name.map_or_else(|_| "?".to_owned(), |name| name.to_string())
    }
}

/// Looks at what is left of the thread's stack, before the function is called.
#[inline]
pub(super) fn check_depth() -> Result<(), Raised> {
    if has_room() {
        return Ok(());
    }
    Err(PyRecursionError::new_err("maximum recursion depth exceeded in a cached function").into())
}
