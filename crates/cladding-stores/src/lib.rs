//! Where results are kept that processes share: a database file, or a Redis server. Knows no Python, and not what a record says.

mod store;

pub use store::{Begun, Key, Limit, Record, Store, Token, Trouble, Watcher};
