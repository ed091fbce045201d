//! The cache at work on one function.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use cladding_capi::{Owned, Raised, Suspended};
use cladding_engine::cache::EntryId;
use cladding_engine::metrics::Counter;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::caller::{Caller, Outlook};
use super::keeping::refusal;
use super::key::{Forgets, Keys, View};
use super::life::Tags;
use super::numbers::Numbers;
use super::part::Part;
use super::shared::Shared;
use super::store::{Found, Hit, Store};
use super::{CacheSpec, single};
use crate::clock;
use crate::counters::add;
use crate::flight::{Flight, Landing};
use crate::hooks::{Call, Enter, Exit, Hooks, Outcome, Page, Slot, SlotData, Wait};
use crate::target::{Kind, Target};

/// The results of one function.
pub(super) struct Cache {
    pub(super) spec: CacheSpec,
    /// Whether the time matters.
    pub(super) ages: bool,
    /// Whether a computation may be a simple one.
    pub(super) leads_simply: bool,
    pub(super) keys: Keys,
    pub(super) target: Target,
    pub(super) store: Store,
    /// The store that processes share, which this one then stands before.
    pub(super) shared: Option<Shared>,
    /// Whether the function, a plain one, was seen to return a coroutine.
    pub(super) defers: AtomicBool,
    pub(super) hits: Counter,
    pub(super) misses: Counter,
    pub(super) waits: Counter,
    /// Generators with too many items.
    pub(super) too_long: Counter,
    loads: Counter,
    load_ticks: Counter,
    pub(super) refreshes: Counter,
    pub(super) rescues: Counter,
    /// What the two counters were when the cache was last cleared.
    pub(super) hits_before: AtomicU64,
    pub(super) misses_before: AtomicU64,
    pub(super) me: Weak<Self>,
}

/// Wakes those who wait, if anybody does.
pub(super) fn land(py: Python<'_>, flight: Option<&Owned>, landing: Landing) {
    // Those who share a generator wait otherwise.
    let flight = flight.filter(|flight| flight.is_exactly::<Flight>(py));
    if let Some(Ok(flight)) = flight.map(|flight| flight.bound(py).cast::<Flight>()) {
        flight.get().land(py, landing);
    }
}

