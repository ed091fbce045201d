//! Deadlines in a hierarchy of buckets, so that what is over is found without a search, however lives differ.
//!
//! The hierarchical timing wheel of George Varghese and Tony Lauck, "Hashed and hierarchical timing wheels: data
//! structures for the efficient implementation of a timer facility" (SOSP 1987): a deadline lies on the level of the
//! highest digit, to base 64, in which it differs from the time that the wheel has reached. When the wheel reaches a
//! bucket of a higher level, its entries move down, one at a time and at most once for each level.

use super::list::{Links, List};

const BITS: u32 = 6;
const BUCKETS: usize = 1 << BITS;
const LEVELS: usize = u64::BITS.div_ceil(BITS) as usize;

/// The bucket of what has no deadline.
pub(super) const NOWHERE: u16 = u16::MAX;

struct Level {
    /// One bit for each bucket that holds something.
    occupied: u64,
    buckets: [List; BUCKETS],
}

/// Numbered places by deadline. No memory is taken before the first one comes.
pub(super) struct Wheel {
    levels: [Option<Box<Level>>; LEVELS],
    links: Links,
    /// The time that the wheel has reached.
    reached: u64,
    /// The bucket that is being emptied.
    open: u16,
    /// No deadline is earlier than this.
    next: u64,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            levels: [const { None }; LEVELS],
            links: Links::default(),
            reached: 0,
            open: NOWHERE,
            next: u64::MAX,
        }
    }

    /// Puts in a place that is not there. Answers its bucket, for [`unlink`](Self::unlink).
    pub(super) fn push(&mut self, place: u32, deadline: u64) -> u16 {
        let deadline = deadline.max(self.reached);
        let differs = deadline ^ self.reached;
        let number = (u64::BITS - 1 - (differs | 1).leading_zeros()) / BITS;
        let at = digit(deadline, number);
        let level = self.levels[number as usize].get_or_insert_with(|| {
            Box::new(Level {
                occupied: 0,
                buckets: [List::new(); BUCKETS],
            })
        });
        level.buckets[at].push(&mut self.links, place);
        level.occupied |= 1 << at;
        self.next = self.next.min(deadline);
        (number << BITS) as u16 | at as u16
    }

    /// Takes out a place from the bucket that it is in.
    pub(super) fn unlink(&mut self, place: u32, bucket: u16) {
        let Some(level) = &mut self.levels[bucket as usize >> BITS] else {
            return;
        };
        let at = bucket as usize % BUCKETS;
        level.buckets[at].unlink(&mut self.links, place);
        if level.buckets[at].len() == 0 {
            level.occupied &= !(1 << at);
        }
    }

    /// Takes out a place that may be due. The caller looks at its deadline, and puts it back if that is still to come.
    #[inline]
    pub(super) fn due(&mut self, now: u64) -> Option<u32> {
        if now < self.next { None } else { self.reach(now) }
    }

    fn reach(&mut self, now: u64) -> Option<u32> {
        loop {
            if let Some(place) = self.oldest_of(self.open) {
                self.unlink(place, self.open);
                return Some(place);
            }
            match self.earliest() {
                Some((start, bucket)) if start <= now => {
                    self.reached = self.reached.max(start);
                    self.open = bucket;
                }
                earliest => {
                    self.reached = self.reached.max(now);
                    self.open = NOWHERE;
                    self.next = earliest.map_or(u64::MAX, |(start, _)| start);
                    return None;
                }
            }
        }
    }

    fn oldest_of(&self, bucket: u16) -> Option<u32> {
        let level = self.levels.get(bucket as usize >> BITS)?.as_ref()?;
        level.buckets[bucket as usize % BUCKETS].oldest()
    }

    /// The bucket that comes next, and the time at which it begins.
    fn earliest(&self) -> Option<(u64, u16)> {
        let mut levels = (0..).zip(&self.levels);
        levels.find_map(|(number, level)| {
            let ahead = level.as_ref()?.occupied & (u64::MAX << digit(self.reached, number));
            let at = (ahead != 0).then(|| ahead.trailing_zeros())?;
            let below = number * BITS;
            let above = u64::MAX.checked_shl(below + BITS).unwrap_or(0);
            let start = (self.reached & above) | u64::from(at) << below;
            Some((start, (number << BITS) as u16 | at as u16))
        })
    }
}

/// One digit of a time, to base 64.
const fn digit(time: u64, level: u32) -> usize {
    (time >> (level * BITS)) as usize % BUCKETS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// Times of every size, and many that are close together.
    fn time() -> impl Strategy<Value = u64> {
        (0..64_u32, any::<u64>()).prop_map(|(shift, bits)| bits >> shift)
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn gives_back_all_that_is_due_and_nothing_else(
            moves in prop::collection::vec((0..3_u8, time(), 0..40_u32), 1..if cfg!(miri) { 30 } else { 200 }),
        ) {
            let mut wheel = Wheel::new();
            let mut model: BTreeMap<u32, (u64, u16)> = BTreeMap::new();
            let mut now = 0_u64;
            for (kind, time, place) in moves {
                match kind {
                    0 => if let Some((_, bucket)) = model.remove(&place) {
                        wheel.unlink(place, bucket);
                    } else {
                        let deadline = now.saturating_add(time);
                        model.insert(place, (deadline, wheel.push(place, deadline)));
                    },
                    1 => now = now.saturating_add(time >> 3),
                    _ => {
                        let mut steps = 0;
                        while let Some(place) = wheel.due(now) {
                            let (deadline, _) = model.remove(&place).expect("what is due was put in");
                            if deadline > now {
                                model.insert(place, (deadline, wheel.push(place, deadline)));
                            }
                            steps += 1;
                            prop_assert!(steps <= 40 * (LEVELS + 1), "moves down for ever");
                        }
                        prop_assert!(model.values().all(|(deadline, _)| *deadline > now));
                    }
                }
            }
        }
    }

    #[test]
    fn a_time_that_is_past_is_due_at_once() {
        let mut wheel = Wheel::new();
        wheel.push(0, 5_000);
        assert_eq!(wheel.due(10_000), Some(0));
        assert_eq!(wheel.due(10_000), None);
        wheel.push(1, 3);
        assert_eq!(wheel.due(10_000), Some(1));
    }

    #[test]
    fn the_last_moment_has_a_bucket() {
        let mut wheel = Wheel::new();
        wheel.push(0, u64::MAX);
        while let Some(place) = wheel.due(u64::MAX - 1) {
            wheel.push(place, u64::MAX);
        }
        assert_eq!(wheel.due(u64::MAX), Some(0));
    }
}
