//! Two counts over the latest stretch of time, in buckets.

/// How many buckets a window has. What was counted leaves it with its bucket, so it stays for nine to ten tenths of the
/// window, as in tower's `TpsBudget`.
const BUCKETS: usize = 10;

/// Two numbers that are counted side by side, such as calls and the failures among them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pair {
    pub(crate) first: u64,
    pub(crate) second: u64,
}

impl Pair {
    fn add(&mut self, other: Self) {
        self.first = self.first.wrapping_add(other.first);
        self.second = self.second.wrapping_add(other.second);
    }

    fn take(&mut self, other: Self) {
        self.first = self.first.wrapping_sub(other.first);
        self.second = self.second.wrapping_sub(other.second);
    }
}

/// What was counted in the latest `span` nanoseconds. Of a fixed size, and each step costs the same however much time
/// went by. A time before the newest bucket counts as in it: stamps of several threads may come out of order.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    /// The nanoseconds of a bucket.
    width: u64,
    /// The number of the newest bucket, counted from the clock's origin.
    newest: u64,
    /// The first moment after the newest bucket.
    ends: u64,
    buckets: [Pair; BUCKETS],
    /// All buckets together.
    total: Pair,
}

impl Window {
    pub(crate) fn new(span: u64) -> Self {
        let width = span.div_ceil(BUCKETS as u64).max(1);
        Self {
            width,
            newest: 0,
            ends: width,
            buckets: [Pair::default(); BUCKETS],
            total: Pair::default(),
        }
    }

    /// Empties the buckets that `now` is past.
    #[cold]
    fn turn(&mut self, now: u64) {
        let number = now / self.width;
        let passed = number.saturating_sub(self.newest).min(BUCKETS as u64);
        for step in 0..passed {
            let place = Self::place(number.wrapping_sub(step));
            self.total.take(std::mem::take(&mut self.buckets[place]));
        }
        self.newest = number;
        self.ends = number.saturating_add(1).saturating_mul(self.width);
    }

    fn place(number: u64) -> usize {
        (number % BUCKETS as u64) as usize
    }

    /// Counts, and gives what the window holds now.
    #[inline]
    pub(crate) fn add(&mut self, now: u64, more: Pair) -> Pair {
        if now >= self.ends {
            self.turn(now);
        }
        self.buckets[Self::place(self.newest)].add(more);
        self.total.add(more);
        self.total
    }

    /// What the window holds.
    #[inline]
    pub(crate) fn total(&mut self, now: u64) -> Pair {
        self.add(now, Pair::default())
    }

    pub(crate) fn clear(&mut self) {
        self.buckets = [Pair::default(); BUCKETS];
        self.total = Pair::default();
    }
}

/// The nanoseconds of so many seconds, which are not negative.
pub(crate) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

/// Room for the rounding of a ratio times a count: 0.1 of 30 is a little more than 3 in binary numbers.
pub(crate) const ROUNDING: f64 = 1e-9;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::{any_wait, config};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(config())]

        /// Against the list of everything that was ever counted, with the bucket each came in.
        #[test]
        fn holds_what_a_list_of_everything_holds(
            span in 1..200_u64,
            steps in proptest::collection::vec((any_wait(), any::<bool>(), 0..5_u64), 1..200),
        ) {
            let mut window = Window::new(span);
            let width = span.div_ceil(10).max(1);
            let (mut all, mut now) = (Vec::new(), 0_u64);
            for (wait, add, amount) in steps {
                now = now.saturating_add(wait);
                if add {
                    window.add(now, Pair { first: 1, second: amount });
                    all.push((now / width, amount));
                }
                let live = all.iter().filter(|(bucket, _)| now / width - bucket < 10);
                let expected = live.fold(Pair::default(), |sum, (_, amount)| Pair {
                    first: sum.first + 1,
                    second: sum.second + amount,
                });
                prop_assert_eq!(window.total(now), expected);
            }
        }
    }

    #[test]
    fn a_time_that_goes_back_counts_as_the_latest() {
        let mut window = Window::new(100);
        window.add(500, Pair { first: 1, second: 0 });
        let total = window.add(3, Pair { first: 1, second: 1 });
        assert_eq!(total, Pair { first: 2, second: 1 });
        assert_eq!(window.total(599).first, 2);
        assert_eq!(window.total(600).first, 0);
    }
}
