//! How whoever leads in this process comes to a result: from the store, by waiting for another process, or by computing it.

use std::sync::Weak;
use std::time::Duration;

use cladding_capi::{Owned, Raised};
use cladding_engine::cache::EntryId;
use cladding_stores::{Begun, Key, Op, Record, Reply, Token, Trouble};
use pyo3::prelude::*;

use super::super::hooks::{Cache, land};
use super::super::kept::Kept;
use super::super::key::View;
use super::super::life::fresh;
use super::super::part::Part;
use super::super::store::Landed;
use super::super::wire::{Opened, Unopened};
use super::Shared;
use super::pending::Pending;
use crate::counters::add;
use crate::flight::{Flight, Landing};
use crate::hooks::{Call, Enter, Outcome, Slot, Wait};
use crate::policies::retry::random;
use crate::target::Kind;

/// The first pause between two looks at what another process computes, in seconds, and the longest.
const PAUSES: (f64, f64) = (0.002, 0.05);

/// What one call knows of its way through the store.
pub(in super::super) struct Remote {
    /// Whom the ticket is given back to, unless it was used.
    pub(super) cache: Weak<Cache>,
    pub(super) ticket: EntryId,
    pub(super) hash: u64,
    /// An old result, in case the computation fails.
    pub(super) reserve: Option<Kept>,
    pub(super) key: Key,
    pub(super) stage: Stage,
    /// Whether the time that the record has left matters.
    lives: bool,
    /// Whether the call waits by awaiting.
    pub(super) awaits: bool,
    /// The next pause.
    pause: f64,
    /// Whether there was one.
    waited: bool,
    /// Who wrote the record that is to be replaced.
    old: Option<Token>,
    /// What is handed out while one process computes it anew.
    aged: Option<Opened>,
}

/// How far it has come.
pub(super) enum Stage {
    /// To ask for the record.
    Asking,
    /// The store is asked.
    Pending(Pending),
    /// Under this lease, if the store gave one.
    Computing(Option<Token>),
    /// The store is given what came of it; this is what is kept in memory if it takes it.
    Ending(Pending, Option<Landed>),
}

/// What to do next.
enum Step {
    Do(Op),
    Pause,
    Answer(Opened, Option<Duration>),
    /// Compute, under this lease.
    Compute(Option<Token>),
    /// Answer with this, and compute it anew in the background, under this lease.
    Refresh(Opened, Token),
}

impl Remote {
    pub(in super::super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match &self.stage {
            Stage::Pending(pending) => pending.traverse(visit),
            Stage::Ending(pending, landed) => {
                pending.traverse(visit);
                if let Some(landed) = landed {
                    visit(&landed.kept.value);
                }
            }
            Stage::Asking | Stage::Computing(_) => {}
        }
        self.aged.iter().for_each(|aged| visit(&aged.value));
        self.reserve.iter().for_each(|kept| visit(&kept.value));
    }

    /// Asks for the record.
    fn question(&self) -> Step {
        Step::Do(Op::Get {
            key: self.key.clone(),
            lives: self.lives,
        })
    }
}

impl Drop for Remote {
    /// A call that is dropped on its way hands the computation to those who wait, here and elsewhere.
    fn drop(&mut self) {
        let Some(cache) = self.cache.upgrade() else { return };
        if let Some(shared) = &cache.shared {
            shared.near.gives_up(self.key.digest);
            if let Stage::Computing(Some(token)) = &self.stage {
                shared.release(&self.key, *token);
            }
        }
        // Nobody waits any more once the interpreter is on its way out.
        Python::try_attach(|py| cache.abandon(py, self.ticket, self.hash, Landing::Abandoned));
    }
}

impl Cache {
    /// The way of a call that leads in this process.
    pub(in super::super) fn remote(
        &self,
        shared: &Shared,
        call: &Call<'_>,
        view: &View<'_>,
        (ticket, hash): (EntryId, u64),
        has_task: bool,
    ) -> Result<Box<Remote>, Raised> {
        let key = self.key_in_store(shared, call, view);
        if key.is_err() {
            self.abandon(call.py, ticket, hash, Landing::Abandoned);
        }
        Ok(Box::new(Remote {
            cache: self.me.clone(),
            ticket,
            hash,
            reserve: None,
            key: key?,
            stage: Stage::Asking,
            lives: false,
            awaits: call.target.kind == Kind::Coroutine && has_task,
            pause: PAUSES.0,
            waited: false,
            old: None,
            aged: None,
        }))
    }

