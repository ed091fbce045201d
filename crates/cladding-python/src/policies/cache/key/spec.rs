//! What was asked for about keys: `typed`, `ignore`, `key`, `namespace` and `version`.

use cladding_capi::{Owned, Raised, counted};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyInt, PyString, PyTuple};

use crate::hooks::Call;
use crate::params::{Params, configuration_error, plain_text};
use crate::target::Target;

/// The version that stands for the function's code.
const BY_SOURCE: &str = "source";

/// The parameters.
#[derive(Clone)]
pub(crate) struct KeySpec {
    /// Arguments of different types are different, also where they are equal.
    pub(super) typed: bool,
    /// Parameters that do not matter.
    ignore: Vec<String>,
    /// Makes the key of the call's arguments.
    pub(super) key: Option<Owned>,
    namespace: Option<String>,
    version: Option<Owned>,
    /// The version is the function's code.
    pub(super) by_source: bool,
}

impl KeySpec {
    pub(crate) fn new(params: &Params<'_, '_>) -> PyResult<Self> {
        let typed = match params.get("typed")? {
            None => false,
            Some(value) if value.is_exact_instance_of::<PyBool>() => value.is_truthy()?,
            Some(value) => return Err(params.wrong("typed", &value, "a bool")),
        };
        let version = version(params)?;
        let by_source = version.as_ref().is_some_and(|version| {
            let version = version.bound(params.py());
            plain_text(version).is_some_and(|version| version == BY_SOURCE)
        });
        Ok(Self {
            by_source,
            version,
            typed,
            ignore: ignored(params)?,
            key: params.callback(
                "key",
                "a callable, not a coroutine function, that makes the key, or None",
            )?,
            namespace: params.text("namespace")?,
        })
    }

    /// The namespace that was given.
    pub(super) fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The version that was given, as text.
    pub(super) fn version_text(&self, py: Python<'_>) -> Option<String> {
        self.version.as_ref().map(|version| version.bound(py).to_string())
    }

    /// Whether nothing is said that makes a difference to keys.
    pub(super) fn is_simple(&self) -> bool {
        !self.typed && self.ignore.is_empty() && self.key.is_none()
    }

    /// Which parameters do not matter, by index, and the names of other keywords that do not. Unknown names are an error.
    pub(super) fn ignored(&self, py: Python<'_>, target: &Target) -> PyResult<(Vec<usize>, Vec<String>)> {
        let (mut known, mut others) = (Vec::new(), Vec::new());
        for name in &self.ignore {
            match target.index_of(py, name) {
                Some(index) => known.push(index),
                None if target.var_keyword => others.push(name.clone()),
                None => {
                    let names: Vec<String> = target
                        .parameters
                        .iter()
                        .map(|name| name.bound(py).to_string())
                        .collect();
                    return Err(configuration_error(
                        py,
                        &format!(
                            "cache_result: `ignore` names {name:?}, which is no parameter of {}(); its parameters are: {}",
                            target.full_name(),
                            if names.is_empty() {
                                "none".to_owned()
                            } else {
                                names.join(", ")
                            },
                        ),
                    ));
                }
            }
        }
        Ok((known, others))
    }

    /// What the function that makes the key says, if there is one.
    #[inline]
    pub(super) fn made(&self, call: &Call<'_>) -> Result<Option<Owned>, Raised> {
        let Some(function) = &self.key else {
            return Ok(None);
        };
        let key = call.arguments.call(call.py, function);
        call.time_passed();
        key.map(Some)
    }

    /// The error for a key that cannot be hashed.
    pub(super) fn no_hash(&self, call: &Call<'_>, key: &Owned) -> Raised {
        counted(call.py, |py| {
            let failed = match key.bound(py).hash() {
                Err(error) if !error.is_instance_of::<PyTypeError>(py) => return error.into(),
                hash => hash.err(),
            };
            let kind = type_name(py, key);
            let name = self
                .key
                .as_ref()
                .map_or_else(String::new, |function| name_of(function.bound(py)));
            let error = PyTypeError::new_err(format!(
                "cache_result: the `key` function {name}() of {}() returned a {kind}, which has no hash to make a key of",
                call.target.full_name(),
            ));
            error.set_cause(py, failed);
            error.into()
        })
    }

    /// Adds them as `cache_parameters()` tells them.
    pub(super) fn parameters(&self, parameters: &Bound<'_, PyDict>, version: Option<&String>) -> PyResult<()> {
        let py = parameters.py();
        parameters.set_item("typed", self.typed)?;
        parameters.set_item("ignore", PyTuple::new(py, &self.ignore)?)?;
        parameters.set_item("key", self.key.as_ref().map(|key| key.bound(py)))?;
        parameters.set_item("namespace", self.namespace.as_deref())?;
        match version {
            Some(version) => parameters.set_item("version", version),
            None => parameters.set_item("version", self.version.as_ref().map(|version| version.bound(py))),
        }
    }

    pub(crate) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.key.iter().for_each(visit);
    }
}

/// The name of an object's type.
pub(super) fn type_name(py: Python<'_>, object: &Owned) -> String {
    let class = object.bound(py).get_type();
    class
        .qualname()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string())
}

/// The version that stands for this function's code.
pub(super) fn source_version(py: Python<'_>, wrapped: &Owned) -> PyResult<String> {
    static OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let of = OF.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._source")?.getattr("version_of")?.unbind())
    })?;
    of.bind(py).call1((wrapped.bound(py),))?.extract()
}

fn ignored(params: &Params<'_, '_>) -> PyResult<Vec<String>> {
    let Some(value) = params.get("ignore")? else {
        return Ok(Vec::new());
    };
    // A string is no collection of names, though it can be gone through.
    let names = (!value.is_instance_of::<PyString>())
        .then(|| value.try_iter().ok())
        .flatten();
    let mut ignore = Vec::new();
    for name in names.ok_or_else(|| wrong_names(params, &value))? {
        match plain_text(&name?) {
            Some(name) => ignore.push(name.to_owned()),
            None => return Err(wrong_names(params, &value)),
        }
    }
    Ok(ignore)
}

fn wrong_names(params: &Params<'_, '_>, value: &Bound<'_, PyAny>) -> PyErr {
    params.wrong("ignore", value, "a tuple of parameter names")
}

fn version(params: &Params<'_, '_>) -> PyResult<Option<Owned>> {
    let Some(value) = params.get("version")?.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    let is_text = plain_text(&value).is_some_and(|text| !text.is_empty());
    if is_text || value.is_exact_instance_of::<PyInt>() {
        return Ok(Some(value.into()));
    }
    Err(params.wrong(
        "version",
        &value,
        "an int, a str that is not empty, \"source\" for the function's own code, or None",
    ))
}

/// The name of a function, or what it looks like.
pub(super) fn name_of(function: &Bound<'_, PyAny>) -> String {
    let name = function
        .getattr("__qualname__")
        .or_else(|_| function.repr().map(Bound::into_any));
    name.map_or_else(|_| "?".to_owned(), |name| name.to_string())
}
