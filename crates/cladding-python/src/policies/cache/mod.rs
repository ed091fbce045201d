//! `cache_result`: results kept for a time under a key made from the arguments, one computation per key at a time.

use std::sync::Arc;

use cladding_capi::Owned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::hooks::Hooks;
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

mod answers;
mod caller;
mod functools;
mod generators;
mod hooks;
mod keeping;
mod kept;
mod key;
mod life;
mod numbers;
mod part;
mod probe;
mod refresh;
mod shared;
mod simple;
mod single;
mod store;
mod wire;

use key::KeySpec;
pub(crate) use probe::{CacheKeys, CacheWire};
use shared::SharedSpec;

pub(crate) const NAME: &str = "cache_result";

const DEFAULT_MAX_ENTRIES: u64 = 10_000;

/// The Python side of the cache.
fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._caching").map(Bound::unbind))?
        .bind(py))
}

/// The specification.
#[derive(Clone)]
pub(crate) struct CacheSpec {
    life: life::Life,
    max_entries: Option<usize>,
    keys: KeySpec,
    shared: Option<SharedSpec>,
}

impl CacheSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let life = life::Life::new(params)?;
        let max_entries = params.count("max_entries", Some(DEFAULT_MAX_ENTRIES), 1)?;
        let shared = SharedSpec::new(params)?;
        if shared.is_some() && life.generators.is_some() {
            let text = "cache_result: `generators` and `store` cannot be used together: the items of a generator are kept in memory";
            return Err(configuration_error(params.py(), text));
        }
        Ok(Self {
            life,
            max_entries: max_entries.map(|entries| usize::try_from(entries).unwrap_or(usize::MAX)),
            keys: KeySpec::new(params)?,
            shared,
        })
    }
}

impl Spec for CacheSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let is_generator = matches!(target.kind, Kind::Generator | Kind::AsyncGenerator);
        let kind = target.kind.name().replace('_', " ");
        let name = target.full_name();
        match self.life.generators {
            None if is_generator => {
                return Err(PyTypeError::new_err(format!(
                    "cache_result cannot decorate the {kind} function {name}(): what it returns is used up by going through \
                     it once; `generators=` says up to how many items are to be kept"
                )));
            }
            Some(_) if !is_generator => {
                return Err(configuration_error(
                    py,
                    &format!(
                        "cache_result: `generators` is for generator functions and async generator functions, and {name}() \
                         is a {kind}"
                    ),
                ));
            }
            _ => {}
        }
        caller::watch_forks(py)?;
        Ok(hooks::Cache::new(py, self.clone(), target)?)
    }

    fn shown(&self, parameter: &str) -> Option<String> {
        match parameter {
            "signing_key" => Some("<secret>".to_owned()),
            "store" => self.shared.as_ref().map(|shared| format!("{:?}", shared.shown_url())),
            _ => None,
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.keys.traverse(visit);
        self.life.traverse(visit);
        self.shared.iter().for_each(|shared| shared.traverse(visit));
    }
}
