//! The cache at work on one function.

use std::any::Any;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use cladding_capi::{Owned, Raised, Suspended, keys, type_is};
use cladding_engine::metrics::Counter;
use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMemoryView, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::CacheSpec;
use super::caller::{Caller, Outlook};
use super::key::{Forgets, Key, Keys, View};
use super::numbers::Numbers;
use super::store::{Found, Store};
use crate::clock;
use crate::counters::add;
use crate::flight::{Flight, Landing};
use crate::hooks::{Call, Enter, Exit, Hooks, Outcome, Page, Slot, SlotData, Wait};
use crate::target::Target;

/// The results of one function.
pub(super) struct Cache {
    spec: CacheSpec,
    keys: Keys,
    store: Store,
    /// Whether the store knows how long results live. Ticks are measured while the program runs, so it is told late.
    timed: AtomicBool,
    /// Whether the function, a plain one, was seen to return a coroutine.
    defers: AtomicBool,
    hits: Counter,
    misses: Counter,
    waits: Counter,
    /// What the two counters were when the cache was last cleared.
    hits_before: AtomicU64,
    misses_before: AtomicU64,
    me: Weak<Self>,
}

/// What one call of the function is to the cache, besides a hit.
enum Part {
    /// It computes for everyone.
    Leader { cache: Weak<Cache>, ticket: u64, hash: u64 },
    /// It waits for another call.
    Waiter(Owned),
    /// It computes for itself, in a coroutine that a plain function returned; the result is kept all the same.
    Loner { key: Key, hash: u64, clears: u64 },
}

impl SlotData for Part {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Waiter(flight) => visit(flight),
            Self::Loner { key, .. } => key.parts().iter().for_each(visit),
            Self::Leader { .. } => {}
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}

impl Drop for Part {
    /// A leader that is dropped on its way hands the computation to those who wait.
    fn drop(&mut self) {
        if let Self::Leader { cache, ticket, hash } = self
            && let Some(cache) = cache.upgrade()
        {
            // Nobody waits any more once the interpreter is on its way out.
            Python::try_attach(|py| land(py, cache.store.land(*ticket, *hash, None).as_ref(), Landing::Abandoned));
        }
    }
}

/// What a plain function's coroutine came to, as it is kept among the results.
#[pyclass(frozen, module = "cladding._native")]
struct Awaited {
    result: Owned,
}

#[pymethods]
impl Awaited {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.result.as_py())
    }
}

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._cache").map(Bound::unbind))?
        .bind(py))
}

/// Wakes those who wait, if anybody does.
fn land(py: Python<'_>, flight: Option<&Owned>, landing: Landing) {
    if let Some(Ok(flight)) = flight.map(|flight| flight.bound(py).cast::<Flight>()) {
        flight.get().land(py, landing);
    }
}

impl Cache {
    pub(super) fn new(py: Python<'_>, spec: CacheSpec, target: &Target) -> PyResult<Arc<Self>> {
        let keys = Keys::new(py, spec.keys.clone(), target)?;
        Ok(Arc::new_cyclic(|me: &Weak<Self>| Self {
            store: Store::new(spec.max_entries),
            timed: AtomicBool::new(spec.ttl.is_none()),
            defers: AtomicBool::new(false),
            hits: Counter::new(),
            misses: Counter::new(),
            waits: Counter::new(),
            hits_before: AtomicU64::new(0),
            misses_before: AtomicU64::new(0),
            me: me.clone(),
            keys: keys.freed_by(me.clone()),
            spec,
        }))
    }

    /// The time, where it matters.
    #[inline]
    fn now(&self, call: &Call<'_>) -> u64 {
        if self.spec.ttl.is_some() { call.now() } else { 0 }
    }

    fn ticks(&self) -> u64 {
        if self.spec.ttl.is_some() { clock::ticks() } else { 0 }
    }

