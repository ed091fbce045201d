//! How much of the table the small queue has: little where what settled stays in demand, much where it does not.

/// What one look at a settled entry multiplies the share by, or divides it.
const STEP: f32 = 1.001;

/// How many of the settled ones must be in demand for the main queue to grow.
const GOAL: f32 = 0.4;

/// The share. The paper's tenth, or less, is right for loads that stay; more than this, and one scan sweeps out too much.
const LEAST: f32 = 1.0 / 32.0;
const MOST: f32 = 0.6;

/// Sets the share of the small queue by how many of those that have been in the main queue for long were asked for since
/// they were looked at last.
///
/// Where demand moves on faster than the main queue goes round, hardly any are, and its places are lost to what is over.
/// The small queue is the one that forgets in the order of coming, so the larger it is the more the table is like one
/// queue for all, and the less a key has to come back before it is worth a place.
pub(super) struct Share(f32);

impl Share {
    pub(super) const fn new() -> Self {
        Self(LEAST)
    }

    /// Notes that a settled entry was looked at, when of the last ones this share had been asked for.
    pub(super) fn follow(&mut self, settled: f32) {
        let factor = if settled < GOAL { STEP } else { 1.0 / STEP };
        self.0 = (self.0 * factor).clamp(LEAST, MOST);
    }

    /// Whether a small queue of that size is as large as it should be, in a table that is full at `whole`.
    pub(super) fn is_reached(&self, small: u64, whole: u64) -> bool {
        small as f64 >= (whole as f64 * f64::from(self.0)).floor().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(settled: f32) -> Share {
        let mut share = Share::new();
        for _ in 0..10_000 {
            share.follow(settled);
        }
        share
    }

    #[test]
    fn is_a_thirty_second_until_the_settled_are_of_no_use() {
        for share in [Share::new(), after(0.9)] {
            assert!(share.is_reached(100, 3_200) && !share.is_reached(99, 3_200));
        }
        let share = after(0.1);
        assert!(share.is_reached(601, 1_000) && !share.is_reached(599, 1_000));
    }

    #[test]
    fn is_never_nothing() {
        assert!(Share::new().is_reached(1, 2) && !Share::new().is_reached(0, 2));
        assert!(!Share::new().is_reached(u64::MAX >> 6, u64::MAX), "no bound at all");
    }
}
