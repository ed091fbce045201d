//! A store in a database file, for the processes of one machine: `SQLite`, with a log of its own for writing (WAL).
//!
//! What was acknowledged survives the end of any process; a loss of power takes the latest writes, and nothing else. The file
//! must not be on a network file system.

mod clock;
mod connection;
mod pool;
mod process;
mod rows;
#[cfg(test)]
mod test_file;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};

use self::clock::Moment;
use self::connection::Deadline;
use self::pool::{Here, Pool};
use self::rows::{Name, Which, name, tag_name};
use crate::store::{Begun, Key, Limit, Record, Store, Token, Trouble, Watcher};

/// How many expired records a write takes out.
const SWEPT: i64 = 8;
/// How many records one transaction takes out to make room, or because somebody wants them out.
const ERASED: usize = 256;
/// What share of the room that is left one process uses before it looks again.
const SHARE: u64 = 16;
/// What a record takes up besides its bytes.
const OVERHEAD: u64 = 256;

struct FileStore {
    pool: Pool,
    max_bytes: u64,
    /// How many bytes may be written before the size of the file is looked at again.
    unlooked: AtomicU64,
    now: fn() -> Moment,
}

/// The store in the file at an absolute path. It is opened, or made, at its first use.
pub(crate) fn open(path: PathBuf, max_bytes: u64) -> Arc<dyn Store> {
    Arc::new(FileStore {
        pool: Pool::new(path),
        max_bytes,
        unlooked: AtomicU64::new(0),
        now: Moment::now,
    })
}

/// A write transaction, which is undone unless it is committed.
struct Write<'a>(&'a Connection);

impl<'a> Write<'a> {
    fn begin(connection: &'a Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("begin immediate")?.execute([])?;
        Ok(Self(connection))
    }

    fn commit(self) -> rusqlite::Result<()> {
        self.0.prepare_cached("commit")?.execute([])?;
        Ok(())
    }
}

impl Drop for Write<'_> {
    fn drop(&mut self) {
        if !self.0.is_autocommit() {
            // If this fails the connection is not used again.
            let _ = self.0.execute_batch("rollback");
        }
    }
}

/// What is written: a body, by whom, for how long, with which tags.
struct Written<'a> {
    body: &'a [u8],
    writer: Token,
    life: Option<Duration>,
    tags: Vec<Vec<u8>>,
}

impl FileStore {
    /// Works with a connection, within `limit`.
    fn with<T>(
        &self,
        limit: Limit,
        work: impl FnOnce(&Connection, &Here) -> rusqlite::Result<T>,
    ) -> Result<T, Trouble> {
        let late = || Trouble::Down(format!("{}: there was no time left", self.pool.path().display()));
        limit.left().ok_or_else(late)?;
        let _deadline = Deadline::set(limit);
        let mut taken = self.pool.take(limit)?;
        work(taken.connection(), &taken.here).map_err(|error| {
            let mut trouble = connection::trouble(self.pool.path(), &error);
            match error.sqlite_error_code() {
                Some(ErrorCode::DatabaseBusy | ErrorCode::OperationInterrupted) => {}
                Some(ErrorCode::DatabaseCorrupt) => {
                    let path = self.pool.path().display();
                    trouble = Trouble::Down(match connection::empty(taken.connection(), self.pool.path()) {
                        Ok(()) => format!("{path} was damaged, and has been emptied"),
                        Err(error) => format!("{path} is damaged, and could not be emptied: {error}"),
                    });
                    taken.spoil();
                }
                _ => taken.spoil(),
            }
            trouble
        })
    }

