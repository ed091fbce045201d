//! Where results are kept that processes share: a database file, or a Redis server. Knows no Python, and not what a record says.
#![forbid(unsafe_code)]

mod file;
mod front;
mod locked;
mod random;
mod redis;
mod store;

pub use front::{Done, Front, News, Op, Reply, State, open};
pub use redis::RedisStore;
pub use store::{Begun, Key, Limit, Record, Store, Token, Trouble, Watcher};
