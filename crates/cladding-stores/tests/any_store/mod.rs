//! What the tests of stores share.
#![allow(dead_code, unreachable_pub)]

pub mod conformance;
pub mod memory;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cladding_stores::{Key, Limit};

/// Enough for any operation.
pub fn soon() -> Limit {
    Limit::within(Duration::from_secs(20))
}

pub fn key(space: &str, digest: u128) -> Key {
    Key {
        space: Arc::from(space),
        digest,
    }
}

/// A folder that is removed when the test has passed.
pub struct Folder(pub std::path::PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("cladding-stores-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// The URL of a file in it.
    pub fn url(&self, name: &str) -> String {
        format!("file://{}/{name}", self.0.display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}
