//! One connection to the database file: how it is opened, how long it waits, and what its errors mean.

use std::cell::Cell;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use crate::random;
use crate::store::{Limit, Trouble};

/// Marks a database as one of ours ("clad"), so that nobody else's is ever written to.
const APPLICATION: i32 = 0x636c_6164;
/// What the tables are; changes whenever they do.
const VERSION: i32 = 1;

/// Records are written anew, never changed in place, so the order of their numbers is that in which they were written.
const SCHEMA: &str = "
create table records (
    id integer primary key, key blob not null, writer blob not null,
    boot integer, until integer, wall integer, life integer, tagged integer not null, body blob not null);
create unique index records_by_key on records (key);
create index records_by_end on records (boot, until) where boot is not null;
create table tags (tag blob not null, record integer not null, primary key (tag, record)) without rowid;
create index tags_by_record on tags (record);
create table leases (
    key blob primary key not null, token blob not null,
    boot integer not null, until integer not null, wall integer not null, life integer not null,
    place integer not null, process integer not null, began integer not null) without rowid;
";

thread_local! {
    /// Until when what this thread does in a database must have ended.
    static DEADLINE: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// How often a statement looks at the time, in steps of `SQLite`'s machine.
const STEPS: i32 = 5000;

/// Holds for what this thread does in a database until it is dropped.
pub(super) struct Deadline;

impl Deadline {
    pub(super) fn set(limit: Limit) -> Self {
        DEADLINE.set(Some(limit.0));
        Self
    }
}

impl Drop for Deadline {
    fn drop(&mut self) {
        DEADLINE.set(None);
    }
}

fn is_over() -> bool {
    DEADLINE.get().is_some_and(|deadline| Instant::now() >= deadline)
}

/// Waits a little for whoever is writing; says whether to try again.
fn wait_for_others(tries: i32) -> bool {
    let pause = Duration::from_micros(50 << tries.clamp(0, 6));
    let Some(deadline) = DEADLINE.get() else { return false };
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() {
        return false;
    }
    std::thread::sleep(pause.min(left));
    true
}

/// Opens the file, and makes it if there is none.
pub(super) fn open(path: &Path) -> Result<Connection, Trouble> {
    let failed = |error: rusqlite::Error| trouble(path, &error);
    make(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_EXRESCODE;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.busy_handler(Some(wait_for_others)).map_err(failed)?;
    connection.progress_handler(STEPS, Some(is_over)).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(64);
    // Otherwise some statements are planned anew whenever their parameters change.
    let stable_plans = DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG;
    connection.set_db_config(stable_plans, true).map_err(failed)?;
    prepare(&connection, path)?;
    Ok(connection)
}

/// Makes an empty file that only its owner may read, if there is none. It gets its name when it is closed already: to close a
/// file would end the locks that another thread holds on it.
fn make(path: &Path) -> Result<(), Trouble> {
    if path.symlink_metadata().is_ok() {
        return Ok(());
    }
    let shown = path.display();
    match path.parent().map(Path::metadata) {
        Some(Ok(parent)) if parent.is_dir() => {}
        Some(Err(error)) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Trouble::Down(format!("{shown}: its folder is not permitted: {error}")));
        }
        _ => return Err(Trouble::Down(format!("{shown}: its folder does not exist"))),
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(
        ".{:08x}.new",
        (random::fraction() * f64::from(u32::MAX)) as u32
    ));
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let failed = |error: std::io::Error| match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Trouble::Refused(format!("{shown} cannot be made: {error}"))
        }
        _ => Trouble::Down(format!("{shown} cannot be made: {error}")),
    };
    drop(options.open(&new).map_err(failed)?);
    let linked = std::fs::hard_link(&new, path);
    let removed = std::fs::remove_file(&new);
    match linked {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
        // A file system without links.
        Err(_) => drop(options.open(path)),
        Ok(()) => {}
    }
    removed.map_err(failed)
}

