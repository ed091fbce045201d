//! What a computation leaves in the store.

use std::sync::Weak;
use std::time::Duration;

use cladding_capi::Owned;
use cladding_stores::{Key, Op, Reply, Token, Trouble};
use pyo3::prelude::*;

use super::super::hooks::Cache;
use super::super::store::Landed;
use super::Shared;
use super::asking::{Remote, Stage};
use super::pending::Pending;
use crate::counters::add;
use crate::hooks::{Call, Outcome, Wait};

impl Cache {
    /// Ends a computation that a call led. What comes back has to be waited for, and then this asked again.
    pub(in super::super) fn end(
        &self,
        call: &Call<'_>,
        started: u64,
        remote: &mut Remote,
        outcome: &mut Outcome,
    ) -> Option<Box<Wait>> {
        let (py, shared) = (call.py, self.shared.as_ref()?);
        let landed = match std::mem::replace(&mut remote.stage, Stage::Asking) {
            Stage::Computing(token) => {
                let value = match outcome {
                    Outcome::Returned(value) => Some(value.clone()),
                    _ => None,
                };
                let ask = |callable: &Owned| call.arguments.call_after(py, callable, value.as_slice());
                let times = (started, call.now());
                let landed = self.verdict(py, times, outcome, remote.reserve.as_ref(), ask);
                call.time_passed();
                match self.hand_over(shared, call, remote, token, landed, outcome) {
                    Handed::Over(landed) => landed,
                    Handed::Later(pending, landed) => {
                        let wait = pending.wait();
                        remote.stage = Stage::Ending(pending, landed);
                        return Some(wait.into());
                    }
                }
            }
            Stage::Ending(pending, landed) => match pending.answer() {
                Some(answer) => self.after(shared, py, answer, landed),
                None => None,
            },
            Stage::Asking | Stage::Pending(_) => None,
        };
        remote.cache = Weak::new();
        let is_kept = landed.is_some();
        self.settle(py, (remote.ticket, remote.hash), landed, outcome);
        if shared.keeps_near() {
            self.kept_as(shared, remote.key.digest, remote.hash, is_kept);
        }
        None
    }

    /// Gives the store what came of a computation.
    fn hand_over(
        &self,
        shared: &Shared,
        call: &Call<'_>,
        remote: &Remote,
        token: Option<Token>,
        landed: Option<Landed>,
        outcome: &mut Outcome,
    ) -> Handed {
        let py = call.py;
        let Some(token) = token else {
            // The store does not know of it, but for a time of its own the memory may.
            return Handed::Over(shared.near_alone(landed));
        };
        let Some(op) = self.parting(shared, py, &remote.key, token, landed.as_ref(), outcome) else {
            shared.release(&remote.key, token);
            return Handed::Over(None);
        };
        if !remote.awaits || call.closing {
            let answer = shared.now(py, &op);
            return Handed::Over(self.after(shared, py, answer, landed));
        }
        match Pending::submit(py, &shared.spec.front, op, shared.spec.limit) {
            Ok(pending) => Handed::Later(pending, landed),
            Err(error) => {
                *outcome = Outcome::error(py, error);
                Handed::Over(None)
            }
        }
    }

    /// Gives the store what was computed in the background.
    pub(in super::super) fn refreshed(
        &self,
        shared: &Shared,
        py: Python<'_>,
        key: &Key,
        token: Token,
        landed: Option<&Landed>,
        outcome: &mut Outcome,
    ) {
        match self.parting(shared, py, key, token, landed, outcome) {
            // The thread may be an event loop's, which must not be kept waiting, and nobody waits for this.
            Some(op) => shared.send(op),
            None => shared.release(key, token),
        }
    }

    /// What the store is to keep; `None` if nothing.
    fn parting(
        &self,
        shared: &Shared,
        py: Python<'_>,
        key: &Key,
        token: Token,
        landed: Option<&Landed>,
        outcome: &mut Outcome,
    ) -> Option<Op> {
        let landed = landed?;
        let terms = landed.terms.as_ref()?;
        match shared.seal(py, &self.target, key, &landed.kept.value, terms) {
            Ok(body) => Some(Op::Finish {
                key: key.clone(),
                token,
                body,
                life: terms.kept_for().map(Duration::from_secs_f64),
                tags: terms.tags.to_vec(),
            }),
            Err(raised) => {
                let error = raised.take(py);
                // Not every exception can be written down; that one was raised is no reason to raise another.
                if !terms.failed {
                    *outcome = Outcome::Raised(error);
                }
                None
            }
        }
    }

    /// What the memory keeps after the store has answered.
    fn after(
        &self,
        shared: &Shared,
        py: Python<'_>,
        answer: Result<Reply, Trouble>,
        landed: Option<Landed>,
    ) -> Option<Landed> {
        match answer {
            Ok(Reply::Kept(false)) => {
                add(&shared.counts.late, 1);
                None
            }
            // Where the store tells of changes it will tell of this one too, so the next call reads it.
            Ok(_) => shared.near_alone(landed),
            Err(trouble) => {
                shared.note(py, &self.target, &trouble);
                shared.near_alone(landed)
            }
        }
    }
}

/// Where a result is.
enum Handed {
    /// With the store, and this is for the memory.
    Over(Option<Landed>),
    /// On its way.
    Later(Pending, Option<Landed>),
}
