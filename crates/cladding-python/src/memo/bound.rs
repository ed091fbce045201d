//! A method with a cache for each instance, bound to one: what `instance.method` is.

use std::ffi::CStr;
use std::sync::Arc;

use cladding_capi::{
    Arguments, Binds, Class, Compared, Constructed, Getter, Method, Owned, Raised, This, TypeBuilder, TypeCell,
    Vectorcall, Visit, bound_method, counted, object,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::key::View;
use super::methods::Cached;
use super::per_instance::{Inner, InstanceLruCache};
use super::settings::Settings;
use super::store::Counts;

/// The bound method.
pub(super) struct BoundLruCache {
    cache: Owned,
    instance: Owned,
    inner: Arc<Inner>,
}

impl BoundLruCache {
    pub(super) fn create(cache: Owned, instance: Owned, inner: Arc<Inner>) -> Result<Owned, Raised> {
        object::create_callable(Self { cache, instance, inner })
    }

    pub(super) fn add(builder: TypeBuilder<Self>) -> TypeBuilder<Self> {
        builder
            .without_doc()
            .compared()
            .constructed()
            .more_attributes()
            .getter::<Instance>()
            .getter::<Function>()
            .getter::<Wrapped>()
            .getter::<Doc>()
            .method::<Reduce>()
    }
}

impl Class for BoundLruCache {
    const NAME: &'static CStr = c"cladding.BoundLruCache";
    const DOC: &'static CStr = c"A method whose results are cached for each instance, bound to one.";

    fn cell() -> &'static TypeCell {
        static CELL: TypeCell = TypeCell::new();
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.cache);
        visit.one(&self.instance);
    }

    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        let (function, instance) = (self.inner.settings.name(py), self.instance.bound(py).repr()?);
        Ok(format!("<bound method {function} of {instance}, with a cache>"))
    }

    fn attribute(this: &This<'_, Self>, py: Python<'_>, name: &str) -> Option<Owned> {
        // Whatever the function has; an attribute that is nowhere is reported as this object's own.
        this.cache.bound(py).getattr(name).ok().map(Owned::from)
    }
}

impl Vectorcall for BoundLruCache {
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        let settings = &this.inner.settings;
        let view = View::new(arguments, 0, settings.typed);
        this.inner.call(py, &this.instance, &view, || {
            arguments.call_after(py, &settings.function, std::slice::from_ref(&this.instance))
        })
    }
}

impl Compared for BoundLruCache {
    fn equals(&self, other: &Self) -> bool {
        self.cache.as_ptr() == other.cache.as_ptr() && self.instance.as_ptr() == other.instance.as_ptr()
    }

    fn hash(&self) -> isize {
        (self.cache.as_ptr().addr() ^ self.instance.as_ptr().addr().rotate_right(4)) as isize
    }
}

impl Constructed for BoundLruCache {
    /// As `types.MethodType` takes them: the method and the instance. `weakref.WeakMethod` makes bound methods so.
    fn construct(py: Python<'_>, arguments: &[Owned]) -> Result<Owned, Raised> {
        if let [cache, instance] = arguments
            && let Some(cache) = This::<InstanceLruCache>::of(cache)
        {
            return InstanceLruCache::bind(&cache, py, instance);
        }
        let text = "BoundLruCache takes a method with a cache for each instance, and an instance";
        Err(counted(py, |_| PyTypeError::new_err(text).into()))
    }
}

impl Cached for BoundLruCache {
    fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn counts(&self, _py: Python<'_>) -> Counts {
        self.inner.counts_of(&self.instance)
    }

    fn empty(&self, _py: Python<'_>) {
        self.inner.empty_of(&self.instance);
    }
}

struct Instance;
struct Function;
struct Wrapped;
struct Doc;
struct Reduce;

impl Getter<BoundLruCache> for Instance {
    const NAME: &'static CStr = c"__self__";
    const DOC: &'static CStr = c"The instance.";

    fn get(this: &This<'_, BoundLruCache>, _py: Python<'_>) -> PyResult<Owned> {
        Ok(this.instance.clone())
    }
}

impl Getter<BoundLruCache> for Function {
    const NAME: &'static CStr = c"__func__";
    const DOC: &'static CStr = c"The method that is bound.";

    fn get(this: &This<'_, BoundLruCache>, _py: Python<'_>) -> PyResult<Owned> {
        Ok(this.cache.clone())
    }
}

impl Getter<BoundLruCache> for Wrapped {
    const NAME: &'static CStr = c"__wrapped__";
    const DOC: &'static CStr = c"The method without a cache, bound to the same instance.";

    fn get(this: &This<'_, BoundLruCache>, py: Python<'_>) -> PyResult<Owned> {
        Ok(bound_method(py, &this.inner.settings.function, &this.instance)?)
    }
}

impl Getter<BoundLruCache> for Doc {
    const NAME: &'static CStr = c"__doc__";
    const DOC: &'static CStr = c"The docstring of the method.";

    fn get(this: &This<'_, BoundLruCache>, py: Python<'_>) -> PyResult<Owned> {
        Ok(this.cache.bound(py).getattr("__doc__")?.into())
    }
}

impl Method<BoundLruCache> for Reduce {
    const NAME: &'static CStr = c"__reduce__";
    const DOC: &'static CStr = c"Pickled as a bound method is: the instance, and the name of the method.";

    fn call(this: &This<'_, BoundLruCache>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        counted(py, |py| {
            let name = this.cache.bound(py).getattr("__name__")?;
            let getattr = py.import("builtins")?.getattr("getattr")?;
            let parts = (getattr, (this.instance.bound(py).clone(), name));
            Ok(parts.into_pyobject(py)?.into_any().into())
        })
    }
}
