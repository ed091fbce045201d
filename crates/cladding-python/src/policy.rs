//! Policies as Python sees them: the immutable description, and the live one on a function.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cladding_capi::Owned;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyMappingProxy, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::hooks::{Call, Hooks};
use crate::params::Params;
use crate::policies;
use crate::switches::{self, Switch};
use crate::target::Target;

/// A checked configuration, which can be bound to any number of functions.
pub(crate) trait Spec: Send + Sync {
    /// The live policy for one function.
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>>;

    /// What is shown in place of a parameter with a secret in it.
    fn shown(&self, _parameter: &str) -> Option<String> {
        None
    }

    /// Shows every owned reference to the garbage collector.
    fn traverse(&self, _visit: &mut dyn FnMut(&Owned)) {}
}

/// What one decorator was asked to do: a name and checked parameters. Immutable, and of no function in particular.
///
/// It is a decorator itself: calling it with a function, method, class or descriptor gives the decorated one.
#[pyclass(frozen, module = "cladding")]
pub(crate) struct Policy {
    #[pyo3(get)]
    pub(crate) name: &'static str,
    parameters: Py<PyDict>,
    spec: Box<dyn Spec>,
    enabled: Option<Owned>,
    /// The parameters that there are, given or not.
    known: Vec<&'static str>,
}

#[pymethods]
impl Policy {
    #[new]
    fn new(py: Python<'_>, name: &str, parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let parameters = parameters.copy()?;
        let mut params = Params::new(name, &parameters);
        let enabled = params.enabled()?;
        let (name, spec) = policies::build(py, name, &mut params)?;
        let known = params.finish()?;
        Ok(Self {
            name,
            parameters: parameters.unbind(),
            spec,
            enabled,
            known,
        })
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyMappingProxy> {
        PyMappingProxy::new(py, self.parameters.bind(py).as_mapping())
    }

    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Py<PyAny>> {
        match self.parameters.bind(py).get_item(name)? {
            Some(value) => Ok(value.unbind()),
            None if self.known.contains(&name) => Ok(py.None()),
            None => Err(PyAttributeError::new_err(format!(
                "{} has no parameter {name:?}",
                self.name
            ))),
        }
    }

    /// Calls any callable as if it were decorated with this policy.
    #[pyo3(signature = (function, /, *args, **kwargs))]
    fn call<'py>(
        slf: &Bound<'py, Self>,
        function: &Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let over = slf.py().import("cladding._direct")?.getattr("over")?;
        over.call1((slf, function))?.call(args, kwargs)
    }

    fn __call__<'py>(slf: &Bound<'py, Self>, target: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("cladding._carrier")?
            .getattr("decorate")?
            .call1((target, PyTuple::new(py, [slf])?))
    }

    /// A stack of this policy around another part.
    fn __add__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("cladding._stack")?.getattr("stack")?.call1((slf, other))
    }

    /// A stack of another part around this policy.
    fn __radd__<'py>(slf: &Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        py.import("cladding._stack")?.getattr("stack")?.call1((other, slf))
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let mut parts = Vec::new();
        for (key, value) in self.parameters.bind(py).iter() {
            let secret = self.spec.shown(key.cast::<PyString>()?.to_str()?);
            let shown = match secret {
                Some(shown) => shown,
                None => value.repr()?.to_string(),
            };
            parts.push(format!("{key}={shown}"));
        }
        Ok(format!("{}({})", self.name, parts.join(", ")))
    }

    fn __eq__(&self, py: Python<'_>, other: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        let Ok(other) = other.cast::<Self>() else {
            return Ok(py.NotImplemented());
        };
        let other = other.get();
        let same = self.name == other.name && self.parameters.bind(py).eq(other.parameters.bind(py))?;
        Ok(PyBool::new(py, same).to_owned().into_any().unbind())
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        // Parameters may be of any kind, so the hash is made of what is always hashable.
        let names = PyTuple::new(py, self.parameters.bind(py).keys())?;
        (self.name, names).into_pyobject(py)?.hash()
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let this = slf.get();
        let parts = (this.name, this.parameters.bind(slf.py()));
        Ok((slf.get_type().into_any(), parts.into_pyobject(slf.py())?.into_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.parameters)?;
        if let Some(enabled) = &self.enabled {
            visit.call(enabled.as_py())?;
        }
        visit_all(visit, |show| self.spec.traverse(show))
    }
}

