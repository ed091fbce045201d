//! When a store that fails is left alone, and when it is tried again. Given the time; waits for nothing.

use std::time::{Duration, Instant};

/// The rest after the first failure.
pub(crate) const SHORTEST: Duration = Duration::from_millis(100);
/// No rest is longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(30);

/// Whether a store rests.
#[derive(Debug, Default)]
pub(crate) struct Rest {
    outage: Option<Outage>,
    /// Moves on at each failure that counts and each recovery: attempts that began before it say nothing of what is now.
    generation: u64,
}

#[derive(Debug)]
struct Outage {
    until: Instant,
    /// The rest without its jitter; the next one is twice as long.
    length: Duration,
    probing: bool,
}

/// What an attempt was let through with. It goes back with how it ended.
#[must_use = "an outage whose probe is lost has no end"]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Attempt {
    generation: u64,
    /// Made while the store rests, by somebody's wish: its failure is no news.
    aside: bool,
}

/// What an attempt has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Nothing,
    OutageBegan,
    OutageEnded,
}

impl Rest {
    /// Lets an attempt through, unless the store rests. Once a rest is over, one attempt is let through and the others wait
    /// for how it ends. With `anyway` it is let through in any case.
    pub(crate) fn attempt(&mut self, now: Instant, anyway: bool) -> Option<Attempt> {
        let generation = self.generation;
        let aside = match &mut self.outage {
            None => false,
            Some(outage) if now >= outage.until && !outage.probing => {
                outage.probing = true;
                false
            }
            Some(_) if anyway => true,
            Some(_) => return None,
        };
        Some(Attempt { generation, aside })
    }

    /// How long the rest still lasts: zero once it is over and the store is to be tried, or is being tried; `None` while
    /// the store works.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        self.outage
            .as_ref()
            .map(|outage| outage.until.saturating_duration_since(now))
    }

    /// The store has answered.
    pub(crate) fn worked(&mut self, _: Attempt) -> Turn {
        if self.outage.take().is_none() {
            return Turn::Nothing;
        }
        self.generation += 1;
        Turn::OutageEnded
    }

    /// The store has not answered. `jitter`, from 0 up to 1, takes up to a quarter off the rest.
    pub(crate) fn failed(&mut self, now: Instant, attempt: Attempt, jitter: f64) -> Turn {
        if attempt.aside || attempt.generation != self.generation {
            return Turn::Nothing;
        }
        self.generation += 1;
        let (length, turn) = match &self.outage {
            Some(outage) => ((outage.length * 2).min(LONGEST), Turn::Nothing),
            None => (SHORTEST, Turn::OutageBegan),
        };
        self.outage = Some(Outage {
            until: now + length.mul_f64(1.0 - jitter / 4.0),
            length,
            probing: false,
        });
        turn
    }
}
