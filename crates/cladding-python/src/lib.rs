//! The extension module of cladding: carriers, the fused stack, the drivers and the policies.
#![deny(unsafe_code)]

use cladding_capi::Owned;
use cladding_capi::carrier::Unwatchable;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyFunction, PyTuple, PyType};

mod addresses;
mod bound;
mod caller;
mod clock;
mod counters;
mod failures;
mod flight;
mod guards;
mod hooks;
mod locks;
mod memo;
mod page;
mod params;
mod policies;
mod policy;
mod proxies;
mod receiver;
mod switches;
mod target;
mod testing;
mod waits;

use bound::BoundStack;
use target::{Kind, Target};

/// Binds live policies, outermost first, to a callable. A class is watched from then on.
#[pyfunction]
#[pyo3(signature = (wrapped, target, policies, plain = false, maker = None))]
fn bind<'py>(
    py: Python<'py>,
    wrapped: &Bound<'py, PyAny>,
    target: Py<Target>,
    policies: &Bound<'py, PyTuple>,
    plain: bool,
    maker: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    if target.get().kind == Kind::Class {
        watch(wrapped.cast::<PyType>()?)?;
    }
    let stack = BoundStack::create(py, wrapped.into(), target, policies, plain, maker.map(Owned::from))?;
    Ok(stack.bound(py).clone())
}

/// Gives a carrier function its native call. False where the interpreter has no way to (3.11): the code runs instead.
#[pyfunction]
fn arm(function: &Bound<'_, PyFunction>) -> bool {
    cladding_capi::carrier::arm::<BoundStack>(function)
}

/// The stack in a function's closure, if the function is a carrier.
#[pyfunction]
fn bound_in<'py>(function: &Bound<'py, PyFunction>) -> Option<Bound<'py, PyAny>> {
    let found: Option<Owned> = cladding_capi::carrier::bound_in::<BoundStack>(function);
    found.map(|bound| bound.bound(function.py()).clone())
}

/// Makes the calls of exactly this class go through the stack in its own `__cladding__`.
fn watch(class: &Bound<'_, PyType>) -> PyResult<()> {
    let reason = match cladding_capi::carrier::watch_class::<BoundStack>(class) {
        Ok(()) => return Ok(()),
        Err(Unwatchable::Static) => "it is a static type",
        Err(Unwatchable::Metaclass) => {
            "its metaclass has a __call__ of its own; decorate that, __init__ or a function that makes it"
        }
    };
    Err(PyTypeError::new_err(format!(
        "the class {} cannot be decorated: {reason}",
        class.qualname()?
    )))
}

/// The native side of cladding. Everything here is reached through the package `cladding`.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use super::bound::Block;
    #[pymodule_export]
    use super::caller::{caller, strip_handled};
    #[pymodule_export]
    use super::flight::Flight;
    #[pymodule_export]
    use super::guards::{CircuitBreaker, RetryBudget};
    #[pymodule_export]
    use super::locks::{Queued, Section};
    #[pymodule_export]
    use super::memo::lru_cache;
    #[pymodule_export]
    use super::policies::{Bulkhead, CacheKeys, CacheWire, RateLimiter, Tally, retry_after_seconds};
    #[pymodule_export]
    use super::policy::{BoundPolicy, Policy, PolicyMethod, PolicySpace};
    #[pymodule_export]
    use super::proxies::{set_face_maker, set_instance_finder};
    #[pymodule_export]
    use super::switches::{metrics_text, rules, switch};
    #[pymodule_export]
    use super::target::Target;
    #[pymodule_export]
    use super::testing::testing;
    #[pymodule_export]
    use super::{arm, bind, bound_in};
    use pyo3::prelude::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        super::clock::start();
        super::bound::add_types(module)?;
        super::caller::add_type(module)?;
        super::memo::add_types(module)?;
        super::addresses::add_type(module.py())?;
        super::proxies::add_types(module)
    }
}