/// Finds out whether the database is ours, and makes its tables if it is empty.
fn prepare(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    let failed = |error: rusqlite::Error| trouble(path, &error);
    // In one statement, as another process may be making the tables.
    let marks = || {
        connection
            .query_row(
                "select application_id, user_version, not exists (select * from sqlite_schema) \
                 from pragma_application_id, pragma_user_version",
                [],
                |row| Ok((row.get::<_, i32>(0)?, row.get::<_, i32>(1)?, row.get::<_, bool>(2)?)),
            )
            .map_err(failed)
    };
    let is_ours = || -> Result<bool, Trouble> {
        match marks()? {
            (APPLICATION, VERSION, _) => Ok(true),
            (APPLICATION, version, _) => Err(Trouble::Down(format!(
                "{} was made by another version of cladding (its tables are of version {version}, not {VERSION}); \
                 give this one another file, or remove it",
                path.display()
            ))),
            (0, 0, true) => Ok(false),
            _ => Err(Trouble::Down(format!(
                "{} is a database, but not one of cladding's; it is left as it is",
                path.display()
            ))),
        }
    };
    let ours = is_ours()?;
    if !ours {
        // Needs the file for itself, and does not always wait for that.
        while let Err(error) = connection.pragma_update(None, "journal_mode", "wal") {
            if error.sqlite_error_code() != Some(ErrorCode::DatabaseBusy) || !wait_for_others(4) {
                return Err(failed(error));
            }
        }
    }
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(failed)?;
    // The log is written back, and the disk waited for, once in 16 MB rather than in 4.
    for (name, value) in [("wal_autocheckpoint", 4000), ("journal_size_limit", 16 << 20)] {
        connection.pragma_update(None, name, value).map_err(failed)?;
    }
    if ours {
        return Ok(());
    }
    connection.execute_batch("begin immediate").map_err(failed)?;
    let made = (|| {
        if !is_ours()? {
            connection.execute_batch(SCHEMA).map_err(failed)?;
            connection
                .pragma_update(None, "user_version", VERSION)
                .map_err(failed)?;
            connection
                .pragma_update(None, "application_id", APPLICATION)
                .map_err(failed)?;
        }
        connection.execute_batch("commit").map_err(failed)
    })();
    if made.is_err() && !connection.is_autocommit() {
        // What went wrong is known already.
        let _ = connection.execute_batch("rollback");
    }
    made
}

/// Empties a damaged database in its place, as other processes may have it open.
pub(super) fn empty(connection: &Connection, path: &Path) -> Result<(), Trouble> {
    let failed = |error: rusqlite::Error| trouble(path, &error);
    let reset = DbConfig::SQLITE_DBCONFIG_RESET_DATABASE;
    connection.set_db_config(reset, true).map_err(failed)?;
    let emptied = connection.execute_batch("vacuum").map_err(failed);
    connection.set_db_config(reset, false).map_err(failed)?;
    emptied?;
    prepare(connection, path)
}

/// What an error of the database means.
pub(super) fn trouble(path: &Path, error: &rusqlite::Error) -> Trouble {
    let path = path.display();
    let Some(code) = error.sqlite_error_code() else {
        return Trouble::Down(format!("{path}: {error}"));
    };
    if let rusqlite::Error::SqliteFailure(failure, _) = error
        && failure.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE
    {
        return Trouble::Refused(format!("{path}: there is no room left on its disk"));
    }
    match code {
        ErrorCode::DiskFull => Trouble::Refused(format!("{path}: there is no room left on its disk")),
        ErrorCode::ReadOnly => Trouble::Refused(format!("{path} cannot be written to: {error}")),
        ErrorCode::TooBig => Trouble::Refused(format!("{path}: the record is too large for a database")),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::FileLockingProtocolFailed => {
            Trouble::Down(format!("{path}: another process was writing to it for too long"))
        }
        ErrorCode::OperationInterrupted => Trouble::Down(format!("{path}: it took too long")),
        ErrorCode::NotADatabase => Trouble::Down(format!("{path} is not a database; it is left as it is")),
        _ => Trouble::Down(format!("{path}: {error}")),
    }
}
