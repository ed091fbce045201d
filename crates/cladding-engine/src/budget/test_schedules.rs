//! The budget under threads, in every order that they can take: never overdrawn, nothing lost.
#![cfg(not(miri))]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::{BudgetState, Config, InMemory, Machine};
use crate::test_support::{Checked, in_every_order};

type Budget = InMemory<Checked<Machine>>;

fn threads(config: Config, work: impl Fn(usize, &Budget) + Send + Sync + 'static, check: fn(&Budget)) {
    let work = Arc::new(work);
    in_every_order(move || {
        let budget = Arc::new(Budget::new(config));
        let threads = [0, 1, 2].map(|number| {
            let (budget, work) = (Arc::clone(&budget), Arc::clone(&work));
            loom::thread::spawn(move || work(number, &budget))
        });
        for thread in threads {
            thread.join().expect("the thread ends well");
        }
        check(&budget);
    });
}

#[test]
fn a_quota_is_never_overdrawn_and_gets_everything_back() {
    let outstanding = AtomicU64::new(0);
    threads(
        Config::quota(10, 5, 10).unwrap(),
        move |number, budget| {
            // One thread takes ten, two take five: there is room for the one or for the two.
            if let Some(taken) = budget.withdraw(0, number == 0) {
                let sum = outstanding.fetch_add(taken.amount(), Relaxed) + taken.amount();
                assert!(sum <= 10, "overdrawn");
                loom::thread::yield_now();
                outstanding.fetch_sub(taken.amount(), Relaxed);
                budget.succeeded(Some(taken));
            }
        },
        |budget| {
            let told = budget.snapshot(0);
            assert_eq!(told.available, 2);
            assert_eq!(told.retries + told.refused, 3);
        },
    );
}

#[test]
fn a_window_has_exactly_its_share() {
    threads(
        Config::windowed(0.5, 0.0, 1.0).unwrap(),
        |_, budget| {
            budget.deposit(0);
            let _ = budget.withdraw(0, false);
            budget.deposit(0);
        },
        |budget| {
            let told = budget.snapshot(0);
            assert!(told.retries <= 3);
            assert_eq!(told.available, 3 - told.retries);
        },
    );
}

#[test]
fn throttling_loses_no_failure() {
    threads(
        Config::throttled(12.0, 1.0).unwrap(),
        |number, budget| {
            let allowed = budget.withdraw(0, false).is_some();
            assert!(allowed, "of twelve tokens more than six are left");
            if number == 0 {
                budget.succeeded(None);
            } else {
                budget.failed();
            }
        },
        |budget| assert_eq!(budget.snapshot(0).available, 1),
    );
}
