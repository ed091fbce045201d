//! Answers from the cache: copies, results with a note, and old ones that are computed anew meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

use cladding_capi::{Owned, Raised, exception};
use cladding_engine::cache::{EntryId, Reserved};
use cladding_stores::{Key, Token};
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::caller::Caller;
use super::hooks::Cache;
use super::keeping::Awaited;
use super::kept::Kept;
use super::life::fresh;
use super::module;
use super::part::Part;
use super::refresh::Refresh;
use crate::clock;
use crate::counters::add;
use crate::flight::Landing;
use crate::hooks::{Call, Enter, Outcome, Slot};
use crate::target::Kind;

impl Cache {
    /// Gives a copy of a result, what was the result of a coroutine in a coroutine again, and items in a generator.
    #[cold]
    pub(super) fn hit_copied(&self, py: Python<'_>, value: Owned) -> Enter {
        if self.spec.life.generators.is_some() {
            return Enter::Elsewhere(value);
        }
        let awaited = value
            .bound(py)
            .cast::<Awaited>()
            .ok()
            .map(|awaited| awaited.get().result.clone());
        let Some(result) = awaited else {
            return Enter::Answer(self.handed_out(py, value));
        };
        let outcome = match self.handed_out(py, result) {
            Outcome::Returned(result) => module(py)
                .and_then(|module| module.getattr("finished")?.call1((result.bound(py),)))
                .map_or_else(|error| Outcome::error(py, error), |made| Outcome::Returned(made.into())),
            outcome => outcome,
        };
        Enter::Answer(outcome)
    }

    /// A result as callers get it.
    pub(super) fn handed_out(&self, py: Python<'_>, value: Owned) -> Outcome {
        match &self.spec.life.copy {
            None => Outcome::Returned(value),
            Some(copy) => match cladding_capi::call(py, copy, &[&value]) {
                Ok(copied) => Outcome::Returned(copied),
                Err(raised) => Outcome::Raised(raised.take(py)),
            },
        }
    }

    /// Answers with a result of which more is known. `None` if it is no longer handed out.
    #[inline(never)]
    pub(super) fn noted(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        (id, hash): (EntryId, u64),
        kept: &Kept,
        now: u64,
    ) -> Option<Enter> {
        let py = call.py;
        let note = kept.note.as_ref()?;
        if !kept.is_served(now) {
            return None;
        }
        if note.failed {
            add(&self.hits, 1);
            let outcome = fresh(py, &kept.value).map_or_else(|error| Outcome::error(py, error), Outcome::Raised);
            return Some(Enter::Answer(outcome));
        }
        if !note.wants_refresh(now, &self.spec.life) {
            return Some(self.hit(py, kept.value.clone()));
        }
        if self.defers.load(Ordering::Relaxed) {
            // A plain function's coroutine is the caller's own to run.
            return (now < note.fresh_until).then(|| self.hit(py, kept.value.clone()));
        }
        let refresh = self.refresh(call, id, hash).unwrap_or_else(|raised| Some(Err(raised)));
        let Some(refresh) = refresh else {
            return Some(self.hit(py, kept.value.clone()));
        };
        add(&self.hits, 1);
        let runner = refresh.and_then(|refresh| match self.handed_out(py, kept.value.clone()) {
            Outcome::Returned(value) => self.runner(call, &refresh, &value),
            Outcome::Raised(error) => Err(exception::raise(py, error)),
            Outcome::Suspended(_) => unreachable!("a copy is not suspended"),
        });
        Some(match runner {
            Ok(runner) => {
                slot.data = Some(Box::new(Part::Served));
                Enter::Elsewhere(runner)
            }
            Err(raised) => Enter::Answer(Outcome::Raised(raised.take(py))),
        })
    }

    /// What reports on a computation in the background; `None` if there is one already.
    fn refresh(&self, call: &Call<'_>, id: EntryId, hash: u64) -> Result<Option<Result<Owned, Raised>>, Raised> {
        let py = call.py;
        let caller = Caller::of(call)?;
        let Some(ticket) = self.store.lead_again(id, hash, caller) else {
            return Ok(None);
        };
        add(&self.refreshes, 1);
        let made = self.refresh_under(py, (ticket, hash), None);
        if made.is_err() {
            self.abandon(py, ticket, hash, Landing::Abandoned);
        }
        Ok(Some(made))
    }

    /// The same for a ticket, or a lease of a store.
    pub(super) fn refresh_under(
        &self,
        py: Python<'_>,
        (ticket, hash): (EntryId, u64),
        lease: Option<(Key, Token)>,
    ) -> Result<Owned, Raised> {
        let refresh = Refresh {
            cache: self.me.clone(),
            ticket,
            hash,
            lease,
            started: clock::ticks(),
            over: AtomicBool::new(false),
        };
        Ok(Py::new(py, refresh)?.into())
    }

    /// What calls the rest of the stack in the background, and answers with the old result.
    pub(super) fn runner(&self, call: &Call<'_>, refresh: &Owned, value: &Owned) -> Result<Owned, Raised> {
        let py = call.py;
        let name = if call.target.kind == Kind::Coroutine {
            "in_task"
        } else {
            "in_thread"
        };
        let make: Owned = module(py)?.getattr(name)?.into();
        let function: Owned = PyString::new(py, &self.target.full_name()).into_any().into();
        cladding_capi::call(py, &make, &[refresh, value, &function])
    }
}
