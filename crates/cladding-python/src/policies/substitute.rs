//! What a call gives in place of its own result: a value, or what a callable makes of the call's own arguments.

use cladding_capi::Owned;
use pyo3::prelude::*;

use crate::hooks::Call;
use crate::params::makes_coroutines;

/// A fallback.
#[derive(Clone)]
pub(crate) struct Substitute {
    object: Owned,
    is_callable: bool,
}

impl Substitute {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> Self {
        Self {
            object: object.into(),
            is_callable: object.is_callable(),
        }
    }

    /// Whether it is called, so that a call's arguments have to be kept for it.
    pub(crate) fn is_callable(&self) -> bool {
        self.is_callable
    }

    /// The value for one call; the error is what the callable has raised.
    pub(crate) fn give(&self, call: &Call<'_>) -> Result<Owned, Owned> {
        if !self.is_callable {
            return Ok(self.object.clone());
        }
        let given = call.arguments.call(call.py, &self.object);
        call.time_passed();
        given.map_err(|raised| raised.take(call.py))
    }

    /// Whether calling it makes a coroutine, as far as can be told: an `async def`, or an object with such a `__call__`.
    pub(crate) fn makes_coroutines(&self, py: Python<'_>) -> PyResult<bool> {
        makes_coroutines(self.object.bound(py))
    }

    pub(crate) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        visit(&self.object);
    }
}
