//! Operations that wait for a background thread, and the threads.

use std::collections::{HashMap, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Done;
use super::op::{Op, Reply, Scope};
use super::work::Work;
use crate::locked::locked;
use crate::store::{Key, Limit, Trouble};

/// More than one, so that a slow operation does not hold up all others; few, as waiting reads go together.
const THREADS: usize = 2;
/// How long a thread waits for more to do before it ends.
const IDLE: Duration = Duration::from_secs(5);
/// How many operations wait at most.
const MOST: usize = 10_000;
/// How many bytes wait at most, besides those of one operation.
const MOST_BYTES: usize = 256 << 20;
/// How many reads are done in one exchange, and among how many operations they are looked for.
const READS: usize = 128;
const LOOKED_AT: usize = 2048;

#[derive(Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    /// There is something to do, or less is in the way of it.
    more: Condvar,
    /// Nothing waits or is being done.
    quiet: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    bytes: usize,
    /// What is being done.
    busy: Scopes,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Job {
    op: Op,
    within: Duration,
    limit: Limit,
    done: Done,
}

impl Queue {
    pub(super) fn submit(work: &Arc<Work>, op: Op, within: Duration, done: Done) -> Result<(), Trouble> {
        let queue = &work.queue;
        if work.rests(&op) {
            work.skip(&op);
            return Err(Trouble::Resting);
        }
        let mut state = locked(&queue.state);
        let refusal = if state.jobs.len() >= MOST || state.bytes >= MOST_BYTES {
            Some("too many operations wait for it")
        } else if state.idle == 0 && !state.start(work) && state.threads == 0 {
            Some("no thread can be started to work on it")
        } else {
            None
        };
        if let Some(reason) = refusal {
            drop(state);
            return Err(work.refuse(&op, reason));
        }
        let limit = Limit::within(within);
        state.bytes += op.size();
        state.jobs.push_back(Job {
            op,
            within,
            limit,
            done,
        });
        drop(state);
        queue.more.notify_one();
        Ok(())
    }

    /// Waits until nothing waits or is being done.
    pub(super) fn flush(&self, limit: Limit) -> bool {
        let mut state = locked(&self.state);
        while !state.is_quiet() {
            let Some(left) = limit.left() else {
                return false;
            };
            state = wait(&self.quiet, state, left).0;
        }
        true
    }

    /// Lets the threads end once nothing waits.
    pub(super) fn close(&self) {
        locked(&self.state).closed = true;
        self.more.notify_all();
    }
}

/// The life of a background thread.
fn serve(work: &Arc<Work>) {
    let queue = &work.queue;
    let mut state = locked(&queue.state);
    loop {
        let jobs = state.take();
        if !jobs.is_empty() {
            // What is left need not wait for this.
            if !state.jobs.is_empty() {
                if state.idle > 0 {
                    queue.more.notify_one();
                } else {
                    state.start(work);
                }
            }
            drop(state);
            let scopes: Vec<Op> = jobs.iter().map(|job| job.op.bare()).collect();
            perform(work, jobs);
            state = locked(&queue.state);
            for op in &scopes {
                state.busy.remove(op.scope());
            }
            if state.is_quiet() {
                queue.quiet.notify_all();
            }
            if state.idle > 0 && !state.jobs.is_empty() {
                queue.more.notify_all();
            }
            continue;
        }
        let nothing_waits = state.jobs.is_empty();
        if nothing_waits && state.closed {
            break;
        }
        state.idle += 1;
        let (after, timed_out) = wait(&queue.more, state, IDLE);
        state = after;
        state.idle -= 1;
        if timed_out && state.jobs.is_empty() {
            break;
        }
    }
    state.threads -= 1;
}

/// Waits, and says whether it was for nothing.
fn wait<'a>(condition: &Condvar, state: MutexGuard<'a, State>, time: Duration) -> (MutexGuard<'a, State>, bool) {
    let (state, result) = condition
        .wait_timeout(state, time)
        .unwrap_or_else(PoisonError::into_inner);
    (state, result.timed_out())
}

/// Does what was taken together: one operation, or reads.
fn perform(work: &Arc<Work>, jobs: Vec<Job>) {
    let (jobs, late): (Vec<Job>, Vec<Job>) = jobs.into_iter().partition(|job| job.limit.left().is_some());
    for job in late {
        work.skip(&job.op);
        let trouble = Trouble::Down("its time was over before its turn came".to_owned());
        answer(job.done, Err(trouble));
    }
    if jobs.len() > 1 {
        read(work, jobs);
        return;
    }
    for job in jobs {
        answer(job.done, work.run(&job.op, job.limit));
    }
}

