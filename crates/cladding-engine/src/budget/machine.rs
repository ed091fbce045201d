//! What calls and retries do to a budget.

use super::Config;
use super::config::{Kind, TOKEN};
use crate::window::{Pair, ROUNDING, Window};

/// What a retry took out of the budget. It goes back with the news that the retry succeeded, or is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Withdrawal {
    amount: u64,
}

impl Withdrawal {
    /// How many tokens were taken that come back with a success: 0 but for a quota.
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// A withdrawal that was kept as a number.
    pub const fn of(amount: u64) -> Self {
        Self { amount }
    }
}

/// A budget as it stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How many retries there could be now, one after the other.
    pub available: u64,
    /// How many retries there were so far.
    pub retries: u64,
    /// How many there were not, because of the budget.
    pub refused: u64,
}

/// A budget for one thread; [`InMemory`](super::InMemory) is one for many.
///
/// ```
/// use cladding_engine::budget::{Config, Machine};
///
/// let mut budget = Machine::new(Config::windowed(0.2, 0.0, 10.0)?);
/// for _ in 0..5 {
///     budget.deposit(0);
/// }
/// assert!(budget.withdraw(0, false).is_some());
/// assert!(budget.withdraw(0, false).is_none());
/// # Ok::<(), cladding_engine::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    kind: Kind,
    /// The calls and the retries of the window. Not used by the others.
    window: Window,
    /// The tokens that are there. Not used by a window.
    tokens: u64,
    retries: u64,
    refused: u64,
}

impl Machine {
    /// A budget that nothing was taken from.
    pub fn new(config: Config) -> Self {
        let (span, tokens) = match config.0 {
            Kind::Windowed { window, .. } => (window, 0),
            Kind::Throttled { most, .. } => (1, most),
            Kind::Quota { capacity, .. } => (1, capacity),
        };
        Self {
            kind: config.0,
            window: Window::new(span),
            tokens,
            retries: 0,
            refused: 0,
        }
    }

    /// A call begins with its first attempt.
    #[inline]
    pub fn deposit(&mut self, now: u64) {
        if let Kind::Windowed { .. } = self.kind {
            self.window.add(now, Pair { first: 1, second: 0 });
        }
    }

    /// An attempt failed and is to be retried: takes what that costs, if it is there. Nothing comes back if there must be no
    /// retry now.
    pub fn withdraw(&mut self, now: u64, is_timeout: bool) -> Option<Withdrawal> {
        let taken = self.take(now, is_timeout);
        let count = if taken.is_some() {
            &mut self.retries
        } else {
            &mut self.refused
        };
        *count = count.saturating_add(1);
        taken
    }

    fn take(&mut self, now: u64, is_timeout: bool) -> Option<Withdrawal> {
        match self.kind {
            Kind::Windowed { ratio, reserve, .. } => {
                let Pair { first: calls, second } = self.window.total(now);
                if available(ratio, reserve, calls, second) == 0 {
                    return None;
                }
                self.window.add(now, Pair { first: 0, second: 1 });
                Some(Withdrawal::of(0))
            }
            Kind::Throttled { most, .. } => {
                self.tokens = self.tokens.saturating_sub(TOKEN);
                (2 * self.tokens > most).then_some(Withdrawal::of(0))
            }
            Kind::Quota { cost, timeout_cost, .. } => {
                let amount = if is_timeout { timeout_cost } else { cost };
                self.tokens = self.tokens.checked_sub(amount)?;
                Some(Withdrawal::of(amount))
            }
        }
    }

    /// An attempt failed in a way that is worth a retry, but there is to be none: the attempts are used up, say.
    pub fn failed(&mut self) {
        if let Kind::Throttled { .. } = self.kind {
            self.tokens = self.tokens.saturating_sub(TOKEN);
        }
    }

    /// A call succeeded; `last` is what its last retry took, if it had any.
    #[inline]
    pub fn succeeded(&mut self, last: Option<Withdrawal>) {
        let (back, most) = match self.kind {
            Kind::Windowed { .. } => return,
            Kind::Throttled { most, given_back } => (given_back, most),
            Kind::Quota { capacity, .. } => (last.map_or(1, |last| last.amount), capacity),
        };
        self.tokens = self.tokens.saturating_add(back).min(most);
    }

