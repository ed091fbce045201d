//! Plain functions that return a coroutine, generator or async generator: the call goes on until that is over.

use cladding_capi::{Arguments, Owned, Raised, Suspended, This};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::BoundStack;
use super::driver::{Driver, kind_of};
use super::machine::Machine;
use crate::hooks::Slot;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Wraps what came back in an object of the same type that leaves the policies when it is over.
#[cold]
pub(super) fn carry_on(
    this: &This<'_, BoundStack>,
    py: Python<'_>,
    arguments: Arguments<'_>,
    value: Owned,
    suspended: Suspended,
    mut slots: Vec<Slot>,
) -> Result<Owned, Raised> {
    slots.reverse();
    let kind = kind_of(suspended);
    let driver = Driver::carry_on(this, kind, arguments, Machine::inside(slots), value.clone())?;
    let module = MODULE.get_or_try_init(py, || py.import("cladding._trampoline").map(Bound::unbind))?.bind(py);
    Ok(module.getattr("carry_on")?.call1((driver.bound(py), value.bound(py), kind.name()))?.into())
}
