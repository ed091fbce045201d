//! Computations as most are: of a plain function, with arguments by position, and a result of which nothing is noted.
//!
//! They are the ones whose cost matters beside what they compute, so they take a short way through the store, and what
//! their calls remember is handed from call to call.

use cladding_capi::Owned;
use cladding_engine::cache::EntryId;

use super::hooks::Cache;
use super::keeping::is_spent;
use super::key::Quick;
use super::part::{Leading, Part};
use crate::counters::add;
use crate::hooks::{Call, Outcome, Slot};

impl Cache {
    /// Begins a computation as most are. False if there is more to look at.
    #[inline(never)]
    pub(super) fn lead_simply(&self, call: &Call<'_>, slot: &mut Slot, quick: Quick<'_>, hash: u64) -> bool {
        let instance = quick
            .has_instance()
            .then(|| self.keys.instance_of(call, quick))
            .flatten();
        let key = || quick.key(call.py, instance.as_ref());
        let Some((number, spare)) = self.store.lead_quickly(hash, key) else {
            return false;
        };
        if let Some(instance) = &instance {
            self.keys.note_of(instance, hash, |hash| self.store.holds(hash));
        }
        add(&self.misses, 1);
        slot.data = Some(Part::simple(spare, &self.me, (number, hash)));
        slot.started = call.now();
        true
    }

    /// Ends a computation as most are. False if there is more to do.
    #[inline]
    pub(super) fn end_simply(&self, call: &Call<'_>, slot: &mut Slot, outcome: &Outcome) -> bool {
        let part = slot.data.as_mut().and_then(|data| data.as_any().downcast_mut());
        let (Outcome::Returned(value), Some(Part::Simple { number, .. })) = (outcome, part) else {
            return false;
        };
        let Some(led) = number.take_if(|_| !is_spent(call.py, value)) else {
            return false;
        };
        let now = call.now();
        if self
            .store
            .land_simply(led, value, (now, self.expiry(now)), &mut slot.data)
        {
            self.count_load(now.saturating_sub(slot.started));
            call.time_passed();
            return true;
        }
        if let Some(Part::Simple { number, .. }) = slot.data.as_mut().and_then(|data| data.as_any().downcast_mut()) {
            *number = Some(led);
        }
        false
    }

    /// Ends one that this call was to bring to its end.
    #[inline(never)]
    pub(super) fn end_lead(&self, call: &Call<'_>, started: u64, part: &mut Part, outcome: &mut Outcome) {
        let py = call.py;
        let Some((leading, ticket)) = self.lead_of(part) else {
            return;
        };
        let value = match outcome {
            Outcome::Returned(value) => Some(value.clone()),
            _ => None,
        };
        let ask = |callable: &Owned| call.arguments.call_after(py, callable, value.as_slice());
        let times = (started, call.now());
        let old = leading.reserve.as_ref();
        self.conclude(py, (ticket, leading.hash), times, outcome, old, ask);
        call.time_passed();
    }

    pub(super) fn lead_of(&self, part: &mut Part) -> Option<(Leading, EntryId)> {
        let leading = part.take_lead()?;
        let ticket = leading.ticket(self)?;
        Some((leading, ticket))
    }
}
