//! A store as one process uses it: it rests after failures, renews leases, and works in the background.

mod leases;
mod news;
mod op;
mod queue;
mod rest;
#[cfg(test)]
mod test_rest;
mod url;
mod work;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption, Guard};

pub use news::News;
pub use op::{Op, Reply};
pub use url::open;

use crate::store::{Limit, Store, Trouble, Watcher};
use queue::Queue;
use work::Work;

/// What is called with the outcome of an operation in the background.
pub type Done = Box<dyn FnOnce(Result<Reply, Trouble>) + Send>;

/// A store as one process uses it. There is one for a URL, for as long as somebody holds it.
///
/// After a failure the store is left alone for 0.1 seconds, then twice as long for each failure that follows, up to 30
/// seconds; meanwhile operations give [`Trouble::Resting`] at once, except those that a user asks for: putting, removing,
/// clearing. A lease that was begun here is renewed until it is finished or released here, whatever comes of that.
pub struct Front {
    shown_url: String,
    store: Arc<dyn Store>,
    /// The process that `work` is of, or that somebody is making it of.
    process: AtomicU32,
    /// Swapped, never locked: in a child process its locks may be held by threads that are gone.
    work: ArcSwap<Work>,
}

/// How a store does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// `None` while it works; else how long it is left alone, and zero when it is about to be tried again.
    pub rests: Option<Duration>,
    /// The operations that it did not answer, or not in time.
    pub failures: u64,
    /// The operations that it did not accept.
    pub refusals: u64,
    /// The operations that were not tried, because it rested or because their time was over before their turn came.
    pub skipped: u64,
    /// How often it stopped working.
    pub outages: u64,
}

type Fronts = HashMap<String, Weak<Front>>;

/// The fronts of this process, by what their URLs come to. Swapped, never locked, as a child process must be able to ask.
static FRONTS: ArcSwapOption<Fronts> = ArcSwapOption::const_empty();

impl Front {
    /// The front of the store at a URL: the one that somebody holds already, or a new one. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the URL, without its password.
    pub fn open(url: &str) -> Result<Arc<Self>, String> {
        let address = url::parse(url)?;
        let name = address.name();
        if let Some(front) = FRONTS.load().as_ref().and_then(|fronts| fronts.get(&name)?.upgrade()) {
            return Ok(front);
        }
        let made = Self::over(address.open()?, address.shown());
        let mut front = Arc::clone(&made);
        FRONTS.rcu(|fronts| {
            let mut fronts: Fronts = fronts.as_deref().cloned().unwrap_or_default();
            if let Some(other) = fronts.get(&name).and_then(Weak::upgrade) {
                front = other;
            } else {
                front = Arc::clone(&made);
                fronts.retain(|_, front| front.strong_count() > 0);
                fronts.insert(name.clone(), Arc::downgrade(&made));
            }
            Some(Arc::new(fronts))
        });
        Ok(front)
    }

    /// A front of its own over a store.
    pub fn over(store: Arc<dyn Store>, shown_url: String) -> Arc<Self> {
        let work = Work::new(Arc::clone(&store));
        Arc::new(Self {
            shown_url,
            store,
            process: AtomicU32::new(work.process),
            work: ArcSwap::new(work),
        })
    }

    /// The URL without its password.
    pub fn shown_url(&self) -> &str {
        &self.shown_url
    }

    /// Does an operation on this thread, within `limit`.
    pub fn do_now(&self, op: &Op, limit: Duration) -> Result<Reply, Trouble> {
        self.work().run(op, Limit::within(limit))
    }

    /// Has an operation done by a background thread, which then calls `done` once, at the latest when `limit` from now is
    /// over. Operations on the same record, or on a space and its records, are done in the order in which they were
    /// submitted; reads that wait together are done in one exchange. A panic of `done` is dropped.
    ///
    /// # Errors
    ///
    /// Nothing will be done, nor `done` called: the store rests, too much is waiting already, or no thread can be started.
    pub fn submit(&self, op: Op, limit: Duration, done: Done) -> Result<(), Trouble> {
        Queue::submit(&self.work(), op, limit, done)
    }

    /// How the store does now, and has done in this process.
    pub fn state(&self) -> State {
        self.work().state()
    }

    /// The oldest news that was not taken yet. Costs one look at a flag when there is none.
    pub fn news(&self) -> Option<News> {
        self.work().board.take()
    }

    /// See [`Store::tells_of_changes`].
    pub fn tells_of_changes(&self) -> bool {
        self.store.tells_of_changes()
    }

    /// See [`Store::watch`].
    pub fn watch(&self, space: &Arc<str>, watcher: &Arc<dyn Watcher>) -> bool {
        let _ = self.work();
        self.store.watch(space, watcher)
    }

    /// Waits for what was submitted, for at most `limit`. Says whether all of it is done.
    pub fn flush(&self, limit: Duration) -> bool {
        self.work().queue.flush(Limit::within(limit))
    }

    /// Begins anew in a child process just after a fork: what waits, which leases run, connections and threads are the
    /// parent's. (It is also found out by itself, at the next use.) Without effect in a process where it was done.
    pub fn forked(&self) {
        let process = std::process::id();
        let before = self.process.load(Ordering::Acquire);
        if before != process
            && self
                .process
                .compare_exchange(before, process, Ordering::AcqRel, Ordering::Acquire)
                .is_ok()
        {
            self.store.forked();
            // What is inside may be locked for ever.
            std::mem::forget(self.work.swap(Work::new(Arc::clone(&self.store))));
        }
        while self.work.load().process != process {
            std::thread::yield_now();
        }
    }

    /// To be called before a fork, for all that are open: [`Store::forking`]. May wait for a second.
    pub fn all_forking() {
        for front in Self::all() {
            front.store.forking();
        }
    }

    /// [`Front::flush`] for all that are open, one after the other, within one limit.
    pub fn flush_all(limit: Duration) {
        let limit = Limit::within(limit);
        for front in Self::all() {
            front.flush(limit.left().unwrap_or_default());
        }
    }

    /// To be called after a fork in the process that has forked, or has failed to: [`Store::fork_over`].
    pub fn all_fork_over() {
        for front in Self::all() {
            front.store.fork_over();
        }
    }

    /// To be called in a child process just after a fork: [`Front::forked`] for all that are open.
    pub fn all_forked() {
        for front in Self::all() {
            front.forked();
        }
    }

    fn all() -> Vec<Arc<Self>> {
        let fronts = FRONTS.load();
        fronts
            .iter()
            .flat_map(|fronts| fronts.values())
            .filter_map(Weak::upgrade)
            .collect()
    }

    fn work(&self) -> Guard<Arc<Work>> {
        let work = self.work.load();
        if work.process == std::process::id() {
            return work;
        }
        self.forked();
        self.work.load()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        let work = self.work();
        work.queue.close();
        work.leases.close();
    }
}
