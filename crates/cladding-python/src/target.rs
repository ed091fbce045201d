//! What the policies know of the function that they are on.

use cladding_capi::Owned;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

/// How a callable's calls run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// It returns when it is done.
    Function,
    /// `async def`
    Coroutine,
    /// `def` with `yield`
    Generator,
    /// `async def` with `yield`
    AsyncGenerator,
    /// A class; a call makes an instance.
    Class,
}

impl Kind {
    const NAMES: [(Self, &'static str); 5] = [
        (Self::Function, "function"),
        (Self::Coroutine, "coroutine"),
        (Self::Generator, "generator"),
        (Self::AsyncGenerator, "async_generator"),
        (Self::Class, "class"),
    ];

    fn parse(text: &str) -> PyResult<Self> {
        let found = Self::NAMES.iter().find(|(_, name)| *name == text);
        found
            .map(|(kind, _)| *kind)
            .ok_or_else(|| PyValueError::new_err(format!("no such call kind: {text:?}")))
    }

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }
}

/// A function's name, kind and parameter list.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Target {
    #[pyo3(get)]
    pub(crate) module: String,
    #[pyo3(get)]
    pub(crate) qualname: String,
    pub(crate) kind: Kind,
    /// The names of the parameters, in order: positional ones first, then keyword-only ones.
    pub(crate) parameters: Vec<Owned>,
    /// How many of them can be given by position; `None` where the parameters are not known.
    pub(crate) positional: Option<usize>,
    /// How many of those can be given only by position.
    pub(crate) positional_only: usize,
    /// The default of each parameter that had one at decoration.
    pub(crate) defaults: Vec<Option<Owned>>,
    /// Whether more can be given by position than there are parameters.
    pub(crate) var_positional: bool,
    /// Whether others can be given by keyword.
    pub(crate) var_keyword: bool,
}

#[pymethods]
impl Target {
    #[new]
    #[pyo3(signature = (
        module, qualname, kind, parameters, positional, positional_only, defaults=None, var_positional=false, var_keyword=false
    ))]
    #[expect(clippy::too_many_arguments, reason = "the parts of a parameter list, told once")]
    fn new(
        module: String,
        qualname: String,
        kind: &str,
        parameters: &Bound<'_, PyTuple>,
        positional: Option<usize>,
        positional_only: usize,
        defaults: Option<&Bound<'_, PyDict>>,
        var_positional: bool,
        var_keyword: bool,
    ) -> PyResult<Self> {
        let (mut names, mut values) = (
            Vec::with_capacity(parameters.len()),
            Vec::with_capacity(parameters.len()),
        );
        for name in parameters.iter() {
            let default = defaults.map(|defaults| defaults.get_item(&name)).transpose()?.flatten();
            values.push(default.map(Owned::from));
            names.push(name.cast::<PyString>()?.into());
        }
        Ok(Self {
            module,
            qualname,
            kind: Kind::parse(kind)?,
            parameters: names,
            positional,
            positional_only,
            defaults: values,
            var_positional,
            var_keyword,
        })
    }

    #[getter(kind)]
    fn kind_name(&self) -> &'static str {
        self.kind.name()
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.parameters.iter().map(|name| name.bound(py)))
    }

    /// The defaults that the parameters had at decoration, by name.
    #[getter]
    fn defaults<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let defaults = PyDict::new(py);
        for (name, value) in self.parameters.iter().zip(&self.defaults) {
            if let Some(value) = value {
                defaults.set_item(name.bound(py), value.bound(py))?;
            }
        }
        Ok(defaults)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.defaults
            .iter()
            .flatten()
            .try_for_each(|value| visit.call(value.as_py()))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let (py, this) = (slf.py(), slf.get());
        let parts = (
            &this.module,
            &this.qualname,
            this.kind.name(),
            this.parameters(py)?,
            this.positional,
            this.positional_only,
            this.defaults(py)?,
            this.var_positional,
            this.var_keyword,
        );
        Ok((slf.get_type().into_any(), parts.into_pyobject(py)?.into_any()))
    }
}

impl Target {
    /// `module.qualname`
    pub(crate) fn full_name(&self) -> String {
        format!("{}.{}", self.module, self.qualname)
    }

    /// The same without the defaults, for those who must not keep the user's objects alive.
    pub(crate) fn without_defaults(&self) -> Self {
        Self {
            module: self.module.clone(),
            qualname: self.qualname.clone(),
            kind: self.kind,
            parameters: self.parameters.clone(),
            positional: self.positional,
            positional_only: self.positional_only,
            defaults: vec![None; self.parameters.len()],
            var_positional: self.var_positional,
            var_keyword: self.var_keyword,
        }
    }

    /// Where a parameter of this name stands in [`Target::parameters`].
    pub(crate) fn index_of(&self, py: Python<'_>, name: &str) -> Option<usize> {
        self.parameters
            .iter()
            .position(|known| known.bound(py).extract::<&str>().is_ok_and(|known| known == name))
    }
}