    #[inline]
    fn look_up(&self, call: &Call<'_>, slot: &mut Slot, view: &View<'_>, hash: u64) -> Enter {
        let now = self.now(call);
        match self.store.find(call.py, view, hash, now) {
            Some(value) => self.hit(call.py, value),
            None => self.miss(call, slot, view, hash, now),
        }
    }

    #[inline]
    fn hit(&self, py: Python<'_>, value: Owned) -> Enter {
        add(&self.hits, 1);
        if self.defers.load(Ordering::Relaxed) {
            Self::hit_deferred(py, value)
        } else {
            Enter::Answer(Outcome::Returned(value))
        }
    }

    /// Gives what was the result of a coroutine in a coroutine again.
    #[cold]
    fn hit_deferred(py: Python<'_>, value: Owned) -> Enter {
        let outcome = match value.bound(py).cast::<Awaited>() {
            Err(_) => Ok(value),
            Ok(awaited) => module(py)
                .and_then(|module| module.getattr("finished")?.call1((awaited.get().result.bound(py),)))
                .map(Owned::from),
        };
        Enter::Answer(outcome.map_or_else(|error| Outcome::error(py, error), Outcome::Returned))
    }

    /// The same for calls of every kind.
    #[inline(never)]
    fn enter_by_view(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        let py = call.py;
        if slot.data.is_some()
            && let Some(enter) = self.waited(call, slot)
        {
            return enter;
        }
        let view = match self.keys.view(call) {
            Ok(Some(view)) => view,
            // The function itself says what is wrong with this call.
            Ok(None) => return Enter::Proceed,
            Err(raised) => return Enter::Answer(Outcome::Raised(raised.take(py))),
        };
        match view.hash(py) {
            Ok(hash) => self.look_up(call, slot, &view, hash),
            Err((_, raised)) => {
                drop(raised.map(|raised| raised.take(py)));
                match self.keys.by_content(call, &view) {
                    Ok((view, hash)) => self.look_up(call, slot, &view, hash),
                    Err(raised) => Enter::Answer(Outcome::Raised(raised.take(py))),
                }
            }
        }
    }

    /// Finds out who computes.
    #[inline(never)]
    fn miss(&self, call: &Call<'_>, slot: &mut Slot, view: &View<'_>, hash: u64, now: u64) -> Enter {
        let enter = self
            .join_or_lead(call, slot, view, hash, now)
            .unwrap_or_else(|raised| Enter::Answer(Outcome::Raised(raised.take(call.py))));
        // The event loop was asked who calls, and keys may have been compared by methods of their own.
        call.time_passed();
        enter
    }

    fn join_or_lead(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        view: &View<'_>,
        hash: u64,
        now: u64,
    ) -> Result<Enter, Raised> {
        let py = call.py;
        let caller = Caller::of(call)?;
        let mut offered = None;
        loop {
            match self
                .store
                .find_or_lead(py, view, hash, now, &caller, offered.as_ref())?
            {
                Found::Result(value) => return Ok(self.hit(py, value)),
                Found::Nothing(ticket) => {
                    add(&self.misses, 1);
                    self.keys.note(view, hash, |hash| self.store.holds(hash));
                    slot.data = Some(Box::new(Part::Leader {
                        cache: self.me.clone(),
                        ticket,
                        hash,
                    }));
                    return Ok(Enter::Proceed);
                }
                Found::Busy(leader, ticket, flight) => match (caller.outlook(py, &leader)?, flight) {
                    (Outlook::Lost, _) => {
                        land(py, self.store.land(ticket, hash, None).as_ref(), Landing::Abandoned);
                    }
                    (Outlook::Stands, _) => {
                        add(&self.misses, 1);
                        return Ok(Enter::Proceed);
                    }
                    (Outlook::Lands, Some(flight)) => {
                        add(&self.waits, 1);
                        slot.data = Some(Box::new(Part::Waiter(flight.clone())));
                        return Ok(Enter::Wait(Wait::Flight(flight).into()));
                    }
                    // Made here because making an object can start the garbage collector, which may call anything.
                    (Outlook::Lands, None) => offered = Some(Py::new(py, Flight::new())?.into()),
                },
            }
        }
    }

