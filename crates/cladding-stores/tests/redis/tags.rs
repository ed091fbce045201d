//! Records that are removed together.

use std::time::Duration;

use cladding_stores::{RedisStore, Store, Trouble};

use super::{body, finish, fresh, get, key, lead, put, soon, space};

const TAG: &str = "cladding.tag:s:t";

#[test]
fn those_with_a_tag_go_and_others_stay() {
    let Some((_server, store)) = fresh() else { return };
    for digest in 0..2500 {
        put(&store, &key("s", digest), b"x", &["t", "u"]);
    }
    put(&store, &key("s", 5000), b"stays", &["u", "t:x"]);
    put(&store, &key("s:t", 5000), b"stays", &["t"]);
    let token = lead(&store, &key("s", 6000));
    let tags = ["t".into()];
    assert!(store.finish(&key("s", 6000), token, b"x", None, &tags, soon()).unwrap());
    assert!(store.remove(&key("s", 0), soon()).unwrap());

    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 2500);
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 0);
    assert_eq!(store.remove_tagged(&space("s"), "nothing", soon()).unwrap(), 0);
    assert_eq!(get(&store, &key("s", 1)), None);
    assert_eq!(body(&store, &key("s", 5000)).unwrap(), b"stays");
    assert_eq!(body(&store, &key("s:t", 5000)).unwrap(), b"stays");
    put(&store, &key("s", 1), b"x", &["t"]);
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 1);
}

#[test]
fn what_is_being_computed_is_not_kept_whatever_its_tags_will_be() {
    let Some((_server, store)) = fresh() else { return };
    let (ours, theirs) = (key("s", 1), key("other", 1));
    let (token, others) = (lead(&store, &ours), lead(&store, &theirs));
    store.remove_tagged(&space("s"), "t", soon()).unwrap();
    assert!(!store.finish(&ours, token, b"x", None, &["t".into()], soon()).unwrap());
    assert!(finish(&store, &theirs, others, b"x"));
    // Nothing but the lost computation was tagged.
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 0);
}

#[test]
fn a_tag_lives_as_long_as_its_longest_record() {
    let Some((server, store)) = fresh() else { return };
    let left = || server.ask(&["PTTL", TAG]).parse::<i64>().unwrap();
    let put = |digest, seconds: Option<u64>| {
        let life = seconds.map(Duration::from_secs);
        store.put(&key("s", digest), b"x", life, &["t".into()], soon()).unwrap();
    };
    put(1, Some(100));
    assert!((100_000..200_000).contains(&left()));
    put(2, Some(1000));
    assert!((1_000_000..1_100_000).contains(&left()));
    put(2, Some(10));
    put(3, Some(10));
    assert!(
        (900_000..1_100_000).contains(&left()),
        "a shorter life took from a longer one"
    );
    put(3, None);
    assert_eq!(left(), -1);
    put(3, Some(10));
    assert_eq!(left(), -1);
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 3);
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn expired_records_leave_their_tags() {
    let Some((server, store)) = fresh() else { return };
    server.ask(&["ZADD", TAG, "1000", "gone"]);
    put(&store, &key("s", 1), b"x", &["t"]);
    assert_eq!(
        server.ask(&["ZRANGE", TAG, "0", "-1"]),
        "00000000000000000000000000000001"
    );
}

#[test]
fn a_removal_that_broke_off_is_ended_by_the_next() {
    let Some((server, store)) = fresh() else { return };
    let leaving = format!("cladding.leaving:{{{TAG}}}");
    put(&store, &key("s", 1), b"x", &["t"]);
    server.ask(&["RENAME", TAG, &leaving]);
    put(&store, &key("s", 2), b"x", &["t"]);
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 2);
    assert_eq!(server.ask(&["DBSIZE"]), "0");

    put(&store, &key("s", 1), b"x", &["t"]);
    server.ask(&["RENAME", TAG, &leaving]);
    assert_eq!(store.clear(&space("s"), soon()).unwrap(), 1);
    assert_eq!(server.ask(&["DBSIZE"]), "0");
}

#[test]
fn what_cannot_be_tagged_is_not_kept() {
    let Some((server, store)) = fresh() else { return };
    server.ask(&[
        "ACL",
        "SETUSER",
        "blind",
        "on",
        ">pw",
        "~cladding:*",
        "~cladding.lease:*",
        "+@all",
    ]);
    let blind = RedisStore::open(&format!("redis://blind:pw@127.0.0.1:{}", server.port)).unwrap();
    let (one, two) = (key("s", 1), key("s", 2));
    let done = blind.put(&one, b"x", None, &["t".into()], soon());
    assert!(matches!(done, Err(Trouble::Refused(_))), "{done:?}");
    let token = lead(&blind, &two);
    let done = blind.finish(&two, token, b"x", None, &["t".into()], soon());
    assert!(matches!(done, Err(Trouble::Refused(_))), "{done:?}");
    assert_eq!(store.get(&[one, two], false, soon()).unwrap(), [None, None]);
}