/// Adapts PyO3's visitor, which can fail, to our own, which remembers.
pub(crate) fn visit_all(visit: PyVisit<'_>, each: impl FnOnce(&mut dyn FnMut(&Owned))) -> Result<(), PyTraverseError> {
    let mut result = Ok(());
    each(&mut |object| {
        if result.is_ok() {
            result = visit.call(object.as_py());
        }
    });
    result
}

/// A policy at work on one function: its description, its statistics and its switch.
#[pyclass(frozen, module = "cladding")]
pub(crate) struct BoundPolicy {
    #[pyo3(get)]
    pub(crate) policy: Py<Policy>,
    #[pyo3(get)]
    target: Py<Target>,
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) enabled: Option<Owned>,
    cleared: AtomicBool,
    /// The stack that this was taken from by its name, for those who want to go on from there. Only views have one; what
    /// they share with the policy that they are a view of is that one's to show to the garbage collector.
    stack: Option<Owned>,
}

#[pymethods]
impl BoundPolicy {
    #[new]
    fn new(py: Python<'_>, policy: Py<Policy>, target: Py<Target>) -> PyResult<Self> {
        let description = policy.get();
        let hooks = description.spec.bind(py, target.get())?;
        let name = Py::new(py, target.get().without_defaults())?;
        let switch = switches::register(description.name, &target.get().full_name(), &hooks, &name, py);
        let enabled = description.enabled.clone();
        Ok(Self {
            policy,
            target,
            hooks,
            switch,
            enabled,
            cleared: AtomicBool::new(false),
            stack: None,
        })
    }

    /// The same policy on the same function, with another description: the switch and the numbers are shared.
    fn again(&self, py: Python<'_>, policy: Py<Policy>) -> PyResult<Self> {
        let description = policy.get();
        let mut hooks = description.spec.bind(py, self.target.get())?;
        if let Some(hooks) = Arc::get_mut(&mut hooks) {
            hooks.inherit(&*self.hooks);
        }
        let enabled = description.enabled.clone();
        Ok(Self {
            policy,
            target: self.target.clone_ref(py),
            hooks,
            switch: Arc::clone(&self.switch),
            enabled,
            cleared: AtomicBool::new(false),
            stack: None,
        })
    }

    /// The decorated callable with other parameters of this policy, for one call: `f.cladding.retry.replace(max_retries=5)(...)`.
    #[pyo3(signature = (**changes))]
    fn replace<'py>(slf: &Bound<'py, Self>, changes: Option<&Bound<'py, PyDict>>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let Some(stack) = &slf.get().stack else {
            let name = slf.get().name();
            return Err(PyTypeError::new_err(format!(
                "replace() goes by the name of the policy: f.cladding.{name}.replace(...)"
            )));
        };
        let changes = changes.cloned().unwrap_or_else(|| PyDict::new(py));
        let replaced = py.import("cladding._replacing")?.getattr("in_stack")?;
        replaced.call1((stack.bound(py), slf, changes))
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        let other = other.cast::<Self>();
        other.is_ok_and(|other| Arc::ptr_eq(&self.hooks, &other.get().hooks))
    }

    fn __hash__(&self) -> usize {
        Arc::as_ptr(&self.hooks).cast::<()>() as usize
    }

    #[getter]
    fn name(&self) -> &'static str {
        self.policy.get().name
    }

    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyMappingProxy> {
        self.policy.get().parameters(py)
    }

    /// The numbers so far, as a new dictionary.
    #[getter]
    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.hooks.stats(py)
    }

    /// Whether calls go through this policy now. It can be set, for this policy on this function.
    #[getter]
    fn enabled(&self) -> bool {
        !self.switch.is_off()
    }

    #[setter]
    fn set_enabled(&self, enabled: bool) {
        switches::set_enabled(&self.switch, enabled);
    }

    /// The rule that switches this one off, for [`switches::switch`].
    #[getter]
    fn switch(&self) -> String {
        self.switch.rule()
    }

    /// The names of the methods that the decorated function gets as attributes.
    #[getter]
    fn methods(&self) -> Vec<&'static str> {
        self.hooks.methods().to_vec()
    }

    fn __getattr__(slf: &Bound<'_, Self>, name: &str) -> PyResult<Py<PyAny>> {
        let this = slf.get();
        if let Some(object) = this.hooks.attribute(slf.py(), name)? {
            return Ok(object.bound(slf.py()).clone().unbind());
        }
        if name == SPACE && !this.hooks.space().is_empty() {
            let owner = slf.clone().unbind();
            return Ok(Py::new(slf.py(), PolicySpace { owner })?.into_any());
        }
        if let Some(name) = this.hooks.methods().iter().find(|known| **known == name) {
            return Ok(Py::new(
                slf.py(),
                PolicyMethod {
                    owner: slf.clone().unbind(),
                    name,
                },
            )?
            .into_any());
        }
        this.policy.get().__getattr__(slf.py(), name)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<{} on {}>",
            self.policy.get().__repr__(py)?,
            self.target.get().full_name()
        ))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let this = slf.get();
        Ok((
            slf.get_type().into_any(),
            (&this.policy, &this.target).into_pyobject(slf.py())?.into_any(),
        ))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.policy)?;
        visit.call(&self.target)?;
        if let Some(stack) = &self.stack {
            return visit.call(stack.as_py());
        }
        if self.cleared.load(Ordering::Relaxed) {
            return Ok(());
        }
        if let Some(enabled) = &self.enabled {
            visit.call(enabled.as_py())?;
        }
        visit_all(visit, |show| self.hooks.traverse(show))
    }

    fn __clear__(&self) {
        if self.stack.is_none() {
            self.hooks.clear();
        }
    }
}

