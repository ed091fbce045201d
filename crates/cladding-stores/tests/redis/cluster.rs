//! A cluster of three servers.

use std::time::Duration;

use cladding_stores::{Begun, Key, Limit, RedisStore, Store, Trouble};

use super::common::{Server, wait_for};
use super::races::nothing_old_is_kept;
use super::watch::watch;
use super::{begin, body, finish, key, lead, put, soon, space};

const OPTIONS: [&str; 4] = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"];

/// Three masters that share out the slots, and a store that knows one of them.
fn cluster() -> Option<(Vec<Server>, RedisStore)> {
    let servers: Vec<_> = (0..3).map_while(|_| Server::start(&OPTIONS)).collect();
    for (server, slots) in servers
        .iter()
        .zip([["0", "5460"], ["5461", "10922"], ["10923", "16383"]])
    {
        server.ask(&["CLUSTER", "ADDSLOTSRANGE", slots[0], slots[1]]);
        server.ask(&["CLUSTER", "MEET", "127.0.0.1", &servers.first()?.port.to_string()]);
    }
    let first = servers.first()?;
    for server in &servers {
        wait_for("the cluster", || {
            server.ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
                && server
                    .ask(&["CLUSTER", "SLOTS"])
                    .lines()
                    .filter(|line| line.contains("127.0.0.1"))
                    .count()
                    == 3
        });
    }
    let store = RedisStore::open(&format!("redis+cluster://127.0.0.1:{}", first.port)).unwrap();
    Some((servers, store))
}

fn sizes(servers: &[Server]) -> Vec<u32> {
    servers
        .iter()
        .map(|server| server.ask(&["DBSIZE"]).parse().unwrap())
        .collect()
}

#[test]
fn every_operation_finds_its_server() {
    let Some((servers, store)) = cluster() else { return };
    let keys: Vec<Key> = (0..60).map(|digest| key("s", digest)).collect();
    for key in &keys[..50] {
        let token = lead(&store, key);
        assert!(matches!(begin(&store, key), Begun::Busy(_)));
        let tags = ["t".into(), "u".into()];
        let text = key.digest.to_string();
        assert!(store.finish(key, token, text.as_bytes(), None, &tags, soon()).unwrap());
    }
    assert!(sizes(&servers).iter().all(|&size| size > 5));
    let records = store.get(&keys, true, soon()).unwrap();
    for (key, record) in keys.iter().zip(&records) {
        let text = (key.digest < 50).then(|| key.digest.to_string().into_bytes());
        assert_eq!(record.as_ref().map(|record| record.body.clone()), text);
    }
    let held: Vec<_> = keys[50..].iter().map(|key| (key.clone(), lead(&store, key))).collect();
    assert_eq!(store.renew(&held, Duration::from_secs(5), soon()).unwrap(), [true; 10]);
    store.release(&held[0].0, held[0].1, soon()).unwrap();
    assert!(store.remove(&keys[7], soon()).unwrap());
    put(&store, &keys[8], b"untagged", &[]);
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 49);
    assert!(!finish(&store, &held[1].0, held[1].1, b"late"));

    for key in &keys {
        put(&store, key, b"x", &["t"]);
    }
    put(&store, &key("other", 1), b"x", &[]);
    assert_eq!(store.clear(&space("s"), soon()).unwrap(), 60);
    assert_eq!(sizes(&servers).iter().sum::<u32>(), 1);
}