    /// Writes a record in a transaction that `allowed` permits, and makes room for it before.
    fn write(
        &self,
        key: &Key,
        written: &Written<'_>,
        limit: Limit,
        allowed: impl Fn(&Connection, &Name, &Moment) -> rusqlite::Result<bool>,
    ) -> Result<bool, Trouble> {
        let path = self.pool.path().display();
        let needed = written.body.len() as u64 + OVERHEAD;
        if needed > self.max_bytes - self.max_bytes / 8 {
            return Err(Trouble::Refused(format!(
                "{path}: a record of {} bytes is too large for max_bytes = {}",
                written.body.len(),
                self.max_bytes
            )));
        }
        let name = name(key);
        loop {
            let done = self.with(limit, |connection, _| {
                let transaction = Write::begin(connection)?;
                let now = (self.now)();
                if !allowed(connection, &name, &now)? {
                    return Ok(Some(false));
                }
                rows::sweep(connection, SWEPT, &now)?;
                if !self.makes_room(connection, needed, &now)? {
                    transaction.commit()?;
                    return Ok(None);
                }
                let end = written.life.and_then(|life| now.after(life));
                let record = (written.body, written.writer);
                rows::write(connection, &name, record, end, &written.tags, &now)?;
                rows::end_lease(connection, &name, None)?;
                transaction.commit()?;
                Ok(Some(true))
            })?;
            if let Some(done) = done {
                return Ok(done);
            }
            if limit.left().is_none() {
                return Err(Trouble::Refused(format!("{path}: no room could be made in time")));
            }
        }
    }

    /// Takes out a bounded number of records, expired ones first, until there is room for so many bytes. Says whether there is.
    fn makes_room(&self, connection: &Connection, needed: u64, now: &Moment) -> rusqlite::Result<bool> {
        let take = |unlooked: u64| unlooked.checked_sub(needed);
        if self
            .unlooked
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
        {
            return Ok(true);
        }
        let mut erased = 0;
        loop {
            let left = self
                .max_bytes
                .checked_sub(rows::bytes(connection)?)
                .and_then(|left| left.checked_sub(needed));
            if let Some(left) = left {
                // A share of it, as other processes write too.
                self.unlooked.store(left / SHARE, Ordering::Relaxed);
                return Ok(true);
            }
            if erased >= ERASED {
                return Ok(false);
            }
            let step = match rows::sweep(connection, 16, now)? {
                0 => rows::erase_oldest(connection, 16)?,
                expired => expired,
            };
            if step == 0 {
                // Nothing but the tables themselves.
                return Ok(true);
            }
            erased += step;
        }
    }

    /// Ends the leases of a space, and takes records out in steps, so that others can write between.
    fn erase(&self, space: &str, which: Which<'_>, limit: Limit) -> Result<u64, Trouble> {
        let mut latest = None;
        let mut total = 0;
        loop {
            let (step, lived) = self.with(limit, |connection, _| {
                let transaction = Write::begin(connection)?;
                let now = (self.now)();
                let up_to = if let Some(latest) = latest {
                    latest
                } else {
                    rows::end_leases(connection, space)?;
                    rows::latest(connection)?
                };
                let erased = rows::erase_some(connection, which, up_to, ERASED, &now)?;
                transaction.commit()?;
                latest = Some(up_to);
                Ok(erased)
            })?;
            total += lived;
            if step < ERASED {
                return Ok(total);
            }
        }
    }

    /// What asking for a lease finds, if that is not that the lease is free.
    fn found(
        connection: &Connection,
        here: &Here,
        name: &Name,
        old: Option<Token>,
        now: &Moment,
    ) -> rusqlite::Result<Option<Begun>> {
        let writer = rows::writer(connection, name, now)?;
        if writer.is_some() && writer != old {
            return Ok(rows::read(connection, name, now)?.map(Begun::Found));
        }
        let lease = rows::lease(connection, name, now, &here.process)?;
        Ok(lease.map(Begun::Busy))
    }
}

fn read_transaction<T>(connection: &Connection, work: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    connection.prepare_cached("begin")?.execute([])?;
    let done = work();
    let ended = connection
        .prepare_cached("commit")
        .and_then(|mut commit| commit.execute([]));
    let done = done?;
    ended?;
    Ok(done)
}

