//! Reading a policy's parameters: each is checked, and an error names the parameter, the value and what is allowed.

use std::cell::RefCell;

use cladding_capi::Owned;
use cladding_engine::error::ConfigError;
use cladding_engine::memory::parse_size;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString};

static CONFIGURATION_ERROR: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// No duration is longer than this, about 31 years: some systems' sleeps take no more.
const LONGEST: f64 = 1e9;

const DURATION: &str = "seconds above 0 and at most 1e9, as a number or a timedelta";

/// The Python exception for a wrong parameter.
#[cold]
pub(crate) fn configuration_error(py: Python<'_>, text: &str) -> PyErr {
    let class = CONFIGURATION_ERROR.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._errors")?.getattr("ConfigurationError")?.unbind())
    });
    match class.and_then(|class| class.bind(py).call1((text,))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// A policy's parameters while they are read. What nobody has asked for at the end is refused by name.
pub(crate) struct Params<'a, 'py> {
    policy: String,
    values: &'a Bound<'py, PyDict>,
    asked: RefCell<Vec<&'static str>>,
}

impl<'a, 'py> Params<'a, 'py> {
    pub(crate) fn new(policy: &str, values: &'a Bound<'py, PyDict>) -> Self {
        Self {
            policy: policy.to_owned(),
            values,
            asked: RefCell::default(),
        }
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.values.py()
    }

    /// A parameter as messages name it.
    pub(crate) fn full_name(&self, name: &str) -> String {
        format!("{}: `{name}`", self.policy)
    }

    /// The decorator that is configured.
    pub(crate) fn policy(&self) -> &str {
        &self.policy
    }

    /// The value as it was given; `None` if it was not.
    pub(crate) fn get(&self, name: &'static str) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.asked.borrow_mut().push(name);
        self.values.get_item(name)
    }

    /// Puts another value in a parameter's place, which is what the policy shows of it from now on.
    pub(crate) fn replace(&self, name: &'static str, value: &Bound<'py, PyAny>) -> PyResult<()> {
        self.values.set_item(name, value)
    }

    /// The error for a value of the wrong kind or outside its range.
    pub(crate) fn wrong(&self, name: &str, value: &Bound<'py, PyAny>, allowed: &str) -> PyErr {
        let shown = value
            .repr()
            .map_or_else(|_| "a value without repr".to_owned(), |repr| repr.to_string());
        configuration_error(
            self.py(),
            &format!("{}: `{name}` must be {allowed}, got {shown}", self.policy),
        )
    }

    /// The engine's error, in Python's words.
    pub(crate) fn refused(&self, error: &ConfigError) -> PyErr {
        configuration_error(self.py(), &format!("{}: {error}", self.policy))
    }

    /// An `int` of 64 bits from `least` up, or `None` if it was given as `None`.
    pub(crate) fn count(&self, name: &'static str, default: Option<u64>, least: u64) -> PyResult<Option<u64>> {
        let Some(value) = self.get(name)? else {
            return Ok(default);
        };
        if value.is_none() {
            return Ok(None);
        }
        plain_whole(&value)
            .filter(|number| *number >= least)
            .map(Some)
            .ok_or_else(|| self.wrong(name, &value, &format!("an int from {least} to 2**64 - 1, or None")))
    }

    /// An `int` of 64 bits from `least` up.
    pub(crate) fn whole(&self, name: &'static str, default: u64, least: u64) -> PyResult<u64> {
        let Some(value) = self.get(name)? else {
            return Ok(default);
        };
        plain_whole(&value)
            .filter(|number| *number >= least)
            .ok_or_else(|| self.wrong(name, &value, &format!("an int from {least} to 2**64 - 1")))
    }

    /// A finite number that is accepted; `allowed` says which are.
    pub(crate) fn number(
        &self,
        name: &'static str,
        default: f64,
        allowed: &str,
        accepts: impl FnOnce(f64) -> bool,
    ) -> PyResult<f64> {
        let Some(value) = self.get(name)? else {
            return Ok(default);
        };
        plain_number(&value)
            .filter(|number| accepts(*number))
            .ok_or_else(|| self.wrong(name, &value, allowed))
    }

    /// A duration: seconds as a number, or a `timedelta`, from 0 to [`LONGEST`].
    pub(crate) fn seconds(&self, name: &'static str, default: f64) -> PyResult<f64> {
        let Some(value) = self.get(name)? else {
            return Ok(default);
        };
        plain_seconds(&value)
            .filter(|seconds| (0.0..=LONGEST).contains(seconds))
            .ok_or_else(|| self.wrong(name, &value, "seconds from 0 to 1e9, as a number or a timedelta"))
    }

    /// A duration above 0, up to [`LONGEST`].
    pub(crate) fn span(&self, name: &'static str, default: f64) -> PyResult<f64> {
        let Some(value) = self.get(name)? else {
            return Ok(default);
        };
        self.positive(name, &value, "")
    }

    fn positive(&self, name: &'static str, value: &Bound<'py, PyAny>, or_else: &str) -> PyResult<f64> {
        plain_seconds(value)
            .filter(|seconds| *seconds > 0.0 && *seconds <= LONGEST)
            .ok_or_else(|| self.wrong(name, value, &format!("{DURATION}{or_else}")))
    }

    /// A duration above 0, or `None` if it was given as `None`.
    pub(crate) fn lifetime(&self, name: &'static str, default: f64) -> PyResult<Option<f64>> {
        let Some(value) = self.get(name)? else {
            return Ok(Some(default));
        };
        if value.is_none() {
            return Ok(None);
        }
        let allowed = "a finite number of seconds above 0, a timedelta above 0, or None for ever";
        plain_seconds(&value)
            .filter(|seconds| *seconds > 0.0)
            .map(Some)
            .ok_or_else(|| self.wrong(name, &value, allowed))
    }

    /// A duration above 0, up to [`LONGEST`]; `None` if it was not given, or given as `None`.
    pub(crate) fn duration(&self, name: &'static str) -> PyResult<Option<f64>> {
        let Some(value) = self.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        self.positive(name, &value, ", or None").map(Some)
    }

    /// A duration above 0, up to [`LONGEST`], that has to be given.
    pub(crate) fn duration_needed(&self, name: &'static str) -> PyResult<f64> {
        let value = self.get(name)?;
        self.positive(
            name,
            &value.unwrap_or_else(|| self.py().None().into_bound(self.py())),
            "",
        )
    }

    /// How long may be waited: a duration, or `None` for as long as it takes.
    pub(crate) fn patience(&self, name: &'static str) -> PyResult<Option<f64>> {
        let Some(value) = self.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        let allowed = "seconds from 0 to 1e9, as a number or a timedelta, or None for as long as it takes";
        plain_seconds(&value)
            .filter(|seconds| (0.0..=LONGEST).contains(seconds))
            .map(Some)
            .ok_or_else(|| self.wrong(name, &value, allowed))
    }

    /// A string that is not empty and has an encoding, or `None`.
    pub(crate) fn text(&self, name: &'static str) -> PyResult<Option<String>> {
        let Some(value) = self.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        plain_text(&value)
            .filter(|text| !text.is_empty())
            .map(|text| Some(text.to_owned()))
            .ok_or_else(|| {
                self.wrong(
                    name,
                    &value,
                    "a str that is not empty and that UTF-8 can encode, or None",
                )
            })
    }

    /// A number of bytes from 1 up, as an `int` or as text with a unit; `None` if it was not given, or given as `None`.
    pub(crate) fn bytes(&self, name: &'static str) -> PyResult<Option<u64>> {
        let Some(given) = self.get(name)?.filter(|given| !given.is_none()) else {
            return Ok(None);
        };
        let bytes = if let Some(text) = plain_text(&given) {
            let size = parse_size(text).map_err(|error| {
                let allowed = format!("{}, from 1 to 2**64 - 1 bytes in all", error.allowed);
                self.wrong(name, &given, &allowed)
            });
            Some(size?)
        } else {
            plain_whole(&given)
        };
        let allowed = "from 1 to 2**64 - 1 bytes, as an int or as text such as \"2GiB\", or None";
        let bytes = bytes.filter(|bytes| *bytes > 0);
        bytes.map(Some).ok_or_else(|| self.wrong(name, &given, allowed))
    }

    /// A callable whose answer is used at once, or `None`; `allowed` says what it is to be.
    pub(crate) fn callback(&self, name: &'static str, allowed: &str) -> PyResult<Option<Owned>> {
        let Some(value) = self.get(name)?.filter(|value| !value.is_none()) else {
            return Ok(None);
        };
        if !value.is_callable() || makes_coroutines(&value)? {
            return Err(self.wrong(name, &value, allowed));
        }
        Ok(Some(value.into()))
    }

    /// `enabled`: a bool (which was acted on already), or a callable that is asked at each call.
    pub(crate) fn enabled(&mut self) -> PyResult<Option<Owned>> {
        match self.get("enabled")? {
            None => Ok(None),
            Some(value) if value.is_instance_of::<PyBool>() => Ok(None),
            Some(value) if value.is_callable() => Ok(Some(value.into())),
            Some(value) => Err(self.wrong("enabled", &value, "a bool, or a callable without arguments")),
        }
    }

    /// Refuses what no policy has asked for, and tells what was asked for.
    pub(crate) fn finish(self) -> PyResult<Vec<&'static str>> {
        let asked = self.asked.into_inner();
        for key in self.values.keys() {
            let key = key.extract::<String>()?;
            if !asked.contains(&key.as_str()) {
                return Err(PyTypeError::new_err(format!(
                    "{}() has no parameter {key:?}",
                    self.policy
                )));
            }
        }
        Ok(asked)
    }
}

