//! What a cached function has as `functools.lru_cache` has it.

use std::sync::atomic::Ordering;

use pyo3::exceptions::PyAttributeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::hooks::Cache;
use super::life::Ttl;
use super::shared::SharedSpec;

impl Cache {
    /// `cache_clear()`, `cache_info()` or `cache_parameters()`.
    pub(super) fn as_functools(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        match name {
            "cache_clear" => {
                self.hits_before.store(self.hits.get(), Ordering::Relaxed);
                self.misses_before.store(self.misses.get(), Ordering::Relaxed);
                drop(self.store.clear());
                if let Some(shared) = &self.shared {
                    self.clear_store(shared, py)?;
                }
                Ok(py.None())
            }
            "cache_info" => {
                let numbers = self.numbers();
                let hits = numbers.hits.saturating_sub(self.hits_before.load(Ordering::Relaxed));
                let misses = numbers
                    .misses
                    .saturating_sub(self.misses_before.load(Ordering::Relaxed));
                let parts = (hits, misses, self.spec.max_entries, numbers.entries);
                Ok(py
                    .import("cladding._cache")?
                    .getattr("CacheInfo")?
                    .call1(parts)?
                    .unbind())
            }
            "cache_parameters" => {
                let parameters = PyDict::new(py);
                match &self.spec.life.ttl {
                    Ttl::Forever => parameters.set_item("ttl", py.None())?,
                    Ttl::Seconds(seconds) => parameters.set_item("ttl", seconds)?,
                    Ttl::Asked(ask) => parameters.set_item("ttl", ask.bound(py))?,
                }
                parameters.set_item("max_entries", self.spec.max_entries)?;
                let store = self.spec.shared.as_ref().map(SharedSpec::shown_url);
                parameters.set_item("store", store)?;
                parameters.set_item("generators", self.spec.life.generators)?;
                self.keys.parameters(&parameters)?;
                Ok(parameters.into_any().unbind())
            }
            _ => Err(PyAttributeError::new_err(name.to_owned())),
        }
    }
}
