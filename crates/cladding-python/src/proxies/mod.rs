//! The proxy types as the extension module shows them, and the hooks by which Python code completes them.

use cladding_capi::Owned;
use cladding_capi::proxy::{FACE_MAKER, Hook, INSTANCE_FINDER, WrapperNotInitializedError, method_wrapper, types};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

const NAMES: [&str; 6] = [
    "BaseObjectProxy",
    "CallableObjectProxy",
    "PartialCallableObjectProxy",
    "FunctionWrapperBase",
    "FunctionWrapper",
    "BoundFunctionWrapper",
];

fn set<'py>(
    py: Python<'py>,
    place: &Hook,
    name: &str,
    hook: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if hook.is_some_and(|hook| !hook.is_callable()) {
        return Err(PyTypeError::new_err(format!("{name} must be callable or None")));
    }
    Ok(place.set(hook.map(Owned::from)).map(|before| before.bound(py).clone()))
}

/// Sets what makes the function that stands for a function wrapper, and gives what was set before.
#[pyfunction]
pub(crate) fn set_face_maker<'py>(
    py: Python<'py>,
    maker: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    set(py, &FACE_MAKER, "maker", maker)
}

/// Sets what says whether an argument's class leads to a function wrapper, and gives what was set before.
#[pyfunction]
pub(crate) fn set_instance_finder<'py>(
    py: Python<'py>,
    finder: Option<&Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    set(py, &INSTANCE_FINDER, "finder", finder)
}

/// Adds the types of both families.
pub(crate) fn add_types(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    for (prefix, family) in ["", "Compat"].into_iter().zip(types(py)?) {
        for (name, class) in NAMES.into_iter().zip(family) {
            let class: Owned = class;
            if format!("{prefix}{name}") == "FunctionWrapper" {
                module.add("MethodWrapper", method_wrapper(&class)?.bound(py))?;
            }
            module.add(format!("{prefix}{name}"), class.bound(py))?;
        }
    }
    module.add(
        "WrapperNotInitializedError",
        py.get_type::<WrapperNotInitializedError>(),
    )
}
