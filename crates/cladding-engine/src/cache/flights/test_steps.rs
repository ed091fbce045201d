//! What the test of the machine against its model does, step by step.

use std::rc::Rc;

use proptest::prelude::*;

use super::Reserved;
use crate::test_support::any_wait;

/// A result: its number, until when it is served, and whether it has the tag.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) number: Rc<u32>,
    pub(super) served_until: u64,
    pub(super) tagged: bool,
}

impl Reserved for Value {
    fn is_served(&self, now: u64) -> bool {
        now < self.served_until
    }
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    /// Asks for a key as any caller does, at a time that was read so long ago.
    Call(u8, u64),
    /// The same, simply where that is possible.
    CallSimply(u8),
    /// Computes anew what is there, seen at a time that was read so long ago.
    Refresh(u8, u64),
    /// Ends a computation under way with a result of such a life, or without one.
    Land(usize, Option<(u64, u64, bool)>),
    HandOver(usize),
    Withdraw(usize),
    Add(usize, u64),
    Invalidate(u8),
    Put(u8, u64),
    InvalidateTag,
    Forget(u8),
    Clear,
    Expire(usize),
    Wait(u64),
}

pub(super) fn any_step() -> impl Strategy<Value = Step> {
    let place = || any::<usize>();
    let key = || 0..7_u8;
    let life = || prop_oneof![8 => 1..100_u64, 1 => Just(u64::MAX)];
    prop_oneof![
        8 => (key(), 0..4_u64).prop_map(|(key, late)| Step::Call(key, late)),
        6 => key().prop_map(Step::CallSimply),
        4 => (key(), 0..4_u64).prop_map(|(key, late)| Step::Refresh(key, late)),
        8 => (place(), prop::option::weighted(0.8, (life(), 0..50_u64, any::<bool>())))
            .prop_map(|(place, life)| Step::Land(place, life)),
        1 => place().prop_map(Step::HandOver),
        2 => place().prop_map(Step::Withdraw),
        2 => (place(), life()).prop_map(|(place, life)| Step::Add(place, life)),
        2 => key().prop_map(Step::Invalidate),
        2 => (key(), life()).prop_map(|(key, life)| Step::Put(key, life)),
        1 => Just(Step::InvalidateTag),
        1 => key().prop_map(Step::Forget),
        1 => Just(Step::Clear),
        1 => (0..4_usize).prop_map(Step::Expire),
        3 => any_wait().prop_map(Step::Wait),
    ]
}
