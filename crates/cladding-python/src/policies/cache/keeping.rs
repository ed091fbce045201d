//! The end of a computation: what is kept of it, for how long, and in which form.

use std::sync::Arc;

use cladding_capi::{Owned, Raised, exception, keys, type_is};
use cladding_engine::cache::{EntryId, Life};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyMemoryView;
use pyo3::{PyTraverseError, PyVisit};

use super::hooks::{Cache, land};
use super::kept::{Kept, Note};
use super::key::Key;
use super::life::{Ttl, after, fresh};
use super::module;
use super::store::Landed;
use crate::counters::add;
use crate::flight::Landing;
use crate::hooks::{Call, Outcome};
use crate::target::Target;

/// What a plain function's coroutine came to, as it is kept among the results.
#[pyclass(frozen, module = "cladding._native")]
pub(super) struct Awaited {
    pub(super) result: Owned,
}

#[pymethods]
impl Awaited {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.result.as_py())
    }
}

impl Cache {
    /// Ends a computation: decides what is kept of it, and tells those who wait. `ask` calls a callable with the result
    /// and the arguments.
    pub(super) fn conclude(
        &self,
        py: Python<'_>,
        (ticket, hash): (EntryId, u64),
        (started, now): (u64, u64),
        outcome: &mut Outcome,
        reserve: Option<&Kept>,
        ask: impl FnOnce(&Owned) -> Result<Owned, Raised>,
    ) {
        let landed = self.verdict(py, (started, now), outcome, reserve, ask);
        self.settle(py, (ticket, hash), landed, outcome);
    }

    /// What is kept of a computation. An outcome that cannot be handed out becomes another.
    pub(super) fn verdict(
        &self,
        py: Python<'_>,
        (started, now): (u64, u64),
        outcome: &mut Outcome,
        reserve: Option<&Kept>,
        ask: impl FnOnce(&Owned) -> Result<Owned, Raised>,
    ) -> Option<Landed> {
        let took = now.saturating_sub(started);
        self.count_load(took);
        match outcome {
            Outcome::Returned(value) => match self.kept(py, value, value.clone(), (took, now), ask) {
                Ok(landed) => landed,
                Err(raised) => {
                    *outcome = Outcome::Raised(raised.take(py));
                    None
                }
            },
            Outcome::Raised(error) if outcome_is_ordinary(py, error) => match reserve {
                Some(old) => {
                    add(&self.rescues, 1);
                    *outcome = Outcome::Returned(old.value.clone());
                    None
                }
                None => self.kept_failure(py, error, now),
            },
            Outcome::Raised(_) | Outcome::Suspended(_) => None,
        }
    }

    /// Keeps that, and tells those who wait.
    pub(super) fn settle(
        &self,
        py: Python<'_>,
        (ticket, hash): (EntryId, u64),
        landed: Option<Landed>,
        outcome: &Outcome,
    ) {
        let flight = self.store.land(ticket, hash, landed);
        if flight.is_some() {
            land(py, flight.as_ref(), Landing::of(py, outcome));
        }
    }

    /// When a result is over of which nothing is noted.
    #[inline]
    pub(super) fn expiry(&self, now: u64) -> u64 {
        match self.spec.life.ttl {
            Ttl::Seconds(seconds) => after(now, self.spec.life.shorten(seconds)),
            Ttl::Forever | Ttl::Asked(_) => u64::MAX,
        }
    }

    /// What is kept of a result, which may be kept in another form; `None` if its life is over at once.
    pub(super) fn kept(
        &self,
        py: Python<'_>,
        result: &Owned,
        value: Owned,
        (took, now): (u64, u64),
        ask: impl FnOnce(&Owned) -> Result<Owned, Raised>,
    ) -> Result<Option<Landed>, Raised> {
        if let Some(error) = refusal(py, &self.target, result) {
            return Err(error.into());
        }
        let life = &self.spec.life;
        let Some(seconds) = life.seconds(py, result)? else {
            return Ok(None);
        };
        let tags = life.tags_of(py, ask)?;
        let weight = self.weight(py, result)?;
        let fresh_until = after(now, seconds);
        let served_until = match life.stale {
            Some(stale) if fresh_until != u64::MAX => after(fresh_until, stale),
            _ => fresh_until,
        };
        let terms = self
            .shared
            .as_ref()
            .map(|_| Box::new(life.terms(false, seconds, took, &tags)));
        let noted = life.refreshes() || !tags.is_empty();
        let note = noted.then_some(Note {
            failed: false,
            fresh_until,
            served_until,
            took,
            tags,
        });
        Ok(Some(Landed {
            kept: Kept {
                value,
                note: note.map(Arc::new),
            },
            life: Life {
                expires_at: if life.rescues { u64::MAX } else { served_until },
                weight,
            },
            now,
            terms,
        }))
    }

