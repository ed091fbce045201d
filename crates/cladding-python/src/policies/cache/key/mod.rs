//! Keys: a call's arguments in one order, however they were written, hashed and compared as a dictionary would.
//!
//! The order is: the arguments by position (defaults where parameters were left out), the keyword-only parameters, and for
//! each keyword that no parameter has a mark, its name and its value, sorted by name. A call by position is therefore its
//! own argument array with the defaults behind it, and no tuple is made to look it up.
//!
//! An argument without a hash is told by its content, see [`content`]. A method's instance is told by identity: in its place stand a mark and a weak reference, see [`instances`].

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use cladding_capi::{Owned, Raised};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::Call;
use crate::receiver::Receiver;
use crate::target::Target;

mod content;
mod instances;
mod portable;
mod shape;
mod spec;
mod view;

pub(super) use instances::Forgets;
use instances::Instances;
use shape::Shape;
pub(crate) use spec::KeySpec;
use spec::source_version;
pub(super) use view::{Key, Quick, View};

/// How the calls of one function become keys.
pub(super) struct Keys {
    spec: KeySpec,
    shape: Shape,
    /// Whether neither types, names nor a function make a difference.
    is_simple: bool,
    receiver: Receiver,
    /// Whether the function is bound already, a builtin type's, or one that stands in for another: then its first argument
    /// is no instance.
    bound: AtomicBool,
    instances: Arc<Instances>,
    /// What `version="source"` came to.
    version: OnceLock<String>,
}

impl Keys {
    pub(super) fn new(py: Python<'_>, spec: KeySpec, target: &Target) -> PyResult<Self> {
        let ignored = spec.ignored(py, target)?;
        Ok(Self {
            is_simple: spec.is_simple(),
            shape: Shape::new(py, target, ignored)?,
            receiver: Receiver::new(target),
            bound: AtomicBool::new(false),
            instances: Arc::new(Instances::new()),
            version: OnceLock::new(),
            spec,
        })
    }

    /// Looks at the function itself, before any call.
    pub(super) fn accept(&self, py: Python<'_>, wrapped: &Owned) -> PyResult<()> {
        let function = wrapped.bound(py);
        let is_named = |name: Bound<'_, PyAny>| name.extract::<&str>().is_ok_and(|name| self.receiver.is_named(name));
        let bound = function.hasattr("__self__")?
            || function.hasattr("__objclass__")?
            || !function.getattr_opt("__qualname__")?.is_some_and(is_named);
        self.bound.store(bound, Ordering::Relaxed);
        if self.spec.by_source && self.version.get().is_none() {
            let version = source_version(py, wrapped)?;
            self.version.get_or_init(|| version);
        }
        Ok(())
    }

    /// Tells who frees the results of instances that are gone.
    pub(super) fn freed_by(self, owner: Weak<dyn Forgets>) -> Self {
        self.instances.freed_by(owner);
        self
    }

    /// The key of a call by position of a function without much to say about keys.
    #[inline]
    pub(super) fn quick<'a>(&'a self, call: &Call<'a>) -> Option<Quick<'a>> {
        if !self.is_simple || call.arguments.keyword_count() > 0 {
            return None;
        }
        let mut given = call.arguments.positional();
        let rest = self.shape.rest(given.len());
        let mut reference = 0;
        if self.receiver.is_possible()
            && let [first, others @ ..] = given
            && self.has_instance(call.py, first)
        {
            reference = self.instances.address_of(first)?;
            given = others;
        }
        Some(Quick { reference, given, rest })
    }

    /// What stands for the instance of a method in such a key.
    #[inline]
    pub(super) fn instance_of(&self, call: &Call<'_>, quick: Quick<'_>) -> Option<Owned> {
        let first = call.arguments.positional().first()?;
        self.instances
            .of(first)
            .filter(|found| found.as_ptr().addr() == quick.reference)
    }

    /// As [`note`](Self::note), of what stands for an instance.
    pub(super) fn note_of(&self, instance: &Owned, hash: u64, held: impl Fn(u64) -> bool) {
        self.instances.note(instance, hash, held);
    }

    #[inline]
    fn has_instance(&self, py: Python<'_>, first: &Owned) -> bool {
        self.shape.has_first() && !self.bound.load(Ordering::Relaxed) && self.receiver.is(py, first)
    }

    /// The key of a call. `None` for a call that is wrong, because it gives a parameter twice.
    #[inline]
    pub(super) fn view<'a>(&'a self, call: &Call<'a>) -> Result<Option<View<'a>>, Raised> {
        let Some(parts) = self.shape.parts(call.py, call.target, call.arguments) else {
            return Ok(None);
        };
        let mut view = View::new(parts, self.spec.typed);
        if self.receiver.is_possible() {
            self.take_instance(call, &mut view)?;
        }
        if let Some(key) = self.spec.made(call)? {
            view.replace(key);
        }
        Ok(Some(view))
    }

    /// Puts what stands for the instance in its place.
    #[inline]
    fn take_instance(&self, call: &Call<'_>, view: &mut View<'_>) -> Result<(), Raised> {
        if let Some(first) = view.first()
            && self.has_instance(call.py, first)
        {
            let reference = match self.instances.of(first) {
                Some(reference) => reference,
                None => self.instances.enrol(call.py, first)?,
            };
            view.bind(reference);
        }
        Ok(())
    }

    /// The key and the hash of a call with an argument that has no hash.
    #[cold]
    pub(super) fn by_content<'b>(&'b self, call: &Call<'_>, view: &'b View<'_>) -> Result<(View<'b>, u64), Raised> {
        // The arguments may be asked for what they are made of, or let other threads in.
        call.time_passed();
        match &self.spec.key {
            None => self.shape.by_content(call.py, call.target, view),
            Some(_) => Err(self.spec.no_hash(call, view.parts.at(0))),
        }
    }

    /// Notes that a result will come under this key, to free it when the instance is gone.
    pub(super) fn note(&self, view: &View<'_>, hash: u64, held: impl Fn(u64) -> bool) {
        if let Some(reference) = view.instance() {
            self.instances.note(reference, hash, held);
        }
    }

    /// Whether arguments of different types are different keys.
    pub(super) fn typed(&self) -> bool {
        self.spec.typed
    }

    /// Adds what `cache_parameters()` tells of keys.
    pub(super) fn parameters(&self, parameters: &Bound<'_, PyDict>) -> PyResult<()> {
        self.spec.parameters(parameters, self.version.get())
    }

    /// Shows every owned reference to the garbage collector.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.spec.traverse(visit);
        self.shape.traverse(visit);
        self.instances.traverse(visit);
    }

    pub(super) fn clear(&self) {
        drop(self.instances.clear());
    }
}
