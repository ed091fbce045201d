//! The file by itself: clocks, the bound on its size, and files that are not as they should be.

use std::cell::Cell;
use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);
const SECOND: i64 = 1_000_000_000;

thread_local! {
    static NOW: Cell<Moment> = const { Cell::new(Moment { boot: 1, since_boot: 0, wall: 0 }) };
}

fn set_clock(boot: i64, since_boot: i64, wall: i64) {
    NOW.set(Moment {
        boot,
        since_boot: since_boot * SECOND,
        wall: wall * SECOND,
    });
}

struct Home(PathBuf);

impl Home {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("cladding-file-{:032x}", Token::random().0));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    fn file(&self) -> PathBuf {
        self.0.join("store.db")
    }

    fn store(&self, max_bytes: u64) -> FileStore {
        FileStore {
            pool: Pool::new(self.file()),
            max_bytes,
            unlooked: AtomicU64::new(0),
            now: || NOW.get(),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn soon() -> Limit {
    Limit::within(Duration::from_secs(20))
}

fn key(digest: u128) -> Key {
    Key {
        space: Arc::from("space"),
        digest,
    }
}

fn get(store: &FileStore, digest: u128) -> Option<Record> {
    store.get(&[key(digest)], true, soon()).unwrap().pop().unwrap()
}

fn put(store: &FileStore, digest: u128, size: usize, life: Option<Duration>) {
    store
        .put(&key(digest), &vec![digest as u8; size], life, &[], soon())
        .unwrap();
}

#[test]
fn a_step_of_the_wall_clock_changes_nothing() {
    let home = Home::new();
    let store = home.store(1 << 30);
    set_clock(1, 1000, 1_000_000);
    put(&store, 1, 10, Some(HOUR));
    let Begun::Leads(token) = store.begin(&key(2), HOUR, None, soon()).unwrap() else {
        panic!("nobody else is there")
    };
    for wall in [0, 1_000_000_000] {
        set_clock(1, 1000 + 1800, wall);
        assert_eq!(get(&store, 1).unwrap().left, Some(HOUR / 2));
        assert_eq!(store.begin(&key(2), HOUR, None, soon()), Ok(Begun::Busy(HOUR / 2)));
    }
    set_clock(1, 1000 + 3600, 1_000_000);
    assert_eq!(get(&store, 1), None);
    assert_eq!(store.finish(&key(2), token, b"", None, &[], soon()), Ok(false));
}

#[test]
fn a_record_outlives_a_reboot_by_the_wall_clock() {
    let home = Home::new();
    set_clock(1, 1000, 1_000_000);
    put(&home.store(1 << 30), 1, 10, Some(HOUR));
    put(&home.store(1 << 30), 2, 10, Some(HOUR / 60));
    set_clock(2, 10, 1_000_000 + 600);
    let store = home.store(1 << 30);
    assert_eq!(get(&store, 1).unwrap().left, Some(HOUR * 5 / 6));
    assert_eq!(get(&store, 2), None);
    // Writes let it go by the clock of this boot.
    put(&store, 3, 10, None);
    set_clock(2, 10, 0);
    assert_eq!(get(&store, 1).unwrap().left, Some(HOUR * 5 / 6));
    set_clock(2, 10 + 3001, 0);
    assert_eq!(get(&store, 1), None);
}

#[test]
fn the_file_stays_within_its_bound_and_the_oldest_go_first() {
    let home = Home::new();
    let bound = 1 << 20;
    let store = home.store(bound);
    set_clock(1, 0, 0);
    for digest in 0..300 {
        put(&store, digest, 1 + (digest as usize * 997) % 30_000, None);
        assert!(get(&store, digest).is_some());
    }
    drop(store);
    let size = home.file().metadata().unwrap().len();
    assert!(size <= bound + 64 * 1024, "{size}");
    let store = home.store(bound);
    let there: Vec<bool> = (0..300).map(|digest| get(&store, digest).is_some()).collect();
    let first = there.iter().position(|there| *there).unwrap();
    assert!(
        there[first..].iter().all(|there| *there),
        "what was written later stays longer"
    );
    assert!(300 - first > 30, "and room is used: {first}");
    // One that needs most of the room gets it.
    put(&store, 1000, 800_000, None);
    assert_eq!(get(&store, 1000).unwrap().body.len(), 800_000);
    let large = store.put(&key(1), &vec![0; 1 << 20], None, &[], soon());
    assert!(matches!(large, Err(Trouble::Refused(_))));
}

#[test]
fn expired_records_make_room_before_living_ones() {
    let home = Home::new();
    let store = home.store(1 << 20);
    set_clock(1, 0, 0);
    put(&store, 0, 10_000, None);
    for digest in 1..80 {
        put(&store, digest, 10_000, Some(HOUR));
    }
    set_clock(1, 3601, 0);
    for digest in 100..160 {
        put(&store, digest, 10_000, None);
    }
    assert!(get(&store, 0).is_some());
    let count = |store: &FileStore| {
        store
            .with(soon(), |connection, _| {
                connection.query_row("select count(*) from records", [], |row| row.get::<_, i64>(0))
            })
            .unwrap()
    };
    assert_eq!(count(&store), 61, "expired ones are swept by writes");
}

#[cfg(unix)]
#[test]
fn only_its_owner_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let store = home.store(1 << 20);
    put(&store, 1, 10, None);
    for entry in home.0.read_dir().unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.file_name());
    }
}

