//! Interior mutability, chosen once for builds with and without the interpreter lock.
//!
//! With the lock a flag suffices, because only one thread runs; without it a mutex does the same. Either way a guard
//! may be held while Python code runs (a driver is advanced), so taking it is always a try: a second taker is told.

use std::ops::{Deref, DerefMut};

#[cfg(not(Py_GIL_DISABLED))]
mod cell {
    use std::cell::{RefCell, RefMut};

    pub(super) type Lock<T> = RefCell<T>;
    pub(super) type Inner<'a, T> = RefMut<'a, T>;

    #[inline]
    pub(super) fn try_lock<T>(lock: &Lock<T>) -> Option<Inner<'_, T>> {
        lock.try_borrow_mut().ok()
    }
}

#[cfg(Py_GIL_DISABLED)]
mod cell {
    use std::sync::{Mutex, MutexGuard, TryLockError};

    pub(super) type Lock<T> = Mutex<T>;
    pub(super) type Inner<'a, T> = MutexGuard<'a, T>;

    #[inline]
    pub(super) fn try_lock<T>(lock: &Lock<T>) -> Option<Inner<'_, T>> {
        match lock.try_lock() {
            Ok(inner) => Some(inner),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// A value that one holder at a time may change.
pub struct Guarded<T>(cell::Lock<T>);

// SAFETY: with the interpreter lock, the crate's rule (attached threads only) means that one thread at a time touches
// the flag; without it the inner lock is a mutex, which is `Sync` for every `Send` value.
unsafe impl<T: Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(cell::Lock::new(value))
    }

    /// Takes the value, or `None` while somebody else holds it.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_, T>> {
        cell::try_lock(&self.0).map(Guard)
    }

    /// Takes the value for a short piece of work that runs no Python code and lets no other thread in.
    ///
    /// # Panics
    /// With the interpreter lock, if `work` broke that promise before.
    #[inline]
    pub fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(not(Py_GIL_DISABLED))]
        return work(&mut self.0.borrow_mut());
        #[cfg(Py_GIL_DISABLED)]
        return work(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// The holder's access to a guarded value.
pub struct Guard<'a, T>(cell::Inner<'a, T>);

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}
