//! Computations, and what ends them, at the same time.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use cladding_stores::{Begun, Key, Store};

use super::{begin, fresh, key, soon, space};

/// Lets the others end, however this thread does.
struct Ends<'a>(&'a AtomicBool);

impl Drop for Ends<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Threads compute what depends on a number, which changes and is said to have changed: nothing is kept that was computed
/// from an older one.
pub(crate) fn nothing_old_is_kept(store: &dyn Store, rounds: u64) {
    let keys: Vec<Key> = (0..12).map(|digest| key("race", digest)).collect();
    let (number, done) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        for offset in 0..4 {
            let (keys, number, done) = (&keys, &number, &done);
            scope.spawn(move || {
                for key in keys.iter().cycle().skip(offset * 3) {
                    if done.load(Ordering::Relaxed) {
                        return;
                    }
                    if let Begun::Leads(token) = begin(store, key) {
                        let body = number.load(Ordering::SeqCst).to_be_bytes();
                        let tags = ["t".into()];
                        store.finish(key, token, &body, None, &tags, soon()).unwrap();
                    }
                }
            });
        }
        let _ends = Ends(&done);
        let mut kept = 0;
        for round in 1..=rounds {
            number.store(round, Ordering::SeqCst);
            if round % 2 == 0 {
                store.clear(&space("race"), soon()).unwrap();
            } else {
                store.remove_tagged(&space("race"), "t", soon()).unwrap();
            }
            for record in store.get(&keys, false, soon()).unwrap().iter().flatten() {
                kept += 1;
                let computed = u64::from_be_bytes(record.body[..].try_into().unwrap());
                assert!(
                    computed >= round,
                    "in round {round} there is a result of round {computed}"
                );
            }
        }
        assert!(kept > 0, "nothing was ever kept");
    });
}

#[test]
fn nothing_is_kept_that_was_computed_before_a_removal() {
    let Some((_server, store)) = fresh() else { return };
    nothing_old_is_kept(&store, 600);
}
