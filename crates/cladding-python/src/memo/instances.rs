//! The caches of the instances of a class, found by identity and gone with their instance.
//!
//! An instance is known by its address, and a weak reference tells whether it is the same one still: that is looked at each
//! time, because the garbage collector does not call back for references that die along with what they refer to.

use cladding_capi::{Owned, refers_to};

use super::store::{Counts, Store};
use crate::addresses::ByAddress;

/// One instance.
pub(super) struct Instance {
    reference: Owned,
    store: Store,
}

/// All of them.
#[derive(Default)]
pub(super) struct Instances {
    slots: Vec<Option<Instance>>,
    free: Vec<usize>,
    /// Where in the slots an instance is, by its address.
    places: ByAddress<usize>,
    /// The addresses of instances, by those of the references to them.
    referents: ByAddress<usize>,
    /// The address and the place of the instance that was asked for last.
    last: (usize, usize),
    /// What was counted for instances that are gone.
    gone: Counts,
}

fn address(object: &Owned) -> usize {
    object.as_ptr().addr()
}

impl Instances {
    /// The cache of an instance, if it has one.
    #[inline]
    pub(super) fn of(&mut self, instance: &Owned) -> Option<&mut Store> {
        let address = address(instance);
        let place = if self.last.0 == address {
            self.last.1
        } else {
            let place = *self.places.get(&address)?;
            self.last = (address, place);
            place
        };
        let found = self.slots.get_mut(place)?.as_mut()?;
        refers_to(&found.reference, instance).then_some(&mut found.store)
    }

    /// Gives an instance a cache. What was at its address before is answered, to be dropped.
    pub(super) fn add(&mut self, instance: &Owned, reference: Owned, store: Store) -> Option<Instance> {
        let address = address(instance);
        let stale = self.remove(address);
        self.referents.insert(reference.as_ptr().addr(), address);
        let place = self.free.pop().unwrap_or(self.slots.len());
        if place == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[place] = Some(Instance { reference, store });
        self.places.insert(address, place);
        stale
    }

    /// Takes out the cache of an instance whose reference has ended.
    pub(super) fn forget(&mut self, reference: &Owned) -> Option<Instance> {
        let address = *self.referents.get(&reference.as_ptr().addr())?;
        self.remove(address)
    }

    fn remove(&mut self, address: usize) -> Option<Instance> {
        let place = self.places.remove(&address)?;
        self.last = (0, 0);
        let removed = self.slots[place].take()?;
        self.free.push(place);
        self.referents.remove(&removed.reference.as_ptr().addr());
        let counts = removed.store.counts();
        self.gone.hits += counts.hits;
        self.gone.misses += counts.misses;
        Some(removed)
    }

    /// Takes out everything, counts included.
    pub(super) fn clear(&mut self) -> Vec<Option<Instance>> {
        std::mem::take(self).slots
    }

    /// The counts of all instances together, those that are gone included.
    pub(super) fn counts(&self) -> Counts {
        self.slots.iter().flatten().fold(self.gone, |sum, instance| {
            let counts = instance.store.counts();
            Counts {
                hits: sum.hits + counts.hits,
                misses: sum.misses + counts.misses,
                entries: sum.entries + counts.entries,
            }
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        for instance in self.slots.iter().flatten() {
            visit(&instance.reference);
            instance.store.traverse(visit);
        }
    }
}
