//! Retrying: how long to wait before each further attempt.
//!
//! The schedule only. Which errors are worth a retry, and the waiting itself, belong to the caller.

mod backoff;
mod jitter;

pub use backoff::Backoff;
pub use jitter::Jitter;
