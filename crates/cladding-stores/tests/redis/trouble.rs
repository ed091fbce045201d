//! Servers that are away, slow, full, or not what they should be.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use cladding_stores::{Begun, Limit, RedisStore, Store, Trouble};

use super::common::{Server, free_port};
use super::{begin, body, finish, fresh, get, key, lead, put, soon, space};

/// How long an operation may take here, and how much later it may be noticed on a busy machine.
const SHORT: Duration = Duration::from_millis(200);
const SLACK: Duration = Duration::from_millis(1500);

fn ends_in_time<T>(run: impl FnOnce(Limit) -> Result<T, Trouble>) -> Result<T, Trouble> {
    let begun = Instant::now();
    let done = run(Limit::within(SHORT));
    assert!(begun.elapsed() < SHORT + SLACK, "{:?}", begun.elapsed());
    done
}

fn is_down<T>(done: &Result<T, Trouble>) -> bool {
    matches!(done, Err(Trouble::Down(_)))
}

fn is_refused<T>(done: &Result<T, Trouble>) -> bool {
    matches!(done, Err(Trouble::Refused(_)))
}

#[test]
fn nobody_there_is_down() {
    for url in [
        format!("redis://127.0.0.1:{}", free_port()),
        format!("redis://:secret@localhost:{}", free_port()),
        "redis://no-such-host.invalid".into(),
        "redis+unix:///no/such/socket".into(),
        format!("redis+cluster://127.0.0.1:{},[::1]:{}", free_port(), free_port()),
    ] {
        let store = RedisStore::open(&url).unwrap();
        assert!(
            is_down(&ends_in_time(|limit| store.get(&[key("s", 1)], false, limit))),
            "{url}"
        );
        assert!(is_down(&ends_in_time(|limit| store.clear(&space("s"), limit))), "{url}");
    }
}

#[test]
fn a_server_that_was_restarted_is_not_noticed() {
    let Some((mut server, store)) = fresh() else { return };
    let barrier = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                barrier.wait();
                put(&store, &key("s", 1), b"x", &[]);
            });
        }
    });
    let token = lead(&store, &key("s", 2));
    server.stop();
    assert!(is_down(&ends_in_time(|limit| store.get(&[key("s", 1)], false, limit))));
    server.resume();
    for _ in 0..4 {
        assert_eq!(get(&store, &key("s", 1)), None);
    }
    assert!(!finish(&store, &key("s", 2), token, b"x"));
    put(&store, &key("s", 1), b"y", &[]);
    server.stop();
    server.resume();
    assert!(matches!(begin(&store, &key("s", 1)), Begun::Leads(_)));
}

#[test]
fn a_server_that_stands_still_keeps_nobody() {
    let Some((server, store)) = fresh() else { return };
    put(&store, &key("s", 1), b"one", &[]);
    put(&store, &key("s", 2), b"two", &[]);
    server.pause();
    let keys = [key("s", 1)];
    let tags = ["t".into()];
    let large = vec![0; 20_000_000];
    assert!(is_down(&ends_in_time(|limit| store.get(&keys, false, limit))));
    assert!(is_down(
        &ends_in_time(|limit| store.begin(&keys[0], SHORT, None, limit))
    ));
    assert!(is_down(&ends_in_time(
        |limit| store.put(&keys[0], &large, None, &tags, limit)
    )));
    assert!(is_down(&ends_in_time(|limit| store.remove_tagged(
        &space("s"),
        "t",
        limit
    ))));
    // Logging in is an exchange too.
    let guarded = RedisStore::open(&format!("redis://:secret@127.0.0.1:{}/1", server.port)).unwrap();
    assert!(is_down(&ends_in_time(|limit| guarded.get(&keys, false, limit))));
    server.go_on();
    assert_eq!(
        body(&store, &key("s", 2)).unwrap(),
        b"two",
        "a late answer was taken for another's"
    );
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"one");
}

#[test]
fn a_full_server_refuses_to_write_and_still_reads_and_removes() {
    let Some((server, store)) = fresh() else { return };
    put(&store, &key("s", 1), b"x", &["t"]);
    let token = lead(&store, &key("s", 2));
    let lost = lead(&store, &key("s", 3));
    server.ask(&["CONFIG", "SET", "maxmemory", "1"]);
    assert!(is_refused(&store.put(&key("s", 4), b"x", None, &[], soon())));
    assert!(is_refused(&store.put(&key("s", 4), b"x", None, &["t".into()], soon())));
    assert!(is_refused(&store.begin(&key("s", 4), SHORT, None, soon())));
    assert!(is_refused(&store.finish(&key("s", 2), token, b"x", None, &[], soon())));
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    assert_eq!(store.renew(&[(key("s", 3), lost)], SHORT, soon()).unwrap(), [true]);
    store.release(&key("s", 3), lost, soon()).unwrap();
    assert_eq!(store.remove_tagged(&space("s"), "t", soon()).unwrap(), 1);
    server.ask(&["CONFIG", "SET", "maxmemory", "0"]);
    assert!(
        matches!(begin(&store, &key("s", 2)), Begun::Leads(_)),
        "the lease outlived the refusal"
    );
    assert!(matches!(begin(&store, &key("s", 3)), Begun::Leads(_)));
}