/// A string without lone surrogates, which have no encoding.
pub(crate) fn plain_text<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    value.cast::<PyString>().ok()?.to_str().ok()
}

/// Whether calls of this give something to await.
pub(crate) fn makes_coroutines(callable: &Bound<'_, PyAny>) -> PyResult<bool> {
    let is_async = callable.py().import("inspect")?.getattr("iscoroutinefunction")?;
    if is_async.call1((callable,))?.is_truthy()? {
        return Ok(true);
    }
    match callable.get_type().getattr_opt("__call__")? {
        Some(call) => is_async.call1((call,))?.is_truthy(),
        None => Ok(false),
    }
}

/// A finite number of seconds from 0 to [`LONGEST`], of a number or a `timedelta`.
pub(crate) fn wait_seconds(value: &Bound<'_, PyAny>) -> Option<f64> {
    plain_seconds(value).filter(|seconds| (0.0..=LONGEST).contains(seconds))
}

pub(crate) fn plain_seconds(value: &Bound<'_, PyAny>) -> Option<f64> {
    if let Some(number) = plain_number(value) {
        return Some(number);
    }
    // Not by `PyDelta`, which reads from a null pointer in a process that cannot import `datetime`.
    let timedelta = value.py().import("datetime").ok()?.getattr("timedelta").ok()?;
    let is_duration = value.is_instance(&timedelta).ok()?;
    is_duration.then(|| value.call_method0("total_seconds").ok()?.extract().ok())?
}

fn plain_whole(value: &Bound<'_, PyAny>) -> Option<u64> {
    (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
        .then(|| value.extract().ok())
        .flatten()
}

fn plain_number(value: &Bound<'_, PyAny>) -> Option<f64> {
    let is_number = value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>();
    let number = (is_number && !value.is_instance_of::<PyBool>())
        .then(|| value.extract::<f64>().ok())
        .flatten();
    number.filter(|number| number.is_finite())
}
