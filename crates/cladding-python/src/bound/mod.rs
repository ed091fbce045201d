//! The bound stack: the policies of one function, outermost first, and the callable at the end of them.

use std::ffi::CStr;
use std::sync::Arc;

use cladding_capi::{
    Arguments, Class, Getter, Kept, Method, Owned, Raised, This, TypeBuilder, TypeCell, Vectorcall, Visit,
};
use pyo3::exceptions::{PyRecursionError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::caller;
use crate::hooks::Hooks;
use crate::policy::BoundPolicy;
use crate::switches::Switch;
use crate::target::{Kind, Target};

mod block;
mod deferred;
mod driver;
mod machine;
mod rest;
mod state;
mod sync;

pub(crate) use block::Block;
use driver::Driver;
pub(crate) use machine::Suspension;

/// One policy in a stack, as the drivers use it. The Python object owns what the garbage collector has to see.
pub(crate) struct Entry {
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) switch: Arc<Switch>,
    pub(crate) enabled: Option<Owned>,
    /// What [`Hooks::leaves`] says.
    leaves: bool,
    /// How many entries, from this one on, are switched off with it: a policy's own and those of its other layers.
    span: usize,
    /// The policy, unless this is one of its other layers.
    object: Option<Owned>,
}

/// A stack bound to one callable: what sits in a carrier's closure and what `f.cladding` is.
pub(crate) struct BoundStack {
    pub(crate) wrapped: Owned,
    pub(crate) target: Kept<Target>,
    pub(crate) entries: Box<[Entry]>,
    pub(crate) kind: Kind,
    /// What makes an instance in place of the class itself, where a caller stands around that.
    maker: Option<Owned>,
    /// The carrier is a plain function although the kind is another: a callable object, say, whose parameters only it knows.
    plain: bool,
    needs: Needs,
}

/// What any of a stack's policies needs, found once.
struct Needs {
    /// An `enabled` is to be asked at each call.
    asking: bool,
    /// The items of generators are looked at.
    items: bool,
    /// A coroutine or generator has to keep its arguments to the end.
    arguments: bool,
}

impl BoundStack {
    /// Makes the Python object.
    pub(crate) fn create(
        py: Python<'_>,
        wrapped: Owned,
        target: Py<Target>,
        policies: &Bound<'_, PyTuple>,
        plain: bool,
        maker: Option<Owned>,
    ) -> PyResult<Owned> {
        let mut entries = Vec::with_capacity(policies.len());
        for policy in policies.iter() {
            let bound = policy.cast::<BoundPolicy>()?.get();
            let (mut layers, within) = (bound.hooks.around(), bound.hooks.within());
            let own = layers.len();
            layers.push(Arc::clone(&bound.hooks));
            layers.extend(within);
            let count = layers.len();
            for (index, hooks) in layers.into_iter().enumerate() {
                hooks.wraps(&wrapped);
                hooks.accept(py, &wrapped)?;
                entries.push(Entry {
                    switch: Arc::clone(&bound.switch),
                    // Asked once for all layers, by the outermost.
                    enabled: bound.enabled.clone().filter(|_| index == 0),
                    leaves: hooks.leaves(),
                    span: count - index,
                    object: (index == own).then(|| Owned::from(&policy)),
                    hooks,
                });
            }
        }
        let all: Vec<&dyn Hooks> = entries.iter().map(|entry| &*entry.hooks).collect();
        for hooks in &all {
            hooks.beside(&all);
        }
        let stack = Self {
            wrapped,
            kind: target.get().kind,
            target: target.into(),
            plain,
            maker,
            needs: Needs {
                asking: entries.iter().any(|entry| entry.enabled.is_some()),
                items: entries.iter().any(|entry| entry.hooks.wants_items()),
                arguments: entries.iter().any(|entry| entry.hooks.repeats()),
            },
            entries: entries.into(),
        };
        cladding_capi::object::create_callable(stack)
            .map_err(|raised| PyErr::from_value(raised.take(py).bound(py).clone()))
    }

