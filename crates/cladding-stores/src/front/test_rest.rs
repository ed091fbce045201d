//! The rest after failures against the rules it keeps, for any order of attempts and times.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::rest::{Attempt, LONGEST, Rest, SHORTEST, Turn};

#[test]
fn a_rest_doubles_while_the_store_goes_on_failing() {
    let mut now = Instant::now();
    let mut rest = Rest::default();
    let first = rest.attempt(now, false).expect("it works so far");
    assert_eq!(rest.failed(now, first, 0.0), Turn::OutageBegan);
    let mut expected = SHORTEST;
    for _ in 0..12 {
        assert_eq!(rest.left(now), Some(expected));
        assert_eq!(rest.attempt(now + expected.mul_f64(0.999), false), None);
        now += expected;
        let probe = rest.attempt(now, false).expect("the rest is over");
        assert_eq!(rest.attempt(now, false), None, "one probe at a time");
        assert_eq!(rest.failed(now, probe, 0.0), Turn::Nothing);
        expected = (expected * 2).min(LONGEST);
    }
    assert_eq!(expected, LONGEST);
}

#[test]
fn failures_at_once_are_one() {
    let now = Instant::now();
    let mut rest = Rest::default();
    let attempts: Vec<Attempt> = (0..64)
        .map(|_| rest.attempt(now, false).expect("it works so far"))
        .collect();
    let turns = attempts
        .into_iter()
        .filter(|&attempt| rest.failed(now, attempt, 0.0) == Turn::OutageBegan);
    assert_eq!(turns.count(), 1);
    assert_eq!(rest.left(now), Some(SHORTEST));
}

#[derive(Clone, Debug)]
enum Step {
    Attempt { anyway: bool },
    Ends { which: usize, well: bool, jitter: f64 },
    Later(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        any::<bool>().prop_map(|anyway| Step::Attempt { anyway }),
        (any::<usize>(), prop::bool::weighted(0.3), 0.0..1.0).prop_map(|(which, well, jitter)| Step::Ends {
            which,
            well,
            jitter
        }),
        (0_u64..40_000).prop_map(Step::Later),
    ]
}

proptest! {
    #[test]
    fn any_order_of_attempts_keeps_the_rules(steps in prop::collection::vec(step(), 1..200)) {
        let mut now = Instant::now();
        let mut rest = Rest::default();
        let mut under_way = Vec::new();
        let mut probes = 0_usize;
        for step in steps {
            let left = rest.left(now);
            prop_assert!(left.is_none_or(|left| left <= LONGEST));
            match step {
                Step::Attempt { anyway } => {
                    let attempt = rest.attempt(now, anyway);
                    match left {
                        None => prop_assert!(attempt.is_some(), "a store that works is tried"),
                        Some(left) if !left.is_zero() => prop_assert_eq!(attempt.is_some(), anyway),
                        Some(_) => {
                            prop_assert!(attempt.is_some() || probes > 0, "once the rest is over somebody tries");
                            if !anyway && attempt.is_some() {
                                prop_assert_eq!(probes, 0, "one at a time");
                            }
                        }
                    }
                    if let Some(attempt) = attempt {
                        let probes_now = left.is_some_and(|left| left.is_zero()) && probes == 0;
                        probes += usize::from(probes_now);
                        under_way.push((attempt, probes_now));
                    }
                }
                Step::Ends { which, well, jitter } => {
                    if under_way.is_empty() {
                        continue;
                    }
                    let (attempt, probe) = under_way.swap_remove(which % under_way.len());
                    if well {
                        let turn = rest.worked(attempt);
                        prop_assert_eq!(turn == Turn::OutageEnded, left.is_some());
                        prop_assert_eq!(rest.left(now), None, "an answer ends the outage");
                        // The probe of an outage that is over is an attempt as any other.
                        probes = 0;
                        for (_, probe) in &mut under_way {
                            *probe = false;
                        }
                    } else {
                        let turn = rest.failed(now, attempt, jitter);
                        prop_assert!(turn != Turn::OutageEnded);
                        prop_assert_eq!(turn == Turn::OutageBegan, left.is_none() && rest.left(now).is_some());
                        if probe {
                            probes = 0;
                            prop_assert!(rest.left(now) >= Some(SHORTEST.mul_f64(0.75)), "it rests again");
                        } else if left.is_some() {
                            prop_assert_eq!(rest.left(now), left, "only the probe makes a rest longer");
                        }
                    }
                }
                Step::Later(milliseconds) => now += Duration::from_millis(milliseconds),
            }
        }
    }
}
