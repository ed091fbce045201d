//! One computation for several threads, in every order that they can take: nobody computes in vain, nobody waits for ever.
//!
//! The threads do what callers do: they take one step of the machine at a time, and wait, or wake others, with it let go. A
//! thread that nobody wakes makes the model check fail.
#![cfg(not(miri))]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use loom::sync::Notify;
use loom::thread::{JoinHandle, spawn};

use super::super::{EntryId, Life};
use super::{Flights, Landing, Reserved, Sought, Under};
use crate::lock::Lock as _;
use crate::test_support::{Checked, in_every_order};
use crate::waiters::Waiters;

const HASH: u64 = 7;

/// The number of the computation that it is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Value(usize);

impl Reserved for Value {
    fn is_served(&self, _now: u64) -> bool {
        true
    }
}

/// How a computation ended for those who wait: with a value, or given up.
type Flight = Arc<Checked<Waiters<Arc<Notify>, Option<Value>>>>;

/// What threads share, one key only.
struct Cache {
    machine: Checked<Flights<(), Value, usize, Flight>>,
    /// How many computations there have been.
    computed: AtomicUsize,
    running: AtomicUsize,
    turn: Checked<()>,
    /// How many of them may run at the same time.
    most: usize,
}

/// How a call ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// With a value found, or waited for.
    Given(Value),
    /// It computed.
    Computed(Value),
    /// It was to compute and gave up.
    GaveUp,
}

/// Whether a thread that leads comes to a result.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Leads {
    ToTheEnd,
    GivesUp,
    /// Without a ticket, having told those who wait to look for themselves.
    Alone,
}

impl Cache {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            machine: Checked::new(Flights::new(None, None)),
            computed: AtomicUsize::new(0),
            running: AtomicUsize::new(0),
            turn: Checked::new(()),
            most,
        })
    }

    fn seek(machine: &mut Flights<(), Value, usize, Flight>) -> Sought {
        let sought = machine.seek(HASH, 0, true, |_, ()| Some(true));
        sought.expect("all keys are compared at once")
    }

    fn call(&self, caller: usize, leads: Leads) -> End {
        enum Found {
            Given(Value),
            Lead(EntryId),
            Wait(Option<Flight>),
        }
        let mut offered = None;
        loop {
            let found = self.machine.with(|machine| {
                let sought = Self::seek(machine);
                match sought.place {
                    Some(Under::Result(id)) => Found::Given(*machine.get(id).expect("it was just there").1),
                    Some(Under::Flight(ticket)) => {
                        let (leader, flight) = machine.join(ticket, offered.as_ref()).expect("it was just there");
                        assert_ne!(*leader, caller);
                        Found::Wait(flight.cloned())
                    }
                    None => Found::Lead(machine.lead(HASH, (), caller, &sought)),
                }
            });
            match found {
                Found::Given(value) => return End::Given(value),
                Found::Lead(ticket) => return self.lead(ticket, leads),
                Found::Wait(None) => offered = Some(Arc::new(Checked::new(Waiters::new()))),
                Found::Wait(Some(flight)) => {
                    if let Some(value) = wait(&flight) {
                        return End::Given(value);
                    }
                    // It has landed, so nobody could wait by it again.
                    offered = None;
                }
            }
        }
    }

    /// The same, as most calls are.
    fn call_simply(&self, caller: usize) -> End {
        let begun = || Some(((), caller));
        let Some(number) = self.machine.with(|machine| machine.lead_quickly(HASH, false, begun)) else {
            return self.call(caller, Leads::ToTheEnd);
        };
        let value = self.compute();
        let landed = self
            .machine
            .with(|machine| machine.land_quickly(number, || landing(value)));
        if landed.is_none() {
            let ticket = self.machine.with(|machine| machine.ticket(number));
            self.land(ticket.expect("a number leads to a ticket"), Some(value));
        }
        End::Computed(value)
    }

    fn compute(&self) -> Value {
        let running = self.running.fetch_add(1, Relaxed) + 1;
        assert!(running <= self.most, "several compute one key");
        // Whatever the others do, they get their turn here.
        let () = self.turn.with(|()| ());
        self.running.fetch_sub(1, Relaxed);
        Value(self.computed.fetch_add(1, Relaxed))
    }

    fn lead(&self, ticket: EntryId, leads: Leads) -> End {
        match leads {
            Leads::ToTheEnd => {
                let value = self.compute();
                self.land(ticket, Some(value));
                End::Computed(value)
            }
            Leads::GivesUp => {
                self.land(ticket, None);
                End::GaveUp
            }
            Leads::Alone => {
                let withdrawn = self.machine.with(|machine| machine.withdraw(ticket));
                wake(withdrawn.flight.as_ref(), None);
                let value = Value(self.computed.fetch_add(1, Relaxed));
                if let Some(((), clears)) = withdrawn.key {
                    let gone = self.machine.with(|machine| {
                        let sought = Self::seek(machine);
                        machine.add(&sought, clears, HASH, (), landing(value))
                    });
                    drop(gone);
                }
                End::Computed(value)
            }
        }
    }

    fn land(&self, ticket: EntryId, value: Option<Value>) {
        let landed = self
            .machine
            .with(|machine| machine.land(ticket, HASH, value.map(landing)));
        wake(landed.flight.as_ref(), value);
    }

    fn invalidate(&self) {
        loop {
            let (sought, gone) = self.machine.with(|machine| {
                let sought = Self::seek(machine);
                (sought, machine.replace(&sought, HASH, None))
            });
            drop(gone);
            if sought.place.is_none() {
                break;
            }
        }
    }

    fn kept(&self) -> Option<Value> {
        self.machine.with(|machine| {
            assert_eq!(
                (machine.under_way.len(), machine.detached.len()),
                (0, 0),
                "somebody computes for ever"
            );
            assert!(machine.quick.is_settled(), "a number is left over");
            assert!(machine.len() <= 1, "two results of one key");
            machine.find(HASH, 0, |()| true).map(|(_, value)| *value)
        })
    }
}