    /// Goes on with the way of a call. Its part is in the slot.
    pub(in super::super) fn ask(&self, shared: &Shared, call: &Call<'_>, slot: &mut Slot) -> Enter {
        let Some(mut data) = slot.data.take() else {
            return Enter::Proceed;
        };
        let Some(Part::Remote(remote)) = data.as_any().downcast_mut::<Part>() else {
            slot.data = Some(data);
            return Enter::Proceed;
        };
        let py = call.py;
        let step = self.next_step(shared, call, remote);
        call.time_passed();
        if !matches!(step, Ok(Progress::Wait(_) | Progress::Compute(_))) {
            remote.cache = Weak::new();
        }
        match step {
            Ok(Progress::Wait(wait)) => {
                slot.data = Some(data);
                Enter::Wait(wait)
            }
            Ok(Progress::Compute(token)) => {
                remote.stage = Stage::Computing(token);
                slot.data = Some(data);
                self.count_miss();
                slot.started = call.now();
                Enter::Proceed
            }
            Ok(Progress::Answer(opened, left)) => self.arrived(shared, py, remote, &opened, left),
            Ok(Progress::Refresh(opened, token)) => {
                drop(self.arrived(shared, py, remote, &opened, None));
                self.renewed_elsewhere(call, slot, remote, token, opened.value)
            }
            Err(raised) => {
                let error = raised.take(py);
                shared.near.gives_up(remote.key.digest);
                self.abandon(py, remote.ticket, remote.hash, Landing::Abandoned);
                Enter::Answer(Outcome::Raised(error))
            }
        }
    }

    fn next_step(&self, shared: &Shared, call: &Call<'_>, remote: &mut Remote) -> Result<Progress, Raised> {
        let py = call.py;
        let mut step = match std::mem::replace(&mut remote.stage, Stage::Asking) {
            Stage::Pending(pending) => {
                let Some(answer) = pending.answer() else {
                    let wait = pending.wait();
                    remote.stage = Stage::Pending(pending);
                    return Ok(Progress::Wait(wait.into()));
                };
                self.judge_answer(shared, py, remote, answer)?
            }
            _ => self.first_question(shared, remote),
        };
        loop {
            match step {
                Step::Do(op) if remote.awaits => {
                    let pending = Pending::submit(py, &shared.spec.front, op, shared.spec.limit)?;
                    let wait = pending.wait();
                    remote.stage = Stage::Pending(pending);
                    return Ok(Progress::Wait(wait.into()));
                }
                Step::Do(op) => {
                    let answer = shared.now(py, &op);
                    step = self.judge_answer(shared, py, remote, answer)?;
                }
                Step::Pause => {
                    // Nobody lands it: this is a pause that no test's clock makes shorter.
                    let flight = Py::new(py, Flight::new())?.into();
                    let seconds = remote.pause * (0.5 + random().unit());
                    remote.pause = (remote.pause * 1.5).min(PAUSES.1);
                    return Ok(Progress::Wait(Wait::FlightFor(flight, seconds).into()));
                }
                Step::Answer(opened, left) => return Ok(Progress::Answer(opened, left)),
                Step::Compute(token) => return Ok(Progress::Compute(token)),
                Step::Refresh(opened, token) => return Ok(Progress::Refresh(opened, token)),
            }
        }
    }

    fn first_question(&self, shared: &Shared, remote: &mut Remote) -> Step {
        if shared.keeps_near() {
            shared.near.reads(remote.key.digest);
        }
        remote.lives |= shared.keeps_near() || self.spec.life.refreshes();
        remote.question()
    }

    /// What an answer of the store means.
    fn judge_answer(
        &self,
        shared: &Shared,
        py: Python<'_>,
        remote: &mut Remote,
        answer: Result<Reply, Trouble>,
    ) -> Result<Step, Raised> {
        shared.tell(py, &self.target);
        Ok(match answer {
            Ok(Reply::Record(Some(record)) | Reply::Begun(Begun::Found(record))) => {
                return self.judge_record(shared, py, remote, &record);
            }
            Ok(Reply::Begun(Begun::Leads(token))) => match remote.aged.take() {
                Some(aged) => Step::Refresh(aged, token),
                None => Step::Compute(Some(token)),
            },
            Ok(Reply::Begun(Begun::Busy(_))) => {
                if let Some(aged) = remote.aged.take() {
                    return Ok(Step::Answer(aged, None));
                }
                if !std::mem::replace(&mut remote.waited, true) {
                    add(&shared.counts.waits, 1);
                }
                Step::Pause
            }
            Ok(_) => shared.begin(remote),
            Err(trouble) => {
                shared.note(py, &self.target, &trouble);
                match remote.aged.take() {
                    Some(aged) => Step::Answer(aged, None),
                    None => Step::Compute(None),
                }
            }
        })
    }

