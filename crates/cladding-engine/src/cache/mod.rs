//! A table of results: bounded, aging, and safe to use where comparing two keys may run anything at all.
//!
//! [`Table`] never compares keys and never drops what it held. Its user looks entries up by hash,
//! compares the keys with the table let go, and drops removed entries while holding no borrow:
//! in a language whose equality and finalisers are the user's code, both may come back into the table.
//!
//! # How it evicts
//!
//! S3-FIFO: Juncheng Yang, Yazhuo Zhang, Ziyue Qiu, Yao Yue, K. V. Rashmi, "FIFO queues are all you need for
//! cache eviction" (SOSP 2023). New entries go into a *small* queue of a tenth of the bound. Those asked for
//! more than once by the time they reach its end move on to the *main* queue; the others leave, and only a
//! fingerprint is remembered for a while in the *ghost* queue. An entry whose fingerprint is found there goes
//! straight into the main queue, where each use (three at most are counted) buys it another round. One-off
//! keys so pass through without pushing out what is in demand, which is what LRU gets wrong; and a hit
//! changes one small number, where LRU has to move list nodes.
//!
//! # How it ages
//!
//! All entries live equally long, so the order of insertion is the order of expiry: a list in that order
//! makes expired entries known without a search. They are invisible at once; they are freed by the next
//! insertion (which looks at the oldest few, and at its own hash), by [`Table::expire_hash`] after a miss that
//! will not insert, and by [`Table::expire_some`].

mod candidates;
mod ghost;
mod list;
mod lru;
mod removed;
mod slab;
mod table;

#[cfg(test)]
mod test_hit_ratio;
#[cfg(test)]
mod test_model;

pub use candidates::Candidates;
pub use lru::Lru;
pub use removed::Removed;
pub use slab::EntryId;
pub use table::{Cause, Evictions, Table};