    /// How it stands.
    pub fn snapshot(&mut self, now: u64) -> Snapshot {
        let available = match self.kind {
            Kind::Windowed { ratio, reserve, .. } => {
                let Pair { first, second } = self.window.total(now);
                available(ratio, reserve, first, second)
            }
            // After the next failures more than half has to be left.
            Kind::Throttled { most, .. } => (2 * self.tokens).saturating_sub(most + 1) / (2 * TOKEN),
            Kind::Quota { cost, .. } => self.tokens / cost,
        };
        Snapshot {
            available,
            retries: self.retries,
            refused: self.refused,
        }
    }
}

/// How many more retries a window has room for, beside so many calls and retries.
fn available(ratio: f64, reserve: f64, calls: u64, retries: u64) -> u64 {
    let most = (reserve + ratio * calls as f64) * (1.0 + ROUNDING);
    (most as u64).saturating_sub(retries)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(budget: &mut Machine, now: u64) -> u64 {
        let mut count = 0;
        while budget.withdraw(now, false).is_some() {
            count += 1;
        }
        count
    }

    #[test]
    fn a_window_has_its_share_of_the_calls_and_a_reserve() {
        let second = 1_000_000_000;
        let mut budget = Machine::new(Config::windowed(0.2, 10.0, 10.0).unwrap());
        assert_eq!(drain(&mut budget, 0), 100);
        for _ in 0..50 {
            budget.deposit(second);
        }
        assert_eq!(drain(&mut budget, second), 10);
        assert_eq!(
            budget.snapshot(second),
            Snapshot {
                available: 0,
                retries: 110,
                refused: 2
            }
        );
        // The hundred leave the window with their bucket, the calls and retries a second later one bucket after.
        assert_eq!(drain(&mut budget, 10 * second), 100);
        let mut none = Machine::new(Config::windowed(0.0, 0.0, 10.0).unwrap());
        none.deposit(0);
        assert_eq!(drain(&mut none, 0), 0);
    }

    #[test]
    fn any_ratio_is_met_exactly() {
        for (ratio, calls, retries) in [(0.1, 30, 3), (0.3, 10, 3), (0.29, 100, 29), (2.5, 2, 5), (0.7, 10, 7)] {
            let mut budget = Machine::new(Config::windowed(ratio, 0.0, 1.0).unwrap());
            (0..calls).for_each(|_| budget.deposit(0));
            assert_eq!(drain(&mut budget, 0), retries, "{ratio}");
        }
    }

    /// The numbers of the example in gRFC A6: ten tokens, a tenth given back.
    #[test]
    fn throttling_wants_more_than_half_of_the_tokens() {
        let mut budget = Machine::new(Config::throttled(10.0, 0.1).unwrap());
        assert_eq!(budget.snapshot(0).available, 4);
        let allowed: Vec<bool> = (0..6).map(|_| budget.withdraw(0, false).is_some()).collect();
        assert_eq!(allowed, [true, true, true, true, false, false]);
        // Four are left: twenty-one successes until there are more than five and one.
        (0..20).for_each(|_| budget.succeeded(None));
        assert!(budget.withdraw(0, false).is_none());
        (0..11).for_each(|_| budget.succeeded(None));
        assert!(budget.withdraw(0, false).is_some());
        (0..1_000).for_each(|_| budget.succeeded(None));
        assert_eq!(budget.snapshot(0).available, 4);
        (0..100).for_each(|_| budget.failed());
        (0..50).for_each(|_| budget.succeeded(None));
        assert!(budget.withdraw(0, false).is_none(), "tokens never go below none");
    }

    /// The numbers of botocore's standard mode.
    #[test]
    fn a_quota_gives_back_what_a_retry_took_that_succeeds() {
        let mut budget = Machine::new(Config::quota(500, 5, 10).unwrap());
        assert_eq!(drain(&mut budget, 0), 100);
        budget.succeeded(None);
        assert!(
            budget.withdraw(0, false).is_none(),
            "a call without a retry gives one token"
        );
        budget.succeeded(Some(Withdrawal::of(10)));
        let last = budget.withdraw(0, true);
        assert_eq!(last, Some(Withdrawal::of(10)));
        budget.failed();
        assert!(budget.withdraw(0, false).is_none());
        (0..1_000).for_each(|_| budget.succeeded(last));
        assert_eq!(budget.snapshot(0).available, 100);
    }
}
