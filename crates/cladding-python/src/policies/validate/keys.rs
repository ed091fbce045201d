//! The check of `Keys`.

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping, PyString};

use super::{Failed, Failure};
use crate::params::plain_text;

/// What is expected of a mapping.
pub(super) struct KeysCheck {
    names: Box<[Owned]>,
}

impl KeysCheck {
    /// Reads `Keys`, which have checked themselves.
    pub(super) fn new(expectation: &Bound<'_, PyAny>) -> PyResult<Self> {
        let mut names = Vec::new();
        for name in expectation.getattr("names")?.try_iter()? {
            let name = name?;
            // One with lone surrogates can be a key as well.
            names.push(match plain_text(&name) {
                Some(text) => PyString::intern(expectation.py(), text).into(),
                None => name.into(),
            });
        }
        Ok(Self { names: names.into() })
    }

    /// Checks one argument.
    #[inline]
    pub(super) fn check(&self, py: Python<'_>, value: &Owned) -> Result<(), Failed> {
        let object = value.bound(py);
        if let Ok(dict) = object.cast_exact::<PyDict>() {
            for name in &self.names {
                if !dict.contains(name.bound(py))? {
                    return Err(self.missing(py, value, name));
                }
            }
            return Ok(());
        }
        let Ok(mapping) = object.cast::<PyMapping>() else {
            let expected = format!("a mapping with {}", self.words(py));
            return Err(Failure::new(&expected, super::describe(py, value)).into());
        };
        for name in &self.names {
            if !mapping.contains(name.bound(py))? {
                return Err(self.missing(py, value, name));
            }
        }
        Ok(())
    }

    #[cold]
    fn missing(&self, py: Python<'_>, value: &Owned, name: &Owned) -> Failed {
        let name = name
            .bound(py)
            .repr()
            .map_or_else(|_| String::new(), |name| name.to_string());
        let words = self.words(py);
        let must = if self.names.len() == 1 {
            format!("have {words}")
        } else {
            format!("have {words}: {name} is missing")
        };
        Failure {
            path: format!("[{name}]"),
            whole: true,
            must,
            got: super::describe(py, value),
        }
        .into()
    }

    fn words(&self, py: Python<'_>) -> String {
        let names = self
            .names
            .iter()
            .filter_map(|name| name.bound(py).repr().ok())
            .map(|name| name.to_string());
        let names: Vec<_> = names.collect();
        format!(
            "the key{} {}",
            if names.len() == 1 { "" } else { "s" },
            names.join(", ")
        )
    }
}
