//! A store as a process uses it: rests, leases, work in the background.

mod any_store;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use any_store::memory::Memory;
use any_store::{Folder, key};
use cladding_stores::{Begun, Front, Key, News, Op, Reply, Store, Token, Trouble};

const LIMIT: Duration = Duration::from_secs(20);

fn front() -> (Arc<Memory>, Arc<Front>) {
    let memory = Arc::new(Memory::default());
    let store: Arc<dyn Store> = memory.clone();
    (memory, Front::over(store, "test://".to_owned()))
}

fn get(digest: u128) -> Op {
    Op::Get {
        key: key("s", digest),
        lives: false,
    }
}

fn put(digest: u128, body: &[u8]) -> Op {
    Op::Put {
        key: key("s", digest),
        body: body.to_vec(),
        life: None,
        tags: Vec::new(),
    }
}

fn begin(digest: u128, lease: Duration) -> Op {
    Op::Begin {
        key: key("s", digest),
        lease,
        old: None,
    }
}

fn lead(front: &Front, digest: u128, lease: Duration) -> Token {
    match front.do_now(&begin(digest, lease), LIMIT) {
        Ok(Reply::Begun(Begun::Leads(token))) => token,
        other => panic!("{other:?}"),
    }
}

fn down() -> Trouble {
    Trouble::Down("pulled out".to_owned())
}

/// Waits for what must come.
fn until(mut come: impl FnMut() -> bool) {
    let began = Instant::now();
    while !come() {
        assert!(began.elapsed() < Duration::from_secs(20), "it has not come");
        thread::sleep(Duration::from_millis(1));
    }
}

fn submit(front: &Front, op: Op) -> Receiver<Result<Reply, Trouble>> {
    let (sender, receiver) = channel();
    let done = Box::new(move |outcome| sender.send(outcome).unwrap());
    front.submit(op, LIMIT, done).unwrap();
    receiver
}

#[test]
fn it_rests_after_a_failure_and_recovers_by_itself() {
    let (memory, front) = front();
    assert!(front.do_now(&get(1), LIMIT).is_ok());
    assert_eq!(front.news(), None);
    memory.fail(Some(down()));
    assert_eq!(front.do_now(&get(1), LIMIT), Err(down()));
    let calls = memory.calls.load(Ordering::SeqCst);
    let resting: Vec<_> = (0..50).map(|_| front.do_now(&get(1), LIMIT)).collect();
    let state = front.state();
    assert_eq!(state.outages, 1);
    if state.rests.is_some_and(|left| left > Duration::ZERO) {
        assert!(resting.iter().all(|outcome| *outcome == Err(Trouble::Resting)));
        assert_eq!(state.skipped, 50);
        assert_eq!(memory.calls.load(Ordering::SeqCst), calls);
    }
    assert_eq!(front.news(), Some(News::Failed("pulled out".to_owned())));
    // It goes on failing, which is not said again.
    until(|| front.do_now(&get(1), LIMIT) == Err(down()));
    assert_eq!(front.news(), None);
    memory.fail(None);
    until(|| front.do_now(&get(1), LIMIT).is_ok());
    assert_eq!(front.news(), Some(News::Recovered));
    assert_eq!(front.news(), None);
    assert_eq!(front.state().rests, None);
    assert!(front.state().outages == 1 && front.state().failures >= 2);
}

#[test]
fn a_users_wish_is_tried_while_it_rests() {
    let (memory, front) = front();
    memory.fail(Some(down()));
    for _ in 0..3 {
        assert_eq!(front.do_now(&put(1, b"x"), LIMIT), Err(down()));
    }
    assert_eq!(front.state().outages, 1);
    memory.fail(None);
    assert_eq!(front.do_now(&put(1, b"x"), LIMIT), Ok(Reply::Done));
    assert_eq!(front.state().rests, None, "an answer ends the rest");
}