impl Cache {
    pub(super) fn new(py: Python<'_>, spec: CacheSpec, target: &Target) -> PyResult<Arc<Self>> {
        let keys = Keys::new(py, spec.keys.clone(), target)?;
        let max_weight = spec.life.max_bytes.map(|bytes| bytes / spec.life.unit());
        Ok(Arc::new_cyclic(|me: &Weak<Self>| Self {
            ages: spec.life.ages() || spec.shared.is_some(),
            leads_simply: spec.life.is_simple()
                && spec.shared.is_none()
                && matches!(target.kind, Kind::Function | Kind::Class),
            target: target.without_defaults(),
            store: Store::new(spec.max_entries, max_weight),
            shared: spec.shared.clone().map(Shared::new),
            // Answers are made of what is kept, as they are of what coroutines came to.
            defers: AtomicBool::new(spec.life.generators.is_some()),
            hits: Counter::new(),
            misses: Counter::new(),
            waits: Counter::new(),
            too_long: Counter::new(),
            loads: Counter::new(),
            load_ticks: Counter::new(),
            refreshes: Counter::new(),
            rescues: Counter::new(),
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
        if self.ages { call.now() } else { 0 }
    }

    pub(super) fn ticks(&self) -> u64 {
        if self.ages { clock::ticks() } else { 0 }
    }

    #[inline]
    fn look_up(&self, call: &Call<'_>, slot: &mut Slot, view: &View<'_>, hash: u64) -> Enter {
        let now = self.now(call);
        match self.store.find(call.py, view, hash, now) {
            Some(Hit::Plain(value)) => self.hit(call.py, value),
            Some(Hit::Noted(id, kept)) => match self.noted(call, slot, (id, hash), &kept, now) {
                Some(enter) => enter,
                None => self.miss(call, slot, view, hash, now),
            },
            None => self.miss(call, slot, view, hash, now),
        }
    }

    #[inline]
    pub(super) fn hit(&self, py: Python<'_>, value: Owned) -> Enter {
        add(&self.hits, 1);
        if self.defers.load(Ordering::Relaxed) || self.spec.life.copy.is_some() {
            self.hit_copied(py, value)
        } else {
            Enter::Answer(Outcome::Returned(value))
        }
    }

    /// Says who computes in the background.
    pub(super) fn begin(&self, ticket: EntryId, caller: Caller) {
        self.store.begin(ticket, caller);
    }

    /// Counts a call that computes.
    pub(super) fn count_miss(&self) {
        add(&self.misses, 1);
    }

    /// Counts a computation that came to an end.
    pub(super) fn count_load(&self, took: u64) {
        add(&self.loads, 1);
        add(&self.load_ticks, took);
    }

    /// Ends a computation that came to nothing.
    pub(super) fn abandon(&self, py: Python<'_>, ticket: EntryId, hash: u64, landing: Landing) {
        land(py, self.store.land(ticket, hash, None).as_ref(), landing);
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
        if self.spec.life.generators.is_some() {
            return self.share(call, slot, view, hash, now);
        }
        let py = call.py;
        let caller = Caller::of(call)?;
        let mut offered = None;
        loop {
            match self
                .store
                .find_or_lead(py, view, hash, now, &caller, offered.as_ref())?
            {
                Found::Result(id, kept) => {
                    return Ok(match self.noted(call, slot, (id, hash), &kept, now) {
                        Some(enter) => enter,
                        None => self.hit(py, kept.value),
                    });
                }
                Found::Nothing(ticket, reserve) => {
                    self.keys.note(view, hash, |hash| self.store.holds(hash));
                    if let Some(shared) = &self.shared {
                        let remote = self.remote(shared, call, view, (ticket, hash), caller.has_task())?;
                        slot.data = Some(Box::new(Part::Remote(remote)));
                        return Ok(self.ask(shared, call, slot));
                    }
                    self.count_miss();
                    slot.data = Some(Box::new(Part::Leader {
                        cache: self.me.clone(),
                        ticket,
                        hash,
                        reserve: reserve.filter(|kept| self.spec.life.rescues && !kept.has_failed()),
                    }));
                    slot.started = call.now();
                    return Ok(Enter::Proceed);
                }
                Found::Busy(leader, ticket, flight) => match (caller.outlook(py, &leader)?, flight) {
                    (Outlook::Lost, _) => {
                        self.abandon(py, ticket, hash, Landing::Abandoned);
                        // It may have been what others waited by, and has landed now.
                        offered = None;
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
            Some(Part::Remote(_)) => {
                slot.data = Some(data);
                return self.shared.as_ref().map(|shared| self.ask(shared, call, slot));
            }
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

    pub(super) fn numbers(&self) -> Numbers {
        if self.ages {
            self.store.sweep(clock::ticks());
        }
        let counts = self.store.counts();
        Numbers {
            hits: self.hits.get(),
            misses: self.misses.get(),
            waits: self.waits.get(),
            loads: self.loads.get(),
            load_seconds: clock::nanos_between(0, self.load_ticks.get()) as f64 / 1e9,
            refreshes: self.refreshes.get(),
            rescues: self.rescues.get(),
            entries: counts.entries,
            bytes: counts.weight * self.spec.life.unit(),
            evictions: counts.evictions.capacity,
            too_long: self.too_long.get(),
            too_heavy: counts.evictions.weight,
            expirations: counts.evictions.expired,
            invalidations: counts.invalidated,
        }
    }
}

impl Hooks for Cache {
    fn accept(&self, py: Python<'_>, wrapped: &Owned) -> PyResult<()> {
        self.keys.accept(py, wrapped)?;
        match &self.shared {
            Some(shared) => shared.accept(py, &self.keys, &self.target, wrapped),
            None => Ok(()),
        }
    }

    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if let Some(shared) = &self.shared {
            self.make_way(shared);
        }
        if slot.data.is_none()
            && let Some(quick) = self.keys.quick(call)
            && let Some(hash) = quick.hash(call.py)
        {
            let now = self.now(call);
            match self.store.find_quickly(call.py, quick, hash, now) {
                Ok(Hit::Plain(value)) => return self.hit(call.py, value),
                Err(false) if self.leads_simply && self.lead_simply(call, slot, quick, hash) => return Enter::Proceed,
                Ok(Hit::Noted(..)) | Err(_) => {}
            }
        }
        self.enter_by_view(call, slot)
    }

    fn exit(&self, call: &Call<'_>, slot: &mut Slot, outcome: &mut Outcome) -> Exit {
        let py = call.py;
        if !self.end_simply(call, slot, outcome) {
            let Some(mut data) = slot.data.take() else {
                self.shared(call, slot, outcome);
                return Exit::Pass;
            };
            let Some(part) = data.as_any().downcast_mut::<Part>() else {
                return Exit::Pass;
            };
            match part {
                Part::Simple { .. } | Part::Leader { .. } => self.end_lead(call, slot.started, part, outcome),
                Part::Loner { key, hash, clears } => {
                    if let Outcome::Returned(value) = outcome {
                        let times = (call.now().saturating_sub(slot.started), call.now());
                        if let Err(raised) = self.keep_awaited(call, key, *hash, *clears, times, value) {
                            *outcome = Outcome::Raised(raised.take(py));
                        }
                    }
                }
                Part::Remote(remote) => {
                    if let Some(wait) = self.end(call, slot.started, remote, outcome) {
                        slot.data = Some(data);
                        return Exit::Wait(wait);
                    }
                }
                Part::Waiter(_) | Part::Served => return Exit::Pass,
            }
        }
        if self.spec.life.copy.is_some()
            && let Outcome::Returned(value) = outcome
        {
            *outcome = self.handed_out(py, value.clone());
        }
        Exit::Pass
    }

    fn deferred(&self, call: &Call<'_>, slot: &mut Slot, value: &Owned, kind: Suspended) -> Result<(), Outcome> {
        let py = call.py;
        let Some(mut data) = slot.data.take() else {
            return Ok(());
        };
        if self.shared.is_some() && kind == Suspended::Coroutine {
            let text = format!(
                "cache_result: {}() is a plain function that returned a coroutine, whose result cannot be kept in a store; define it \
                 with `async def`",
                call.target.full_name()
            );
            let closing = value.bound(py).call_method0("close").err();
            return Err(Outcome::error(
                py,
                closing.unwrap_or_else(|| PyTypeError::new_err(text)),
            ));
        }
        let Some(part @ (Part::Simple { .. } | Part::Leader { .. })) = data.as_any().downcast_mut::<Part>() else {
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
        let Some((leading, ticket)) = self.lead_of(part) else {
            return Ok(());
        };
        let (key, flight) = self.store.withdraw(ticket);
        land(py, flight.as_ref(), Landing::Abandoned);
        slot.data = key.map(|(key, clears)| {
            let hash = leading.hash;
            Box::new(Part::Loner { key, hash, clears }) as Box<dyn SlotData>
        });
        Ok(())
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = self.numbers().stats(py)?;
        if let Some(shared) = &self.shared {
            shared.counts.stats(stats.bind(py))?;
        }
        Ok(stats)
    }

    fn repeats(&self) -> bool {
        // The arguments are wanted when the result is there.
        matches!(self.spec.life.tags, Some(Tags::Asked(_)))
    }

    fn methods(&self) -> &'static [&'static str] {
        const ALL: [&str; 4] = ["cache_clear", "cache_info", "cache_parameters", "cache"];
        // A class may have an attribute of that name.
        if self.target.kind == Kind::Class {
            &ALL[..3]
        } else {
            &ALL
        }
    }

    fn space(&self) -> &'static [&'static str] {
        &single::SPACE
    }

    fn space_method(
        &self,
        py: Python<'_>,
        name: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.single(py, name, args, kwargs)
    }

    fn method(&self, py: Python<'_>, name: &str, _arguments: &Bound<'_, PyTuple>) -> PyResult<Py<PyAny>> {
        self.as_functools(py, name)
    }

    fn metrics(&self, target: &Target, page: &mut Page) {
        self.numbers().metrics(target, page);
        if let Some(shared) = &self.shared {
            shared
                .counts
                .metrics(&vec![("function".to_owned(), target.full_name())], page);
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.spec.life.traverse(visit);
        self.spec.shared.iter().for_each(|shared| shared.traverse(visit));
        self.shared.iter().for_each(|shared| shared.spec.traverse(visit));
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