impl BoundPolicy {
    /// This policy as it is in a stack.
    pub(crate) fn in_stack(&self, py: Python<'_>, stack: Owned) -> PyResult<Owned> {
        let view = Self {
            policy: self.policy.clone_ref(py),
            target: self.target.clone_ref(py),
            hooks: Arc::clone(&self.hooks),
            switch: Arc::clone(&self.switch),
            enabled: self.enabled.clone(),
            cleared: AtomicBool::new(true),
            stack: Some(stack),
        };
        Ok(Bound::new(py, view)?.into_any().into())
    }
}

/// Asks a policy's `enabled` callable whether this call goes through it.
pub(crate) fn skips(call: &Call<'_>, enabled: &Owned) -> PyResult<bool> {
    let on = enabled.bound(call.py).call0()?.is_truthy()?;
    call.time_passed();
    Ok(!on)
}

/// A method of a policy as an attribute of the function, such as `f.cache_info`. Can be pickled with the function.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct PolicyMethod {
    owner: Py<BoundPolicy>,
    name: &'static str,
}

#[pymethods]
impl PolicyMethod {
    #[getter]
    fn __name__(&self) -> &'static str {
        self.name
    }

    /// No parameters, where that is so; else there is no such attribute.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.owner.get().hooks.space().contains(&self.name) {
            return Err(PyAttributeError::new_err("__signature__"));
        }
        py.import("inspect")?.getattr("Signature")?.call0()
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let hooks = &self.owner.get().hooks;
        if hooks.space().contains(&self.name) {
            return hooks.space_method(py, self.name, args, kwargs);
        }
        if !args.is_empty() || kwargs.is_some() {
            return Err(PyTypeError::new_err(format!(
                "{}() takes no arguments ({} given)",
                self.name,
                args.len() + kwargs.map_or(0, PyDictMethods::len)
            )));
        }
        hooks.method(py, self.name, args)
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<{} of {}>", self.name, self.owner.get().__repr__(py)?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let getattr = py.import("builtins")?.getattr("getattr")?;
        if self.owner.get().hooks.space().contains(&self.name) {
            let owner = self.owner.clone_ref(py);
            return Ok((
                getattr,
                (PolicySpace { owner }, self.name).into_pyobject(py)?.into_any(),
            ));
        }
        Ok((getattr, (&self.owner, self.name).into_pyobject(py)?.into_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)
    }
}

/// The attribute under which a function has further methods of a policy.
const SPACE: &str = "cache";

/// `f.cache`: what can be done with single results. Can be pickled with the function.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct PolicySpace {
    owner: Py<BoundPolicy>,
}

#[pymethods]
impl PolicySpace {
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<PolicyMethod> {
        match self.owner.get().hooks.space().iter().find(|known| **known == name) {
            Some(name) => Ok(PolicyMethod {
                owner: self.owner.clone_ref(py),
                name,
            }),
            None => Err(PyAttributeError::new_err(name.to_owned())),
        }
    }

    fn __dir__(&self) -> Vec<&'static str> {
        self.owner.get().hooks.space().to_vec()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<results of {}>", self.owner.get().__repr__(py)?))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let getattr = py.import("builtins")?.getattr("getattr")?;
        Ok((getattr, (&self.owner, SPACE).into_pyobject(py)?.into_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)
    }
}
