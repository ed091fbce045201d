//! A function with one cache for all its callers: what `lru_cache` and `cache` make.

use std::ffi::CStr;

use cladding_capi::{
    Arguments, Binds, Class, Guarded, Owned, Raised, This, TypeCell, Vectorcall, Visit, bound_method, object,
};
use pyo3::prelude::*;

use super::key::View;
use super::methods::Cached;
use super::settings::{Settings, check_depth};
use super::store::{Counts, Found, Store, keep_late, search};

/// The callable.
pub(super) struct LruCache {
    settings: Settings,
    store: Guarded<Store>,
}

impl LruCache {
    pub(super) fn create(settings: Settings) -> Result<Owned, Raised> {
        let store = Guarded::new(Store::new(settings.maxsize));
        object::create_callable(Self { settings, store })
    }

    /// A call that has found nothing.
    fn miss(
        &self,
        py: Python<'_>,
        arguments: &Arguments<'_>,
        view: &View<'_>,
        hash: u64,
        before: u64,
    ) -> Result<Owned, Raised> {
        let value = arguments.call(py, &self.settings.function)?;
        let kept = self
            .store
            .with(|store| (store.insertions() == before).then(|| store.keep(view, hash, &value)));
        let Some(evicted) = kept else {
            return keep_late(py, view, hash, value, |work| self.store.with(work));
        };
        drop(evicted);
        Ok(value)
    }

    #[cold]
    fn find_slowly(&self, py: Python<'_>, view: &View<'_>, hash: u64) -> Result<Found, Raised> {
        let found = search(py, view, hash, |work| self.store.with(work), Store::conclude)?;
        Ok(found.unwrap_or(Found::Unsure))
    }
}

impl Class for LruCache {
    const NAME: &'static CStr = c"cladding.LruCache";
    const DOC: &'static CStr = c"A function whose results are cached.";

    fn cell() -> &'static TypeCell {
        static CELL: TypeCell = TypeCell::new();
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        self.settings.traverse(visit);
        if let Some(store) = self.store.try_lock() {
            store.traverse(&mut |object| visit.one(object));
        }
    }

    fn clear(&self) {
        drop(self.store.with(Store::clear));
    }

    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        self.settings.repr(py)
    }
}

impl Vectorcall for LruCache {
    #[inline]
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        let settings = &this.settings;
        if settings.maxsize == Some(0) {
            this.store.with(|store| store.misses += 1);
            check_depth()?;
            return arguments.call(py, &settings.function);
        }
        let view = View::new(arguments, 0, settings.typed);
        let hash = view.hash(py)?;
        let mut found = this.store.with(|store| store.find(&view, hash));
        if let Found::Unsure = found {
            found = this.find_slowly(py, &view, hash)?;
        }
        match found {
            Found::Hit(value) => Ok(value),
            Found::Miss(before) => {
                check_depth()?;
                this.miss(py, arguments, &view, hash, before)
            }
            Found::Unsure => unreachable!("the cache of a function is there for as long as the function"),
        }
    }
}

impl Binds for LruCache {
    fn bind(this: &This<'_, Self>, py: Python<'_>, instance: &Owned) -> Result<Owned, Raised> {
        bound_method(py, &this.owned(), instance)
    }
}

impl Cached for LruCache {
    fn settings(&self) -> &Settings {
        &self.settings
    }

    fn counts(&self, _py: Python<'_>) -> Counts {
        self.store.with(|store| store.counts())
    }

    fn empty(&self, _py: Python<'_>) {
        drop(self.store.with(Store::clear));
    }
}