const fn landing(value: Value) -> Landing<Value> {
    Landing {
        value,
        life: Life::ENDLESS,
        now: 0,
    }
}

/// Waits until it has landed. `None` if it was given up.
fn wait(flight: &Flight) -> Option<Value> {
    let notify = Arc::new(Notify::new());
    if flight.with(|waiters| waiters.subscribe(Arc::clone(&notify))).is_ok() {
        notify.wait();
    }
    loop {
        if let Some(outcome) = flight.with(|waiters| waiters.outcome().copied()) {
            return outcome;
        }
        // Threads are woken without a reason at times.
        notify.wait();
    }
}

/// Wakes those who wait, if anybody does.
fn wake(flight: Option<&Flight>, outcome: Option<Value>) {
    if let Some(flight) = flight {
        let woken = flight.with(|waiters| waiters.land(outcome));
        woken.expect("it lands once").iter().for_each(|notify| notify.notify());
    }
}

type Work = fn(&Cache, usize) -> End;

/// Threads do that; what they came to is shown to `check`.
fn threads<const N: usize>(most: usize, works: [Work; N], check: fn(&Cache, [End; N])) {
    in_every_order(move || {
        let cache = Cache::new(most);
        let mut number = 0;
        let threads: [JoinHandle<End>; N] = works.map(|work| {
            let cache = Arc::clone(&cache);
            number += 1;
            let caller = number;
            spawn(move || work(&cache, caller))
        });
        let ends = threads.map(|thread| thread.join().expect("the thread ends well"));
        check(&cache, ends);
    });
}

const CALLS: Work = |cache, caller| cache.call(caller, Leads::ToTheEnd);
const CALLS_SIMPLY: Work = |cache, caller| cache.call_simply(caller);
const GIVES_UP: Work = |cache, caller| cache.call(caller, Leads::GivesUp);
const GOES_ALONE: Work = |cache, caller| cache.call(caller, Leads::Alone);

fn one_computation(cache: &Cache, ends: &[End]) {
    assert_eq!(cache.kept(), Some(Value(0)));
    assert_eq!(cache.computed.load(Relaxed), 1);
    let computed = ends.iter().filter(|end| **end == End::Computed(Value(0))).count();
    let given = ends.iter().filter(|end| **end == End::Given(Value(0))).count();
    assert_eq!((computed, given), (1, ends.len() - 1));
}

