//! A method with one cache for each instance: what `lru_cache(per_instance=True)` makes.

use std::ffi::CStr;
use std::sync::{Arc, OnceLock};

use cladding_capi::{
    Arguments, Binds, Class, Guarded, Owned, Raised, This, TypeCell, Vectorcall, Visit, counted, object, weak_reference,
};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::bound::BoundLruCache;
use super::instances::Instances;
use super::key::View;
use super::methods::Cached;
use super::settings::{Settings, check_depth};
use super::store::{Counts, Found, Store, keep_late, search};
use crate::addresses::{Bereft, forgetting};

/// The callable.
pub(super) struct InstanceLruCache {
    /// Its references are shown to the garbage collector by this type alone.
    inner: Arc<Inner>,
}

/// What the callable shares with its bound methods and with whatever tells it of the end of instances.
pub(super) struct Inner {
    pub(super) settings: Settings,
    instances: Guarded<Instances>,
    /// What weak references call.
    callback: OnceLock<Owned>,
}

impl InstanceLruCache {
    pub(super) fn create(settings: Settings) -> Result<Owned, Raised> {
        let inner = Arc::new(Inner {
            settings,
            instances: Guarded::new(Instances::default()),
            callback: OnceLock::new(),
        });
        let bereft: Arc<dyn Bereft> = inner.clone();
        let _ = inner.callback.set(forgetting(Arc::downgrade(&bereft))?);
        object::create_callable(Self { inner })
    }
}

impl Inner {
    /// A call for an instance. `call` calls the function.
    #[inline]
    pub(super) fn call(
        &self,
        py: Python<'_>,
        instance: &Owned,
        view: &View<'_>,
        call: impl FnOnce() -> Result<Owned, Raised>,
    ) -> Result<Owned, Raised> {
        let hash = if self.settings.maxsize == Some(0) {
            0
        } else {
            view.hash(py)?
        };
        let find = |all: &mut Instances| all.of(instance).map(|store| store.find(view, hash));
        let mut found = self.instances.with(find);
        while found.is_none() {
            self.enrol(py, instance)?;
            found = self.instances.with(find);
        }
        if let Some(Found::Unsure) = found {
            found = self.find_slowly(py, instance, view, hash)?;
        }
        let before = match found {
            Some(Found::Hit(value)) => return Ok(value),
            Some(Found::Miss(before)) => Some(before),
            _ => None,
        };
        check_depth()?;
        let value = call()?;
        if self.settings.maxsize == Some(0) {
            return Ok(value);
        }
        let kept = self.instances.with(|all| {
            let store = all.of(instance)?;
            (Some(store.insertions()) == before).then(|| store.keep(view, hash, &value))
        });
        match kept {
            Some(evicted) => {
                drop(evicted);
                Ok(value)
            }
            None => keep_late(py, view, hash, value, |work| self.within(instance, work)),
        }
    }

    #[cold]
    fn find_slowly(
        &self,
        py: Python<'_>,
        instance: &Owned,
        view: &View<'_>,
        hash: u64,
    ) -> Result<Option<Found>, Raised> {
        search(py, view, hash, |work| self.within(instance, work), Store::conclude)
    }

    fn within(&self, instance: &Owned, work: &mut dyn FnMut(&mut Store)) {
        self.instances.with(|all| all.of(instance).map(work));
    }

    /// Gives an instance a cache.
    #[cold]
    fn enrol(&self, py: Python<'_>, instance: &Owned) -> Result<(), Raised> {
        let callback = self.callback.get().expect("set when the cache was made");
        let reference = match weak_reference(py, instance, callback) {
            Ok(reference) => reference,
            Err(raised) => return Err(self.refusal(py, instance, &raised.take(py))),
        };
        let maxsize = self.settings.maxsize;
        let gone = self.instances.with(|all| match all.of(instance) {
            Some(_) => (Some(reference), None),
            None => (None, all.add(instance, reference, Store::new(maxsize))),
        });
        drop(gone);
        Ok(())
    }

    /// The error for an instance that nothing can refer to weakly.
    fn refusal(&self, py: Python<'_>, instance: &Owned, cause: &Owned) -> Raised {
        counted(py, |py| {
            let class = instance.bound(py).get_type();
            let class = class
                .qualname()
                .map_or_else(|_| "?".to_owned(), |name| name.to_string());
            let function = self.settings.name(py);
            let error = PyTypeError::new_err(format!(
                "{function}() cannot have a cache for each instance: {class} instances cannot be referred to weakly; add \
                 '__weakref__' to the __slots__ of the class"
            ));
            error.set_cause(py, Some(PyErr::from_value(cause.bound(py).clone())));
            error.into()
        })
    }

    pub(super) fn counts_of(&self, instance: &Owned) -> Counts {
        let counts = self.instances.with(|all| all.of(instance).map(|store| store.counts()));
        counts.unwrap_or_default()
    }

    pub(super) fn empty_of(&self, instance: &Owned) {
        drop(self.instances.with(|all| all.of(instance).map(Store::clear)));
    }
}

impl Class for InstanceLruCache {
    const NAME: &'static CStr = c"cladding.InstanceLruCache";
    const DOC: &'static CStr = c"A method whose results are cached for each instance.";

    fn cell() -> &'static TypeCell {
        static CELL: TypeCell = TypeCell::new();
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        self.inner.settings.traverse(visit);
        visit.all(self.inner.callback.get());
        if let Some(instances) = self.inner.instances.try_lock() {
            instances.traverse(&mut |object| visit.one(object));
        }
    }

    fn clear(&self) {
        drop(self.inner.instances.with(Instances::clear));
    }

    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        self.inner.settings.repr(py)
    }
}

impl Vectorcall for InstanceLruCache {
    #[inline]
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        let inner = &this.inner;
        let Some(instance) = arguments.positional().first() else {
            return Err(no_instance(py, &inner.settings));
        };
        let view = View::new(arguments, 1, inner.settings.typed);
        inner.call(py, instance, &view, || arguments.call(py, &inner.settings.function))
    }
}

#[cold]
fn no_instance(py: Python<'_>, settings: &Settings) -> Raised {
    counted(py, |py| {
        let name = settings.name(py);
        PyTypeError::new_err(format!(
            "{name}() has a cache for each instance and was called without one: the instance comes first, by position"
        ))
        .into()
    })
}

impl Binds for InstanceLruCache {
    fn bind(this: &This<'_, Self>, _py: Python<'_>, instance: &Owned) -> Result<Owned, Raised> {
        BoundLruCache::create(this.owned(), instance.clone(), this.inner.clone())
    }
}

impl Cached for InstanceLruCache {
    fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    fn counts(&self, _py: Python<'_>) -> Counts {
        self.inner.instances.with(|all| all.counts())
    }

    fn empty(&self, _py: Python<'_>) {
        drop(self.inner.instances.with(Instances::clear));
    }
}

impl Bereft for Inner {
    fn forget(&self, reference: &Owned) {
        drop(self.instances.with(|all| all.forget(reference)));
    }
}
