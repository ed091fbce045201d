//! Each kind of budget against one that keeps a list of everything, as the clock moves and jumps.

use super::{Config, Machine, Withdrawal};
use crate::test_support::{any_wait, config};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Deposit,
    Withdraw(bool),
    Failed,
    /// A call succeeds: without a retry, or with what the retry at this place took.
    Succeeded(Option<usize>),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => Just(Step::Deposit),
        6 => any::<bool>().prop_map(Step::Withdraw),
        1 => Just(Step::Failed),
        4 => proptest::option::of(0..4_usize).prop_map(Step::Succeeded),
        4 => any_wait().prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..200)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_window_never_has_more_retries_than_its_share(
        tenths in 0..30_u64,
        reserve in 0..4_u64,
        bucket in 1..20_u64,
        steps in steps(),
    ) {
        let seconds = 10.0 * bucket as f64 / 1e9;
        let made = Config::windowed(tenths as f64 / 10.0, reserve as f64 / seconds, seconds);
        prop_assume!(made.is_ok());
        let mut budget = Machine::new(made.unwrap());
        let (mut calls, mut retries, mut now) = (Vec::new(), Vec::new(), 0_u64);
        let mut refused = 0;
        for step in steps {
            let newest = now / bucket;
            let live = |list: &[u64]| list.iter().filter(|came| newest - **came < 10).count() as u64;
            let room = (10 * reserve + tenths * live(&calls)) / 10;
            let room = room.saturating_sub(live(&retries));
            let told = budget.snapshot(now);
            prop_assert_eq!((told.available, told.retries, told.refused), (room, retries.len() as u64, refused));
            match step {
                Step::Deposit => {
                    budget.deposit(now);
                    calls.push(newest);
                }
                Step::Withdraw(is_timeout) => {
                    let taken = budget.withdraw(now, is_timeout);
                    prop_assert_eq!(taken.is_some(), room > 0);
                    match taken {
                        Some(_) => retries.push(newest),
                        None => refused += 1,
                    }
                }
                Step::Failed => budget.failed(),
                Step::Succeeded(_) => budget.succeeded(None),
                Step::Wait(nanos) => now = now.saturating_add(nanos),
            }
        }
    }

    #[test]
    fn throttling_counts_as_the_proposal_says(
        most in 1..8_000_u64,
        back in 1..3_000_u64,
        steps in steps(),
    ) {
        let made = Config::throttled(most as f64 / 1e3, back as f64 / 1e3).unwrap();
        let mut budget = Machine::new(made);
        let mut tokens = most as f64;
        for step in steps {
            match step {
                Step::Withdraw(is_timeout) => {
                    tokens = (tokens - 1e3).max(0.0);
                    let taken = budget.withdraw(0, is_timeout).is_some();
                    prop_assert_eq!(taken, tokens > most as f64 / 2.0);
                }
                Step::Failed => {
                    budget.failed();
                    tokens = (tokens - 1e3).max(0.0);
                }
                Step::Succeeded(_) => {
                    budget.succeeded(None);
                    tokens = (tokens + back as f64).min(most as f64);
                }
                Step::Deposit => budget.deposit(0),
                Step::Wait(_) => {
                    let (mut copy, mut room) = (budget.clone(), 0);
                    while copy.withdraw(0, false).is_some() {
                        room += 1;
                    }
                    prop_assert_eq!(budget.snapshot(0).available, room);
                }
            }
        }
    }

    #[test]
    fn a_quota_is_never_overdrawn_or_overfilled(
        capacity in 1..40_i64,
        cost in 1..8_i64,
        timeout_cost in 1..12_i64,
        steps in steps(),
    ) {
        let made = Config::quota(capacity as u64, cost as u64, timeout_cost as u64).unwrap();
        let mut budget = Machine::new(made);
        let mut tokens = capacity;
        let mut taken: Vec<Withdrawal> = Vec::new();
        for step in steps {
            match step {
                Step::Withdraw(is_timeout) => {
                    let price = if is_timeout { timeout_cost } else { cost };
                    let given = budget.withdraw(0, is_timeout);
                    prop_assert_eq!(given.map(|given| given.amount() as i64), (tokens >= price).then_some(price));
                    if let Some(given) = given {
                        tokens -= price;
                        taken.push(given);
                    }
                }
                Step::Succeeded(Some(place)) if place < taken.len() => {
                    let last = taken.remove(place);
                    budget.succeeded(Some(last));
                    tokens = (tokens + last.amount() as i64).min(capacity);
                }
                Step::Succeeded(_) => {
                    budget.succeeded(None);
                    tokens = (tokens + 1).min(capacity);
                }
                Step::Failed => budget.failed(),
                Step::Deposit => budget.deposit(0),
                Step::Wait(_) => {}
            }
            prop_assert_eq!(budget.snapshot(0).available as i64, tokens / cost);
        }
    }
}
