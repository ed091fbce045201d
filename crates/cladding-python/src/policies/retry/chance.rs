//! Where the jitter comes from.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::SystemTime;

use cladding_engine::random::SharedRandom;

/// The source of chance for all waits of this process. A forked child starts a sequence of its own.
pub(crate) fn random() -> &'static SharedRandom {
    static RANDOM: SharedRandom = SharedRandom::new(0);
    static SEEDED_IN: AtomicU32 = AtomicU32::new(0);
    let process = process::id();
    if SEEDED_IN.load(Ordering::Relaxed) != process {
        // The keys of `RandomState` come from the operating system, but a forked child has its parent's.
        RANDOM.reseed(RandomState::new().hash_one((process, SystemTime::now())));
        SEEDED_IN.store(process, Ordering::Relaxed);
    }
    &RANDOM
}
