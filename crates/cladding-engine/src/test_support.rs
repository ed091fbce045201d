//! What the tests of all modules share.

use proptest::prelude::*;
use proptest::test_runner::Config;

/// Property tests run few cases under miri, which is some hundred times slower, and write no files there.
pub(crate) fn config() -> Config {
    if cfg!(miri) {
        Config {
            cases: 4,
            failure_persistence: None,
            ..Config::default()
        }
    } else {
        Config::default()
    }
}

/// How far a clock moves between two steps: mostly a little, at times beyond everything.
pub(crate) fn any_wait() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => Just(0),
        8 => 0..30_u64,
        2 => 0..1_000_u64,
        1 => prop_oneof![Just(u64::MAX / 4), any::<u64>()],
    ]
}

/// A lock whose every taking is a point where the model check may let another thread run.
#[cfg(not(miri))]
pub(crate) struct Checked<T>(loom::sync::Mutex<T>);

#[cfg(not(miri))]
impl<T: Send> crate::lock::Lock<T> for Checked<T> {
    fn new(value: T) -> Self {
        Self(loom::sync::Mutex::new(value))
    }

    fn with<R>(&self, work: impl FnOnce(&mut T) -> R) -> R {
        work(&mut self.0.lock().unwrap())
    }
}

/// Runs a program in every order that its threads can take, with at most three switches that nobody waits for.
///
/// Most faults of concurrent programs need two: Musuvathi and Qadeer, "Iterative Context Bounding" (PLDI 2007). With
/// `LOOM_MAX_PREEMPTIONS=100` in the environment, which no program here reaches, all orders are run; it takes a minute.
#[cfg(not(miri))]
pub(crate) fn in_every_order(program: impl Fn() + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = builder.preemption_bound.or(Some(3));
    builder.check(program);
}
