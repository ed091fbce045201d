//! The file under several processes, some of which are killed or stopped. A process is this program again, in a role.
#![cfg(unix)]

mod any_store;

use std::io::{BufRead, BufReader, Lines, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use any_store::{Folder, key, soon};
use cladding_stores::{Begun, Front, Key, Op, Reply, Store, Token, Trouble};
use rustix::process::{Pid, Signal, kill_process};

const ROLE: &str = "CLADDING_STORES_ROLE";
const URL: &str = "CLADDING_STORES_URL";

/// A process in a role, and what it says.
struct Actor {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Actor {
    fn new(role: &str, url: &str) -> Self {
        Self::by(&mut Command::new(std::env::current_exe().unwrap()), role, url)
    }

    fn by(command: &mut Command, role: &str, url: &str) -> Self {
        let mut child = command
            .args(["--exact", "act", "--nocapture"])
            .env(ROLE, role)
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next thing it says; `None` when it has ended.
    fn hear(&mut self) -> Option<String> {
        self.lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| line.strip_prefix("says ").map(str::to_owned))
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it, and gives what it had said.
    fn killed(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let mut said = Vec::new();
        while let Some(line) = self.hear() {
            said.push(line);
        }
        self.child.wait().unwrap();
        said
    }
}

fn say(what: impl std::fmt::Display) {
    let mut out = std::io::stdout().lock();
    // In one write, so that what was said is whole; from a line's beginning, as the harness writes too.
    out.write_all(format!("\nsays {what}\n").as_bytes()).unwrap();
    out.flush().unwrap();
}

fn content(number: u128) -> Vec<u8> {
    let size = if number.is_multiple_of(5) { 50_000 } else { 100 };
    number.to_be_bytes().into_iter().cycle().take(size).collect()
}

const SPACE: &str = "module:function";

/// What a process does that was started by a test.
#[test]
fn act() {
    let (Ok(role), Ok(url)) = (std::env::var(ROLE), std::env::var(URL)) else {
        return;
    };
    let store = cladding_stores::open(&url).unwrap();
    match role.split_once(' ').unwrap_or((&role, "")) {
        ("write", from) => {
            let from: u128 = from.parse().unwrap();
            for number in from.. {
                store
                    .put(&key(SPACE, number), &content(number), None, &["tag".into()], soon())
                    .unwrap();
                say(number);
            }
        }
        ("call", _) => say(String::from_utf8(call(&store)).unwrap()),
        ("hang", _) => {
            let front = Front::open(&url).unwrap();
            let op = Op::Begin {
                key: key(SPACE, 1),
                lease: Duration::from_secs(3),
                old: None,
            };
            let Reply::Begun(Begun::Leads(_)) = front.do_now(&op, Duration::from_secs(5)).unwrap() else {
                panic!("nobody else is there")
            };
            say("leads");
            thread::sleep(Duration::from_secs(60));
        }
        ("hold", path) => {
            let connection = rusqlite::Connection::open(path).unwrap();
            connection.execute_batch("begin immediate; delete from leases").unwrap();
            say("holds");
            thread::sleep(Duration::from_secs(60));
        }
        ("fill", _) => {
            let mut number = 0;
            let trouble = loop {
                match store.put(&key(SPACE, number), &vec![1; 60_000], None, &[], soon()) {
                    Ok(()) => number += 1,
                    Err(trouble) => break trouble,
                }
            };
            assert!(number > 5 && number < 200, "{number}");
            assert!(matches!(trouble, Trouble::Refused(_)), "{trouble:?}");
            for written in 0..number {
                let records = store.get(&[key(SPACE, written)], false, soon()).unwrap();
                assert_eq!(records[0].as_ref().unwrap().body, vec![1; 60_000]);
            }
            sound(url.strip_prefix("file://").unwrap().split('?').next().unwrap());
            say("refused");
        }
        _ => panic!("no such role: {role}"),
    }
}

/// A call of a cached function: found, or computed by one.
fn call(store: &Arc<dyn Store>) -> Vec<u8> {
    let key = key(SPACE, 1);
    loop {
        match store.begin(&key, Duration::from_secs(20), None, soon()).unwrap() {
            Begun::Found(record) => return record.body,
            Begun::Busy(_) => thread::sleep(Duration::from_millis(2)),
            Begun::Leads(token) => {
                say("computes");
                thread::sleep(Duration::from_millis(100));
                let body = format!("by {}", std::process::id()).into_bytes();
                assert!(store.finish(&key, token, &body, None, &[], soon()).unwrap());
                return body;
            }
        }
    }
}

fn sound(path: &str) {
    let connection = rusqlite::Connection::open(path).unwrap();
    let verdict: String = connection
        .query_row("pragma integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let (records, tagged): (i64, i64) = connection
        .query_row(
            "select (select count(*) from records where tagged), (select count(distinct record) from tags)",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(records, tagged, "what belongs together is there together");
}

#[test]
fn writers_that_are_killed_lose_nothing_that_was_acknowledged() {
    let folder = Folder::new();
    let url = folder.url("store.db");
    let mut acknowledged: Vec<u128> = Vec::new();
    for round in 0..12_u128 {
        let mut writers: Vec<Actor> = (0..2)
            .map(|which| Actor::new(&format!("write {}", (round * 2 + which) << 32), &url))
            .collect();
        // Killed in the middle of what they do, at another moment in each round.
        for writer in &mut writers {
            acknowledged.push(writer.hear().unwrap().parse().unwrap());
        }
        thread::sleep(Duration::from_micros(700 * round as u64));
        for writer in writers {
            acknowledged.extend(writer.killed().iter().map(|line| line.parse::<u128>().unwrap()));
        }
        sound(&format!("{}/store.db", folder.0.display()));
        let store = cladding_stores::open(&url).unwrap();
        for &number in &acknowledged {
            let records = store.get(&[key(SPACE, number)], false, soon()).unwrap();
            assert_eq!(
                records[0].as_ref().map(|record| &record.body),
                Some(&content(number)),
                "round {round}"
            );
        }
    }
}

#[test]
fn writers_that_are_killed_while_they_make_room_leave_it_sound_and_within_its_bound() {
    let folder = Folder::new();
    let url = folder.url("store.db?max_bytes=1MiB");
    let path = format!("{}/store.db", folder.0.display());
    for round in 0..8_u128 {
        let mut writers: Vec<Actor> = (0..2)
            .map(|which| Actor::new(&format!("write {}", (round * 2 + which) << 32), &url))
            .collect();
        // So many that there is no room for all of them.
        for writer in &mut writers {
            for _ in 0..60 {
                writer.hear().unwrap();
            }
        }
        thread::sleep(Duration::from_micros(900 * round as u64));
        for writer in writers {
            writer.killed();
        }
        sound(&path);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!(size < (1 << 20) + (256 << 10), "{size}");
    }
}

#[test]
fn of_eight_processes_one_computes() {
    let folder = Folder::new();
    let actors: Vec<Actor> = (0..8).map(|_| Actor::new("call", &folder.url("store.db"))).collect();
    let mut computed = 0;
    let mut results = Vec::new();
    for mut actor in actors {
        while let Some(line) = actor.hear() {
            if line == "computes" {
                computed += 1;
            } else {
                results.push(line);
            }
        }
        assert!(actor.child.wait().unwrap().success());
    }
    assert_eq!(computed, 1);
    assert_eq!(results.len(), 8);
    assert!(results.iter().all(|result| *result == results[0]), "{results:?}");
}

#[test]
fn a_leader_that_is_killed_is_followed_by_one() {
    let folder = Folder::new();
    let url = folder.url("store.db");
    let mut leader = Actor::new("hang", &url);
    assert_eq!(leader.hear().as_deref(), Some("leads"));
    let store = cladding_stores::open(&url).unwrap();
    let lease = Duration::from_secs(3);
    let begin = |store: &Arc<dyn Store>| store.begin(&key(SPACE, 1), lease, None, soon()).unwrap();
    assert!(matches!(begin(&store), Begun::Busy(_)));
    leader.killed();
    let died = Instant::now();
    let leaders: Vec<Token> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let store = cladding_stores::open(&url).unwrap();
                    while died.elapsed() < lease {
                        if let Begun::Leads(token) = begin(&store) {
                            return Some(token);
                        }
                        thread::sleep(Duration::from_millis(20));
                    }
                    None
                })
            })
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert_eq!(leaders.len(), 1);
}

#[test]
fn a_lease_is_renewed_while_its_holder_lives() {
    let folder = Folder::new();
    let url = folder.url("store.db");
    let mut leader = Actor::new("hang", &url);
    assert_eq!(leader.hear().as_deref(), Some("leads"));
    let store = cladding_stores::open(&url).unwrap();
    let until = Instant::now() + Duration::from_millis(4500);
    while Instant::now() < until {
        let begun = store.begin(&key(SPACE, 1), Duration::from_secs(3), None, soon());
        assert!(matches!(begun, Ok(Begun::Busy(_))), "{begun:?}");
        thread::sleep(Duration::from_millis(50));
    }
    leader.killed();
}

#[test]
fn nobody_waits_longer_than_the_limit_for_one_that_holds_the_file() {
    let folder = Folder::new();
    let url = folder.url("store.db");
    let store = cladding_stores::open(&url).unwrap();
    store.put(&key(SPACE, 1), b"before", None, &[], soon()).unwrap();
    let mut holder = Actor::new(&format!("hold {}/store.db", folder.0.display()), &url);
    assert_eq!(holder.hear().as_deref(), Some("holds"));
    holder.signal(Signal::STOP);
    let limit = Duration::from_millis(200);
    let within = |work: &dyn Fn(cladding_stores::Limit) -> Option<Trouble>| {
        let began = Instant::now();
        let trouble = work(cladding_stores::Limit(began + limit));
        assert!(matches!(trouble, Some(Trouble::Down(_))), "{trouble:?}");
        assert!(began.elapsed() >= limit && began.elapsed() < limit + Duration::from_secs(2));
    };
    let one = key(SPACE, 1);
    within(&|limit| store.put(&one, b"after", None, &[], limit).err());
    within(&|limit| store.remove(&one, limit).err());
    within(&|limit| store.clear(&one.space, limit).err());
    within(&|limit| store.begin(&key(SPACE, 2), limit_of_lease(), None, limit).err());
    within(&|limit| store.release(&one, Token(1), limit).err());
    within(&|limit| store.renew(&[(one.clone(), Token(1))], limit_of_lease(), limit).err());
    // Readers are in nobody's way.
    let read = |key: &Key| store.get(std::slice::from_ref(key), false, soon()).unwrap()[0].clone();
    assert_eq!(read(&one).unwrap().body, b"before");
    assert!(matches!(
        store.begin(&one, limit_of_lease(), None, soon()),
        Ok(Begun::Found(_))
    ));
    holder.killed();
    store.put(&one, b"after", None, &[], soon()).unwrap();
    assert_eq!(read(&one).unwrap().body, b"after");
}

fn limit_of_lease() -> Duration {
    Duration::from_secs(10)
}

#[test]
fn a_writer_that_is_stopped_anywhere_holds_nobody_for_longer_than_the_limit() {
    let folder = Folder::new();
    let url = folder.url("store.db");
    let store = cladding_stores::open(&url).unwrap();
    let mut writer = Actor::new("write 0", &url);
    writer.hear().unwrap();
    let limit = Duration::from_millis(100);
    for round in 0..25_u64 {
        writer.signal(Signal::STOP);
        let began = Instant::now();
        let put = store.put(&key("other", 1), b"x", None, &[], cladding_stores::Limit(began + limit));
        assert!(began.elapsed() < limit + Duration::from_secs(2), "{put:?}");
        assert!(matches!(put, Ok(()) | Err(Trouble::Down(_))), "{put:?}");
        let read = store
            .get(&[key(SPACE, 0)], false, cladding_stores::Limit::within(limit))
            .unwrap();
        assert_eq!(read[0].as_ref().unwrap().body, content(0));
        writer.signal(Signal::CONT);
        thread::sleep(Duration::from_micros(130 * round));
    }
    writer.killed();
    sound(&format!("{}/store.db", folder.0.display()));
}

#[test]
fn a_full_disk_refuses_and_breaks_nothing() {
    let folder = Folder::new();
    let mount = format!(
        "mount -t tmpfs -o size=3m store {0} 2>/dev/null && exec \"$0\" \"$@\"; echo 'says cannot be mounted'",
        folder.0.display()
    );
    let mut command = Command::new("unshare");
    command
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &mount])
        .arg(std::env::current_exe().unwrap());
    let mut actor = Actor::by(&mut command, "fill", &folder.url("store.db"));
    match actor.hear().as_deref() {
        Some("refused") => assert!(actor.child.wait().unwrap().success()),
        Some("cannot be mounted") | None if !actor.child.wait().unwrap().success() => {
            panic!("the process that fills the disk has failed")
        }
        said => eprintln!("no disk could be made for this test: {said:?}"),
    }
}