/// Does reads in one exchange.
fn read(work: &Arc<Work>, jobs: Vec<Job>) {
    let (kind, anyway, limit) = (jobs[0].op.kind(), jobs[0].op.is_explicit(), jobs[0].limit);
    let mut lives = false;
    let keys: Vec<Key> = jobs
        .iter()
        .filter_map(|job| match &job.op {
            Op::Get { key, lives: asked } => {
                lives = *asked;
                Some(key.clone())
            }
            _ => None,
        })
        .collect();
    match work.guarded(kind, anyway, || work.store.get(&keys, lives, limit)) {
        Ok(records) => {
            let mut records = records.into_iter();
            for job in jobs {
                answer(job.done, Ok(Reply::Record(records.next().flatten())));
            }
        }
        Err(trouble) => {
            for job in jobs {
                answer(job.done, Err(trouble.clone()));
            }
        }
    }
}

fn answer(done: Done, outcome: Result<Reply, Trouble>) {
    // There is nobody to tell of a panic.
    let _ = catch_unwind(AssertUnwindSafe(move || done(outcome)));
}

impl State {
    /// Starts a thread, if there may be another and it can be. It finds what waits once the lock is let go.
    fn start(&mut self, work: &Arc<Work>) -> bool {
        if self.threads == THREADS {
            return false;
        }
        let work = Arc::clone(work);
        let started = std::thread::Builder::new()
            .name("cladding-store".to_owned())
            .spawn(move || serve(&work))
            .is_ok();
        self.threads += usize::from(started);
        started
    }

    fn is_quiet(&self) -> bool {
        self.jobs.is_empty() && self.busy.is_empty()
    }

    /// Takes the first operation that nothing is in the way of, and with a read all others of its kind that wait.
    fn take(&mut self) -> Vec<Job> {
        let mut taken: Vec<Job> = Vec::new();
        let mut passed = Scopes::default();
        let mut rest = VecDeque::new();
        for _ in 0..LOOKED_AT {
            let Some(job) = self.jobs.pop_front() else { break };
            let scope = job.op.scope();
            let goes = taken.first().is_none_or(|first| job.goes_with(first))
                && !self.busy.are_in_the_way_of(scope)
                && !passed.are_in_the_way_of(scope);
            if goes {
                taken.push(job);
                if taken.len() == READS || !matches!(taken[0].op, Op::Get { .. }) {
                    break;
                }
            } else {
                passed.add(scope);
                rest.push_back(job);
            }
        }
        // What was passed over goes back to the front, in its order.
        while let Some(job) = rest.pop_back() {
            self.jobs.push_front(job);
        }
        for job in &taken {
            self.bytes -= job.op.size();
            self.busy.add(job.op.scope());
        }
        taken
    }
}

impl Job {
    /// Whether both are reads that one exchange can do.
    fn goes_with(&self, other: &Self) -> bool {
        matches!((&self.op, &other.op), (Op::Get { lives: a, .. }, Op::Get { lives: b, .. }) if a == b)
            && self.within == other.within
    }
}

/// What some operations are about, counted.
#[derive(Default)]
struct Scopes {
    keys: HashMap<Key, usize>,
    /// The spaces of those keys.
    touched: HashMap<Arc<str>, usize>,
    /// The spaces of operations on all of a space.
    whole: HashMap<Arc<str>, usize>,
}

impl Scopes {
    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.whole.is_empty()
    }

    fn are_in_the_way_of(&self, scope: Scope<'_>) -> bool {
        match scope {
            Scope::One(key) => self.keys.contains_key(key) || self.whole.contains_key(&key.space),
            Scope::All(space) => self.touched.contains_key(space) || self.whole.contains_key(space),
        }
    }

    fn add(&mut self, scope: Scope<'_>) {
        match scope {
            Scope::One(key) => {
                *self.keys.entry(key.clone()).or_default() += 1;
                *self.touched.entry(Arc::clone(&key.space)).or_default() += 1;
            }
            Scope::All(space) => *self.whole.entry(Arc::clone(space)).or_default() += 1,
        }
    }

    fn remove(&mut self, scope: Scope<'_>) {
        match scope {
            Scope::One(key) => {
                lessen(&mut self.keys, key);
                lessen(&mut self.touched, &key.space);
            }
            Scope::All(space) => lessen(&mut self.whole, space),
        }
    }
}

fn lessen<K: std::hash::Hash + Eq>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}