fn reason(store: &FileStore) -> String {
    match store.get(&[key(1)], false, soon()) {
        Err(Trouble::Down(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_folder_that_is_missing_is_said() {
    let home = Home::new();
    let store = FileStore {
        pool: Pool::new(home.0.join("missing/store.db")),
        ..home.store(1 << 20)
    };
    assert!(reason(&store).ends_with("missing/store.db: its folder does not exist"));
    let store = FileStore {
        pool: Pool::new(home.0.clone()),
        ..home.store(1 << 20)
    };
    reason(&store);
}

#[test]
fn what_is_not_ours_is_left_as_it_is() {
    let home = Home::new();
    let text = b"These are the notes of somebody, and no database at all. ".repeat(100);
    std::fs::write(home.file(), &text).unwrap();
    assert!(reason(&home.store(1 << 20)).contains("is not a database"));
    assert_eq!(std::fs::read(home.file()).unwrap(), text);

    std::fs::remove_file(home.file()).unwrap();
    let foreign = Connection::open(home.file()).unwrap();
    foreign
        .execute_batch("create table mine (x); insert into mine values (1)")
        .unwrap();
    drop(foreign);
    let before = std::fs::read(home.file()).unwrap();
    assert!(reason(&home.store(1 << 20)).contains("not one of cladding's"));
    assert_eq!(std::fs::read(home.file()).unwrap(), before);

    std::fs::remove_file(home.file()).unwrap();
    put(&home.store(1 << 20), 1, 10, None);
    let other = Connection::open(home.file()).unwrap();
    other.pragma_update(None, "user_version", 99).unwrap();
    drop(other);
    assert!(reason(&home.store(1 << 20)).contains("another version"));
}

#[test]
fn an_empty_file_becomes_a_store() {
    let home = Home::new();
    std::fs::write(home.file(), b"").unwrap();
    put(&home.store(1 << 20), 1, 10, None);
    assert!(get(&home.store(1 << 20), 1).is_some());
}

/// Writes over all pages but the first.
fn damage(path: &Path) {
    use std::io::{Seek, SeekFrom, Write};
    let mut file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let size = file.metadata().unwrap().len();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&vec![0xA5; size as usize - 4096]).unwrap();
}

#[test]
fn a_damaged_file_is_emptied_and_used_again() {
    let home = Home::new();
    let store = home.store(1 << 20);
    for digest in 0..20 {
        put(&store, digest, 1000, None);
    }
    drop(store);
    damage(&home.file());
    let store = home.store(1 << 20);
    let said = reason(&store);
    assert!(said.ends_with("was damaged, and has been emptied"), "{said}");
    assert_eq!(get(&store, 1), None);
    put(&store, 1, 10, None);
    assert!(get(&home.store(1 << 20), 1).is_some());
}

#[test]
fn a_file_that_was_replaced_is_not_used_for_long() {
    let home = Home::new();
    let store = home.store(1 << 20);
    put(&store, 1, 10, None);
    for name in ["store.db", "store.db-wal", "store.db-shm"] {
        std::fs::remove_file(home.0.join(name)).unwrap();
    }
    let began = Instant::now();
    while get(&store, 1).is_some() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::sleep(Duration::from_millis(10));
    }
    put(&store, 2, 10, None);
    assert!(get(&home.store(1 << 20), 2).is_some());
}
