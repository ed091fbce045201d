//! A table of results: bounded, aging, and safe to use where comparing two keys may run anything at all.
//!
//! [`Table`] never compares keys and never drops what it held. Its user looks entries up by hash,
//! compares the keys with the table let go, and drops removed entries while holding no borrow:
//! in a language whose equality and finalisers are the user's code, both may come back into the table.
//!
//! # How it evicts
//!
//! S3-FIFO: Juncheng Yang, Yazhuo Zhang, Ziyue Qiu, Yao Yue, K. V. Rashmi, "FIFO queues are all you need for
//! cache eviction" (SOSP 2023). New entries go into a *small* queue. Those asked for by the time they reach its end move
//! on to the *main* queue; the others leave, and only a fingerprint is remembered for a while in the *ghost* queue. An
//! entry whose fingerprint is found there goes straight into the main queue, where having been used buys it another
//! round. One-off keys so pass through without pushing out what is in demand, which is what LRU gets wrong; and a hit
//! sets one bit, where LRU has to move list nodes.
//!
//! Three things differ from the paper, each because it measured better on the loads of `test_hit_ratio.rs`: one use counts
//! as much as several, how long the ghost queue is believed follows the load ([`Reach`](reach::Reach)), and so does the
//! size of the small queue, from a thirty-second of the bound to most of it ([`Share`](share::Share)). W-TinyLFU with an
//! adaptive window (Gil Einziger, Ohad Eitan, Ben Manes, Roy Friedman, "Adaptive software cache management", Middleware
//! 2018) was measured beside it. With the published parameters it has 73.1 % on Zipf's law where this has 73.5 %, 45.1 %
//! with scans (49.1 %), 67.8 % where the hot set drifts (70.5 %), 58.9 % where it jumps (65.5 %); a window of a fixed
//! hundredth has 73.7, 48.8, 70.0 and 57.6 %. And it counts in its sketch and moves a list node at each hit, which takes
//! three times as long as the bit that is set here.
//!
//! # How it ages
//!
//! Each entry has its own time, kept in a [timing wheel](wheel). One whose time is over is invisible at once; it is
//! freed by the next insertions (which free a few of those that are over, and all of their own hash), by
//! [`Table::expire_hash`] after a miss that will not insert, and by [`Table::expire_some`], in steps as large as its
//! user likes.

mod candidates;
mod flights;
mod ghost;
mod list;
mod lru;
mod reach;
mod removed;
mod share;
mod slab;
mod table;
mod wheel;

#[cfg(test)]
mod test_hit_ratio;
#[cfg(test)]
mod test_model;

pub use candidates::Candidates;
pub use flights::{Flights, Gone, Landed, Landing, Left, Reserved, Sought, Under, Withdrawn};
pub use lru::Lru;
pub use removed::Removed;
pub use slab::EntryId;
pub use table::{Cause, Evictions, Life, Table};