    /// The policies that this stack itself walks.
    fn fused<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let policies: Vec<&Owned> = self.policies().collect();
        PyTuple::new(py, policies.iter().map(|policy| policy.bound(py)))
    }

    /// The policies of this stack, each once.
    fn policies(&self) -> impl Iterator<Item = &Owned> {
        self.entries.iter().filter_map(|entry| entry.object.as_ref())
    }

    /// The policies of this stack and of those below, which a caller stands between.
    fn all_policies(&self, py: Python<'_>) -> PyResult<Vec<Owned>> {
        let mut all: Vec<Owned> = self.policies().cloned().collect();
        if let Some(below) = caller::stack_below(py, self.maker.as_ref().unwrap_or(&self.wrapped)) {
            let below = This::<Self>::of(&below).map(|below| below.all_policies(py));
            all.extend(below.transpose()?.unwrap_or_default());
        }
        Ok(all)
    }

    /// Calls the wrapped callable, past all policies.
    #[inline]
    fn invoke(&self, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        if self.kind == Kind::Class {
            return match &self.maker {
                Some(maker) => arguments.call(py, maker),
                None => cladding_capi::carrier::construct(py, &self.wrapped, arguments),
            };
        }
        arguments.call(py, &self.wrapped)
    }
}

static CELL: TypeCell = TypeCell::new();

impl Class for BoundStack {
    const NAME: &'static CStr = c"cladding.BoundStack";
    const DOC: &'static CStr = c"The policies of one function, outermost first, and the function at the end of them.";

    fn cell() -> &'static TypeCell {
        &CELL
    }

    fn traverse(&self, visit: &mut Visit<'_>) {
        visit.one(&self.wrapped);
        visit.all(&self.maker);
        visit.py(&self.target);
        for entry in &self.entries {
            visit.all(&entry.object);
            visit.all(&entry.enabled);
        }
    }

    fn repr(&self, py: Python<'_>) -> PyResult<String> {
        let mut text = format!("<cladding of {}:", self.target.get().full_name());
        for policy in self.all_policies(py)? {
            text.push(' ');
            text += &policy.bound(py).getattr("policy")?.repr()?.to_string();
        }
        Ok(text + ">")
    }

    /// The stack of a class is not that of its subclasses, whose calls do not go through it.
    fn is_found_on(&self, owner: &Owned) -> bool {
        self.kind != Kind::Class || self.wrapped.as_ptr() == owner.as_ptr()
    }

    /// A policy by its name: the outermost of that name.
    fn attribute(this: &This<'_, Self>, py: Python<'_>, name: &str) -> Option<Owned> {
        let found = this.all_policies(py).ok()?.into_iter().find(|policy| {
            let policy = policy.bound(py).cast::<BoundPolicy>();
            policy.is_ok_and(|policy| policy.get().policy.get().name == name)
        })?;
        let policy = found.bound(py).cast::<BoundPolicy>().ok()?;
        policy.get().in_stack(py, this.owned()).ok()
    }
}

impl Vectorcall for BoundStack {
    #[inline]
    fn call(this: &This<'_, Self>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        if !cladding_capi::has_room() {
            return Err(too_deep(this));
        }
        match this.kind {
            _ if this.entries.is_empty() => this.invoke(py, arguments),
            Kind::Function | Kind::Class => sync::run(this, py, arguments),
            _ if this.plain => deferred::prepare(this, py, arguments),
            Kind::Coroutine => sync::begin(this, py, arguments),
            Kind::Generator | Kind::AsyncGenerator => Driver::start(this, arguments),
        }
    }
}

#[cold]
fn too_deep(stack: &BoundStack) -> Raised {
    let function = stack.target.get().full_name();
    let text = format!("maximum recursion depth exceeded: {function} has used up the stack of this thread");
    PyRecursionError::new_err(text).into()
}

struct Policies;

impl Getter<BoundStack> for Policies {
    const NAME: &'static CStr = c"policies";
    const DOC: &'static CStr = c"The policies, outermost first, each with its parameters and statistics.";

    fn get(this: &This<'_, BoundStack>, py: Python<'_>) -> PyResult<Owned> {
        let all = this.all_policies(py)?;
        Ok(PyTuple::new(py, all.iter().map(|policy| policy.bound(py)))?.into())
    }
}

struct Fused;

impl Getter<BoundStack> for Fused {
    const NAME: &'static CStr = c"fused";
    const DOC: &'static CStr = c"Those of the policies that run as one: down to the first caller.";

    fn get(this: &This<'_, BoundStack>, py: Python<'_>) -> PyResult<Owned> {
        Ok(this.fused(py)?.into())
    }
}

struct Wrapped;

