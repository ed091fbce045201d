//! The breaker under threads, in every order that they can take: no place too many, none lost.
#![cfg(not(miri))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use super::{BreakerState, Config, InMemory, Machine, State};
use crate::test_support::{Checked, in_every_order};

type Breaker = InMemory<Checked<Machine>>;

/// The time in seconds, in nanoseconds.
const fn at(seconds: u64) -> u64 {
    seconds * 1_000_000_000
}

/// A breaker that opens at the first failure and stays open for ten seconds.
fn breaker(probes: u32) -> Arc<Breaker> {
    let config = Config::new(None, 1, Some(1), 60.0, 10.0, probes).expect("the parameters are allowed");
    Arc::new(Breaker::new(config))
}

/// The same at second 0, when it has just opened.
fn open(probes: u32) -> Arc<Breaker> {
    let breaker = breaker(probes);
    let permit = breaker.admit(0).expect("it is closed");
    breaker.record(permit, false, 0);
    breaker
}

/// How the calls of a thread end, one after the other.
#[derive(Clone, Copy)]
enum End {
    Success,
    Failure,
    Cancelled,
}

/// Counts the probes that run at the same time.
#[derive(Default)]
struct Watch {
    running: AtomicUsize,
    most: AtomicUsize,
    admitted: AtomicUsize,
    cancelled: AtomicUsize,
}

fn call(breaker: &Breaker, watch: &Watch, end: End) {
    let Ok(permit) = breaker.admit(at(20)) else { return };
    if !permit.is_probe() {
        breaker.record(permit, true, at(20));
        return;
    }
    watch.admitted.fetch_add(1, Relaxed);
    let running = watch.running.fetch_add(1, Relaxed) + 1;
    watch.most.fetch_max(running, Relaxed);
    // The call runs: whatever it does, others get their turn here.
    loom::thread::yield_now();
    watch.running.fetch_sub(1, Relaxed);
    match end {
        End::Success => breaker.record(permit, true, at(20)),
        End::Failure => breaker.record(permit, false, at(20)),
        End::Cancelled => {
            watch.cancelled.fetch_add(1, Relaxed);
            breaker.cancel(permit);
        }
    }
}

/// Threads make these calls; what is left is shown to `check`.
fn calls<const N: usize>(probes: u32, plans: [&'static [End]; N], check: fn(&Breaker, &Watch)) {
    in_every_order(move || {
        let (breaker, watch) = (open(probes), Arc::new(Watch::default()));
        let threads = plans.map(|plan| {
            let (breaker, watch) = (Arc::clone(&breaker), Arc::clone(&watch));
            loom::thread::spawn(move || plan.iter().for_each(|end| call(&breaker, &watch, *end)))
        });
        for thread in threads {
            thread.join().expect("the thread ends well");
        }
        assert!(
            watch.most.load(Relaxed) <= probes as usize,
            "more probes than there are places"
        );
        assert_eq!(breaker.snapshot(at(20)).probing, 0, "a place is lost");
        check(&breaker, &watch);
    });
}

#[test]
fn exactly_so_many_probes_are_let_through_and_close_it() {
    calls(2, [&[End::Success]; 3], |breaker, watch| {
        assert_eq!(watch.admitted.load(Relaxed), 2);
        assert_eq!(breaker.snapshot(at(20)).state, State::Closed);
    });
}

#[test]
fn a_cancelled_probe_gives_its_place_back() {
    calls(
        1,
        [&[End::Cancelled, End::Success], &[End::Cancelled], &[End::Success]],
        |breaker, watch| {
            let admitted = watch.admitted.load(Relaxed) - watch.cancelled.load(Relaxed);
            let is_closed = breaker.snapshot(at(20)).state == State::Closed;
            assert_eq!(is_closed, admitted == 1);
            if !is_closed {
                let permit = breaker.admit(at(20)).expect("the place is free");
                assert!(permit.is_probe());
                assert!(breaker.admit(at(20)).is_err());
            }
        },
    );
}

#[test]
fn one_failure_opens_it_whatever_the_others_say() {
    calls(
        2,
        [&[End::Success], &[End::Failure], &[End::Cancelled]],
        |breaker, watch| {
            let told = breaker.snapshot(at(20));
            // The failing call may have found no place, or come when the breaker was closed again.
            let failed = told.opened == 2;
            assert_eq!(told.state == State::Open, failed);
            assert!(watch.admitted.load(Relaxed) >= 1);
        },
    );
}

#[test]
fn many_failures_at_once_open_it_once() {
    in_every_order(|| {
        let breaker = breaker(1);
        let threads = [(); 3].map(|()| {
            let breaker = Arc::clone(&breaker);
            loom::thread::spawn(move || {
                if let Ok(permit) = breaker.admit(0) {
                    loom::thread::yield_now();
                    breaker.record(permit, false, 0);
                }
            })
        });
        for thread in threads {
            thread.join().expect("the thread ends well");
        }
        assert_eq!(breaker.snapshot(0).opened, 1);
    });
}

#[test]
fn calls_of_an_earlier_state_say_nothing() {
    in_every_order(|| {
        let breaker = breaker(1);
        let early = breaker.admit(0).expect("it is closed");
        let permit = breaker.admit(0).expect("it is closed");
        breaker.record(permit, false, 0);
        let late = {
            let breaker = Arc::clone(&breaker);
            loom::thread::spawn(move || breaker.record(early, false, at(20)))
        };
        let cancelled = {
            let breaker = Arc::clone(&breaker);
            let probe = breaker.admit(at(20)).expect("its time is over");
            loom::thread::spawn(move || breaker.cancel(probe))
        };
        let probed = breaker.admit(at(20)).map(|probe| breaker.record(probe, true, at(20)));
        late.join().expect("the thread ends well");
        cancelled.join().expect("the thread ends well");
        let told = breaker.snapshot(at(20));
        assert_eq!((told.opened, told.probing), (1, 0));
        assert_eq!(told.state == State::Closed, probed.is_ok());
    });
}
