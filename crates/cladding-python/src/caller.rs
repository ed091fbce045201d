//! A caller: a user's own function that stands around another, is given that function and calls it.

use std::ffi::CStr;

use cladding_capi::{
    Arguments, Class, Getter, Method, Owned, Raised, This, TypeBuilder, TypeCell, Vectorcall, Visit, object,
};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// How a caller takes what it is given.
#[derive(Clone, Copy)]
enum Form {
    /// `(func, *parameters, *args, **kw)`
    Function,
    /// `(wrapped, instance, args, kwargs)`, its parameters being its own defaults; there is no instance.
    Universal,
}

/// A caller over one callable.
struct Caller {
    function: Owned,
    /// The callable, and for the function form the decorator's parameters.
    first: Box<[Owned]>,
    form: Form,
    /// Asked at each call whether the caller is to stand around it.
    enabled: Option<Owned>,
}

static CELL: TypeCell = TypeCell::new();

impl Class for Caller {
    const NAME: &'static CStr = c"cladding.Caller";
    const DOC: &'static CStr = c"A user's own function around another, which it is given and calls.";

    fn cell() -> &'static TypeCell {
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.function);
        visit.all(&self.first);
        visit.all(&self.enabled);
    }

    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!(
            "<{} around {}>",
            self.function.bound(py).repr()?,
            self.first[0].bound(py).repr()?
        ))
    }
}

impl Vectorcall for Caller {
    #[inline]
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        if let Some(enabled) = &this.enabled
            && !cladding_capi::call(py, enabled, &[])?.bound(py).is_truthy()?
        {
            return arguments.call(py, &this.first[0]);
        }
        match this.form {
            Form::Function => arguments.call_after(py, &this.function, &this.first),
            Form::Universal => {
                let (args, kwargs) = arguments.packed(py)?;
                let kwargs = kwargs.unwrap_or_else(|| pyo3::types::PyDict::new(py));
                let (args, kwargs): (Owned, Owned) = (args.into(), kwargs.into());
                cladding_capi::call(py, &this.function, &[&this.first[0], &Owned::none(), &args, &kwargs])
            }
        }
    }
}

struct Wrapped;

impl Getter<Caller> for Wrapped {
    const NAME: &'static CStr = c"__wrapped__";
    const DOC: &'static CStr = c"The callable that the caller is given.";

    fn get(this: &This<'_, Caller>, _py: Python<'_>) -> PyResult<Owned> {
        Ok(this.first[0].clone())
    }
}

struct Reduce;

impl Method<Caller> for Reduce {
    const NAME: &'static CStr = c"__reduce__";
    const DOC: &'static CStr = c"For pickle.";

    fn call(this: &This<'_, Caller>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let make = py.import("cladding._native")?.getattr("caller")?;
        let (wrapped, parameters) = this.first.split_first().expect("there is a callable");
        let parts = (
            this.function.bound(py),
            wrapped.bound(py),
            PyTuple::new(py, parameters.iter().map(|parameter| parameter.bound(py)))?,
            this.enabled.as_ref().map(|enabled| enabled.bound(py)),
            matches!(this.form, Form::Universal),
        );
        Ok((make, parts).into_pyobject(py)?.into())
    }
}

/// A callable that calls `caller` with `wrapped` and what comes.
#[pyfunction]
#[pyo3(signature = (caller, wrapped, parameters, enabled = None, universal = false))]
pub(crate) fn caller<'py>(
    py: Python<'py>,
    caller: &Bound<'py, PyAny>,
    wrapped: &Bound<'py, PyAny>,
    parameters: &Bound<'py, PyTuple>,
    enabled: Option<Bound<'py, PyAny>>,
    universal: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let first = std::iter::once(wrapped.into()).chain(parameters.iter().map(Owned::from));
    let made = object::create_callable(Caller {
        function: caller.into(),
        first: first.collect(),
        form: if universal { Form::Universal } else { Form::Function },
        enabled: enabled.map(Owned::from),
    });
    let made = made.map_err(|raised| PyErr::from_value(raised.take(py).bound(py).clone()))?;
    Ok(made.bound(py).clone())
}

/// The stack on what a caller is given, if `callable` is a caller and there is one.
pub(crate) fn stack_below(py: Python<'_>, callable: &Owned) -> Option<Owned> {
    let caller = This::<Caller>::of(callable)?;
    let given = caller.first[0].bound(py);
    // What makes the instances of a class is a partial of the stack, or of the class's own call.
    let found = given.getattr("cladding").or_else(|_| given.getattr("func"));
    found.ok().map(Owned::from)
}

/// Takes the calling frame's own entry off the traceback of the exception that it handles. A bare `raise` does not add
/// it again.
#[pyfunction]
pub(crate) fn strip_handled(py: Python<'_>) {
    cladding_capi::exception::strip_handled(py);
}

/// Makes the type.
pub(crate) fn add_type(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let class = TypeBuilder::<Caller>::new()
        .callable()
        .getter::<Wrapped>()
        .method::<Reduce>()
        .build(module.py())?;
    module.add("Caller", class.bound(module.py()))
}