#[test]
fn a_refusal_is_no_failure_and_is_said_once() {
    let (memory, front) = front();
    memory.fail(Some(Trouble::Refused("full".to_owned())));
    for _ in 0..3 {
        assert!(matches!(front.do_now(&put(1, b"x"), LIMIT), Err(Trouble::Refused(_))));
    }
    assert_eq!(front.news(), Some(News::Refused("full".to_owned())));
    assert_eq!(front.news(), None);
    assert_eq!(
        (front.state().refusals, front.state().outages, front.state().rests),
        (3, 0, None)
    );
    memory.fail(None);
    front.do_now(&put(1, b"x"), LIMIT).unwrap();
    memory.fail(Some(Trouble::Refused("full again".to_owned())));
    let _ = front.do_now(&put(1, b"x"), LIMIT);
    assert_eq!(front.news(), Some(News::Refused("full again".to_owned())));
}

#[test]
fn a_store_that_panics_is_down() {
    let (memory, front) = front();
    memory.panic_at_calls(true);
    assert!(matches!(front.do_now(&get(1), LIMIT), Err(Trouble::Down(_))));
    memory.panic_at_calls(false);
    until(|| front.do_now(&get(1), LIMIT).is_ok());
}

#[test]
fn a_lease_is_renewed_until_it_is_ended() {
    let (memory, front) = front();
    let lease = Duration::from_millis(900);
    let (first, second) = (lead(&front, 1, lease), lead(&front, 2, lease));
    until(|| memory.renewals.load(Ordering::SeqCst) > 7);
    let busy = front.do_now(&begin(1, lease), LIMIT);
    assert!(matches!(busy, Ok(Reply::Begun(Begun::Busy(_)))), "{busy:?}");
    let finish = Op::Finish {
        key: key("s", 1),
        token: first,
        body: b"x".to_vec(),
        life: None,
        tags: Vec::new(),
    };
    assert_eq!(front.do_now(&finish, LIMIT), Ok(Reply::Kept(true)));
    // Whatever comes of the ending: here it does not even reach the store.
    memory.fail(Some(down()));
    let _ = front.do_now(&get(9), LIMIT);
    let release = Op::Release {
        key: key("s", 2),
        token: second,
    };
    let _ = front.do_now(&release, LIMIT);
    memory.fail(None);
    until(|| {
        front
            .do_now(&begin(2, lease), LIMIT)
            .is_ok_and(|reply| matches!(reply, Reply::Begun(Begun::Leads(_))))
    });
}

#[test]
fn a_lease_that_is_lost_is_let_go() {
    let (memory, front) = front();
    let lease = Duration::from_millis(30);
    let token = lead(&front, 1, lease);
    memory.lose_leases();
    until(|| memory.renewals.load(Ordering::SeqCst) > 0);
    let renewals = memory.renewals.load(Ordering::SeqCst);
    lead(&front, 2, Duration::from_secs(60));
    thread::sleep(lease);
    assert!(memory.renewals.load(Ordering::SeqCst) <= renewals + 1);
    let finish = Op::Finish {
        key: key("s", 1),
        token,
        body: b"x".to_vec(),
        life: None,
        tags: Vec::new(),
    };
    assert_eq!(front.do_now(&finish, LIMIT), Ok(Reply::Kept(false)));
}

#[test]
fn reads_that_wait_together_are_one_exchange() {
    let (memory, front) = front();
    for digest in 0..100 {
        front.do_now(&put(digest, &[digest as u8]), LIMIT).unwrap();
    }
    memory.shut(true);
    let replies: Vec<_> = (0..100).map(|digest| submit(&front, get(digest))).collect();
    memory.shut(false);
    for (digest, reply) in replies.into_iter().enumerate() {
        match reply.recv().unwrap() {
            Ok(Reply::Record(Some(record))) => assert_eq!(record.body, [digest as u8]),
            other => panic!("{other:?}"),
        }
    }
    let batches = memory.batches.lock().unwrap().clone();
    assert!(batches.len() <= 5, "{batches:?}");
    assert_eq!(batches.iter().sum::<usize>(), 100);
}

