//! What a state in memory is kept in: a lock that is held for one short piece of work at a time.

use std::sync::{Mutex, PoisonError};

/// A value that one thread at a time may change.
///
/// States that are shared by threads ([`breaker::InMemory`](crate::breaker::InMemory),
/// [`budget::InMemory`](crate::budget::InMemory)) work over any lock, so that a checker of schedules can put its own in
/// the place of the operating system's.
pub trait Lock<T>: Send + Sync {
    /// A free lock around a value.
    fn new(value: T) -> Self;

    /// Works on the value while nobody else does. The work is the engine's own, and short.
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R;
}

impl<T: Send> Lock<T> for Mutex<T> {
    fn new(value: T) -> Self {
        Self::new(value)
    }

    /// The engine's states are whole between any two statements, so a panic elsewhere does no harm.
    #[inline]
    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
