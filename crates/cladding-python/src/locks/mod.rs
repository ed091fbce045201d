//! Locks by identity: a table of what is held, who holds it, and sections of code that hold something.

mod holder;
mod section;
mod table;

pub(crate) use holder::{Holder, watch_forks};
pub(crate) use section::{Queued, Section};
pub(crate) use table::{Asked, Hold, Key, TABLE, Ticket, World};
