//! The walk through a stack in one go: the driver of plain functions, and the first step of coroutines.
//!
//! The stack is walked by recursion, and each policy's slot lives in its frame of the machine's stack. A call that has
//! to be suspended on the way hands its slots over, and a [`Driver`](super::Driver) goes on from there.

use cladding_capi::{Arguments, Owned, Raised, Step, This, exception, resume, type_is};
use pyo3::Python;

use super::driver::Driver;
use super::machine::{Place, Suspended, Suspension};
use super::rest::Rest;
use super::state::awaited;
use super::{BoundStack, Entry, deferred};
use crate::hooks::{Call, Enter, Exit, Outcome, Slot, Wait};
use crate::{policy, switches, waits};

/// Runs one call of a plain function.
#[inline]
pub(super) fn run(this: &This<'_, BoundStack>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
    run_rest(this, py, arguments, Start::default())
}

/// The same from some policy on.
#[inline]
pub(super) fn run_rest(
    this: &This<'_, BoundStack>,
    py: Python<'_>,
    arguments: &Arguments<'_>,
    start: Start,
) -> Result<Owned, Raised> {
    let call = Call::new(py, this.target.get(), arguments);
    call.deadline.set(start.deadline);
    let entries = &this.entries[start.from..];
    let mut slots = Vec::new();
    let outcome = if switches::any_off() || this.needs.asking {
        walk::<false, true>(this, &call, entries, &mut slots)
    } else {
        walk::<false, false>(this, &call, entries, &mut slots)
    };
    match outcome {
        Outcome::Returned(value) => Ok(value),
        Outcome::Raised(exception) => Err(exception::raise(py, exception)),
        Outcome::Suspended(suspension) => {
            slots.extend((0..start.from).map(|_| Slot::skipped()));
            let deadline = call.deadline.get();
            deferred::carry_on(this, py, arguments, Left { slots, deadline }, *suspension)
        }
    }
}

/// Where a walk begins: not with the outermost policy, where the rest of a stack is called elsewhere.
#[derive(Clone, Copy, Default)]
pub(super) struct Start {
    /// The index of the first policy.
    pub(super) from: usize,
    /// As in [`Call`].
    pub(super) deadline: u64,
}

/// What is left of a walk that was suspended.
pub(super) struct Left {
    /// Innermost first.
    pub(super) slots: Vec<Slot>,
    /// As in [`Call`].
    pub(super) deadline: u64,
}

/// Runs a coroutine up to its first suspension. What comes back is its result, or a driver for the rest of it.
#[inline]
pub(super) fn begin(this: &This<'_, BoundStack>, py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
    let call = Call::new(py, this.target.get(), arguments);
    let mut slots = Vec::new();
    match walk::<true, true>(this, &call, &this.entries, &mut slots) {
        // The trampoline tells a driver by its type, so a result of that type needs a driver around it.
        Outcome::Returned(value) if This::<Driver>::of(&value).is_some() => Driver::over(this, value),
        Outcome::Returned(value) => Ok(value),
        Outcome::Raised(exception) => Err(exception::raise(py, exception)),
        Outcome::Suspended(suspension) => {
            let deadline = call.deadline.get();
            Driver::carry_on(this, this.kind, arguments, Left { slots, deadline }, *suspension)
        }
    }
}