    /// What is kept of an exception, if that is asked for.
    fn kept_failure(&self, py: Python<'_>, error: &Owned, now: u64) -> Option<Landed> {
        let life = &self.spec.life;
        let classes = life.exceptions.as_ref()?;
        if !exception::matches(py, error, classes) {
            return None;
        }
        // A copy without a traceback, which would keep alive what was computing. One that cannot be copied is kept as the
        // same object, with the traceback of its last raise.
        let traceback = exception::traceback(error);
        let value = fresh(py, error).ok()?;
        if value.as_ptr() == error.as_ptr() {
            exception::set_traceback(py, error, traceback.as_ref());
        }
        let seconds = life.exception_seconds();
        let until = after(now, seconds);
        let note = Note {
            failed: true,
            fresh_until: until,
            served_until: until,
            took: 0,
            tags: Box::default(),
        };
        Some(Landed {
            kept: Kept {
                value,
                note: Some(Arc::new(note)),
            },
            life: Life::until(until),
            now,
            terms: self
                .shared
                .as_ref()
                .map(|_| Box::new(life.terms(true, seconds, 0, &[]))),
        })
    }

    /// What a result weighs, where that counts.
    pub(super) fn weight(&self, py: Python<'_>, result: &Owned) -> Result<u32, Raised> {
        if self.spec.life.max_bytes.is_none() {
            return Ok(0);
        }
        let size_of: Owned = module(py)?.getattr("size_of")?.into();
        let bytes = cladding_capi::call(py, &size_of, &[result])?;
        let bytes: u64 = bytes.bound(py).extract().unwrap_or(u64::MAX);
        Ok(u32::try_from(bytes.div_ceil(self.spec.life.unit())).unwrap_or(u32::MAX))
    }

    /// Keeps what a coroutine came to that a plain function had returned.
    pub(super) fn keep_awaited(
        &self,
        call: &Call<'_>,
        key: &Key,
        hash: u64,
        clears: u64,
        times: (u64, u64),
        result: &Owned,
    ) -> Result<(), Raised> {
        let py = call.py;
        let awaited: Owned = Py::new(py, Awaited { result: result.clone() })?.into();
        let ask = |callable: &Owned| call.arguments.call_after(py, callable, std::slice::from_ref(result));
        match self.kept(py, result, awaited, times, ask)? {
            Some(landed) => {
                let view = key.view(py, self.keys.typed());
                self.store.add(py, &view, clears, hash, landed)
            }
            None => Ok(()),
        }
    }
}

fn outcome_is_ordinary(py: Python<'_>, error: &Owned) -> bool {
    exception::is_a::<PyException>(py, error)
}

/// Whether a result would be used up when it is handed out again.
#[inline]
pub(super) fn is_spent(py: Python<'_>, value: &Owned) -> bool {
    !keys::is_scalar(value)
        && (type_is(value).is_some() || keys::is_iterator(value) || value.is_exactly::<PyMemoryView>(py))
}

/// The error for such a result.
pub(super) fn refusal(py: Python<'_>, target: &Target, value: &Owned) -> Option<PyErr> {
    refused(py, target, value, "returned")
}

/// The same for what the function `gave` in another way.
pub(super) fn refused(py: Python<'_>, target: &Target, value: &Owned, gave: &str) -> Option<PyErr> {
    if !is_spent(py, value) {
        return None;
    }
    let spent = !value.is_exactly::<PyMemoryView>(py);
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
        "cache_result cannot keep what {}() {gave}: a {kind} {reason}; make it a list, bytes or the like",
        target.full_name(),
    )))
}