#[test]
fn the_order_on_a_record_is_kept() {
    let (memory, front) = front();
    memory.shut(true);
    let mut replies = Vec::new();
    for round in 0..50_u8 {
        for digest in 0..4 {
            replies.push((None, submit(&front, put(digest, &[round]))));
            replies.push((Some(round), submit(&front, get(digest))));
        }
        if round.is_multiple_of(10) {
            let space = Arc::from("s");
            replies.push((None, submit(&front, Op::Clear { space })));
        }
    }
    memory.shut(false);
    for (expected, reply) in replies {
        match (expected, reply.recv().unwrap()) {
            (None, Ok(Reply::Done | Reply::Count(4))) => {}
            (Some(round), Ok(Reply::Record(Some(record)))) => assert_eq!(record.body, [round]),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_is_submitted_is_answered_once_and_flushed() {
    let (memory, front) = front();
    let answers = Arc::new(AtomicUsize::new(0));
    memory.shut(true);
    for digest in 0..20 {
        let answers = Arc::clone(&answers);
        let done = Box::new(move |_| {
            answers.fetch_add(1, Ordering::SeqCst);
            assert_ne!(digest, 7, "a panic of one disturbs nobody else");
        });
        front.submit(put(digest, b"x"), LIMIT, done).unwrap();
    }
    assert!(!front.flush(Duration::from_millis(5)));
    memory.shut(false);
    assert!(front.flush(LIMIT));
    assert_eq!(answers.load(Ordering::SeqCst), 20);
    assert_eq!(memory.written.lock().unwrap().len(), 20);
}

#[test]
fn too_much_at_once_is_refused() {
    let (memory, front) = front();
    memory.shut(true);
    let answers = Arc::new(AtomicUsize::new(0));
    let mut accepted = 0;
    let trouble = loop {
        let answers = Arc::clone(&answers);
        let done = Box::new(move |_| {
            answers.fetch_add(1, Ordering::SeqCst);
        });
        match front.submit(get(accepted), LIMIT, done) {
            Ok(()) => accepted += 1,
            Err(trouble) => break trouble,
        }
    };
    assert!(matches!(trouble, Trouble::Refused(_)));
    assert!((10_000..=10_300).contains(&accepted), "{accepted}");
    memory.shut(false);
    assert!(front.flush(LIMIT));
    assert_eq!(answers.load(Ordering::SeqCst) as u128, accepted);
}

#[test]
fn while_it_rests_nothing_is_taken_on() {
    let (memory, front) = front();
    memory.fail(Some(down()));
    until(|| {
        let _ = front.do_now(&get(1), LIMIT);
        front.state().rests > Some(Duration::from_secs(1))
    });
    let unused = Box::new(|_| panic!("never called"));
    assert_eq!(front.submit(get(1), LIMIT, unused), Err(Trouble::Resting));
    assert_eq!(submit(&front, put(1, b"x")).recv().unwrap(), Err(down()));
}

#[test]
fn one_whose_time_is_over_in_the_queue_is_not_tried() {
    let (memory, front) = front();
    memory.shut(true);
    let slow: Vec<_> = (0..2).map(|digest| submit(&front, put(digest, b"slow"))).collect();
    let outcome = Arc::new(Mutex::new(None));
    let seen = Arc::clone(&outcome);
    let done = Box::new(move |outcome| *seen.lock().unwrap() = Some(outcome));
    let late = Duration::from_millis(20);
    until(|| memory.calls.load(Ordering::SeqCst) == 2);
    front.submit(put(2, b"late"), late, done).unwrap();
    thread::sleep(late);
    memory.shut(false);
    assert!(front.flush(LIMIT));
    assert!(slow.iter().all(|reply| reply.recv().unwrap() == Ok(Reply::Done)));
    assert!(matches!(*outcome.lock().unwrap(), Some(Err(Trouble::Down(_)))));
    assert_eq!(memory.written.lock().unwrap().len(), 2);
    assert_eq!(front.state().rests, None, "that was not the store's fault");
}

#[test]
fn many_threads_find_what_they_have_put() {
    let folder = Folder::new();
    let front = Front::open(&folder.url("store.db")).unwrap();
    thread::scope(|scope| {
        for thread in 0..8_u128 {
            let front = &front;
            scope.spawn(move || {
                for round in 0..50 {
                    let digest = thread * 1000 + round;
                    front.do_now(&put(digest, &digest.to_be_bytes()), LIMIT).unwrap();
                    let reply = submit(front, get(digest)).recv().unwrap();
                    let Ok(Reply::Record(Some(record))) = reply else {
                        panic!("{reply:?}")
                    };
                    assert_eq!(record.body, digest.to_be_bytes());
                }
            });
        }
    });
    assert_eq!(front.state().failures, 0);
}

#[cfg(target_os = "linux")]
#[test]
fn nothing_is_open_while_the_process_forks() {
    let folder = Folder::new();
    let front = Front::open(&folder.url("store.db")).unwrap();
    let open = || {
        std::fs::read_dir("/proc/self/fd")
            .unwrap()
            .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok())
            .filter(|file| file.starts_with(&folder.0))
            .count()
    };
    let stop = AtomicBool::new(false);
    let rounds = AtomicUsize::new(0);
    thread::scope(|scope| {
        for digest in 0..4 {
            let (front, stop, rounds) = (&front, &stop, &rounds);
            scope.spawn(move || {
                while !stop.load(Ordering::SeqCst) {
                    front.do_now(&put(digest, b"x"), LIMIT).unwrap();
                    rounds.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for _ in 0..20 {
            let before = rounds.load(Ordering::SeqCst);
            until(|| rounds.load(Ordering::SeqCst) > before);
            Front::all_forking();
            assert_eq!(open(), 0);
            Front::all_fork_over();
        }
        stop.store(true, Ordering::SeqCst);
    });
    assert!(open() > 0);
    front.forked();
    assert_eq!(front.state().failures, 0);
    assert!(
        front.do_now(&get(1), LIMIT).is_ok(),
        "without effect in the process that has forked"
    );
}

#[test]
fn one_url_has_one_front_while_somebody_holds_it() {
    let folder = Folder::new();
    let url = folder.url("a%20b.db");
    let fronts: Vec<_> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| Front::open(&url).unwrap())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(fronts.iter().all(|front| Arc::ptr_eq(front, &fronts[0])));
    assert!(!Arc::ptr_eq(
        &fronts[0],
        &Front::open(&format!("{url}?max_bytes=5MB")).unwrap()
    ));
    assert!(fronts[0].shown_url().ends_with("/a b.db"));
    let weak = Arc::downgrade(&fronts[0]);
    drop(fronts);
    assert!(weak.upgrade().is_none());
    let op = Op::Get {
        key: Key {
            space: Arc::from("s"),
            digest: 1,
        },
        lives: true,
    };
    assert_eq!(Front::open(&url).unwrap().do_now(&op, LIMIT), Ok(Reply::Record(None)));
}

#[test]
fn what_is_wrong_with_a_url_is_said_without_its_password() {
    for url in [
        "redsi://me:hidden@host/0",
        "redsi://:hid/den@host",
        "redsi://me:hid@den@host?hidden",
        "hidden",
        "memory://:hidden@x",
        "redsi://host/0?password=hidden",
    ] {
        let error = Front::open(url).err().unwrap();
        assert!(error.contains("redis://") && error.contains("file://"), "{error}");
        assert!(!error.contains("hid") && !error.contains("den"), "{error}");
    }
    for (url, part) in [
        ("file://", "must name a file"),
        ("file:///var/", "must name a file"),
        ("file:///var/x%0", "percent"),
        ("file:///var/x?max_bytes=-1", "max_bytes"),
        ("file:///var/x?max_bytes=1000", "max_bytes"),
        ("file:///var/x?max_bytes=99999999999999999999TiB", "max_bytes"),
        ("file:///var/x?mode=ro", "unknown parameter \"mode\""),
    ] {
        let error = Front::open(url).err().unwrap();
        assert!(error.contains(part), "{error}");
    }
}
