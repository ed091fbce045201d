//! The store in Redis does what every store does, but for three things that a server makes different: what is removed is
//! counted with what expires at that very time, a `finish` that comes twice is told twice that it was kept (it may have been
//! sent twice), and a record that was written anew is still found by the tags that it had before.

mod any_store;
mod common;

use std::sync::Arc;

use any_store::memory::Memory;
use cladding_stores::{RedisStore, Store};
use common::Server;

conforms! {
    || -> (Arc<dyn Store>, Option<Server>) {
        match Server::start(&[]) {
            Some(server) => {
                let store = RedisStore::open(&server.url()).unwrap();
                (Arc::new(store), Some(server))
            }
            // Says so, and proves nothing.
            None => (Arc::new(Memory::default()), None),
        }
    };
    keeps_what_is_put any_text_names_a_space many_at_once_come_in_order a_life_ends an_old_record_is_replaced_by_one
    a_lease_ends_in_its_time_unless_renewed what_ends_a_lease_lets_nothing_be_kept a_large_space_is_cleared
    of_many_threads_one_leads a_limit_that_is_over_is_kept
}
