//! `f.cache`: single results, each named by the arguments of its call.

use std::sync::atomic::Ordering;

use cladding_capi::{Owned, SavedArguments, counted};
use pyo3::exceptions::{PyAttributeError, PyKeyError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyList, PyString, PyTuple};

use super::hooks::Cache;
use super::keeping::Awaited;
use super::key::View;
use crate::hooks::{Call, Outcome};

/// The names of what there is.
pub(super) const SPACE: [&str; 6] = ["get", "put", "invalidate", "invalidate_tag", "items", "load"];

impl Cache {
    /// One of [`SPACE`].
    pub(super) fn single(
        &self,
        py: Python<'_>,
        name: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let only = || -> PyResult<Bound<'_, PyAny>> {
            if args.len() == 1 && kwargs.is_none() {
                return args.get_item(0);
            }
            Err(PyTypeError::new_err(format!(
                "{name}() takes one argument, by position"
            )))
        };
        match name {
            "get" => self.with_key(py, args, kwargs, |call, view, hash| {
                match self.get(call, view, hash)? {
                    Some(value) => Ok(value.bound(py).clone().unbind()),
                    None => Err(PyKeyError::new_err(args.clone().unbind())),
                }
            }),
            "put" => {
                let Ok(value) = args.get_item(0) else {
                    return Err(PyTypeError::new_err(
                        "put() takes a result, and then the arguments that it is of",
                    ));
                };
                let rest = args.get_slice(1, args.len());
                self.put(py, &value, &rest, kwargs)?;
                Ok(py.None())
            }
            "invalidate" => self.with_key(py, args, kwargs, |call, view, hash| {
                let mut found = self.store.replace(py, view, hash, self.ticks(), None)?;
                if let Some(shared) = &self.shared {
                    found |= self.remove_from_store(shared, py, self.key_in_store(shared, call, view)?)?;
                }
                Ok(PyBool::new(py, found).to_owned().into_any().unbind())
            }),
            "invalidate_tag" => {
                let tag = only()?;
                let tag = tag
                    .cast::<PyString>()
                    .map_err(|_| PyTypeError::new_err("a tag is a str"))?;
                let mut count = self.store.remove_tagged(tag.to_str()?) as u64;
                if let Some(shared) = &self.shared {
                    count = count.max(self.remove_tagged_from_store(shared, py, tag.to_str()?)?);
                }
                Ok(count.into_pyobject(py)?.into_any().unbind())
            }
            "items" => {
                let all = PyList::empty(py);
                for (key, value) in self.store.items(self.ticks()) {
                    let key = PyTuple::new(py, key.told(py).iter().map(|part| part.bound(py)))?;
                    all.append((key, self.shown(py, value)?.bound(py)))?;
                }
                Ok(all.into_any().unbind())
            }
            "load" => {
                for pair in only()?.try_iter()? {
                    let (args, value): (Bound<'_, PyTuple>, Bound<'_, PyAny>) = pair?.extract()?;
                    self.put(py, &value, &args, None)?;
                }
                Ok(py.None())
            }
            _ => Err(PyAttributeError::new_err(name.to_owned())),
        }
    }

    /// Finds the key of a call with these arguments.
    fn with_key<R>(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        then: impl FnOnce(&Call<'_>, &View<'_>, u64) -> PyResult<R>,
    ) -> PyResult<R> {
        let saved = SavedArguments::of(args, kwargs)?;
        let arguments = saved.view();
        let call = Call::new(py, &self.target, &arguments);
        let Some(view) = self.keys.view(&call)? else {
            let name = self.target.full_name();
            return Err(PyTypeError::new_err(format!("an argument of {name}() is given twice")));
        };
        match view.hash(py) {
            Ok(hash) => then(&call, &view, hash),
            Err((_, raised)) => {
                counted(py, |py| drop(raised.map(|raised| raised.take(py))));
                let (view, hash) = self.keys.by_content(&call, &view)?;
                then(&call, &view, hash)
            }
        }
    }

    /// What is under a key and may be handed out.
    fn get(&self, call: &Call<'_>, view: &View<'_>, hash: u64) -> PyResult<Option<Owned>> {
        let py = call.py;
        let found = self.store.look(py, view, hash, self.ticks())?;
        let kept = match (found.filter(|kept| !kept.has_failed()), &self.shared) {
            (Some(kept), _) => kept,
            (None, None) => return Ok(None),
            (None, Some(shared)) => {
                let key = self.key_in_store(shared, call, view)?;
                return self.get_from_store(shared, py, &key);
            }
        };
        self.shown(py, kept.value).map(Some)
    }

    /// A result apart from a call.
    fn shown(&self, py: Python<'_>, value: Owned) -> PyResult<Owned> {
        if let Some(items) = self.items_of(py, &value)? {
            return Ok(items);
        }
        let value = match value.bound(py).cast::<Awaited>() {
            Ok(awaited) => awaited.get().result.clone(),
            Err(_) => value,
        };
        match self.handed_out(py, value) {
            Outcome::Returned(value) => Ok(value),
            Outcome::Raised(error) => Err(PyErr::from_value(error.bound(py).clone())),
            Outcome::Suspended(_) => unreachable!("a copy is not suspended"),
        }
    }

    fn put(
        &self,
        py: Python<'_>,
        value: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<()> {
        let (result, kept) = match self.recorded(value)? {
            Some(recorded) => recorded,
            None if self.defers.load(Ordering::Relaxed) => {
                let result = Owned::from(value);
                (result.clone(), Py::new(py, Awaited { result })?.into())
            }
            None => (value.into(), value.into()),
        };
        let tags = |callable: &Owned| Ok(ask(callable, result.bound(py), args, kwargs)?);
        let landed = self.kept(py, &result, kept, (0, self.ticks()), tags)?;
        self.with_key(py, args, kwargs, |call, view, hash| {
            let Some(shared) = &self.shared else {
                self.store.replace(py, view, hash, self.ticks(), landed)?;
                return Ok(());
            };
            self.store.replace(py, view, hash, self.ticks(), None)?;
            let key = self.key_in_store(shared, call, view)?;
            match landed.as_ref().and_then(|landed| landed.terms.as_ref()) {
                Some(terms) => self.put_in_store(shared, py, key, &result, terms),
                None => self.remove_from_store(shared, py, key).map(drop),
            }
        })
    }
}

/// Calls something with a result and the arguments that it is of.
pub(super) fn ask(
    callable: &Owned,
    value: &Bound<'_, PyAny>,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<Owned> {
    let mut given = vec![value.clone()];
    given.extend(args.iter());
    let given = PyTuple::new(value.py(), given)?;
    Ok(callable.bound(value.py()).call(given, kwargs)?.into())
}
