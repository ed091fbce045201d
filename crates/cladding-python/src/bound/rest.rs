//! The rest of a stack as a callable, for a policy that has everything inside it called elsewhere.

use std::ffi::CStr;

use cladding_capi::{Arguments, Class, Guarded, Owned, Raised, This, TypeBuilder, TypeCell, Vectorcall, Visit};
use pyo3::prelude::*;

use super::driver::close_unbegun;
use super::sync::Start;
use super::{BoundStack, deferred, sync, too_deep};
use crate::target::Kind;

/// The policies inside one, and the wrapped callable, for one call.
pub(super) struct Rest {
    bound: Owned,
    start: Start,
    /// What the wrapped callable has returned before the policies were entered, for whoever calls first.
    prepared: Guarded<Option<Owned>>,
}

impl Rest {
    /// Has the rest of a stack called by `runner`, which gets it in front of the call's arguments.
    pub(super) fn call_by(
        stack: &This<'_, BoundStack>,
        py: Python<'_>,
        runner: &Owned,
        arguments: &Arguments<'_>,
        start: Start,
        prepared: Option<Owned>,
    ) -> Result<Owned, Raised> {
        let rest = cladding_capi::object::create_callable(Self {
            bound: stack.owned(),
            start,
            prepared: Guarded::new(prepared),
        })?;
        arguments.call_after(py, runner, &[rest])
    }
}

static CELL: TypeCell = TypeCell::new();

impl Class for Rest {
    const NAME: &'static CStr = c"cladding._native.Rest";
    const DOC: &'static CStr = c"What is inside one policy of a stack, for one call.";

    fn cell() -> &'static TypeCell {
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.bound);
        if let Some(prepared) = self.prepared.try_lock() {
            visit.all(prepared.as_ref());
        }
    }

    fn is_unfinished(&self) -> bool {
        self.prepared.try_lock().is_some_and(|prepared| prepared.is_some())
    }

    /// What nobody has called for is closed.
    fn finish(&self, py: Python<'_>) {
        let prepared = self.prepared.try_lock().and_then(|mut prepared| prepared.take());
        if let (Some(inner), Some(stack)) = (prepared, This::<BoundStack>::of(&self.bound)) {
            close_unbegun(py, &inner, stack.kind);
        }
    }
}

impl Vectorcall for Rest {
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        let stack = This::<BoundStack>::of(&this.bound).expect("this is the rest of a stack");
        if !cladding_capi::has_room() {
            return Err(too_deep(&stack));
        }
        if matches!(stack.kind, Kind::Function | Kind::Class) {
            return sync::run_rest(&stack, py, arguments, this.start);
        }
        let prepared = this.prepared.try_lock().and_then(|mut prepared| prepared.take());
        let inner = prepared.map_or_else(|| stack.invoke(py, arguments), Ok)?;
        if this.start.from == stack.entries.len() {
            return Ok(inner);
        }
        deferred::enclose(&stack, py, arguments, &inner, this.start)
    }
}

/// Makes the type.
pub(super) fn add_type(py: Python<'_>) -> PyResult<Owned> {
    TypeBuilder::<Rest>::new().callable().finishing().build(py)
}
