//! `cache_result`: results kept for a time under a key made from the arguments, one computation per key at a time.

use std::sync::Arc;

use cladding_capi::Owned;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use crate::hooks::Hooks;
use crate::params::Params;
use crate::policy::Spec;
use crate::target::{Kind, Target};

mod caller;
mod hooks;
mod key;
mod numbers;
mod store;

use key::KeySpec;
pub(crate) use key::register;

pub(crate) const NAME: &str = "cache_result";

const DEFAULT_TTL: f64 = 60.0;
const DEFAULT_MAX_ENTRIES: u64 = 10_000;

/// The specification.
#[derive(Clone)]
pub(crate) struct CacheSpec {
    /// How long a result lives, in seconds; `None` for ever.
    ttl: Option<f64>,
    max_entries: Option<usize>,
    keys: KeySpec,
}

impl CacheSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let ttl = params.lifetime("ttl", DEFAULT_TTL)?;
        let max_entries = params.count("max_entries", Some(DEFAULT_MAX_ENTRIES), 1)?;
        Ok(Self {
            ttl,
            max_entries: max_entries.map(|entries| usize::try_from(entries).unwrap_or(usize::MAX)),
            keys: KeySpec::new(params)?,
        })
    }
}

impl Spec for CacheSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        if let Kind::Generator | Kind::AsyncGenerator = target.kind {
            return Err(PyTypeError::new_err(format!(
                "cache_result cannot decorate the {} function {}(): what it returns is used up by going through it once, \
                 and keeping the items is not supported yet",
                target.kind.name().replace('_', " "),
                target.full_name(),
            )));
        }
        caller::watch_forks(py)?;
        Ok(hooks::Cache::new(py, self.clone(), target)?)
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.keys.traverse(visit);
    }
}