#[test]
fn a_replica_refuses_to_write() {
    let Some((server, store)) = fresh() else { return };
    put(&store, &key("s", 1), b"x", &[]);
    server.ask(&["REPLICAOF", "127.0.0.1", "1"]);
    let before = clients(&server);
    let done = store.put(&key("s", 1), b"y", None, &[], soon());
    assert!(is_refused(&done), "{done:?}");
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    assert_ne!(clients(&server), before, "the name may lead to another server by now");
    server.ask(&["REPLICAOF", "NO", "ONE"]);
    put(&store, &key("s", 1), b"y", &[]);
}

#[test]
fn passwords_are_asked_for_and_never_shown() {
    let Some(server) = Server::start(&["--requirepass", "right-secret"]) else {
        return;
    };
    let at = |login: &str| RedisStore::open(&format!("redis://{login}127.0.0.1:{}/3", server.port)).unwrap();
    let keys = [key("s", 1)];
    put(&at(":right-secret@"), &keys[0], b"x", &[]);
    assert_eq!(body(&at("default:right-secret@"), &keys[0]).unwrap(), b"x");
    for login in ["", ":wrong-secret@", "nobody:wrong-secret@"] {
        let store = at(login);
        let done = store.get(&keys, false, soon());
        assert!(is_refused(&done), "{done:?}");
        assert!(!format!("{done:?} {store:?}").contains("secret"), "{done:?}");
    }
    let asks = RedisStore::open(&format!("redis://:right-secret@127.0.0.1:{}/99", server.port)).unwrap();
    assert!(is_refused(&asks.get(&keys, false, soon())));
}

#[test]
fn callers_wait_for_one_of_a_bounded_number_of_connections() {
    let Some((server, store)) = fresh() else { return };
    put(&store, &key("s", 1), b"x", &[]);
    server.pause();
    thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x"));
        }
        thread::sleep(Duration::from_millis(100));
        server.go_on();
    });
    let clients = server.ask(&["CLIENT", "LIST"]).lines().count();
    assert!((10..=65).contains(&clients), "{clients}");
}

/// Listens, and does something with each connection, having read something.
fn impostor(answer: impl Fn(&mut std::net::TcpStream) + Send + 'static) -> RedisStore {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1000]);
            answer(&mut stream);
        }
    });
    RedisStore::open(&format!("redis://:secret-that-is-cut@127.0.0.1:{port}")).unwrap()
}

#[test]
fn what_is_no_redis_is_down_and_keeps_nobody() {
    let keys = [key("s", 1)];
    let web = impostor(|stream| stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap());
    assert!(is_down(&ends_in_time(|limit| web.get(&keys, false, limit))));

    let hasty = impostor(|_| ());
    assert!(is_down(&ends_in_time(|limit| hasty.get(&keys, false, limit))));

    let slow = impostor(|stream| {
        stream.write_all(b"+OK\r\n$1000\r\n").unwrap();
        while stream.write_all(b"x").is_ok() {
            thread::sleep(Duration::from_millis(10));
        }
    });
    assert!(is_down(&ends_in_time(|limit| slow.get(&keys, false, limit))));

    let talkative = impostor(|stream| {
        stream
            .write_all(b"-ERR unknown command 'AUTH', with args beginning with: 'secret'\r\n")
            .unwrap();
        let _ = stream.read(&mut [0; 1000]);
    });
    let done = ends_in_time(|limit| talkative.get(&keys, false, limit));
    assert!(is_refused(&done) && !format!("{done:?}").contains("secret"), "{done:?}");
}

/// The connections of a server, but the one that asks.
fn clients(server: &Server) -> Vec<String> {
    let list = server.ask(&["CLIENT", "LIST"]);
    let others = list.lines().filter(|line| !line.contains("cmd=client"));
    others.map(|line| line.split(' ').next().unwrap().to_owned()).collect()
}

#[test]
fn after_a_fork_nothing_of_the_parents_is_used() {
    let Some((server, store)) = fresh() else { return };
    put(&store, &key("s", 1), b"x", &[]);
    let parents = clients(&server);
    assert_eq!(parents.len(), 1);
    store.forked();
    assert_eq!(clients(&server), parents, "the parent's connection was closed");
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    let both = clients(&server);
    assert!(both.len() == 2 && both.contains(&parents[0]), "{both:?}");
    store.forked();
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    assert_eq!(clients(&server).len(), 3);
}
