//! What was read from the store and is kept in memory: which results these are, and when they must go.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cladding_engine::cache::EntryId;
use cladding_stores::Watcher;

use super::super::hooks::Cache;
use super::{Near, Shared};

/// The results in memory, by the digests of their keys. The store's own thread tells of changes here, without the interpreter
/// lock, so the results go at the next call.
pub(in super::super) struct Nearby {
    state: Mutex<State>,
    /// Whether there is something to take out.
    changed: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Whether changes are told of.
    listens: bool,
    kept: HashMap<u128, EntryId>,
    /// What is being read, and whether it has changed since.
    reading: HashMap<u128, bool>,
    gone: Vec<EntryId>,
}

impl Nearby {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
            changed: AtomicBool::new(false),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something has changed since the last [`Nearby::changes`].
    #[inline]
    pub(in super::super) fn has_changed(&self) -> bool {
        self.changed.load(Ordering::Acquire)
    }

    /// What has to leave the memory.
    pub(super) fn changes(&self) -> Vec<EntryId> {
        let mut state = self.state();
        self.changed.store(false, Ordering::Release);
        std::mem::take(&mut state.gone)
    }

    /// Says that a record is about to be read.
    pub(super) fn reads(&self, digest: u128) {
        self.state().reading.insert(digest, false);
    }

    /// Says that it was read, and kept under `id` if there is one. False if that must leave again, because the record has
    /// changed since, or because nobody would say so.
    pub(super) fn has_read(&self, digest: u128, id: Option<EntryId>, must_listen: bool) -> bool {
        let mut state = self.state();
        let changed = state.reading.remove(&digest).unwrap_or(true);
        let good = !must_listen || (state.listens && !changed);
        if let (true, Some(id)) = (good, id) {
            state.kept.insert(digest, id);
        }
        good
    }

    /// Says that a record will not be read after all.
    pub(super) fn gives_up(&self, digest: u128) {
        self.state().reading.remove(&digest);
    }

    /// Forgets those that are no longer in memory, once they are many.
    pub(super) fn prune(&self, entries: usize, is_there: impl Fn(EntryId) -> bool) {
        let mut state = self.state();
        if state.kept.len() > 2 * entries + 64 {
            state.kept.retain(|_, id| is_there(*id));
        }
    }

    fn lose(&self, state: &mut State) {
        let State {
            kept, reading, gone, ..
        } = state;
        gone.extend(kept.drain().map(|(_, id)| id));
        for changed in reading.values_mut() {
            *changed = true;
        }
        if !gone.is_empty() {
            self.changed.store(true, Ordering::Release);
        }
    }
}

impl Watcher for Nearby {
    fn changed(&self, digest: u128) {
        let mut state = self.state();
        if let Some(changed) = state.reading.get_mut(&digest) {
            *changed = true;
        }
        if let Some(id) = state.kept.remove(&digest) {
            state.gone.push(id);
            self.changed.store(true, Ordering::Release);
        }
    }

    fn listens(&self, listens: bool) {
        let mut state = self.state();
        state.listens = listens;
        self.lose(&mut state);
    }
}

impl Cache {
    /// Takes out of memory what has changed in the store.
    #[inline]
    pub(in super::super) fn make_way(&self, shared: &Shared) {
        shared.watch();
        if shared.near.has_changed() {
            let gone = self.store.remove(&shared.near.changes());
            drop(gone);
        }
    }

    /// Notes what was read, and is in memory if `is_kept`.
    pub(super) fn kept_as(&self, shared: &Shared, digest: u128, hash: u64, is_kept: bool) {
        let id = if is_kept { self.store.newest(hash) } else { None };
        let good = shared.near.has_read(digest, id, shared.spec.near == Near::Told);
        if let (false, Some(id)) = (good, id) {
            drop(self.store.remove(&[id]));
        }
        shared.near.prune(self.store.counts().entries, |id| self.store.has(id));
    }
}
