//! Real Redis servers for tests: started on free ports in folders of their own, ended with the test.

#![allow(dead_code)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// A Redis server.
pub(crate) struct Server {
    pub(crate) port: u16,
    pub(crate) folder: PathBuf,
    options: Vec<String>,
    child: Option<Child>,
}

impl Server {
    /// Starts one, unless there is no such program here.
    pub(crate) fn start(options: &[&str]) -> Option<Self> {
        Self::start_with(|_| options.iter().map(|&option| option.to_owned()).collect())
    }

    /// The same, with options that know the server's folder.
    pub(crate) fn start_with(options: impl FnOnce(&Path) -> Vec<String>) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        if Command::new("redis-server")
            .arg("--version")
            .stdout(Stdio::null())
            .status()
            .is_err()
        {
            println!("skipped: there is no redis-server");
            return None;
        }
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("cladding-redis-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let options = options(&folder);
        let mut server = Self {
            port: free_port(),
            folder,
            options,
            child: None,
        };
        server.resume();
        Some(server)
    }

    /// Starts it again, on the same port.
    pub(crate) fn resume(&mut self) {
        let child = Command::new("redis-server")
            .args([
                "--port",
                &self.port.to_string(),
                "--save",
                "",
                "--enable-debug-command",
                "yes",
            ])
            .args(["--bind", "127.0.0.1", "--dir"])
            .arg(&self.folder)
            .args(&self.options)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        self.child = Some(child);
        // It answers when all that it listens on is there.
        wait_for("the server", || {
            let Ok(mut stream) = TcpStream::connect(("127.0.0.1", self.port)) else {
                return false;
            };
            stream.write_all(b"PING\r\n").is_ok() && stream.read(&mut [0]).is_ok_and(|count| count == 1)
        });
    }

    /// Ends it.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops it without ending it, as a machine does that has no time.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let id = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().unwrap().success());
    }

    /// The answer to a command, as text.
    pub(crate) fn ask(&self, words: &[&str]) -> String {
        let port = self.port.to_string();
        let output = Command::new("redis-cli")
            .args(["-p", &port])
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A port that nobody listens on.
pub(crate) fn free_port() -> u16 {
    // A cluster's servers talk on a port 10,000 higher.
    loop {
        let port = TcpListener::bind(("127.0.0.1", 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        if port < 55_000 {
            return port;
        }
    }
}

/// Waits until something is so.
pub(crate) fn wait_for(what: &str, mut so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what} has not come");
        thread::sleep(Duration::from_millis(2));
    }
}
