//! What each operation does.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

use cladding_stores::{Begun, Key, RedisStore, Store, Token};

use super::common::wait_for;
use super::{begin, body, finish, fresh, get, key, lead, put, soon, space};

#[test]
fn a_finished_computation_is_found() {
    let Some((_server, store)) = fresh() else { return };
    let key = key("s", 1);
    assert_eq!(get(&store, &key), None);
    let token = lead(&store, &key);
    assert!(finish(&store, &key, token, b"one\r\n\0\xff"));
    let record = get(&store, &key).unwrap();
    assert_eq!(
        (&record.body[..], record.writer, record.left),
        (&b"one\r\n\0\xff"[..], token, None)
    );
    assert_eq!(begin(&store, &key), Begun::Found(record));
}

#[test]
fn many_are_had_at_once_with_their_lives() {
    let Some((_server, store)) = fresh() else { return };
    let keys: Vec<Key> = (0..5).map(|digest| key("s", digest)).collect();
    let life = Duration::from_secs(1000);
    store.put(&keys[1], b"", Some(life), &[], soon()).unwrap();
    store.put(&keys[3], &vec![7; 100_000], None, &[], soon()).unwrap();
    let plain = store.get(&keys, false, soon()).unwrap();
    let bodies: Vec<_> = plain
        .iter()
        .map(|record| record.as_ref().map(|record| record.body.len()))
        .collect();
    assert_eq!(bodies, [None, Some(0), None, Some(100_000), None]);
    assert!(plain.iter().flatten().all(|record| record.left.is_none()));

    let lively = store.get(&keys, true, soon()).unwrap();
    let left = lively[1].as_ref().unwrap().left.unwrap();
    assert!(left <= life && left > life / 2);
    assert_eq!(lively[3].as_ref().unwrap().left, None);
    assert_eq!(store.get(&keys[..1], true, soon()).unwrap(), [None]);
    assert_eq!(store.get(&[], false, soon()).unwrap(), []);
    let Begun::Found(record) = begin(&store, &keys[1]) else {
        panic!()
    };
    assert!(record.left.is_some_and(|left| left <= life));
}

#[test]
fn an_old_record_is_replaced_by_who_knows_it() {
    let Some((_server, store)) = fresh() else { return };
    let key = key("s", 1);
    put(&store, &key, b"old", &[]);
    let old = get(&store, &key).unwrap().writer;
    let lease = Duration::from_secs(10);
    assert!(matches!(
        store.begin(&key, lease, Some(Token(5)), soon()).unwrap(),
        Begun::Found(_)
    ));
    let Begun::Leads(token) = store.begin(&key, lease, Some(old), soon()).unwrap() else {
        panic!()
    };
    assert_eq!(body(&store, &key).unwrap(), b"old");
    assert!(matches!(store.begin(&key, lease, Some(old), soon()).unwrap(), Begun::Busy(left) if left <= lease));
    assert!(finish(&store, &key, token, b"new"));
    assert!(matches!(
        store.begin(&key, lease, Some(old), soon()).unwrap(),
        Begun::Found(_)
    ));
}

#[test]
fn what_nobody_wrote_as_a_record_has_no_body_and_is_replaced() {
    let Some((server, store)) = fresh() else { return };
    let key = key("s", 0xab);
    server.ask(&["SET", "cladding:s:{000000000000000000000000000000ab}", "short"]);
    assert_eq!(body(&store, &key).unwrap(), b"");
    let token = lead(&store, &key);
    assert!(finish(&store, &key, token, b"right"));
    assert_eq!(body(&store, &key).unwrap(), b"right");
}

#[test]
fn who_is_too_slow_keeps_nothing() {
    let Some((_server, store)) = fresh() else { return };
    let key = key("s", 1);
    let Begun::Leads(slow) = store.begin(&key, Duration::from_millis(20), None, soon()).unwrap() else {
        panic!()
    };
    let mut next = None;
    wait_for("the lease's end", || {
        if let Begun::Leads(token) = begin(&store, &key) {
            next = Some(token);
        }
        next.is_some()
    });
    assert!(!finish(&store, &key, slow, b"slow"));
    assert_eq!(
        store
            .renew(&[(key.clone(), slow)], Duration::from_secs(1), soon())
            .unwrap(),
        [false]
    );
    store.release(&key, slow, soon()).unwrap();
    assert!(
        matches!(begin(&store, &key), Begun::Busy(_)),
        "the other's lease was ended"
    );
    assert!(finish(&store, &key, next.unwrap(), b"next"));
    assert!(!finish(&store, &key, slow, b"slow"));
    assert_eq!(body(&store, &key).unwrap(), b"next");
}