/// Walks inwards from the first of `entries` and out again.
///
/// `AWAIT` says that waits are awaited, `SWITCHED` that a policy may be switched off. Where the call is suspended, the
/// slots are handed to `kept`, innermost first.
fn walk<const AWAIT: bool, const SWITCHED: bool>(
    stack: &This<'_, BoundStack>,
    call: &Call<'_>,
    entries: &[Entry],
    kept: &mut Vec<Slot>,
) -> Outcome {
    if SWITCHED {
        let off = entries.iter().take_while(|entry| entry.switch.is_off()).count();
        if off > 0 {
            let outcome = walk::<AWAIT, SWITCHED>(stack, call, &entries[off..], kept);
            if matches!(outcome, Outcome::Suspended(..)) {
                kept.extend((0..off).map(|_| Slot::skipped()));
            }
            return outcome;
        }
    }
    let Some((entry, inner)) = entries.split_first() else {
        let outcome = invoke::<AWAIT>(stack, call);
        call.time_passed();
        return outcome;
    };
    let mut slot = Slot::default();
    if SWITCHED {
        match skipped(entry, call) {
            Ok(false) => {}
            Ok(true) => {
                let outcome = walk::<AWAIT, SWITCHED>(stack, call, &entries[entry.span..], kept);
                if matches!(outcome, Outcome::Suspended(..)) {
                    kept.extend((0..entry.span).map(|_| Slot::skipped()));
                }
                return outcome;
            }
            Err(outcome) => return outcome,
        }
    }
    match entry.hooks.enter(call, &mut slot) {
        Enter::Proceed => {}
        Enter::Answer(Outcome::Returned(value)) if AWAIT || type_is(&value).is_none() => {
            call.time_passed();
            return Outcome::Returned(value);
        }
        said => match not_yet::<AWAIT>(stack, call, entries, &mut slot, kept, said) {
            Ok(None) => {}
            Ok(Some(runner)) => return elsewhere::<AWAIT>(stack, call, entries, slot, kept, &runner),
            Err(outcome) => return outcome,
        },
    }
    loop {
        let mut outcome = walk::<AWAIT, SWITCHED>(stack, call, inner, kept);
        if matches!(outcome, Outcome::Suspended(..)) {
            return suspended(outcome, call, entry, inner, slot, kept);
        }
        if !entry.leaves {
            return outcome;
        }
        match entry.hooks.exit(call, &mut slot, &mut outcome) {
            Exit::Pass => return outcome,
            said => {
                if let Some(outcome) = once_more::<AWAIT>(stack, call, entries, &mut slot, kept, said, outcome) {
                    return outcome;
                }
            }
        }
    }
}

/// Does what a policy says that does not simply go on inwards; an error is the outcome of the call so far. What comes back
/// is who calls everything inside, if that is not done here.
#[cold]
fn not_yet<const AWAIT: bool>(
    stack: &BoundStack,
    call: &Call<'_>,
    entries: &[Entry],
    slot: &mut Slot,
    kept: &mut Vec<Slot>,
    mut said: Enter,
) -> Result<Option<Owned>, Outcome> {
    loop {
        match said {
            Enter::Proceed => return Ok(None),
            Enter::Elsewhere(runner) => return Ok(Some(runner)),
            Enter::Answer(outcome) => {
                call.time_passed();
                return Err(if AWAIT {
                    outcome
                } else {
                    answered(outcome, entries, kept)
                });
            }
            Enter::Wait(wait) => {
                let place = Place::Entering(stack.entries.len() - entries.len());
                pause::<AWAIT>(call, place, &wait, slot, kept)?;
            }
        }
        said = entries[0].hooks.enter(call, slot);
    }
}

/// Has everything inside the first of `entries` called by `runner`, and leaves that policy.
#[cold]
fn elsewhere<const AWAIT: bool>(
    stack: &This<'_, BoundStack>,
    call: &Call<'_>,
    entries: &[Entry],
    mut slot: Slot,
    kept: &mut Vec<Slot>,
    runner: &Owned,
) -> Outcome {
    let (entry, inner) = entries.split_first().expect("a policy has said so");
    let start = Start {
        from: stack.entries.len() - inner.len(),
        deadline: call.deadline.get(),
    };
    let result = Rest::call_by(stack, call.py, runner, call.arguments, start, None);
    let mut outcome = called::<AWAIT>(call, result);
    call.time_passed();
    if matches!(outcome, Outcome::Suspended(..)) {
        kept.extend(inner.iter().map(|_| Slot::skipped()));
        return suspended(outcome, call, entry, inner, slot, kept);
    }
    if entry.leaves {
        match entry.hooks.exit(call, &mut slot, &mut outcome) {
            Exit::Pass => {}
            said => {
                let said = once_more::<AWAIT>(stack, call, entries, &mut slot, kept, said, outcome);
                return said.unwrap_or_else(|| unreachable!("a policy that goes elsewhere repeats nothing itself"));
            }
        }
    }
    outcome
}

/// Does what a policy says that does not simply go on outwards; nothing comes back if all inside is to be called again.
#[cold]
fn once_more<const AWAIT: bool>(
    stack: &BoundStack,
    call: &Call<'_>,
    entries: &[Entry],
    slot: &mut Slot,
    kept: &mut Vec<Slot>,
    mut said: Exit,
    mut outcome: Outcome,
) -> Option<Outcome> {
    loop {
        match said {
            Exit::Again if may_repeat(call, &outcome) => return None,
            Exit::Pass | Exit::Again => return Some(outcome),
            Exit::Wait(wait) => {
                let place = Place::Leaving(stack.entries.len() - entries.len() + 1, outcome);
                match pause::<AWAIT>(call, place, &wait, slot, kept) {
                    Ok(Place::Leaving(_, waited)) => outcome = waited,
                    Ok(_) => unreachable!("a wait gives back its place"),
                    Err(outcome) => return Some(outcome),
                }
            }
        }
        said = entries[0].hooks.exit(call, slot, &mut outcome);
    }
}

