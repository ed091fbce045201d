//! The walk through a stack as a state machine, for calls that are suspended on the way.

use cladding_capi::{Owned, Suspended as SuspendedType};
use smallvec::SmallVec;

use super::Entry;
use super::sync::{may_repeat, skipped};
use crate::hooks::{Call, Enter, Exit, Outcome, Slot, Wait};

/// A call that was suspended on its walk through the stack.
pub(crate) struct Suspension {
    pub(super) place: Place,
    pub(super) current: Suspended,
}

/// What a suspended call goes on with.
pub(super) enum Suspended {
    /// What a plain function returned, not begun.
    Fresh(Owned, SuspendedType),
    /// A coroutine that has yielded a value, which the caller has yet to get.
    Stepped(Owned, Owned),
    /// An awaitable that waits.
    Wait(Owned),
}

impl Suspension {
    /// As the outcome of a walk.
    #[cold]
    pub(super) fn outcome(place: Place, current: Suspended) -> Outcome {
        Outcome::Suspended(Box::new(Self { place, current }))
    }

    /// What a plain function has returned that is still to run.
    pub(super) fn fresh(&self) -> Option<(&Owned, SuspendedType)> {
        match &self.current {
            Suspended::Fresh(value, kind) => Some((value, *kind)),
            Suspended::Stepped(..) | Suspended::Wait(_) => None,
        }
    }
}

/// The slots of a call, outermost policy first.
type Slots = SmallVec<[Slot; 4]>;

/// Where a suspended call stands in its stack.
pub(super) struct Machine {
    pub(super) slots: Slots,
    place: Place,
    /// The call is being closed: nothing is waited for and nothing is called again.
    closing: bool,
}

pub(super) enum Place {
    /// The policy of this index is to be entered.
    Entering(usize),
    /// The wrapped callable is running.
    Inside,
    /// The policies below this index are still to be left with this outcome.
    Leaving(usize, Outcome),
    /// Over.
    Left,
}

/// What the driver has to do next.
pub(super) enum Action {
    /// Call the wrapped callable and report how it ended.
    Invoke,
    /// Have the policies from this index on, and the wrapped callable, called by this callable, and report how that ended.
    Elsewhere(usize, Owned),
    /// Wait and report.
    Wait(Box<Wait>),
    /// The call is over.
    Done(Outcome),
}

impl Machine {
    /// A call that has not begun.
    pub(super) fn new() -> Self {
        Self {
            slots: Slots::new(),
            place: Place::Entering(0),
            closing: false,
        }
    }

    /// A call of the policies from some one on, that has not begun.
    pub(super) fn from(index: usize) -> Self {
        Self {
            slots: (0..index).map(|_| Slot::skipped()).collect(),
            place: Place::Entering(index),
            closing: false,
        }
    }

    /// A call that was suspended at a place; its slots come innermost first.
    pub(super) fn at(place: Place, slots: Vec<Slot>) -> Self {
        let slots = slots.into_iter().rev().collect();
        Self {
            slots,
            place,
            closing: false,
        }
    }

    /// A call that is over.
    pub(super) fn over() -> Self {
        Self {
            slots: Slots::new(),
            place: Place::Left,
            closing: false,
        }
    }

    /// From now on nothing is waited for and nothing is called again.
    pub(super) fn close(&mut self) {
        self.closing = true;
    }

    pub(super) fn is_closing(&self) -> bool {
        self.closing
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.place, Place::Left)
    }

    /// What the call ended with, while a policy waits before it goes on.
    pub(super) fn held(&self) -> Option<&Owned> {
        match &self.place {
            Place::Leaving(_, Outcome::Returned(object) | Outcome::Raised(object)) => Some(object),
            _ => None,
        }
    }

    /// Whether policies have been entered and not all left yet.
    pub(super) fn is_under_way(&self) -> bool {
        !matches!(self.place, Place::Entering(0) | Place::Left)
    }

    /// Goes on. `event` is how the wrapped callable ended, or the exception that broke a wait; `None` at the beginning and
    /// after a wait.
    pub(super) fn advance(&mut self, call: &Call<'_>, entries: &[Entry], event: Option<Outcome>) -> Action {
        self.slots.resize_with(entries.len(), Slot::default);
        if let Some(outcome) = event {
            self.place = match std::mem::replace(&mut self.place, Place::Left) {
                // The policy that was waiting gives up, at once rather than when the call is collected; those around it
                // see why.
                Place::Entering(index) => {
                    drop(self.slots.get_mut(index).map(std::mem::take));
                    Place::Leaving(index, outcome)
                }
                Place::Inside => Place::Leaving(entries.len(), outcome),
                Place::Leaving(index, _) => {
                    let index = index.saturating_sub(1);
                    drop(self.slots.get_mut(index).map(std::mem::take));
                    Place::Leaving(index, outcome)
                }
                Place::Left => Place::Left,
            };
        }
        loop {
            match std::mem::replace(&mut self.place, Place::Left) {
                Place::Entering(index) if index == entries.len() => {
                    self.place = Place::Inside;
                    return Action::Invoke;
                }
                Place::Entering(index) => {
                    if let Some(action) = self.enter(call, entries, index) {
                        return action;
                    }
                }
                Place::Inside => {
                    self.place = Place::Inside;
                    return Action::Invoke;
                }
                Place::Leaving(0, outcome) => return Action::Done(outcome),
                Place::Leaving(index, outcome) => {
                    if let Some(wait) = self.leave(call, entries, index, outcome) {
                        return Action::Wait(wait);
                    }
                }
                Place::Left => unreachable!("a call that is over is not advanced"),
            }
        }
    }

    fn enter(&mut self, call: &Call<'_>, entries: &[Entry], index: usize) -> Option<Action> {
        let entry = &entries[index];
        match skipped(entry, call) {
            Ok(false) => {}
            Ok(true) => {
                let end = index + entry.span;
                self.slots[index..end].fill_with(Slot::skipped);
                self.place = Place::Entering(end);
                return None;
            }
            Err(outcome) => {
                self.place = Place::Leaving(index, outcome);
                return None;
            }
        }
        match entry.hooks.enter(call, &mut self.slots[index]) {
            Enter::Proceed => self.place = Place::Entering(index + 1),
            Enter::Answer(outcome) => {
                call.time_passed();
                self.place = Place::Leaving(index, outcome);
            }
            Enter::Wait(wait) => {
                self.place = Place::Entering(index);
                return Some(Action::Wait(wait));
            }
            Enter::Elsewhere(runner) => {
                self.place = Place::Inside;
                // Those inside are entered by whoever calls the rest, and in slots of that call.
                self.slots[index + 1..].fill_with(Slot::skipped);
                return Some(Action::Elsewhere(index + 1, runner));
            }
        }
        None
    }

    fn leave(&mut self, call: &Call<'_>, entries: &[Entry], index: usize, mut outcome: Outcome) -> Option<Box<Wait>> {
        let (entry, slot) = (&entries[index - 1], &mut self.slots[index - 1]);
        if slot.is_skipped() {
            self.place = Place::Leaving(index - 1, outcome);
            return None;
        }
        match entry.hooks.exit(call, slot, &mut outcome) {
            Exit::Again if !self.closing && may_repeat(call, &outcome) => {
                for slot in &mut self.slots[index..] {
                    *slot = Slot::default();
                }
                self.place = Place::Entering(index);
            }
            Exit::Wait(wait) if !self.closing => {
                self.place = Place::Leaving(index, outcome);
                return Some(wait);
            }
            Exit::Pass | Exit::Again | Exit::Wait(_) => self.place = Place::Leaving(index - 1, outcome),
        }
        None
    }
}
