//! The instances whose methods were called, told by identity, and which results are theirs.
//!
//! An instance is known by its address, and a weak reference tells whether it is the same one still: that is looked at each
//! time. The reference stands for the instance in keys, compared by its own address, which cannot be another's as long as a
//! key has it. When the instance ends, the hashes of its keys lead to the results that are to go. An instance that cannot
//! be referred to weakly stands for itself, which keeps it alive for as long as there are results.

use std::sync::{Arc, OnceLock, Weak};

use cladding_capi::{Guarded, Owned, Raised, refers_to, takes_weak_references, weak_reference};
use pyo3::prelude::*;

use crate::addresses::{Bereft, ByAddress, forgetting};

/// So many hashes are kept before it is asked which of them still lead to something.
const FEW: usize = 16;

/// One instance.
struct Instance {
    reference: Owned,
    /// Those of its keys, and some of keys that have left.
    hashes: Vec<u64>,
}

/// Who drops the results of an instance that is gone.
pub(in super::super) trait Forgets: Send + Sync {
    /// Drops what is kept under keys with this reference, all of which have one of these hashes.
    fn forget(&self, reference: &Owned, hashes: &[u64]);
}

/// All of them.
pub(in super::super) struct Instances {
    all: Guarded<All>,
    /// What weak references call, once there is an instance.
    callback: OnceLock<Owned>,
    owner: OnceLock<Weak<dyn Forgets>>,
}

#[derive(Default)]
struct All {
    instances: ByAddress<Instance>,
    /// The addresses of instances, by those of the references to them.
    referents: ByAddress<usize>,
    /// The instance that was asked for last, and its reference.
    last: Option<(usize, Owned)>,
}

fn address(object: &Owned) -> usize {
    object.as_ptr().addr()
}

impl Instances {
    pub(super) fn new() -> Self {
        Self {
            all: Guarded::new(All::default()),
            callback: OnceLock::new(),
            owner: OnceLock::new(),
        }
    }

    /// Says who drops results.
    pub(super) fn freed_by(&self, owner: Weak<dyn Forgets>) {
        let _ = self.owner.set(owner);
    }

    /// What stands for an instance, if it is known.
    #[inline]
    pub(super) fn of(&self, instance: &Owned) -> Option<Owned> {
        if !takes_weak_references(instance) {
            return Some(instance.clone());
        }
        self.all.with(|all| all.of(instance))
    }

    /// The address of what stands for an instance that is known. It is good for as long as no code runs.
    #[inline]
    pub(super) fn address_of(&self, instance: &Owned) -> Option<usize> {
        if !takes_weak_references(instance) {
            return Some(address(instance));
        }
        self.all.with(|all| all.find(instance).map(address))
    }

    /// Makes an instance known.
    #[cold]
    pub(super) fn enrol(self: &Arc<Self>, py: Python<'_>, instance: &Owned) -> Result<Owned, Raised> {
        let callback = if let Some(callback) = self.callback.get() {
            callback
        } else {
            let bereft: Arc<dyn Bereft> = self.clone();
            let made = forgetting(Arc::downgrade(&bereft))?;
            self.callback.get_or_init(|| made)
        };
        let reference = weak_reference(py, instance, callback)?;
        let (found, gone) = self.all.with(|all| match all.of(instance) {
            // Another thread was faster.
            Some(found) => (found, (None, None)),
            None => (reference.clone(), all.add(instance, reference.clone())),
        });
        self.drop_results(gone.0);
        drop(gone.1);
        Ok(found)
    }

    /// Notes the hash of a key with this reference. `held` tells whether anything is kept under a hash.
    pub(super) fn note(&self, reference: &Owned, hash: u64, held: impl Fn(u64) -> bool) {
        self.all.with(|all| {
            let Some(instance) = all
                .referents
                .get(&address(reference))
                .and_then(|address| all.instances.get_mut(address))
            else {
                return;
            };
            let hashes = &mut instance.hashes;
            if hashes.len() >= FEW && hashes.len() == hashes.capacity() {
                hashes.sort_unstable();
                hashes.dedup();
                hashes.retain(|&hash| held(hash));
            }
            hashes.push(hash);
        });
    }

    fn drop_results(&self, gone: Option<Instance>) {
        if let Some(instance) = gone
            && let Some(owner) = self.owner.get().and_then(Weak::upgrade)
        {
            owner.forget(&instance.reference, &instance.hashes);
        }
    }

    /// Takes out everything, to be dropped.
    pub(super) fn clear(&self) -> impl Sized + use<> {
        self.all.with(std::mem::take)
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.callback.get().into_iter().for_each(&mut *visit);
        if let Some(all) = self.all.try_lock() {
            all.instances.values().for_each(|instance| visit(&instance.reference));
            all.last.iter().for_each(|(_, reference)| visit(reference));
        }
    }
}

impl Bereft for Instances {
    fn forget(&self, reference: &Owned) {
        let gone = self.all.with(|all| {
            let address = *all.referents.get(&address(reference))?;
            Some(all.remove(address))
        });
        if let Some((instance, last)) = gone {
            self.drop_results(instance);
            drop(last);
        }
    }
}

impl All {
    #[inline]
    fn of(&mut self, instance: &Owned) -> Option<Owned> {
        self.find(instance).cloned()
    }

    #[inline]
    fn find(&mut self, instance: &Owned) -> Option<&Owned> {
        let address = address(instance);
        if self.last.as_ref().is_none_or(|(last, _)| *last != address) {
            // The one before is in the table as well, so this drop frees nothing.
            self.last = Some((address, self.instances.get(&address)?.reference.clone()));
        }
        let (_, reference) = self.last.as_ref()?;
        refers_to(reference, instance).then_some(reference)
    }

    /// Adds an instance. What was at its address before is answered, to be dropped.
    fn add(&mut self, instance: &Owned, reference: Owned) -> (Option<Instance>, Option<(usize, Owned)>) {
        let address = address(instance);
        let stale = self.remove(address);
        self.referents.insert(self::address(&reference), address);
        let hashes = Vec::new();
        self.instances.insert(address, Instance { reference, hashes });
        stale
    }

    fn remove(&mut self, address: usize) -> (Option<Instance>, Option<(usize, Owned)>) {
        let last = self.last.take();
        let removed = self.instances.remove(&address);
        if let Some(removed) = &removed {
            self.referents.remove(&self::address(&removed.reference));
        }
        (removed, last)
    }
}
