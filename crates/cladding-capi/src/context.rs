//! Context variables, which follow a task or thread of control rather than a function.

use std::ffi::CStr;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

use crate::{Owned, Raised};

/// A context variable. Where it was never set its value is nothing.
pub struct ContextVariable(Owned);

impl ContextVariable {
    /// A new variable.
    pub fn new(_py: Python<'_>, name: &CStr) -> Result<Self, Raised> {
        // SAFETY: the thread is attached, the name is a C string, and no default is given.
        let made = unsafe { Owned::from_new(ffi::PyContextVar_New(name.as_ptr(), ptr::null_mut())) };
        made.map(Self).ok_or_else(Raised::assume)
    }

    /// The value in the context that runs.
    pub fn get(&self, _py: Python<'_>) -> Result<Option<Owned>, Raised> {
        let mut value = ptr::null_mut();
        // SAFETY: the object is a context variable, and `value` can be written to. It becomes a new reference or NULL.
        let status = unsafe { ffi::PyContextVar_Get(self.0.as_ptr(), ptr::null_mut(), &raw mut value) };
        if status != 0 {
            return Err(Raised::assume());
        }
        // SAFETY: as above.
        Ok(unsafe { Owned::from_new(value) })
    }

    /// Sets the value in the context that runs.
    pub fn set(&self, _py: Python<'_>, value: &Owned) -> Result<(), Raised> {
        // SAFETY: the object is a context variable, the value is alive; the answer is a new reference or NULL.
        let token = unsafe { Owned::from_new(ffi::PyContextVar_Set(self.0.as_ptr(), value.as_ptr())) };
        token.map(drop).ok_or_else(Raised::assume)
    }
}
