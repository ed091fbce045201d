//! What the threads of one process share of a store: whether it rests, what has happened, what waits, which leases run.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::State;
use super::leases::Leases;
use super::news::{Board, News};
use super::op::{Op, Reply};
use super::queue::Queue;
use super::rest::{Attempt, Rest, Turn};
use crate::locked::locked;
use crate::random;
use crate::store::{Begun, Limit, Store, Trouble};

pub(super) struct Work {
    /// The process that it is the work of.
    pub(super) process: u32,
    pub(super) store: Arc<dyn Store>,
    rest: Mutex<Rest>,
    counts: Counts,
    pub(super) board: Board,
    pub(super) queue: Queue,
    pub(super) leases: Leases,
}

#[derive(Default)]
struct Counts {
    failures: AtomicU64,
    refusals: AtomicU64,
    skipped: AtomicU64,
    outages: AtomicU64,
}

impl Work {
    pub(super) fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self {
            process: std::process::id(),
            store,
            rest: Mutex::default(),
            counts: Counts::default(),
            board: Board::default(),
            queue: Queue::default(),
            leases: Leases::default(),
        })
    }

    /// Does an operation, unless the store rests.
    pub(super) fn run(self: &Arc<Self>, op: &Op, limit: Limit) -> Result<Reply, Trouble> {
        self.let_go(op);
        let reply = self.guarded(op.kind(), op.is_explicit(), || op.run(&*self.store, limit))?;
        if let (Op::Begin { key, lease, .. }, Reply::Begun(Begun::Leads(token))) = (op, &reply) {
            Leases::hold(self, key.clone(), *token, *lease);
        }
        Ok(reply)
    }

    /// Has the store tried, unless it rests, and notes how it went.
    pub(super) fn guarded<T>(
        &self,
        kind: usize,
        anyway: bool,
        operation: impl FnOnce() -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let Some(attempt) = locked(&self.rest).attempt(Instant::now(), anyway) else {
            self.counts.skipped.fetch_add(1, Ordering::Relaxed);
            return Err(Trouble::Resting);
        };
        let outcome = catch_unwind(AssertUnwindSafe(operation))
            .unwrap_or_else(|_| Err(Trouble::Down("the store has panicked".to_owned())));
        self.note(kind, attempt, outcome.as_ref().err());
        outcome
    }

    fn note(&self, kind: usize, attempt: Attempt, trouble: Option<&Trouble>) {
        match trouble {
            Some(Trouble::Down(reason)) => {
                self.counts.failures.fetch_add(1, Ordering::Relaxed);
                let turn = locked(&self.rest).failed(Instant::now(), attempt, random::fraction());
                if turn == Turn::OutageBegan {
                    self.counts.outages.fetch_add(1, Ordering::Relaxed);
                    self.board.tell(News::Failed(reason.clone()));
                }
                return;
            }
            Some(Trouble::Refused(reason)) => {
                self.counts.refusals.fetch_add(1, Ordering::Relaxed);
                self.board.refused(kind, reason);
            }
            Some(Trouble::Resting) => {}
            None => self.board.accepted(kind),
        }
        if locked(&self.rest).worked(attempt) == Turn::OutageEnded {
            self.board.tell(News::Recovered);
        }
    }

    /// Whether an operation would be answered with [`Trouble::Resting`] now.
    pub(super) fn rests(&self, op: &Op) -> bool {
        !op.is_explicit()
            && locked(&self.rest)
                .left(Instant::now())
                .is_some_and(|left| left > Duration::ZERO)
    }

    /// Notes an operation that is not tried.
    pub(super) fn skip(&self, op: &Op) {
        self.let_go(op);
        self.counts.skipped.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes an operation that is refused before it comes to the store, and says so once.
    pub(super) fn refuse(&self, op: &Op, reason: &str) -> Trouble {
        self.let_go(op);
        self.counts.refusals.fetch_add(1, Ordering::Relaxed);
        self.board.refused(op.kind(), reason);
        Trouble::Refused(reason.to_owned())
    }

    /// No longer renews the lease that an operation ends.
    fn let_go(&self, op: &Op) {
        if let Some((key, token)) = op.ends() {
            self.leases.forget(key, token);
        }
    }

    pub(super) fn state(&self) -> State {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        State {
            rests: locked(&self.rest).left(Instant::now()),
            failures: count(&self.counts.failures),
            refusals: count(&self.counts.refusals),
            skipped: count(&self.counts.skipped),
            outages: count(&self.counts.outages),
        }
    }
}
