//! Retrying: how long to wait before each further attempt.
//!
//! The schedule only. Which errors are worth a retry, and the waiting itself, belong to the caller.

mod after;
mod backoff;
mod growth;
mod jitter;

pub use after::seconds_asked;
pub use backoff::Backoff;
pub use growth::Growth;
pub use jitter::Jitter;
