//! What comes of a computation, and what leaves for it or on request.

use super::super::{Life, Removed};

/// What is to be kept of a computation.
#[derive(Debug)]
pub struct Landing<V> {
    /// The result.
    pub value: V,
    /// How long.
    pub life: Life,
    /// The time at which it came.
    pub now: u64,
}

/// A computation that is over.
#[must_use = "whoever waits is to be woken"]
pub struct Landed<K, V, C, W> {
    /// By what others wait for it, if anybody does.
    pub flight: Option<W>,
    /// What has left, to be dropped where nothing is borrowed.
    pub left: Left<K, V, C>,
}

/// What a computation has left behind, and what had to leave for its result.
#[must_use = "dropping a key or a value may run foreign code: do it where no borrow is held"]
pub struct Left<K, V, C> {
    pub(super) removed: Option<Removed<K, V>>,
    pub(super) old: Option<(K, V)>,
    pub(super) key: Option<K>,
    pub(super) unkept: Option<V>,
    pub(super) caller: Option<C>,
}

impl<K, V, C> Left<K, V, C> {
    pub(super) const fn new() -> Self {
        Self {
            removed: None,
            old: None,
            key: None,
            unkept: None,
            caller: None,
        }
    }
}

/// A computation that goes on without a ticket.
#[must_use = "whoever waits is to be woken"]
pub struct Withdrawn<K, C, W> {
    /// Its key, and how often something had been taken out on request; `None` if its own result was.
    pub key: Option<(K, u64)>,
    /// By what others wait for it, if anybody does.
    pub flight: Option<W>,
    /// Who computed.
    pub caller: Option<C>,
}

/// What has left, to be dropped where nothing is borrowed.
#[must_use = "dropping a key or a value may run foreign code: do it where no borrow is held"]
pub struct Gone<K, V, C> {
    pub(super) results: Vec<(K, V)>,
    pub(super) removed: Option<Removed<K, V>>,
    pub(super) callers: Vec<(K, C)>,
}

impl<K, V, C> Gone<K, V, C> {
    pub(super) const fn new() -> Self {
        Self {
            results: Vec::new(),
            removed: None,
            callers: Vec::new(),
        }
    }

    /// How many results were taken out on request.
    pub const fn results(&self) -> usize {
        self.results.len()
    }
}
