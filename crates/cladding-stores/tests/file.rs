//! The store in a file does what every store does.

mod any_store;

use std::sync::Arc;

use any_store::Folder;
use cladding_stores::Store;

conforms!(|| -> (Arc<dyn Store>, Folder) {
    let folder = Folder::new();
    let store = cladding_stores::open(&folder.url("store.db")).unwrap();
    (store, folder)
});
