//! The leases of one process, and the thread that renews them.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::work::Work;
use crate::locked::locked;
use crate::store::{Key, Limit, Token};

/// How long the thread waits for more leases before it ends.
const IDLE: Duration = Duration::from_secs(5);
/// What a renewal may take, if the lease is long enough.
const RENEWAL: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Leases {
    state: Mutex<State>,
    /// There is a lease to be renewed earlier than was known.
    earlier: Condvar,
}

#[derive(Default)]
struct State {
    held: HashMap<Token, Held>,
    /// Until when the thread sleeps; `None` where there is no thread, or it is not asleep.
    sleeps_until: Option<Instant>,
    has_thread: bool,
    closed: bool,
}

struct Held {
    key: Key,
    lease: Duration,
    due: Instant,
}

impl Leases {
    /// Has a lease renewed from now on.
    pub(super) fn hold(work: &Arc<Work>, key: Key, token: Token, lease: Duration) {
        let due = Instant::now() + lease / 3;
        let mut state = locked(&work.leases.state);
        if state.closed {
            return;
        }
        state.held.insert(token, Held { key, lease, due });
        if !state.has_thread {
            state.has_thread = true;
            drop(state);
            // Without a thread the lease ends in its own time, which a holder must expect anyway.
            if !start(work) {
                locked(&work.leases.state).has_thread = false;
            }
        } else if state.sleeps_until.is_some_and(|until| due < until) {
            drop(state);
            work.leases.earlier.notify_one();
        }
    }

    /// Lets a lease be.
    pub(super) fn forget(&self, key: &Key, token: Token) {
        let mut state = locked(&self.state);
        if state.held.get(&token).is_some_and(|held| held.key == *key) {
            state.held.remove(&token);
        }
    }

    /// Lets all leases be, and the thread end.
    pub(super) fn close(&self) {
        let mut state = locked(&self.state);
        state.closed = true;
        state.held.clear();
        drop(state);
        self.earlier.notify_one();
    }
}

fn start(work: &Arc<Work>) -> bool {
    let work = Arc::clone(work);
    std::thread::Builder::new()
        .name("cladding-leases".to_owned())
        .spawn(move || keep(&work))
        .is_ok()
}

/// The life of the thread.
fn keep(work: &Work) {
    let mut state = locked(&work.leases.state);
    let mut idle_since = Instant::now();
    loop {
        let now = Instant::now();
        if !state.held.is_empty() {
            idle_since = now;
        }
        if state.closed || now.duration_since(idle_since) >= IDLE {
            state.has_thread = false;
            return;
        }
        let due = state.due(now);
        if !due.is_empty() {
            drop(state);
            for (lease, held) in due {
                renew(work, lease, &held);
            }
            state = locked(&work.leases.state);
            continue;
        }
        let until = state
            .held
            .values()
            .map(|held| held.due)
            .min()
            .unwrap_or(idle_since + IDLE);
        state.sleeps_until = Some(until);
        let time = until.saturating_duration_since(now);
        state = work
            .leases
            .earlier
            .wait_timeout(state, time)
            .unwrap_or_else(PoisonError::into_inner)
            .0;
        state.sleeps_until = None;
    }
}

fn renew(work: &Work, lease: Duration, held: &[(Key, Token)]) {
    // Also while the store rests: it is seldom, and a lease does not wait.
    let limit = Limit::within((lease / 3).min(RENEWAL));
    let renewed = work.guarded(super::op::RENEW, true, || work.store.renew(held, lease, limit));
    let now = Instant::now();
    let mut state = locked(&work.leases.state);
    match renewed {
        Ok(still) => {
            for ((_, token), still) in held.iter().zip(still) {
                if !still {
                    state.held.remove(token);
                } else if let Some(held) = state.held.get_mut(token) {
                    held.due = now + lease / 3;
                }
            }
        }
        Err(_) => {
            for (_, token) in held {
                if let Some(held) = state.held.get_mut(token) {
                    held.due = now + lease / 6;
                }
            }
        }
    }
}

impl State {
    /// The leases to be renewed now, by how long they run, with those that would be soon.
    fn due(&self, now: Instant) -> HashMap<Duration, Vec<(Key, Token)>> {
        let mut due: HashMap<Duration, Vec<(Key, Token)>> = HashMap::new();
        if self.held.values().all(|held| held.due > now) {
            return due;
        }
        for (token, held) in &self.held {
            if held.due <= now + held.lease / 12 {
                due.entry(held.lease).or_default().push((held.key.clone(), *token));
            }
        }
        due
    }
}