#[test]
fn three_threads_share_one_computation() {
    threads(1, [CALLS, CALLS, CALLS], |cache, ends| one_computation(cache, &ends));
}

#[test]
fn a_simple_computation_is_shared_as_well() {
    threads(1, [CALLS_SIMPLY, CALLS_SIMPLY, CALLS_SIMPLY], |cache, ends| {
        one_computation(cache, &ends);
    });
}

#[test]
fn a_leader_that_gives_up_hands_over_to_one_other() {
    threads(1, [GIVES_UP, CALLS, CALLS], |cache, ends| {
        assert_eq!(cache.computed.load(Relaxed), 1);
        assert_eq!(cache.kept(), Some(Value(0)));
        assert!(ends[0] == End::GaveUp || ends[0] == End::Given(Value(0)));
        assert_eq!(ends.iter().filter(|end| **end == End::Computed(Value(0))).count(), 1);
    });
}

#[test]
fn if_all_give_up_nobody_waits_for_ever() {
    threads(1, [GIVES_UP, GIVES_UP, GIVES_UP], |cache, ends| {
        assert_eq!(ends, [End::GaveUp, End::GaveUp, End::GaveUp]);
        assert_eq!(cache.kept(), None);
    });
}

#[test]
fn who_goes_on_alone_sends_the_others_on() {
    threads(2, [GOES_ALONE, CALLS], |cache, ends| {
        // Whichever result came first is the one.
        assert!(cache.kept().is_some());
        assert!(ends.iter().any(|end| matches!(end, End::Computed(_))));
    });
}

#[test]
fn an_invalidation_lets_those_who_wait_have_what_they_wait_for() {
    // After it the key is free, so the two computations may overlap.
    threads(
        2,
        [CALLS, CALLS, |cache, _| {
            cache.invalidate();
            End::GaveUp
        }],
        |cache, ends| {
            let computed = cache.computed.load(Relaxed);
            assert!((1..=2).contains(&computed));
            let done = ends.iter().filter(|end| matches!(end, End::Computed(_))).count();
            assert_eq!(done, computed);
            if let Some(kept) = cache.kept() {
                assert!(kept.0 < computed);
            }
        },
    );
}

/// What a thread sees that invalidates and then calls: nothing that began before.
const INVALIDATES_AND_CALLS: Work = |cache, caller| {
    cache.invalidate();
    let before = cache.computed.load(Relaxed);
    let end = cache.call(caller, Leads::ToTheEnd);
    if let End::Given(value) = &end {
        assert!(value.0 >= before, "what was invalidated was handed out");
    }
    end
};

#[test]
fn what_was_invalidated_while_it_was_computed_is_not_kept() {
    in_every_order(|| {
        let cache = Cache::new(1);
        let ticket = cache
            .machine
            .with(|machine| machine.lead(HASH, (), 0, &Sought::default()));
        let waits = {
            let cache = Arc::clone(&cache);
            spawn(move || cache.call(1, Leads::ToTheEnd))
        };
        let invalidates = {
            let cache = Arc::clone(&cache);
            spawn(move || cache.invalidate())
        };
        // The computation began before the invalidation. It ends here, before or after that.
        let value = Value(100);
        cache.land(ticket, Some(value));
        invalidates.join().expect("the thread ends well");
        let end = waits.join().expect("the thread ends well");
        assert!(matches!(end, End::Given(given) if given == value) || end == End::Computed(Value(0)));
        assert_ne!(cache.kept(), Some(value), "it was kept");
    });
}

#[test]
fn who_asks_after_an_invalidation_gets_nothing_older() {
    threads(2, [CALLS, INVALIDATES_AND_CALLS], |cache, _| {
        let _ = cache.kept();
    });
}

#[test]
fn clearing_keeps_nobody_waiting() {
    threads(
        2,
        [CALLS, CALLS_SIMPLY, |cache, _| {
            drop(cache.machine.with(Flights::clear));
            End::GaveUp
        }],
        |cache, ends| {
            let _ = cache.kept();
            assert!(ends[..2].iter().any(|end| matches!(end, End::Computed(_))));
        },
    );
}
