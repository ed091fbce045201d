//! The connections of one process to the file, and what becomes of them in a fork.
//!
//! `SQLite` keeps one account of the locks of a process, which a child inherits without the locks. So no connection may be open
//! when the process forks: those that are idle are closed before, and those in use waited for. A child of a process that
//! could not do so never opens the file.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use rusqlite::Connection;

use super::connection;
use super::process::Process;
use crate::locked::locked;
use crate::store::{Limit, Trouble};

/// How many connections wait for their next use.
const KEPT: usize = 8;
/// How long a fork waits for those in use.
const FORK: Duration = Duration::from_secs(1);
/// How often it is looked at whether the file is still the one that was opened.
const LOOK: Duration = Duration::from_secs(1);

/// The connections of this process, to all files. In a child: those that it has inherited.
static OPEN: AtomicUsize = AtomicUsize::new(0);

pub(super) struct Pool {
    path: PathBuf,
    /// Swapped, never locked, as a child's may be locked by threads that are gone.
    here: ArcSwap<Here>,
    /// A fork is about to happen: nothing is opened.
    forking: AtomicBool,
}

/// What belongs to one process.
pub(super) struct Here {
    number: u32,
    pub(super) process: Process,
    idle: Mutex<Idle>,
    /// The connections, and those who want to open one.
    used: AtomicUsize,
    /// The process was forked from one that had connections.
    spoilt: bool,
}

#[derive(Default)]
struct Idle {
    connections: Vec<Connection>,
    file: Option<(u64, u64)>,
    looked: Option<Instant>,
}

/// A connection in use.
pub(super) struct Taken<'a> {
    pool: &'a Pool,
    pub(super) here: Arc<Here>,
    connection: Option<Connection>,
    file: Option<(u64, u64)>,
    is_sound: bool,
}

impl Here {
    fn new(spoilt: bool) -> Arc<Self> {
        Arc::new(Self {
            number: std::process::id(),
            process: Process::this(),
            idle: Mutex::default(),
            used: AtomicUsize::new(0),
            spoilt,
        })
    }

    /// Closes connections that were counted.
    fn close(&self, connections: Vec<Connection>) {
        let closed = connections.len();
        drop(connections);
        self.used.fetch_sub(closed, Ordering::SeqCst);
        OPEN.fetch_sub(closed, Ordering::SeqCst);
    }

    fn close_idle(&self) {
        let connections = std::mem::take(&mut locked(&self.idle).connections);
        self.close(connections);
    }
}

impl Pool {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            here: ArcSwap::new(Here::new(false)),
            forking: AtomicBool::new(false),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn take(&self, limit: Limit) -> Result<Taken<'_>, Trouble> {
        let here = self.here();
        if here.spoilt {
            return Err(Trouble::Down(format!(
                "{}: this process was forked while its parent had the file open; fork by os.fork, or before the first use",
                self.path.display()
            )));
        }
        // Counted before it is looked for a fork, which looks in the other order.
        loop {
            here.used.fetch_add(1, Ordering::SeqCst);
            if !self.forking.load(Ordering::SeqCst) {
                break;
            }
            here.used.fetch_sub(1, Ordering::SeqCst);
            if limit.left().is_none() {
                return Err(Trouble::Down(format!(
                    "{}: the process was forking for too long",
                    self.path.display()
                )));
            }
            std::thread::sleep(Duration::from_micros(200));
        }
        let mut taken = Taken {
            pool: self,
            here,
            connection: None,
            file: None,
            is_sound: true,
        };
        let stale = {
            let mut idle = locked(&taken.here.idle);
            let stale = idle.look(&self.path);
            taken.connection = idle.connections.pop();
            taken.file = idle.file;
            stale
        };
        taken.here.close(stale);
        if taken.connection.is_some() {
            // It is counted already.
            taken.here.used.fetch_sub(1, Ordering::SeqCst);
        } else {
            OPEN.fetch_add(1, Ordering::SeqCst);
            match connection::open(&self.path) {
                Ok(connection) => taken.connection = Some(connection),
                Err(trouble) => {
                    OPEN.fetch_sub(1, Ordering::SeqCst);
                    return Err(trouble);
                }
            }
            taken.file = identity(&self.path);
            locked(&taken.here.idle).file = taken.file;
        }
        Ok(taken)
    }

    fn here(&self) -> Arc<Here> {
        let here = self.here.load_full();
        if here.number == std::process::id() {
            return here;
        }
        self.forked();
        self.here.load_full()
    }

    /// Closes what is open and lets nothing be opened until the fork is over.
    pub(super) fn forking(&self) {
        let here = self.here();
        self.forking.store(true, Ordering::SeqCst);
        let limit = Limit::within(FORK);
        here.close_idle();
        while here.used.load(Ordering::SeqCst) > 0 && limit.left().is_some() {
            std::thread::sleep(Duration::from_micros(100));
            here.close_idle();
        }
    }

    pub(super) fn fork_over(&self) {
        self.forking.store(false, Ordering::SeqCst);
    }

    pub(super) fn forked(&self) {
        let before = self.here.load_full();
        if before.number != std::process::id() {
            // Its connections are neither used nor closed here, and its lock may be held for ever.
            let here = Here::new(OPEN.load(Ordering::SeqCst) > 0);
            std::mem::forget(Arc::clone(&before));
            self.here.compare_and_swap(&before, here);
            self.fork_over();
        }
    }
}

impl Idle {
    /// Looks from time to time whether the file was replaced. If so, gives the connections to the one that was.
    fn look(&mut self, path: &Path) -> Vec<Connection> {
        let now = Instant::now();
        if self.looked.is_some_and(|looked| now.duration_since(looked) < LOOK) {
            return Vec::new();
        }
        self.looked = Some(now);
        if self.file.is_some() && self.file != identity(path) {
            return std::mem::take(&mut self.connections);
        }
        Vec::new()
    }
}

impl Taken<'_> {
    pub(super) fn connection(&self) -> &Connection {
        self.connection.as_ref().expect("a connection until it is dropped")
    }

    /// Has the connection closed rather than kept.
    pub(super) fn spoil(&mut self) {
        self.is_sound = false;
    }
}

impl Drop for Taken<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let is_kept = self.is_sound && connection.is_autocommit() && !self.pool.forking.load(Ordering::SeqCst);
            let mut idle = locked(&self.here.idle);
            if is_kept && idle.connections.len() < KEPT && idle.file == self.file {
                idle.connections.push(connection);
                return;
            }
            drop(idle);
            self.here.close(vec![connection]);
        } else {
            self.here.used.fetch_sub(1, Ordering::SeqCst);
        }
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let closed = self.idle.get_mut().map_or(0, |idle| {
            let closed = idle.connections.len();
            idle.connections.clear();
            closed
        });
        OPEN.fetch_sub(closed, Ordering::SeqCst);
    }
}

/// Which file it is.
fn identity(path: &Path) -> Option<(u64, u64)> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let file = path.metadata().ok()?;
        Some((file.dev(), file.ino()))
    }
    #[cfg(not(unix))]
    {
        path.exists().then_some((0, 0))
    }
}
