//! The Redis store against real servers.

#[path = "../common/mod.rs"]
mod common;

mod cluster;
mod operations;
mod races;
mod tags;
mod trouble;
mod watch;
mod ways;

use std::sync::Arc;
use std::time::Duration;

use cladding_stores::{Begun, Key, Limit, Record, RedisStore, Store, Token};
use common::Server;

/// Long enough for anything that is to succeed.
fn soon() -> Limit {
    Limit::within(Duration::from_secs(10))
}

fn key(space: &str, digest: u128) -> Key {
    Key {
        space: space.into(),
        digest,
    }
}

/// A server and a store in it.
fn fresh() -> Option<(Server, RedisStore)> {
    let server = Server::start(&[])?;
    let store = RedisStore::open(&server.url()).unwrap();
    Some((server, store))
}

fn get(store: &dyn Store, key: &Key) -> Option<Record> {
    let mut records = store.get(std::slice::from_ref(key), false, soon()).unwrap();
    assert_eq!(records.len(), 1);
    records.pop().unwrap()
}

fn body(store: &dyn Store, key: &Key) -> Option<Vec<u8>> {
    get(store, key).map(|record| record.body)
}

fn begin(store: &dyn Store, key: &Key) -> Begun {
    store.begin(key, Duration::from_secs(10), None, soon()).unwrap()
}

fn lead(store: &dyn Store, key: &Key) -> Token {
    match begin(store, key) {
        Begun::Leads(token) => token,
        other => panic!("{other:?}"),
    }
}

fn finish(store: &dyn Store, key: &Key, token: Token, body: &[u8]) -> bool {
    store.finish(key, token, body, None, &[], soon()).unwrap()
}

fn put(store: &dyn Store, key: &Key, body: &[u8], tags: &[&str]) {
    let tags: Vec<_> = tags.iter().map(|&tag| tag.into()).collect();
    store.put(key, body, None, &tags, soon()).unwrap();
}

fn space(name: &str) -> Arc<str> {
    name.into()
}
