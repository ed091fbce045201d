//! Hearing of changes.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cladding_stores::{RedisStore, Store, Watcher};

use super::common::{free_port, wait_for};
use super::{finish, fresh, key, lead, put, soon, space};

/// Writes down what it is told.
#[derive(Default)]
pub(crate) struct Notes {
    changed: Mutex<Vec<u128>>,
    listens: Mutex<Vec<bool>>,
}

impl Watcher for Notes {
    fn changed(&self, digest: u128) {
        self.changed.lock().unwrap().push(digest);
    }

    fn listens(&self, listens: bool) {
        self.listens.lock().unwrap().push(listens);
    }
}

impl Notes {
    pub(crate) fn wait_for_listens(&self, all: &[bool]) {
        wait_for("the news", || *self.listens.lock().unwrap() == all);
    }

    /// Waits for a change, and forgets it and those before.
    pub(crate) fn wait_for(&self, digest: u128) {
        wait_for("the change", || self.changed.lock().unwrap().contains(&digest));
        self.changed.lock().unwrap().clear();
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.changed.lock().unwrap().is_empty()
    }
}

pub(crate) fn watch(store: &RedisStore, name: &str) -> Arc<Notes> {
    let notes = Arc::new(Notes::default());
    let watcher: Arc<dyn Watcher> = notes.clone();
    assert!(store.watch(&space(name), &watcher));
    notes
}

#[test]
fn every_change_of_a_space_is_heard() {
    let Some((server, store)) = fresh() else { return };
    let other = RedisStore::open(&server.url()).unwrap();
    let first = watch(&store, "a b");
    first.wait_for_listens(&[true]);
    let second = watch(&store, "a b:c");
    let third = watch(&store, "a b");
    second.wait_for_listens(&[true]);
    third.wait_for_listens(&[true]);

    put(&other, &key("a b", 1), b"x", &["t"]);
    first.wait_for(1);
    third.wait_for(1);
    let token = lead(&other, &key("a b", 2));
    assert!(finish(&other, &key("a b", 2), token, b"x"));
    first.wait_for(2);
    other.remove(&key("a b", 2), soon()).unwrap();
    first.wait_for(2);
    other.remove_tagged(&space("a b"), "t", soon()).unwrap();
    first.wait_for(1);
    other
        .put(&key("a b", 3), b"x", Some(Duration::from_millis(20)), &[], soon())
        .unwrap();
    first.wait_for(3);
    wait_for("the expiry", || first.changed.lock().unwrap().contains(&3));
    put(&other, &key("a b", 4), b"x", &[]);
    other.clear(&space("a b"), soon()).unwrap();
    first.wait_for(4);

    put(&other, &key("b", 6), b"x", &[]);
    assert!(second.is_silent());
    put(&other, &key("a b:c", 5), b"x", &[]);
    second.wait_for(5);
    assert!(!first.changed.lock().unwrap().contains(&5));
}

#[test]
fn when_everything_is_gone_any_record_may_have_changed() {
    let Some((server, store)) = fresh() else { return };
    let (ours, theirs) = (watch(&store, "a"), watch(&store, "b"));
    ours.wait_for_listens(&[true]);
    theirs.wait_for_listens(&[true]);
    server.ask(&["FLUSHALL"]);
    ours.wait_for_listens(&[true, false, true]);
    theirs.wait_for_listens(&[true, false, true]);
    put(&store, &key("a", 1), b"x", &[]);
    ours.wait_for(1);
}

#[test]
fn a_lost_connection_is_told_and_made_again() {
    let Some((mut server, store)) = fresh() else { return };
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    server.stop();
    notes.wait_for_listens(&[true, false]);
    server.resume();
    notes.wait_for_listens(&[true, false, true]);
    put(&store, &key("s", 1), b"x", &[]);
    notes.wait_for(1);
}

#[test]
fn a_server_that_stands_still_is_not_listened_to() {
    let Some((server, store)) = fresh() else { return };
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    server.pause();
    notes.wait_for_listens(&[true, false]);
    server.go_on();
    notes.wait_for_listens(&[true, false, true]);
}

#[test]
fn watching_begins_when_there_is_a_server_that_agrees() {
    let dead = RedisStore::open(&format!("redis://127.0.0.1:{}", free_port())).unwrap();
    let never = watch(&dead, "s");
    let Some((server, store)) = fresh() else { return };
    server.ask(&["ACL", "SETUSER", "default", "-client|tracking"]);
    let notes = watch(&store, "s");
    wait_for("an attempt", || {
        server.ask(&["INFO", "commandstats"]).contains("client|tracking")
    });
    assert!(notes.listens.lock().unwrap().is_empty());
    server.ask(&["ACL", "SETUSER", "default", "+client|tracking"]);
    notes.wait_for_listens(&[true]);
    assert!(never.listens.lock().unwrap().is_empty());
}

#[test]
fn the_thread_ends_with_the_last_watcher_and_begins_with_the_next() {
    let Some((server, store)) = fresh() else { return };
    let trackers = || server.ask(&["INFO", "clients"]).contains("tracking_clients:1");
    for _ in 0..2 {
        let notes = watch(&store, "s");
        notes.wait_for_listens(&[true]);
        assert!(trackers());
        drop(notes);
        wait_for("the thread's end", || !trackers());
    }
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    drop(store);
    wait_for("the thread's end", || !trackers());
    notes.wait_for_listens(&[true, false]);
}

#[test]
fn a_watcher_that_panics_does_not_deafen_the_others() {
    struct Panics;
    impl Watcher for Panics {
        fn changed(&self, _: u128) {
            panic!("on purpose");
        }
        fn listens(&self, _: bool) {}
    }
    let Some((_server, store)) = fresh() else { return };
    let bad: Arc<dyn Watcher> = Arc::new(Panics);
    assert!(store.watch(&space("s"), &bad));
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    put(&store, &key("s", 1), b"x", &[]);
    put(&store, &key("s", 2), b"x", &[]);
    notes.wait_for(2);
}