    /// Goes on after a wait. `None` if the call has to start over.
    #[cold]
    fn waited(&self, call: &Call<'_>, slot: &mut Slot) -> Option<Enter> {
        let py = call.py;
        let mut data = slot.data.take()?;
        let flight = match data.as_any().downcast_mut::<Part>() {
            Some(Part::Waiter(flight)) => flight.clone(),
            _ => return None,
        };
        let Some(landing) = flight.bound(py).cast::<Flight>().ok()?.get().landing() else {
            slot.data = Some(data);
            return Some(Enter::Wait(Wait::Flight(flight).into()));
        };
        match landing.outcome(py)? {
            Outcome::Returned(value) => Some(self.hit(py, value)),
            outcome => {
                add(&self.misses, 1);
                Some(Enter::Answer(outcome))
            }
        }
    }

    /// Tells the store how long results live, before the first one comes.
    #[inline]
    fn time(&self) {
        if self.timed.load(Ordering::Relaxed) {
            return;
        }
        if let Some(ttl) = self.spec.ttl {
            // A cast to a whole number saturates: more than 500 years are for ever.
            self.store.set_ttl(clock::ticks_from_nanos((ttl * 1e9) as u64).max(1));
        }
        self.timed.store(true, Ordering::Relaxed);
    }

    /// Ends the computation of a leader.
    fn finish(&self, call: &Call<'_>, ticket: u64, hash: u64, outcome: &mut Outcome) {
        let py = call.py;
        if let Outcome::Returned(value) = outcome
            && let Some(error) = refusal(py, call.target, value)
        {
            *outcome = Outcome::error(py, error);
        }
        let flight = match outcome {
            Outcome::Returned(value) => {
                self.time();
                self.store.land(ticket, hash, Some((value, self.now(call))))
            }
            _ => self.store.land(ticket, hash, None),
        };
        if flight.is_some() {
            land(py, flight.as_ref(), Landing::of(py, outcome));
        }
    }

    /// Keeps what a coroutine came to that a plain function had returned.
    fn keep_awaited(
        &self,
        call: &Call<'_>,
        key: &Key,
        hash: u64,
        clears: u64,
        outcome: &Outcome,
    ) -> Result<(), Raised> {
        let py = call.py;
        let Outcome::Returned(value) = outcome else {
            return Ok(());
        };
        if let Some(error) = refusal(py, call.target, value) {
            return Err(error.into());
        }
        let awaited: Owned = Py::new(py, Awaited { result: value.clone() })?.into();
        self.time();
        let view = key.view(py, self.keys.typed());
        self.store.add(py, &view, clears, hash, &awaited, self.now(call))
    }

    fn numbers(&self) -> Numbers {
        let gone = self.spec.ttl.map(|_| self.store.sweep(self.ticks()));
        drop(gone);
        let (entries, evictions, expirations) = self.store.numbers();
        Numbers {
            hits: self.hits.get(),
            misses: self.misses.get(),
            waits: self.waits.get(),
            entries,
            evictions,
            expirations,
        }
    }
}

/// The error for a result that would be used up when it is handed out again.
fn refusal(py: Python<'_>, target: &Target, value: &Owned) -> Option<PyErr> {
    let spent = type_is(value).is_some() || keys::is_iterator(value);
    if !spent && !value.is_exactly::<PyMemoryView>(py) {
        return None;
    }
    let kind = value
        .bound(py)
        .get_type()
        .qualname()
        .map_or_else(|_| "?".to_owned(), |name| name.to_string());
    let reason = if spent {
        "is used up by going through it once"
    } else {
        "ends with the buffer that it shows"
    };
    Some(PyTypeError::new_err(format!(
        "cache_result cannot keep what {}() returned: a {kind} {reason}; return a list, bytes or the like",
        target.full_name(),
    )))
}