#[test]
fn leases_are_renewed_and_released() {
    let Some((server, store)) = fresh() else { return };
    let held: Vec<_> = (0..3)
        .map(|digest| (key("s", digest), lead(&store, &key("s", digest))))
        .collect();
    store.release(&held[1].0, held[1].1, soon()).unwrap();
    let hour = Duration::from_secs(3600);
    assert_eq!(store.renew(&held, hour, soon()).unwrap(), [true, false, true]);
    assert!(matches!(begin(&store, &held[0].0), Begun::Busy(left) if left > hour / 2));
    assert!(matches!(begin(&store, &held[1].0), Begun::Leads(_)));
    let ttl: i64 = server
        .ask(&["PTTL", "cladding.lease:s:{00000000000000000000000000000002}"])
        .parse()
        .unwrap();
    assert!(ttl > 1_800_000, "{ttl}");
    assert_eq!(store.renew(&[], hour, soon()).unwrap(), []);
}

#[test]
fn finishing_twice_is_finishing_once() {
    let Some((_server, store)) = fresh() else { return };
    let key = key("s", 1);
    let token = lead(&store, &key);
    assert!(finish(&store, &key, token, b"x"));
    assert!(finish(&store, &key, token, b"x"));
}

#[test]
fn put_and_remove_end_what_is_computed() {
    let Some((_server, store)) = fresh() else { return };
    let key = key("s", 1);
    let token = lead(&store, &key);
    put(&store, &key, b"put", &[]);
    assert!(!finish(&store, &key, token, b"computed"));
    assert_eq!(body(&store, &key).unwrap(), b"put");

    assert!(store.remove(&key, soon()).unwrap());
    assert!(!store.remove(&key, soon()).unwrap());
    let token = lead(&store, &key);
    assert!(!store.remove(&key, soon()).unwrap());
    assert!(!finish(&store, &key, token, b"computed"));
    assert_eq!(get(&store, &key), None);
}

#[test]
fn clearing_takes_one_space_and_what_is_computed_in_it() {
    let Some((server, store)) = fresh() else { return };
    let names = ["a", "a:b", "a b", "b", "*", "{a}"];
    for name in names {
        for digest in 0..10 {
            put(&store, &key(name, digest), b"x", &["t"]);
        }
    }
    for digest in 10..3000 {
        put(&store, &key("a", digest), b"x", &[]);
    }
    let held = key("a", 5000);
    let token = lead(&store, &held);
    let other = key("a:b", 5000);
    let others = lead(&store, &other);
    assert_eq!(store.clear(&space("a"), soon()).unwrap(), 3000);
    assert!(!finish(&store, &held, token, b"late"));
    assert!(finish(&store, &other, others, b"x"));
    assert_eq!(server.ask(&["KEYS", "cladding*:a:[^b]*"]), "");
    assert_eq!(store.remove_tagged(&space("a:b"), "t", soon()).unwrap(), 10);
    assert_eq!(store.clear(&space("*"), soon()).unwrap(), 10);
    assert_eq!(store.clear(&space("a:b"), soon()).unwrap(), 1);
    assert_eq!(store.clear(&space("nobody"), soon()).unwrap(), 0);
    for name in ["a b", "b", "{a}"] {
        assert_eq!(store.clear(&space(name), soon()).unwrap(), 10, "{name}");
    }
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn the_server_lets_records_expire() {
    let Some((server, store)) = fresh() else { return };
    store
        .put(&key("s", 1), b"x", Some(Duration::from_millis(40)), &[], soon())
        .unwrap();
    store
        .put(&key("s", 2), b"x", Some(Duration::from_nanos(1)), &[], soon())
        .unwrap();
    store.put(&key("s", 3), b"x", Some(Duration::MAX), &[], soon()).unwrap();
    let token = lead(&store, &key("s", 4));
    let life = Some(Duration::from_millis(40));
    assert!(store.finish(&key("s", 4), token, b"x", life, &[], soon()).unwrap());
    wait_for("the expiry", || server.ask(&["DBSIZE"]) == "1");
    assert_eq!(get(&store, &key("s", 1)), None);
    let lasting = store.get(&[key("s", 3)], true, soon()).unwrap();
    assert_eq!(lasting[0].as_ref().unwrap().left, None);
}

#[test]
fn of_many_threads_and_stores_one_leads() {
    let Some((server, _)) = fresh() else { return };
    let stores: Vec<_> = (0..2).map(|_| RedisStore::open(&server.url()).unwrap()).collect();
    for round in 0..20 {
        let leaders = AtomicU32::new(0);
        thread::scope(|scope| {
            for number in 0..8 {
                let (store, leaders) = (&stores[number % 2], &leaders);
                scope.spawn(move || match begin(store, &key("s", round)) {
                    Begun::Leads(token) => {
                        leaders.fetch_add(1, Ordering::Relaxed);
                        assert!(finish(store, &key("s", round), token, b"x"));
                    }
                    Begun::Busy(left) => assert!(left <= Duration::from_secs(10)),
                    Begun::Found(record) => assert_eq!(record.body, b"x"),
                });
            }
        });
        assert_eq!(leaders.into_inner(), 1);
    }
}