/// Hands over the slot of a policy whose call is suspended. A policy that refuses what is still to run answers in place
/// of it, and those inside it, which have been entered, are left.
#[cold]
fn suspended(
    outcome: Outcome,
    call: &Call<'_>,
    entry: &Entry,
    inner: &[Entry],
    mut slot: Slot,
    kept: &mut Vec<Slot>,
) -> Outcome {
    if let Outcome::Suspended(suspension) = &outcome
        && let Some((value, kind)) = suspension.fresh()
        && let Err(mut refusal) = entry.hooks.deferred(call, &mut slot, value, kind)
    {
        for (mut slot, entry) in kept.drain(..).zip(inner.iter().rev()) {
            if !slot.is_skipped() {
                let _ = entry.hooks.exit(call, &mut slot, &mut refusal);
            }
        }
        return refusal;
    }
    kept.push(slot);
    outcome
}

/// The outcome that a policy of a plain function answered with. What is still to run goes on past this policy and those
/// inside it, and the policies around it are left when it is over.
#[inline]
fn answered(outcome: Outcome, entries: &[Entry], kept: &mut Vec<Slot>) -> Outcome {
    let Outcome::Returned(value) = outcome else {
        return outcome;
    };
    let Some(kind) = type_is(&value) else {
        return Outcome::Returned(value);
    };
    kept.extend(entries.iter().map(|_| Slot::skipped()));
    Suspension::outcome(Place::Inside, Suspended::Fresh(value, kind))
}

/// Calls the wrapped callable; a coroutine takes its first step.
#[inline]
fn invoke<const AWAIT: bool>(stack: &BoundStack, call: &Call<'_>) -> Outcome {
    called::<AWAIT>(call, stack.invoke(call.py, call.arguments))
}

/// What a call that has been made comes to.
#[inline]
fn called<const AWAIT: bool>(call: &Call<'_>, result: Result<Owned, Raised>) -> Outcome {
    let py = call.py;
    let value = match result {
        Ok(value) => value,
        Err(raised) => return Outcome::Raised(raised.take(py)),
    };
    let kind = type_is(&value);
    if !AWAIT {
        return match kind {
            None => Outcome::Returned(value),
            Some(kind) => Suspension::outcome(Place::Inside, Suspended::Fresh(value, kind)),
        };
    }
    let next = match kind {
        Some(_) => value,
        None => match awaited(py, &value) {
            Ok(next) => next,
            Err(raised) => return Outcome::Raised(raised.take(py)),
        },
    };
    match resume(py, &next, &Owned::none()) {
        Step::Return(value) => Outcome::Returned(value),
        Step::Raise(raised) => Outcome::Raised(raised.take(py)),
        Step::Yield(pending) => Suspension::outcome(Place::Inside, Suspended::Stepped(next, pending)),
    }
}

/// Whether a policy is switched off for this call.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "two loads, on the path of every call of every policy"
)]
pub(super) fn skipped(entry: &Entry, call: &Call<'_>) -> Result<bool, Outcome> {
    if entry.switch.is_off() {
        return Ok(true);
    }
    match &entry.enabled {
        None => Ok(false),
        Some(enabled) => policy::skips(call, enabled).map_err(|error| Outcome::error(call.py, error)),
    }
}

/// Whether everything inside may be called again: not after a cancellation or the like, and not once items are out.
pub(super) fn may_repeat(call: &Call<'_>, outcome: &Outcome) -> bool {
    !call.yielded && (matches!(outcome, Outcome::Returned(_)) || outcome.is_ordinary_failure(call.py))
}

/// Waits here, and gives the place back; or, where waits are awaited, suspends the call at it. A wait that fails, by an
/// interrupt, say, is the outcome of the call.
#[cold]
fn pause<const AWAIT: bool>(
    call: &Call<'_>,
    place: Place,
    wait: &Wait,
    slot: &mut Slot,
    kept: &mut Vec<Slot>,
) -> Result<Place, Outcome> {
    if AWAIT {
        return Err(match waits::awaitable(call.py, wait) {
            Ok(awaitable) => {
                kept.push(std::mem::take(slot));
                Suspension::outcome(place, Suspended::Wait(awaitable))
            }
            Err(error) => Outcome::error(call.py, error),
        });
    }
    let result = waits::block(call.py, wait);
    call.time_passed();
    result.map_err(|error| Outcome::error(call.py, error))?;
    Ok(place)
}