impl Store for FileStore {
    fn get(&self, keys: &[Key], lives: bool, limit: Limit) -> Result<Vec<Option<Record>>, Trouble> {
        self.with(limit, |connection, _| {
            let now = (self.now)();
            let read = |key| {
                let mut record = rows::read(connection, &name(key), &now)?;
                if let Some(record) = &mut record
                    && !lives
                {
                    record.left = None;
                }
                Ok(record)
            };
            match keys {
                [key] => Ok(vec![read(key)?]),
                keys => read_transaction(connection, || keys.iter().map(read).collect()),
            }
        })
    }

    fn begin(&self, key: &Key, lease: Duration, old: Option<Token>, limit: Limit) -> Result<Begun, Trouble> {
        let name = name(key);
        self.with(limit, |connection, here| {
            let now = (self.now)();
            // Whoever finds it taken need not wait for those who write.
            let found = read_transaction(connection, || Self::found(connection, here, &name, old, &now))?;
            if let Some(begun) = found {
                return Ok(begun);
            }
            let transaction = Write::begin(connection)?;
            let now = (self.now)();
            if let Some(begun) = Self::found(connection, here, &name, old, &now)? {
                return Ok(begun);
            }
            let token = Token::random();
            if token.0.is_multiple_of(64) {
                rows::sweep_leases(connection, &now)?;
            }
            let end = now.after(lease.min(LEASE)).expect("a lease ends");
            rows::grant(connection, &name, token, &end, &here.process)?;
            transaction.commit()?;
            Ok(Begun::Leads(token))
        })
    }

    fn renew(&self, held: &[(Key, Token)], lease: Duration, limit: Limit) -> Result<Vec<bool>, Trouble> {
        self.with(limit, |connection, _| {
            let transaction = Write::begin(connection)?;
            let now = (self.now)();
            let end = now.after(lease.min(LEASE)).expect("a lease ends");
            let renewed = held
                .iter()
                .map(|(key, token)| rows::prolong(connection, &name(key), *token, &end, &now))
                .collect::<rusqlite::Result<_>>()?;
            transaction.commit()?;
            Ok(renewed)
        })
    }

    fn finish(
        &self,
        key: &Key,
        token: Token,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<bool, Trouble> {
        let written = Written {
            body,
            writer: token,
            life,
            tags: tags.iter().map(|tag| tag_name(&key.space, tag)).collect(),
        };
        self.write(key, &written, limit, |connection, name, now| {
            rows::is_held(connection, name, token, now)
        })
    }

    fn release(&self, key: &Key, token: Token, limit: Limit) -> Result<(), Trouble> {
        self.with(limit, |connection, _| {
            rows::end_lease(connection, &name(key), Some(token))
        })
    }

    fn put(
        &self,
        key: &Key,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<(), Trouble> {
        let written = Written {
            body,
            writer: Token::random(),
            life,
            tags: tags.iter().map(|tag| tag_name(&key.space, tag)).collect(),
        };
        self.write(key, &written, limit, |_, _, _| Ok(true)).map(|_| ())
    }

    fn remove(&self, key: &Key, limit: Limit) -> Result<bool, Trouble> {
        let name = name(key);
        self.with(limit, |connection, _| {
            let transaction = Write::begin(connection)?;
            let now = (self.now)();
            rows::end_lease(connection, &name, None)?;
            let was_there = rows::erase(connection, &name, &now)?;
            transaction.commit()?;
            Ok(was_there)
        })
    }

    fn remove_tagged(&self, space: &Arc<str>, tag: &str, limit: Limit) -> Result<u64, Trouble> {
        self.erase(space, Which::Tagged(&tag_name(space, tag)), limit)
    }

    fn clear(&self, space: &Arc<str>, limit: Limit) -> Result<u64, Trouble> {
        self.erase(space, Which::Space(space), limit)
    }

    fn watch(&self, _: &Arc<str>, _: &Arc<dyn Watcher>) -> bool {
        false
    }

    fn forking(&self) {
        self.pool.forking();
    }

    fn fork_over(&self) {
        self.pool.fork_over();
    }

    fn forked(&self) {
        self.pool.forked();
    }
}

/// No lease is longer.
const LEASE: Duration = Duration::from_secs(365 * 24 * 3600);
