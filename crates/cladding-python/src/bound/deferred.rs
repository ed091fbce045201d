//! Callables that are plain to the caller and return a coroutine, generator or async generator: the call goes on until
//! that is over.

use cladding_capi::{Arguments, Owned, Raised, This};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::BoundStack;
use super::driver::{Driver, kind_of};
use super::machine::{Suspended, Suspension};
use super::sync::{Left, Start};
use crate::target::Kind;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

/// Goes on with what a plain function has returned, whose policies have been entered.
#[cold]
pub(super) fn carry_on(
    this: &This<'_, BoundStack>,
    py: Python<'_>,
    arguments: &Arguments<'_>,
    left: Left,
    suspension: Suspension,
) -> Result<Owned, Raised> {
    let Suspended::Fresh(inner, kind) = &suspension.current else {
        unreachable!("plain functions wait where they are");
    };
    let (inner, kind) = (inner.clone(), kind_of(*kind));
    let driver = Driver::carry_on(this, kind, arguments, left, suspension)?;
    disguise(py, &driver, &inner, kind)
}

/// Calls a callable that is known to return a coroutine or generator. Its policies are entered when that is begun.
pub(super) fn prepare(this: &This<'_, BoundStack>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
    let inner = this.invoke(py, arguments)?;
    enclose(this, py, arguments, &inner, Start::default())
}

/// Puts the policies from some one on around what the wrapped callable has returned.
pub(super) fn enclose(
    this: &This<'_, BoundStack>,
    py: Python<'_>,
    arguments: &Arguments<'_>,
    inner: &Owned,
    start: Start,
) -> Result<Owned, Raised> {
    let driver = Driver::prepared(this, arguments, inner.clone(), start)?;
    disguise(py, &driver, inner, this.kind)
}

/// The driver in an object of the interpreter's own type, under the name of what it stands for.
fn disguise(py: Python<'_>, driver: &Owned, inner: &Owned, kind: Kind) -> Result<Owned, Raised> {
    let module = MODULE
        .get_or_try_init(py, || py.import("cladding._trampoline").map(Bound::unbind))?
        .bind(py);
    Ok(module
        .getattr("carry_on")?
        .call1((driver.bound(py), inner.bound(py), kind.name()))?
        .into())
}
