//! One number that only grows, and one that goes both ways.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number of things that happened. Wraps around at 2⁶⁴.
#[derive(Debug, Default)]
pub struct Counter {
    value: AtomicU64,
}

impl Counter {
    /// A counter at 0.
    pub const fn new() -> Self {
        Self {
            value: AtomicU64::new(0),
        }
    }

    /// Adds `n`, where the caller guarantees that no other thread adds at the same time.
    #[inline]
    pub fn add_exclusive(&self, n: u64) {
        super::add_exclusive(&self.value, n);
    }

    /// Adds `n`, from any thread.
    #[inline]
    pub fn add_shared(&self, n: u64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[inline]
    pub fn get(&self) -> u64 {
        self.value.load(Ordering::Relaxed)
    }

    /// Starts again from 0.
    pub fn reset(&self) {
        self.value.store(0, Ordering::Relaxed);
    }
}

/// A number of things that are there now, such as calls under way. Wraps around at the ends of `i64`.
#[derive(Debug, Default)]
pub struct Gauge {
    value: AtomicI64,
}

impl Gauge {
    /// A gauge at 0.
    pub const fn new() -> Self {
        Self {
            value: AtomicI64::new(0),
        }
    }

    /// Adds `n`, negative to take away, where the caller guarantees that no other thread writes at the same time.
    #[inline]
    pub fn add_exclusive(&self, n: i64) {
        let sum = self.value.load(Ordering::Relaxed).wrapping_add(n);
        self.value.store(sum, Ordering::Relaxed);
    }

    /// Adds `n`, negative to take away, from any thread.
    #[inline]
    pub fn add_shared(&self, n: i64) {
        self.value.fetch_add(n, Ordering::Relaxed);
    }

    /// Puts the gauge at `value`.
    #[inline]
    pub fn set(&self, value: i64) {
        self.value.store(value, Ordering::Relaxed);
    }

    /// Where the gauge stands.
    #[inline]
    pub fn get(&self) -> i64 {
        self.value.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_either_way() {
        let counter = Counter::new();
        counter.add_exclusive(2);
        counter.add_shared(3);
        assert_eq!(counter.get(), 5);
        counter.reset();
        assert_eq!(counter.get(), 0);
    }

    #[test]
    fn gauge_goes_both_ways() {
        let gauge = Gauge::new();
        gauge.add_exclusive(2);
        gauge.add_shared(-5);
        assert_eq!(gauge.get(), -3);
        gauge.set(9);
        assert_eq!(gauge.get(), 9);
    }

    #[test]
    fn threads_lose_nothing() {
        let counter = Counter::default();
        let each = if cfg!(miri) { 20 } else { 10_000 };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..each).for_each(|_| counter.add_shared(1)));
            }
        });
        assert_eq!(counter.get(), 4 * each);
    }
}
