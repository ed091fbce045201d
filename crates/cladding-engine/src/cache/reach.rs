//! How far back the ghost queue is believed: far on a load that moves, not far on one that stays.

/// How much a look at one entry moves the two shares.
const WEIGHT: f32 = 0.005;

/// How much one late comer moves the reach.
const STEP: f32 = 1.001;

/// What late comers must be worth, in shares of what the others are.
const WORTH: f32 = 0.8;

/// The reach, in sizes of the table.
const SHORTEST: f32 = 0.3;
const LONGEST: f32 = 4.0;

/// Sets the age, in evictions, up to which a key in the ghost queue counts as one that came back.
///
/// S3-FIFO believes the ghost queue for as many evictions as the table has entries. On a load that stays as it is, keys
/// that come back late are not worth a place in the main queue; where demand moves on, they are the new demand. So those
/// of the older half are watched: how many are asked for again by the time the main queue has gone round once, against
/// those who have been there longer.
pub(super) struct Reach {
    sizes: f32,
    late: f32,
    settled: f32,
}

impl Reach {
    pub(super) const fn new() -> Self {
        Self {
            sizes: 0.9,
            late: 0.5,
            settled: 0.5,
        }
    }

    /// For how many sizes of the table the ghost queue must remember.
    pub(super) const fn longest() -> usize {
        LONGEST as usize
    }

    /// Whether a key of that age, in sizes of the table, came back; and if so, whether late.
    pub(super) fn judge(&self, age: f32) -> Option<bool> {
        (age < self.sizes).then_some(age > self.sizes / 2.0)
    }

    /// Notes whether a late comer had been asked for when it was looked at first.
    pub(super) fn saw_late(&mut self, used: bool) {
        approach(&mut self.late, used);
        let factor = if self.late > self.settled * WORTH {
            STEP
        } else {
            1.0 / STEP
        };
        self.sizes = (self.sizes * factor).clamp(SHORTEST, LONGEST);
    }

    /// How many of those that had been looked at before were asked for since, of late.
    pub(super) const fn settled(&self) -> f32 {
        self.settled
    }

    /// Notes whether one that had been looked at before was asked for since.
    pub(super) fn saw_settled(&mut self, used: bool) {
        approach(&mut self.settled, used);
    }
}

fn approach(share: &mut f32, used: bool) {
    *share += WEIGHT * (f32::from(u8::from(used)) - *share);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(late: bool, settled: bool) -> f32 {
        let mut reach = Reach::new();
        for _ in 0..10_000 {
            reach.saw_settled(settled);
            reach.saw_late(late);
        }
        reach.sizes
    }

    #[test]
    fn goes_where_late_comers_are_worth_it() {
        assert!(after(true, false) >= LONGEST);
        assert!(after(false, true) <= SHORTEST);
    }

    #[test]
    fn the_older_half_is_late() {
        let reach = Reach::new();
        assert_eq!(
            [0.1, 0.5, 0.95].map(|age| reach.judge(age)),
            [Some(false), Some(true), None]
        );
    }
}
