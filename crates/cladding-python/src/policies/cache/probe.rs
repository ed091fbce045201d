//! Keys and records for other processes, to be looked at one by one; nothing but tests does.

use cladding_capi::{Owned, SavedArguments};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::NAME;
use super::key::{KeySpec, Keys};
use super::wire::{Note, Opened, Unopened, Wire};
use crate::hooks::Call;
use crate::params::Params;
use crate::policy::visit_all;
use crate::target::Target;

/// The keys that calls of one function have for other processes.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct CacheKeys {
    keys: Keys,
    target: Py<Target>,
    /// Whose results they are among.
    #[pyo3(get)]
    space: String,
}

#[pymethods]
impl CacheKeys {
    #[new]
    fn new(
        py: Python<'_>,
        parameters: &Bound<'_, PyDict>,
        target: Py<Target>,
        wrapped: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        let spec = KeySpec::new(&Params::new(NAME, parameters))?;
        let keys = Keys::new(py, spec, target.get())?;
        let wrapped = Owned::from(wrapped);
        keys.accept(py, &wrapped)?;
        let space = keys.space(py, target.get(), &wrapped)?;
        Ok(Self { keys, target, space })
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn digest(&self, py: Python<'_>, args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<u128> {
        let saved = SavedArguments::of(args, kwargs)?;
        let arguments = saved.view();
        let call = Call::new(py, self.target.get(), &arguments);
        let Some(view) = self.keys.view(&call)? else {
            return Err(PyValueError::new_err("an argument is given twice"));
        };
        Ok(self.keys.portable(&call, &view)?)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.target)?;
        visit_all(visit, |show| self.keys.traverse(show))
    }
}

/// Records of one function's results.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct CacheWire {
    wire: Wire,
    target: Py<Target>,
}

#[pymethods]
impl CacheWire {
    #[new]
    fn new(parameters: &Bound<'_, PyDict>, target: Py<Target>) -> PyResult<Self> {
        let wire = Wire::new(&Params::new(NAME, parameters))?;
        Ok(Self { wire, target })
    }

    #[pyo3(signature = (name, value, failed=false, fresh_for=None, served_for=None, took=0.0, tags=Vec::new()))]
    #[expect(clippy::too_many_arguments, reason = "what is known of a result, told once")]
    fn seal<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
        value: &Bound<'py, PyAny>,
        failed: bool,
        fresh_for: Option<f64>,
        served_for: Option<f64>,
        took: f64,
        tags: Vec<String>,
    ) -> PyResult<Bound<'py, PyBytes>> {
        let note = Note {
            reserved: false,
            failed,
            fresh_for,
            served_for,
            took,
            tags: tags.into_iter().map(String::into_boxed_str).collect(),
        };
        let record = self.wire.seal(py, self.target.get(), name, &value.into(), &note)?;
        Ok(PyBytes::new(py, &record))
    }

    /// What a record holds; a `ValueError` says why it holds nothing.
    #[pyo3(signature = (name, record, exceptions=None))]
    fn open<'py>(
        &self,
        py: Python<'py>,
        name: &[u8],
        record: &[u8],
        exceptions: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyTuple>> {
        let exceptions = exceptions.map(Owned::from);
        match self.wire.open(py, name, record, exceptions.as_ref()) {
            Ok(Opened { value, note }) => {
                let tags: Vec<&str> = note.tags.iter().map(|tag| &**tag).collect();
                let parts = (
                    value.bound(py),
                    note.failed,
                    note.fresh_for,
                    note.served_for,
                    note.took,
                    PyTuple::new(py, tags)?,
                );
                parts.into_pyobject(py)
            }
            Err(Unopened::Damaged(reason)) => Err(PyValueError::new_err(reason)),
            Err(Unopened::Interrupted(raised)) => Err(raised.into()),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.target)?;
        visit_all(visit, |show| self.wire.traverse(show))
    }
}
