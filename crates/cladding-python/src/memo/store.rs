//! The results of one cache and their counts. Nothing here runs Python code while it is borrowed.

use cladding_capi::keys::Sameness;
use cladding_capi::{Owned, Raised};
use cladding_engine::cache::{EntryId, Lru};
use pyo3::prelude::*;

use super::key::{Key, View};

/// The results of one function, or of one function for one instance.
pub(super) struct Store {
    results: Lru<Key, Owned>,
    pub(super) hits: u64,
    pub(super) misses: u64,
}

/// What a call finds.
pub(super) enum Found {
    /// A result.
    Hit(Owned),
    /// None, with how often something had been put in by then.
    Miss(u64),
    /// A key that only its own methods can compare.
    Unsure,
}

/// What the counts are.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) entries: usize,
}

/// What has left a store, for the caller to drop once nothing is borrowed.
pub(super) type Gone = Vec<(Key, Owned)>;

impl Store {
    pub(super) fn new(maxsize: Option<usize>) -> Self {
        Self {
            results: Lru::new(maxsize),
            hits: 0,
            misses: 0,
        }
    }

    /// The result under a key, as far as that can be told without running code. Counts a hit or a miss.
    #[inline]
    pub(super) fn find(&mut self, view: &View<'_>, hash: u64) -> Found {
        let mut unsure = false;
        let found = self.results.find(hash, |key| match key.compare(view) {
            Sameness::Same => true,
            Sameness::Different => false,
            Sameness::Unknown => {
                unsure = true;
                false
            }
        });
        match found {
            Some(value) => {
                self.hits += 1;
                Found::Hit(value.clone())
            }
            None if unsure => Found::Unsure,
            None => {
                self.misses += 1;
                Found::Miss(self.results.insertions())
            }
        }
    }

    /// Keeps a result. Answers what had to leave. Only where no equal key is there.
    pub(super) fn keep(&mut self, view: &View<'_>, hash: u64, value: &Owned) -> Option<(Key, Owned)> {
        self.results.insert(hash, view.keep(), value.clone())
    }

    /// How often something was put in.
    #[inline]
    pub(super) fn insertions(&self) -> u64 {
        self.results.insertions()
    }

    /// What a slow search has found. Counts a hit or a miss.
    pub(super) fn conclude(&mut self, place: Option<EntryId>) -> Found {
        if let Some(value) = place.and_then(|id| self.take(id)) {
            self.hits += 1;
            Found::Hit(value)
        } else {
            self.misses += 1;
            Found::Miss(self.insertions())
        }
    }

    /// The result of an entry, which becomes the most recent one.
    pub(super) fn take(&mut self, id: EntryId) -> Option<Owned> {
        self.results.touch(id);
        self.results.get(id).map(|(_, value)| value.clone())
    }

    pub(super) fn clear(&mut self) -> Gone {
        self.hits = 0;
        self.misses = 0;
        self.results.clear()
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            hits: self.hits,
            misses: self.misses,
            entries: self.results.len(),
        }
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.results.traverse(|key, value| {
            key.parts().iter().for_each(&mut *visit);
            visit(value);
        });
    }
}

/// Keeps a result after others have been kept, unless an equal call is among those: then its result counts, and is answered.
#[cold]
pub(super) fn keep_late(
    py: Python<'_>,
    view: &View<'_>,
    hash: u64,
    value: Owned,
    within: impl FnMut(&mut dyn FnMut(&mut Store)),
) -> Result<Owned, Raised> {
    let mut evicted = None;
    let found = search(py, view, hash, within, |store, place| {
        let known = place.and_then(|id| store.take(id));
        if known.is_none() {
            evicted = store.keep(view, hash, &value);
        }
        known
    })?;
    drop(evicted);
    Ok(found.flatten().unwrap_or(value))
}

/// Looks for an equal key where methods of keys have to be asked, which may change the store. `conclude` is told where the
/// key is, or that it is nowhere, under the same borrow in which that was seen. `None` where there is no store.
pub(super) fn search<R>(
    py: Python<'_>,
    view: &View<'_>,
    hash: u64,
    mut within: impl FnMut(&mut dyn FnMut(&mut Store)),
    mut conclude: impl FnMut(&mut Store, Option<EntryId>) -> R,
) -> Result<Option<R>, Raised> {
    let mut compared: Vec<(EntryId, bool)> = Vec::new();
    loop {
        let (mut result, mut unsure) = (None, None);
        within(&mut |store: &mut Store| {
            let mut found = None;
            for id in store.results.candidates(hash) {
                let Some((key, _)) = store.results.get(id) else {
                    continue;
                };
                let sameness = match compared.iter().find(|(known, _)| *known == id) {
                    Some((_, true)) => Sameness::Same,
                    Some((_, false)) => Sameness::Different,
                    None => key.compare(view),
                };
                match sameness {
                    Sameness::Same => {
                        found = Some(id);
                        unsure = None;
                        break;
                    }
                    Sameness::Different => {}
                    Sameness::Unknown => unsure = unsure.take().or_else(|| Some((id, key.clone()))),
                }
            }
            if unsure.is_none() {
                result = Some(conclude(store, found));
            }
        });
        match unsure {
            Some((id, key)) => compared.push((id, key.equals(py, view)?)),
            None => return Ok(result),
        }
    }
}
