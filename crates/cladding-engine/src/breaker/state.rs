//! Where the state of a breaker is kept: behind a trait, so that it can be shared in other ways than in memory.

use std::sync::Mutex;

use super::{Config, Machine, Permit, Refusal, Snapshot};
use crate::lock::Lock;

/// The state of a breaker that any number of threads use at once. No method runs anybody's code or waits for a call.
pub trait BreakerState: Send + Sync {
    /// Whether a call may run now. See [`Machine::admit`].
    fn admit(&self, now: u64) -> Result<Permit, Refusal>;
    /// Counts how a call ended. See [`Machine::record`].
    fn record(&self, permit: Permit, success: bool, now: u64);
    /// Takes back the permit of a call that came to no end. See [`Machine::cancel`].
    fn cancel(&self, permit: Permit);
    /// Closes the breaker. See [`Machine::reset`].
    fn reset(&self);
    /// Opens the breaker. See [`Machine::trip`].
    fn trip(&self, now: u64);
    /// For a forked process. See [`Machine::forked`].
    fn forked(&self);
    /// How it stands. See [`Machine::snapshot`].
    fn snapshot(&self, now: u64) -> Snapshot;
}

/// A breaker in memory, behind a lock that is held for one step of [`Machine`] and never while a call runs.
#[derive(Debug)]
pub struct InMemory<L = Mutex<Machine>> {
    machine: L,
}

impl<L: Lock<Machine>> InMemory<L> {
    /// A closed breaker that has seen no call.
    pub fn new(config: Config) -> Self {
        Self {
            machine: L::new(Machine::new(config)),
        }
    }
}

impl<L: Lock<Machine>> BreakerState for InMemory<L> {
    #[inline]
    fn admit(&self, now: u64) -> Result<Permit, Refusal> {
        self.machine.with(|machine| machine.admit(now))
    }

    #[inline]
    fn record(&self, permit: Permit, success: bool, now: u64) {
        self.machine.with(|machine| machine.record(permit, success, now));
    }

    fn cancel(&self, permit: Permit) {
        self.machine.with(|machine| machine.cancel(permit));
    }

    fn reset(&self) {
        self.machine.with(Machine::reset);
    }

    fn trip(&self, now: u64) {
        self.machine.with(|machine| machine.trip(now));
    }

    fn forked(&self) {
        self.machine.with(Machine::forked);
    }

    fn snapshot(&self, now: u64) -> Snapshot {
        self.machine.with(|machine| machine.snapshot(now))
    }
}
