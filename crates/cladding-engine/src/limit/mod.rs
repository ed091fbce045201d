//! Limits: how many calls may begin in a time, and how many may be under way at once.
//!
//! The counting only. Waiting belongs to the caller: [`rate::RateState`] says for how long, [`places::Places`] says who is
//! to be woken.

pub mod places;
pub mod rate;