    fn judge_record(
        &self,
        shared: &Shared,
        py: Python<'_>,
        remote: &mut Remote,
        record: &Record,
    ) -> Result<Step, Raised> {
        let exceptions = self.spec.life.exceptions.as_ref();
        let opened = match shared.open(py, &remote.key, &record.body, exceptions) {
            Ok(opened) => opened,
            Err(Unopened::Damaged(_)) => {
                add(&shared.counts.damaged, 1);
                remote.old = Some(record.writer);
                return Ok(shared.begin(remote));
            }
            Err(Unopened::Interrupted(raised)) => return Err(raised),
        };
        let note = &opened.note;
        if note.ages() && record.left.is_none() && !remote.lives {
            // Somebody else keeps results longer than they are fresh.
            remote.lives = true;
            return Ok(remote.question());
        }
        let age = note.age(record.left);
        if note.served_for.is_some_and(|served| age >= served) {
            remote.old = Some(record.writer);
            if self.spec.life.rescues && !note.failed {
                remote.reserve = Some(Kept {
                    value: opened.value,
                    note: None,
                });
            }
            return Ok(shared.begin(remote));
        }
        let fresh_for = note.fresh_for.map(|fresh| fresh - age);
        if !note.failed && fresh_for.is_some_and(|left| left <= self.spec.life.ahead(note.took)) {
            remote.old = Some(record.writer);
            // Where nothing old is handed out, another function of the namespace does so.
            remote.aged = self.spec.life.refreshes().then_some(opened);
            return Ok(shared.begin(remote));
        }
        let left = fresh_for.map(|left| Duration::from_secs_f64(left.max(0.0)));
        Ok(Step::Answer(opened, left))
    }

    /// Ends the computation in this process with what the store had, and answers with it.
    fn arrived(
        &self,
        shared: &Shared,
        py: Python<'_>,
        remote: &Remote,
        opened: &Opened,
        left: Option<Duration>,
    ) -> Enter {
        add(&shared.counts.hits, 1);
        let failed = opened.note.failed;
        let landed = match left {
            // What is handed out although it is old is not kept.
            None if opened.note.fresh_for.is_some() => None,
            left => self.kept_near(shared, py, opened, left),
        };
        let is_kept = landed.is_some();
        let flight = self.store.land(remote.ticket, remote.hash, landed);
        if shared.keeps_near() {
            self.kept_as(shared, remote.key.digest, remote.hash, is_kept);
        }
        let outcome = if failed {
            add(&self.hits, 1);
            fresh(py, &opened.value).map_or_else(|error| Outcome::error(py, error), Outcome::Raised)
        } else {
            Outcome::Returned(opened.value.clone())
        };
        land(py, flight.as_ref(), Landing::of(py, &outcome));
        match outcome {
            Outcome::Returned(value) => self.hit(py, value),
            outcome => Enter::Answer(outcome),
        }
    }

    /// Answers with an old result, and has it computed anew in the background.
    fn renewed_elsewhere(
        &self,
        call: &Call<'_>,
        slot: &mut Slot,
        remote: &Remote,
        token: Token,
        value: Owned,
    ) -> Enter {
        add(&self.refreshes, 1);
        let lease = Some((remote.key.clone(), token));
        let runner = self
            .refresh_under(call.py, (remote.ticket, remote.hash), lease)
            .and_then(|refresh| match self.handed_out(call.py, value) {
                Outcome::Returned(value) => self.runner(call, &refresh, &value),
                Outcome::Raised(error) => Err(cladding_capi::exception::raise(call.py, error)),
                Outcome::Suspended(_) => unreachable!("a copy is not suspended"),
            });
        match runner {
            Ok(runner) => {
                slot.data = Some(Box::new(Part::Served));
                Enter::Elsewhere(runner)
            }
            Err(raised) => {
                if let Some(shared) = &self.shared {
                    shared.release(&remote.key, token);
                }
                Enter::Answer(Outcome::Raised(raised.take(call.py)))
            }
        }
    }

    /// The time by which the memory keeps what was read.
    fn kept_near(&self, shared: &Shared, py: Python<'_>, opened: &Opened, left: Option<Duration>) -> Option<Landed> {
        let left = left.map_or(f64::INFINITY, |left| left.as_secs_f64());
        let ahead = self.spec.life.ahead(opened.note.took);
        let seconds = shared.near_seconds()?.min(left - ahead);
        if seconds <= 0.0 {
            return None;
        }
        let landed = Landed::of(opened, self.weight(py, &opened.value).ok()?);
        Some(landed.for_a_while(seconds))
    }
}

/// What comes of a step.
enum Progress {
    Wait(Box<Wait>),
    Answer(Opened, Option<Duration>),
    Compute(Option<Token>),
    Refresh(Opened, Token),
}

impl Shared {
    /// Asks for the lease.
    fn begin(&self, remote: &Remote) -> Step {
        Step::Do(Op::Begin {
            key: remote.key.clone(),
            lease: self.spec.lease,
            old: remote.old,
        })
    }
}
