//! The ways to a server: sockets, TLS, users and databases.

use std::path::Path;
use std::process::Command;

use cladding_stores::{RedisStore, Store, Trouble};

use super::common::{Server, free_port};
use super::watch::watch;
use super::{body, get, key, put, soon};

#[test]
fn a_socket_is_as_good() {
    let options = |folder: &Path| vec!["--unixsocket".into(), folder.join("a b.sock").display().to_string()];
    let Some(server) = Server::start_with(options) else {
        return;
    };
    let url = format!("redis+unix://{}/a%20b.sock?db=1", server.folder.display());
    let store = RedisStore::open(&url).unwrap();
    put(&store, &key("s", 1), b"x", &["t"]);
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    let notes = watch(&store, "s");
    notes.wait_for_listens(&[true]);
    put(&store, &key("s", 1), b"x", &["t"]);
    notes.wait_for(1);
    assert_eq!(server.ask(&["-n", "1", "DBSIZE"]), "2");
}

#[test]
fn databases_are_apart() {
    let Some(server) = Server::start(&[]) else { return };
    let at = |number: u32| RedisStore::open(&format!("{}/{number}", server.url())).unwrap();
    put(&at(5), &key("s", 1), b"x", &[]);
    assert_eq!(get(&at(0), &key("s", 1)), None);
    assert_eq!(body(&at(5), &key("s", 1)).unwrap(), b"x");
}

#[test]
fn users_have_rights() {
    let Some(server) = Server::start(&[]) else { return };
    server.ask(&["ACL", "SETUSER", "reader", "on", ">p@ss", "~cladding*", "+get"]);
    put(&RedisStore::open(&server.url()).unwrap(), &key("s", 1), b"x", &[]);
    let store = RedisStore::open(&format!("redis://reader:p%40ss@localhost:{}", server.port)).unwrap();
    assert_eq!(body(&store, &key("s", 1)).unwrap(), b"x");
    let done = store.put(&key("s", 1), b"y", None, &[], soon());
    assert!(
        matches!(&done, Err(Trouble::Refused(why)) if why.contains("NOPERM")),
        "{done:?}"
    );
}

fn openssl(folder: &Path, words: &str) {
    let output = Command::new("openssl")
        .args(words.split(' '))
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn tls_is_spoken_with_whom_the_certificates_name() {
    let port = free_port();
    let options = |folder: &Path| {
        openssl(
            folder,
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ours -keyout ca.key -out ca.pem",
        );
        openssl(
            folder,
            "req -newkey rsa:2048 -nodes -subj /CN=server -keyout key.pem -out request.pem",
        );
        std::fs::write(folder.join("names"), "subjectAltName=DNS:localhost,IP:127.0.0.1").unwrap();
        openssl(
            folder,
            "x509 -req -in request.pem -CA ca.pem -CAkey ca.key -days 2 -extfile names -out cert.pem",
        );
        let port = port.to_string();
        let words = [
            "--tls-port",
            &port,
            "--tls-cert-file",
            "cert.pem",
            "--tls-key-file",
            "key.pem",
        ];
        let more = ["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", "yes"];
        words.iter().chain(&more).map(|&word| word.into()).collect()
    };
    let Some(server) = Server::start_with(options) else {
        return;
    };
    let folder = server.folder.display();
    let own = format!("cert={folder}/cert.pem&key={folder}/key.pem");
    let large = vec![7; 300_000];
    let mut listening = Vec::new();
    for host in ["localhost", "127.0.0.1"] {
        let store = RedisStore::open(&format!("rediss://{host}:{port}/1?ca={folder}/ca.pem&{own}")).unwrap();
        put(&store, &key("s", 1), &large, &["t"]);
        assert_eq!(body(&store, &key("s", 1)).unwrap(), large);
        let notes = watch(&store, "s");
        notes.wait_for_listens(&[true]);
        put(&store, &key("s", 1), &large, &["t"]);
        notes.wait_for(1);
        listening.push((store, notes));
    }
    let open = |query: String| RedisStore::open(&format!("rediss://localhost:{port}/1?{query}"));
    let anyone = open(format!("insecure=true&{own}")).unwrap();
    assert_eq!(body(&anyone, &key("s", 1)).unwrap(), large);

    for query in [format!("ca={folder}/ca.pem"), own.clone()] {
        let Ok(store) = open(query) else { continue };
        let done = store.get(&[key("s", 1)], false, soon());
        assert!(matches!(done, Err(Trouble::Down(_))), "{done:?}");
    }
    for query in [
        format!("ca={folder}/none.pem"),
        format!("ca={folder}/names"),
        format!("cert={folder}/cert.pem"),
    ] {
        assert!(open(query).is_err());
    }
}