#[test]
fn keys_are_followed_when_they_move() {
    let Some((servers, store)) = cluster() else { return };
    let keys: Vec<Key> = (0..30).map(|digest| key("s", digest)).collect();
    for key in &keys {
        put(&store, key, b"x", &[]);
    }
    let name = |key: &Key| format!("cladding:s:{{{:032x}}}", key.digest);
    let ids: Vec<_> = servers.iter().map(|server| server.ask(&["CLUSTER", "MYID"])).collect();
    let slot = servers[0].ask(&["CLUSTER", "KEYSLOT", &name(&keys[0])]);
    let from = (slot.parse::<usize>().unwrap() / 5461).min(2);
    let to = (from + 1) % 3;

    // On the way: the old server has the slot and not the key, and says to ask the new one this time.
    servers[to].ask(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &ids[from]]);
    servers[from].ask(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &ids[to]]);
    let port = servers[to].port.to_string();
    assert_eq!(
        servers[from].ask(&["MIGRATE", "127.0.0.1", &port, &name(&keys[0]), "0", "5000"]),
        "OK"
    );
    assert_eq!(body(&store, &keys[0]).unwrap(), b"x");
    assert!(store.get(&keys, false, soon()).unwrap().iter().all(Option::is_some));

    // Moved: the old server says so.
    for server in [to, from, 3 - to - from] {
        servers[server].ask(&["CLUSTER", "SETSLOT", &slot, "NODE", &ids[to]]);
    }
    assert_eq!(body(&store, &keys[0]).unwrap(), b"x");
    for _ in 0..10 {
        put(&store, &keys[0], b"y", &[]);
    }
    let errors = servers[from].ask(&["INFO", "errorstats"]);
    assert!(
        errors.contains("errorstat_MOVED:count=1\r") || errors.ends_with("errorstat_MOVED:count=1"),
        "{errors}"
    );
    assert_eq!(servers[to].ask(&["EXISTS", &name(&keys[0])]), "1");
    assert!(store.get(&keys, false, soon()).unwrap().iter().all(Option::is_some));
}

#[test]
fn a_server_that_is_gone_is_down_for_its_keys() {
    let Some((mut servers, store)) = cluster() else { return };
    let keys: Vec<Key> = (0..30).map(|digest| key("s", digest)).collect();
    for key in &keys {
        put(&store, key, b"x", &[]);
    }
    // The one that the address names: the others are asked from now on.
    servers[0].stop();
    let mut found = 0;
    for key in &keys {
        match store.get(std::slice::from_ref(key), false, soon()) {
            Ok(records) => found += usize::from(records[0].is_some()),
            Err(trouble) => assert!(matches!(trouble, Trouble::Down(_)), "{trouble:?}"),
        }
    }
    assert!((1..30).contains(&found), "{found}");
    servers[0].resume();
    wait_for("the cluster", || store.get(&keys, false, soon()).is_ok());
}

#[test]
fn changes_on_all_servers_are_heard() {
    let Some((mut servers, store)) = cluster() else { return };
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    for digest in 0..20 {
        put(&store, &key("s", digest), b"x", &[]);
        notes.wait_for(digest);
    }
    servers[1].stop();
    notes.wait_for_listens(&[true, false]);
    servers[1].resume();
    notes.wait_for_listens(&[true, false, true]);
    wait_for("the cluster", || {
        servers[0].ask(&["CLUSTER", "INFO"]).contains("cluster_state:ok")
    });
    for digest in 0..20 {
        wait_for("the cluster", || {
            store.put(&key("s", digest), b"y", None, &[], soon()).is_ok()
        });
        notes.wait_for(digest);
    }
}

#[test]
fn nothing_is_kept_that_was_computed_before_a_removal() {
    let Some((_servers, store)) = cluster() else { return };
    nothing_old_is_kept(&store, 100);
}

#[test]
fn a_server_that_takes_over_is_found() {
    let Some((mut servers, store)) = cluster() else { return };
    let Some(replica) = Server::start(&OPTIONS) else { return };
    replica.ask(&["CLUSTER", "MEET", "127.0.0.1", &servers[1].port.to_string()]);
    let master = servers[1].ask(&["CLUSTER", "MYID"]);
    wait_for("the replica", || {
        replica.ask(&["CLUSTER", "REPLICATE", &master]) == "OK"
    });
    let keys: Vec<Key> = (0..30).map(|digest| key("s", digest)).collect();
    for key in &keys {
        put(&store, key, b"x", &[]);
    }
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    wait_for("the copy", || {
        let state = replica.ask(&["ROLE"]);
        state.contains("connected") && replica.ask(&["DBSIZE"]) == servers[1].ask(&["DBSIZE"])
    });
    wait_for("the cluster", || {
        servers.iter().all(|server| {
            server
                .ask(&["CLUSTER", "NODES"])
                .contains(&format!(":{}@", replica.port))
        })
    });

    servers[1].stop();
    notes.wait_for_listens(&[true, false]);
    wait_for("the other server", || {
        let limit = Limit::within(Duration::from_millis(500));
        store
            .get(&keys, false, limit)
            .is_ok_and(|records| records.iter().all(Option::is_some))
    });
    for key in &keys {
        put(&store, key, b"y", &[]);
    }
    notes.wait_for_listens(&[true, false, true]);
    for key in &keys {
        put(&store, key, b"z", &[]);
        notes.wait_for(key.digest);
    }
}
