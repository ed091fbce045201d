//! The driver for plain functions: the stack is walked by recursion, and each policy's slot lives in its frame.

use cladding_capi::{Arguments, Owned, Raised, This, exception, type_is};
use pyo3::Python;

use super::{BoundStack, Entry, deferred};
use crate::hooks::{Call, Enter, Exit, Outcome, Slot, Wait};
use crate::{policy, waits};

/// Runs one call.
#[inline]
pub(super) fn run(this: &This<'_, BoundStack>, py: Python<'_>, arguments: Arguments<'_>) -> Result<Owned, Raised> {
    let call = Call::new(py, this.target.get(), arguments);
    let mut slots = Vec::new();
    match walk(this, &call, &this.entries, &mut slots) {
        Outcome::Returned(value) => Ok(value),
        Outcome::Raised(exception) => Err(exception::raise(py, exception)),
        Outcome::Deferred(value, kind) => deferred::carry_on(this, py, arguments, value, kind, slots),
    }
}

/// Walks inwards from the first of `entries` and out again.
///
/// Where a plain function returns something that is still to run, the slots are handed to `kept`, innermost first, and
/// the policies' exits wait until that is over.
fn walk(stack: &BoundStack, call: &Call<'_>, entries: &[Entry], kept: &mut Vec<Slot>) -> Outcome {
    let Some((entry, inner)) = entries.split_first() else {
        let outcome = match stack.invoke(call.py, call.arguments) {
            Ok(value) => match type_is(&value) {
                None => Outcome::Returned(value),
                Some(kind) => Outcome::Deferred(value, kind),
            },
            Err(raised) => Outcome::Raised(raised.take(call.py)),
        };
        call.time_passed();
        return outcome;
    };
    let mut slot = Slot::default();
    match skipped(entry, call) {
        Ok(false) => {}
        Ok(true) => {
            let outcome = walk(stack, call, inner, kept);
            if let Outcome::Deferred(..) = outcome {
                slot.phase = Slot::SKIPPED;
                kept.push(slot);
            }
            return outcome;
        }
        Err(outcome) => return outcome,
    }
    loop {
        match entry.hooks.enter(call, &mut slot) {
            Enter::Proceed => break,
            Enter::Answer(outcome) => return outcome,
            Enter::Wait(wait) => {
                if let Err(outcome) = pause(call, &wait) {
                    return outcome;
                }
            }
        }
    }
    loop {
        let mut outcome = walk(stack, call, inner, kept);
        if let Outcome::Deferred(..) = outcome {
            kept.push(slot);
            return outcome;
        }
        loop {
            match entry.hooks.exit(call, &mut slot, &mut outcome) {
                Exit::Pass => return outcome,
                Exit::Again if may_repeat(call, &outcome) => break,
                Exit::Again => return outcome,
                Exit::Wait(wait) => {
                    if let Err(outcome) = pause(call, &wait) {
                        return outcome;
                    }
                }
            }
        }
    }
}

/// Whether a policy is switched off for this call.
#[inline]
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

/// Waits here; an interrupt becomes the outcome of the call.
#[cold]
fn pause(call: &Call<'_>, wait: &Wait) -> Result<(), Outcome> {
    let result = waits::block(call.py, wait);
    call.time_passed();
    result.map_err(|error| Outcome::error(call.py, error))
}
