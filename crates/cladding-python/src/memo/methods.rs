//! The methods that cached functions have: those of `functools`, and what pickling and copying ask for.

use std::ffi::CStr;

use cladding_capi::{Arguments, Class, Method, Owned, Raised, This, TypeBuilder, counted};
use pyo3::prelude::*;

use super::settings::Settings;
use super::store::Counts;

/// What the methods need of a cached function.
pub(super) trait Cached: Class {
    fn settings(&self) -> &Settings;
    fn counts(&self, py: Python<'_>) -> Counts;
    fn empty(&self, py: Python<'_>);
}

/// Adds all of them.
pub(super) fn add<T: Cached>(builder: TypeBuilder<T>) -> TypeBuilder<T> {
    add_cache_methods(builder)
        .method::<Reduce>()
        .method::<Copy>()
        .method::<DeepCopy>()
}

/// Adds those that are about the cache.
pub(super) fn add_cache_methods<T: Cached>(builder: TypeBuilder<T>) -> TypeBuilder<T> {
    builder
        .method::<CacheInfo>()
        .method::<CacheClear>()
        .method::<CacheParameters>()
}

struct CacheInfo;
struct CacheClear;
struct CacheParameters;
struct Reduce;
struct Copy;
struct DeepCopy;

/// Refuses arguments where there are none.
fn none_wanted(py: Python<'_>, name: &CStr, arguments: &Arguments<'_>) -> Result<(), Raised> {
    let given = arguments.values().len();
    if given == 0 {
        return Ok(());
    }
    let text = format!("{}() takes no arguments ({given} given)", name.to_string_lossy());
    Err(counted(py, |_| pyo3::exceptions::PyTypeError::new_err(text).into()))
}

impl<T: Cached> Method<T> for CacheInfo {
    const NAME: &'static CStr = c"cache_info";
    const DOC: &'static CStr = c"cache_info($self, /)\n--\n\nReport cache statistics: hits, misses, maxsize, currsize.";

    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        none_wanted(py, <Self as Method<T>>::NAME, &arguments)?;
        let counts = this.counts(py);
        counted(py, |py| Ok(this.settings().info(py, counts)?))
    }
}

impl<T: Cached> Method<T> for CacheClear {
    const NAME: &'static CStr = c"cache_clear";
    const DOC: &'static CStr = c"cache_clear($self, /)\n--\n\nEmpty the cache and start its statistics again.";

    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        none_wanted(py, <Self as Method<T>>::NAME, &arguments)?;
        this.empty(py);
        Ok(Owned::none())
    }
}

impl<T: Cached> Method<T> for CacheParameters {
    const NAME: &'static CStr = c"cache_parameters";
    const DOC: &'static CStr = c"cache_parameters($self, /)\n--\n\nThe parameters of the cache: maxsize and typed.";

    fn call(this: &This<'_, T>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        none_wanted(py, <Self as Method<T>>::NAME, &arguments)?;
        counted(py, |py| Ok(this.settings().parameters(py)?))
    }
}

impl<T: Cached> Method<T> for Reduce {
    const NAME: &'static CStr = c"__reduce__";
    const DOC: &'static CStr =
        c"Pickled by name, as functions are; one that has no name elsewhere, by its function and its parameters.";

    fn call(this: &This<'_, T>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let this = this.owned();
        counted(py, |py| {
            let reduce = py.import("cladding._memo._lru")?.getattr("reduce")?;
            Ok(reduce.call1((this.bound(py),))?.into())
        })
    }
}

impl<T: Cached> Method<T> for Copy {
    const NAME: &'static CStr = c"__copy__";
    const DOC: &'static CStr = c"The function itself, as functions are copied.";

    fn call(this: &This<'_, T>, _py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        Ok(this.owned())
    }
}

impl<T: Cached> Method<T> for DeepCopy {
    const NAME: &'static CStr = c"__deepcopy__";
    const DOC: &'static CStr = c"The function itself, as functions are copied.";

    fn call(this: &This<'_, T>, _py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        Ok(this.owned())
    }
}
