//! Generator functions: their items are shared while they are made, and kept once they are all there.
//!
//! What is kept is a `Recorded` of `cladding._replaying`, and what stands for the computation among the flights is a
//! `Source`. Both are what the rest of the stack is handed to, and give the generator that the caller goes through.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, Weak};

use cladding_capi::{Owned, Raised, counted, exception};
use cladding_engine::cache::EntryId;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyTuple};

use super::caller::Caller;
use super::hooks::Cache;
use super::keeping::refused;
use super::key::View;
use super::single::ask;
use super::store::Found;
use crate::clock;
use crate::counters::add;
use crate::flight::Landing;
use crate::hooks::{Call, Enter, Outcome, Slot};
use crate::target::Kind;

/// A call's phase if it goes past the cache.
const ALONE: u8 = 1;

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._replaying").map(Bound::unbind))?
        .bind(py))
}

/// What a source reports to. It keeps no cache alive.
#[pyclass(frozen, module = "cladding._native")]
pub(super) struct Recording {
    cache: Weak<Cache>,
    ticket: OnceLock<EntryId>,
    hash: u64,
    started: u64,
    over: AtomicBool,
}

#[pymethods]
impl Recording {
    /// Whether it has its place in the cache.
    #[getter]
    fn led(&self) -> bool {
        self.ticket.get().is_some()
    }

    /// All items are there, and the arguments that they are of. Raises what is wrong with them.
    fn done(
        &self,
        py: Python<'_>,
        recorded: &Bound<'_, PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: &Bound<'_, PyDict>,
    ) -> PyResult<()> {
        let Some((cache, ticket)) = self.end() else {
            return Ok(());
        };
        let now = clock::ticks();
        let took = now.saturating_sub(self.started);
        cache.count_load(took);
        let landed = recorded.getattr("items").and_then(|items| {
            let each = items.cast::<PyTuple>()?.iter().map(Owned::from);
            if let Some(error) = each
                .into_iter()
                .find_map(|item| refused(py, &cache.target, &item, "yielded"))
            {
                return Err(error);
            }
            let tags = |callable: &Owned| Ok(ask(callable, &items, args, Some(kwargs))?);
            Ok(cache.kept(py, &items.clone().into(), recorded.into(), (took, now), tags)?)
        });
        let (landed, result) = match landed {
            Ok(landed) => (landed, Ok(())),
            Err(error) => (None, Err(error)),
        };
        drop(cache.store.land(ticket, self.hash, landed));
        result
    }

    /// Nothing is to be kept, although it may have ended.
    fn gave_up(&self, py: Python<'_>, too_long: bool, ended: bool) {
        if let Some((cache, ticket)) = self.end() {
            if too_long {
                add(&cache.too_long, 1);
            }
            if ended {
                cache.count_load(clock::ticks().saturating_sub(self.started));
            }
            cache.abandon(py, ticket, self.hash, Landing::Abandoned);
        }
    }
}

impl Recording {
    /// The cache, if this is the first end.
    fn end(&self) -> Option<(Arc<Cache>, EntryId)> {
        if self.over.swap(true, Ordering::Relaxed) {
            return None;
        }
        Some((self.cache.upgrade()?, *self.ticket.get()?))
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some((cache, ticket)) = self.end() {
            Python::try_attach(|py| counted(py, |py| cache.abandon(py, ticket, self.hash, Landing::Abandoned)));
        }
    }
}

impl Cache {
    /// Gives what is kept, joins those who share what is being made, or is the first of them.
    pub(super) fn share(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        view: &View<'_>,
        hash: u64,
        now: u64,
    ) -> Result<Enter, Raised> {
        let py = call.py;
        let (recording, source) = counted(py, |py| self.source(py, hash))?;
        let caller = Caller::of(call)?;
        loop {
            match self.store.find_or_lead(py, view, hash, now, &caller, Some(&source))? {
                Found::Result(id, kept) => {
                    return Ok(match self.noted(call, slot, (id, hash), &kept, now) {
                        Some(enter) => enter,
                        None => self.hit(py, kept.value),
                    });
                }
                Found::Nothing(ticket, _) => {
                    let _ = recording.get().ticket.set(ticket);
                    add(&self.misses, 1);
                    self.keys.note(view, hash, |hash| self.store.holds(hash));
                    return Ok(Enter::Elsewhere(source));
                }
                Found::Busy(_, ticket, Some(other)) => {
                    let admits = counted(py, |py| {
                        other.bound(py).call_method0("admits")?.extract::<Option<bool>>()
                    })?;
                    match admits {
                        Some(true) => {
                            add(&self.waits, 1);
                            return Ok(Enter::Elsewhere(other));
                        }
                        Some(false) => break,
                        None => self.abandon(py, ticket, hash, Landing::Abandoned),
                    }
                }
                Found::Busy(_, _, None) => break,
            }
        }
        // The caller makes its items by itself.
        add(&self.misses, 1);
        slot.phase = ALONE;
        Ok(Enter::Proceed)
    }

    /// Takes the entry of the function here that the caller has gone through off the traceback.
    pub(super) fn shared(&self, call: &Call<'_>, slot: &Slot, outcome: &Outcome) {
        if slot.phase != ALONE
            && self.spec.life.generators.is_some()
            && let Outcome::Raised(raised) = outcome
        {
            exception::strip(call.py, raised);
        }
    }

    /// What is to be shared, without its place in the cache.
    fn source(&self, py: Python<'_>, hash: u64) -> PyResult<(Py<Recording>, Owned)> {
        let recording = Py::new(
            py,
            Recording {
                cache: self.me.clone(),
                ticket: OnceLock::new(),
                hash,
                started: clock::ticks(),
                over: AtomicBool::new(false),
            },
        )?;
        let name = if self.awaits() { "AsyncSource" } else { "Source" };
        let source = module(py)?
            .getattr(name)?
            .call1((&recording, self.spec.life.generators, self.copier(py)))?;
        Ok((recording, source.into()))
    }

    /// The items of a result, as they are handed out; `None` if it is no generator's.
    pub(super) fn items_of(&self, py: Python<'_>, value: &Owned) -> PyResult<Option<Owned>> {
        if self.spec.life.generators.is_none() {
            return Ok(None);
        }
        Ok(Some(value.bound(py).call_method0("shown")?.into()))
    }

    /// A result that was given as a generator's items: those, and what is kept of them.
    pub(super) fn recorded(&self, value: &Bound<'_, PyAny>) -> PyResult<Option<(Owned, Owned)>> {
        let py = value.py();
        let Some(bound) = self.spec.life.generators else {
            return Ok(None);
        };
        let make = module(py)?.getattr("recorded")?;
        let recorded = make.call1((value, bound, self.copier(py), self.awaits()))?;
        Ok(Some((recorded.getattr("items")?.into(), recorded.into())))
    }

    fn awaits(&self) -> bool {
        self.target.kind == Kind::AsyncGenerator
    }

    fn copier<'a>(&'a self, py: Python<'a>) -> Option<&'a Bound<'a, PyAny>> {
        self.spec.life.copy.as_ref().map(|copy| copy.bound(py))
    }
}
