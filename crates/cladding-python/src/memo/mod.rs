//! `lru_cache` and `cache`: the callables with a cache, one for all callers or one for each instance.

use cladding_capi::TypeBuilder;
use pyo3::prelude::*;

mod bound;
mod instances;
mod key;
mod methods;
mod per_instance;
mod settings;
mod shared;
mod store;

use bound::BoundLruCache;
use per_instance::InstanceLruCache;
use settings::Settings;
use shared::LruCache;

/// A callable with a cache in front of `function`. `info` makes what `cache_info()` gives.
#[pyfunction]
#[pyo3(signature = (function, maxsize, typed, per_instance, info))]
pub(crate) fn lru_cache<'py>(
    py: Python<'py>,
    function: &Bound<'py, PyAny>,
    maxsize: Option<usize>,
    typed: bool,
    per_instance: bool,
    info: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let settings = Settings {
        function: function.into(),
        maxsize,
        typed,
        info: info.into(),
    };
    let made = if per_instance {
        InstanceLruCache::create(settings)?
    } else {
        LruCache::create(settings)?
    };
    Ok(made.bound(py).clone())
}

/// Makes the types and adds them to the module.
pub(crate) fn add_types(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let shared = methods::add(TypeBuilder::<LruCache>::new().callable().open().binds()).build(py)?;
    let each = methods::add(TypeBuilder::<InstanceLruCache>::new().callable().open().binds()).build(py)?;
    let bound = BoundLruCache::add(methods::add_cache_methods(
        TypeBuilder::<BoundLruCache>::new().callable(),
    ));
    module.add("LruCache", shared.bound(py))?;
    module.add("InstanceLruCache", each.bound(py))?;
    module.add("BoundLruCache", bound.build(py)?.bound(py))?;
    Ok(())
}
