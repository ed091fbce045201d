//! The breaker against one that keeps a list of everything, as the clock moves and jumps.

use super::{Config, Machine, Permit, State};
use crate::test_support::{any_wait, config};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Begin,
    /// The call at this place among those under way ends, well or not.
    End(usize, bool),
    Cancel(usize),
    Wait(u64),
    Reset,
    Trip,
    Fork,
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        10 => Just(Step::Begin),
        10 => (0..8_usize, any::<bool>()).prop_map(|(place, success)| Step::End(place, success)),
        3 => (0..8_usize).prop_map(Step::Cancel),
        6 => any_wait().prop_map(Step::Wait),
        1 => Just(Step::Reset),
        1 => Just(Step::Trip),
        1 => Just(Step::Fork),
    ]
}

/// A call under way, with what the model knows of it.
struct Running {
    permit: Permit,
    /// Which of the model's states it began in.
    epoch: u32,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    Closed,
    Open { since: u64 },
    HalfOpen { succeeded: usize },
}

/// Times are in nanoseconds, as are the durations of the breaker under test: one bucket is `bucket` long.
struct Model {
    breaker: Machine,
    rules: Rules,
    now: u64,
    phase: Phase,
    epoch: u32,
    running: Vec<Running>,
    /// Everything counted since the window was last cleared: the number of its bucket, and whether it went well.
    counted: Vec<(u64, bool)>,
}

#[derive(Clone, Copy, Debug)]
struct Rules {
    /// In tenths.
    ratio: Option<u64>,
    min_calls: u64,
    failures: Option<u64>,
    bucket: u64,
    open_for: u64,
    probes: usize,
}

fn any_rules() -> impl Strategy<Value = Rules> {
    let ratio = proptest::option::weighted(0.8, 1..=10_u64);
    let failures = proptest::option::of(1..5_u64);
    (ratio, 1..6_u64, failures, 1..20_u64, 1..200_u64, 1..4_usize).prop_map(
        |(ratio, min_calls, failures, bucket, open_for, probes)| Rules {
            ratio: if failures.is_none() { ratio.or(Some(5)) } else { ratio },
            min_calls,
            failures,
            bucket,
            open_for,
            probes,
        },
    )
}

impl Model {
    fn new(rules: Rules) -> Self {
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let config = Config::new(
            rules.ratio.map(|tenths| tenths as f64 / 10.0),
            rules.min_calls,
            rules.failures,
            seconds(10 * rules.bucket),
            seconds(rules.open_for),
            rules.probes as u32,
        );
        Self {
            breaker: Machine::new(config.expect("the rules are allowed")),
            rules,
            now: 0,
            phase: Phase::Closed,
            epoch: 0,
            running: Vec::new(),
            counted: Vec::new(),
        }
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.epoch += 1;
    }

    fn live(&self) -> impl Iterator<Item = bool> {
        let newest = self.now / self.rules.bucket;
        self.counted
            .iter()
            .filter(move |(bucket, _)| newest - bucket < 10)
            .map(|(_, success)| *success)
    }

    fn counts(&self) -> (u64, u64) {
        let failures = self.live().filter(|success| !success).count();
        (self.live().count() as u64, failures as u64)
    }

    fn is_over(&self, since: u64) -> bool {
        self.now >= since.saturating_add(self.rules.open_for)
    }

    fn probing(&self) -> usize {
        let is_probe = |call: &&Running| call.epoch == self.epoch && matches!(self.phase, Phase::HalfOpen { .. });
        self.running.iter().filter(is_probe).count()
    }

    fn state(&self) -> State {
        match self.phase {
            Phase::Closed => State::Closed,
            Phase::Open { since } if !self.is_over(since) => State::Open,
            _ => State::HalfOpen,
        }
    }