impl Hooks for Cache {
    fn accept(&self, py: Python<'_>, wrapped: &Owned) -> PyResult<()> {
        self.keys.accept(py, wrapped)
    }

    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if slot.data.is_none()
            && let Some(quick) = self.keys.quick(call)
            && let Some(hash) = quick.hash(call.py)
            && let Some(value) = self.store.find_quickly(call.py, quick, hash, self.now(call))
        {
            return self.hit(call.py, value);
        }
        self.enter_by_view(call, slot)
    }

    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let Some(mut data) = slot.data.take() else {
            return Exit::Pass;
        };
        let Some(part) = data.as_any().downcast_mut::<Part>() else {
            return Exit::Pass;
        };
        match part {
            Part::Leader { cache, ticket, hash } => {
                *cache = Weak::new();
                self.finish(call, *ticket, *hash, outcome);
            }
            Part::Loner { key, hash, clears } => {
                if let Err(raised) = self.keep_awaited(call, key, *hash, *clears, outcome) {
                    *outcome = Outcome::Raised(raised.take(call.py));
                }
            }
            Part::Waiter(_) => {}
        }
        Exit::Pass
    }

    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        let py = call.py;
        let Some(mut data) = slot.data.take() else {
            return Ok(());
        };
        let Some(Part::Leader { cache, ticket, hash }) = data.as_any().downcast_mut::<Part>() else {
            return Ok(());
        };
        if kind != Suspended::Coroutine {
            let closing = match kind {
                Suspended::Generator => value.bound(py).call_method0("close").map(drop),
                _ => Ok(()),
            };
            let error = closing.err().or_else(|| refusal(py, call.target, value));
            return error.map_or(Ok(()), |error| Err(Outcome::error(py, error)));
        }
        // Callers of a plain function cannot await each other, so each goes on alone from here.
        self.defers.store(true, Ordering::Relaxed);
        *cache = Weak::new();
        let (ticket, hash) = (*ticket, *hash);
        let (key, flight) = self.store.withdraw(ticket, hash);
        land(py, flight.as_ref(), Landing::Abandoned);
        slot.data = key.map(|(key, clears)| Box::new(Part::Loner { key, hash, clears }) as Box<dyn SlotData>);
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        self.numbers().stats(py)
    }

    fn methods(&self) -> &'static [&'static str] {
        &["cache_clear", "cache_info", "cache_parameters"]
    }

    fn method(&self, py: Python<'_>, name: &str, _arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        match name {
            "cache_clear" => {
                self.hits_before.store(self.hits.get(), Ordering::Relaxed);
                self.misses_before.store(self.misses.get(), Ordering::Relaxed);
                drop(self.store.clear());
                Ok(py.None())
            }
            "cache_info" => {
                let numbers = self.numbers();
                let hits = numbers.hits.saturating_sub(self.hits_before.load(Ordering::Relaxed));
                let misses = numbers
                    .misses
                    .saturating_sub(self.misses_before.load(Ordering::Relaxed));
                let parts = (hits, misses, self.spec.max_entries, numbers.entries);
                Ok(module(py)?.getattr("CacheInfo")?.call1(parts)?.unbind())
            }
            "cache_parameters" => {
                let parameters = PyDict::new(py);
                parameters.set_item("ttl", self.spec.ttl)?;
                parameters.set_item("max_entries", self.spec.max_entries)?;
                self.keys.parameters(&parameters)?;
                Ok(parameters.into_any().unbind())
            }
            _ => Err(PyAttributeError::new_err(name.to_owned())),
        }
    }

    fn metrics(&self, target: &Target, page: &mut Page) {
        self.numbers().metrics(target, page);
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.keys.traverse(visit);
        self.store.traverse(visit);
    }

    fn clear(&self) {
        drop(self.store.clear());
        self.keys.clear();
    }
}

impl Forgets for Cache {
    fn forget(&self, reference: &Owned, hashes: &[u64]) {
        // Whoever calls this is told by the interpreter of the end of an instance.
        Python::attach(|py| drop(self.store.forget(py, reference, hashes)));
    }
}