impl Getter<BoundStack> for Wrapped {
    const NAME: &'static CStr = c"wrapped";
    const DOC: &'static CStr = c"The callable at the end of the stack.";

    fn get(this: &This<'_, BoundStack>, _py: Python<'_>) -> PyResult<Owned> {
        Ok(this.wrapped.clone())
    }
}

struct Plain;

impl Getter<BoundStack> for Plain {
    const NAME: &'static CStr = c"plain";
    const DOC: &'static CStr = c"Whether the carrier is a plain function whatever the kind.";

    fn get(this: &This<'_, BoundStack>, py: Python<'_>) -> PyResult<Owned> {
        Ok(pyo3::types::PyBool::new(py, this.plain).to_owned().into())
    }
}

struct Maker;

impl Getter<BoundStack> for Maker {
    const NAME: &'static CStr = c"maker";
    const DOC: &'static CStr = c"What makes an instance in place of the class itself, or None.";

    fn get(this: &This<'_, BoundStack>, _py: Python<'_>) -> PyResult<Owned> {
        Ok(this.maker.clone().unwrap_or_else(Owned::none))
    }
}

struct TargetOf;

impl Getter<BoundStack> for TargetOf {
    const NAME: &'static CStr = c"target";
    const DOC: &'static CStr = c"Name, kind and parameters of the wrapped callable.";

    fn get(this: &This<'_, BoundStack>, py: Python<'_>) -> PyResult<Owned> {
        Ok(this.target.clone_ref(py).into())
    }
}

struct Dir;

impl Method<BoundStack> for Dir {
    const NAME: &'static CStr = c"__dir__";
    const DOC: &'static CStr = c"What there is for users, the names of the policies among it.";

    fn call(this: &This<'_, BoundStack>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let mut names = vec!["policies", "target", "wrapped"];
        let all = this.all_policies(py)?;
        for policy in &all {
            let policy = policy.bound(py).cast::<BoundPolicy>().map_err(PyErr::from)?;
            names.push(policy.get().policy.get().name);
        }
        Ok(names.into_pyobject(py)?.into())
    }
}

struct Leave;

impl Method<BoundStack> for Leave {
    const NAME: &'static CStr = c"leave";
    const DOC: &'static CStr = c"Called by a trampoline on its way out: takes its entry off the traceback.";

    fn call(_this: &This<'_, BoundStack>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        cladding_capi::exception::strip_handled(py);
        Ok(Owned::none())
    }
}

struct Reduce;

impl Method<BoundStack> for Reduce {
    const NAME: &'static CStr = c"__reduce__";
    const DOC: &'static CStr = c"For pickle.";

    fn call(this: &This<'_, BoundStack>, py: Python<'_>, _arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let make = py.import("cladding._native")?.getattr("bind")?;
        let maker = this.maker.as_ref().map(|maker| maker.bound(py));
        let parts = (
            this.wrapped.bound(py),
            &*this.target,
            this.fused(py)?,
            this.plain,
            maker,
        );
        Ok((make, parts).into_pyobject(py)?.into())
    }
}

struct SetName;

impl Method<BoundStack> for SetName {
    const NAME: &'static CStr = c"__set_name__";
    const DOC: &'static CStr = c"Follows a class that is made again from its namespace, as dataclasses with slots are.";

    fn call(this: &This<'_, BoundStack>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
        let [owner, name] = arguments.positional() else {
            return Err(PyTypeError::new_err("__set_name__() takes a class and a name").into());
        };
        let adopt = py.import("cladding._carrier")?.getattr("adopt")?;
        Ok(adopt
            .call1((owner.bound(py), name.bound(py), this.owned().bound(py)))?
            .into())
    }
}

/// Makes the types.
pub(crate) fn add_types(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let stack = TypeBuilder::<BoundStack>::new()
        .callable()
        .more_attributes()
        .found_on_classes()
        .getter::<Policies>()
        .getter::<Fused>()
        .getter::<Wrapped>()
        .getter::<TargetOf>()
        .getter::<Plain>()
        .getter::<Maker>()
        .method::<Dir>()
        .method::<Leave>()
        .method::<Reduce>()
        .method::<SetName>()
        .build(py)?;
    module.add("BoundStack", stack.bound(py))?;
    rest::add_type(py)?;
    module.add("Driver", driver::add_type(py)?.bound(py))
}