    fn begin(&mut self) {
        let said = self.breaker.admit(self.now);
        if let Phase::Open { since } = self.phase
            && self.is_over(since)
        {
            self.enter(Phase::HalfOpen { succeeded: 0 });
        }
        let expected = match self.phase {
            Phase::Closed => Ok(false),
            Phase::Open { since } => Err((State::Open, since.saturating_add(self.rules.open_for) - self.now)),
            Phase::HalfOpen { succeeded } if self.probing() + succeeded < self.rules.probes => Ok(true),
            Phase::HalfOpen { .. } => Err((State::HalfOpen, 0)),
        };
        assert_eq!(
            said.as_ref()
                .map(Permit::is_probe)
                .map_err(|told| (told.state, told.retry_in)),
            expected
        );
        if let Ok(permit) = said {
            self.running.push(Running {
                permit,
                epoch: self.epoch,
            });
        }
    }

    fn take(&mut self, place: usize) -> Option<Running> {
        (place < self.running.len()).then(|| self.running.remove(place))
    }

    fn end(&mut self, place: usize, success: bool) {
        let Some(call) = self.take(place) else { return };
        self.breaker.record(call.permit, success, self.now);
        if call.epoch != self.epoch {
            return;
        }
        match self.phase {
            Phase::Closed => {
                self.counted.push((self.now / self.rules.bucket, success));
                let (calls, failures) = self.counts();
                let by_ratio = self.rules.ratio.is_some_and(|tenths| {
                    calls >= self.rules.min_calls && failures > 0 && 10 * failures >= tenths * calls
                });
                if by_ratio || self.rules.failures.is_some_and(|most| failures >= most) {
                    self.enter(Phase::Open { since: self.now });
                }
            }
            Phase::HalfOpen { .. } if !success => self.enter(Phase::Open { since: self.now }),
            Phase::HalfOpen { succeeded } if succeeded + 1 == self.rules.probes => self.close(),
            Phase::HalfOpen { succeeded } => {
                self.phase = Phase::HalfOpen {
                    succeeded: succeeded + 1,
                }
            }
            Phase::Open { .. } => panic!("no call begins in an open breaker"),
        }
    }

    fn close(&mut self) {
        self.counted.clear();
        self.enter(Phase::Closed);
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Begin => self.begin(),
            Step::End(place, success) => self.end(place, success),
            Step::Cancel(place) => {
                if let Some(call) = self.take(place) {
                    self.breaker.cancel(call.permit);
                }
            }
            Step::Wait(nanos) => self.now = self.now.saturating_add(nanos),
            Step::Reset => {
                self.breaker.reset();
                self.close();
            }
            Step::Trip => {
                self.breaker.trip(self.now);
                self.enter(Phase::Open { since: self.now });
            }
            Step::Fork => {
                self.breaker.forked();
                if let Phase::HalfOpen { .. } = self.phase {
                    self.enter(self.phase);
                }
            }
        }
        let told = self.breaker.snapshot(self.now);
        assert_eq!(told.state, self.state());
        assert_eq!((told.calls, told.failures), self.counts());
        assert_eq!(told.probing as usize, self.probing());
        assert!(self.probing() <= self.rules.probes);
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn does_what_a_list_of_everything_does(
        rules in any_rules(),
        steps in proptest::collection::vec(any_step(), 1..200),
    ) {
        let mut model = Model::new(rules);
        for step in &steps {
            model.run(step);
        }
    }
}

#[test]
fn a_refusal_says_why() {
    let mut breaker = Machine::new(Config::new(Some(0.5), 4, None, 60.0, 30.0, 1).unwrap());
    let second = 1_000_000_000;
    for success in [true, true, false, false] {
        let permit = breaker.admit(0).unwrap();
        breaker.record(permit, success, 0);
    }
    let told = breaker.admit(second).unwrap_err();
    assert_eq!((told.state, told.retry_in), (State::Open, 29 * second));
    assert_eq!((told.cause.calls, told.cause.failures), (4, 2));
    assert!(!told.cause.probe_failed && !told.cause.tripped);
    let probe = breaker.admit(31 * second).unwrap();
    assert_eq!(breaker.admit(31 * second).unwrap_err().state, State::HalfOpen);
    breaker.record(probe, false, 31 * second);
    let told = breaker.admit(31 * second).unwrap_err();
    assert_eq!(
        (told.cause.calls, told.cause.failures, told.cause.probe_failed),
        (4, 2, true)
    );
    breaker.reset();
    breaker.trip(0);
    assert!(breaker.admit(0).unwrap_err().cause.tripped);
    assert_eq!(breaker.snapshot(0).opened, 3);
}
