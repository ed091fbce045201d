//! The store in a file does what every store does.

mod common;

use std::sync::Arc;

use cladding_stores::Store;
use common::Folder;

conforms!(|| -> (Arc<dyn Store>, Folder) {
    let folder = Folder::new();
    let store = cladding_stores::open(&folder.url("store.db")).unwrap();
    (store, folder)
});
