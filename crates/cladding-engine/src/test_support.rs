//! What the tests of all modules share.

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
