//! Where the state of a budget is kept: behind a trait, so that it can be shared in other ways than in memory.

use std::sync::Mutex;

use super::{Config, Machine, Snapshot, Withdrawal};
use crate::lock::Lock;

/// The state of a budget that any number of threads use at once. No method runs anybody's code or waits for a call.
pub trait BudgetState: Send + Sync {
    /// A call begins. See [`Machine::deposit`].
    fn deposit(&self, now: u64);
    /// Takes what a retry costs, if it is there. See [`Machine::withdraw`].
    fn withdraw(&self, now: u64, is_timeout: bool) -> Option<Withdrawal>;
    /// An attempt failed that is not retried. See [`Machine::failed`].
    fn failed(&self);
    /// A call succeeded. See [`Machine::succeeded`].
    fn succeeded(&self, last: Option<Withdrawal>);
    /// How it stands. See [`Machine::snapshot`].
    fn snapshot(&self, now: u64) -> Snapshot;
}

/// A budget in memory, behind a lock that is held for one step of [`Machine`] and never while a call runs.
#[derive(Debug)]
pub struct InMemory<L = Mutex<Machine>> {
    machine: L,
}

impl<L: Lock<Machine>> InMemory<L> {
    /// A budget that nothing was taken from.
    pub fn new(config: Config) -> Self {
        Self {
            machine: L::new(Machine::new(config)),
        }
    }
}

impl<L: Lock<Machine>> BudgetState for InMemory<L> {
    #[inline]
    fn deposit(&self, now: u64) {
        self.machine.with(|machine| machine.deposit(now));
    }

    fn withdraw(&self, now: u64, is_timeout: bool) -> Option<Withdrawal> {
        self.machine.with(|machine| machine.withdraw(now, is_timeout))
    }

    fn failed(&self) {
        self.machine.with(Machine::failed);
    }

    #[inline]
    fn succeeded(&self, last: Option<Withdrawal>) {
        self.machine.with(|machine| machine.succeeded(last));
    }

    fn snapshot(&self, now: u64) -> Snapshot {
        self.machine.with(|machine| machine.snapshot(now))
    }
}
