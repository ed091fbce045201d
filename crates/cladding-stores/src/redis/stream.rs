//! A connection to one server as a stream of bytes, on which nothing takes longer than it may.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
#[cfg(unix)]
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use super::address::Node;
use super::fault::late;
use crate::store::Limit;

/// A stream, encrypted or not.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(Timed),
    Tls(Box<StreamOwned<ClientConnection, Timed>>),
}

impl Stream {
    /// Connects. What is agreed on for encryption is part of the first exchange.
    pub(super) fn connect(node: &Node, tls: Option<&Arc<ClientConfig>>, limit: Limit) -> io::Result<Self> {
        match node {
            Node::Unix(path) => Ok(Self::Plain(Timed::new(connect_unix(path, limit)?, limit))),
            Node::Tcp(host, port) => {
                let stream = connect_tcp(host, *port, limit)?;
                stream.set_nodelay(true)?;
                let timed = Timed::new(Socket::Tcp(stream), limit);
                let Some(config) = tls else {
                    return Ok(Self::Plain(timed));
                };
                let name = ServerName::try_from(host.clone())
                    .map_err(|_| io::Error::new(ErrorKind::InvalidInput, "its name cannot be that of a certificate"))?;
                let client = ClientConnection::new(Arc::clone(config), name).map_err(io::Error::other)?;
                Ok(Self::Tls(Box::new(StreamOwned::new(client, timed))))
            }
        }
    }

    /// Says until when whatever is done next must have ended.
    pub(super) fn until(&mut self, limit: Limit) {
        match self {
            Self::Plain(timed) => timed.limit = limit,
            Self::Tls(stream) => stream.sock.limit = limit,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.read(into),
            Self::Tls(stream) => stream.read(into),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(timed) => timed.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(timed) => timed.flush(),
            Self::Tls(stream) => stream.flush(),
        }
    }
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

/// A socket whose every read and write has what is left of one limit.
#[derive(Debug)]
pub(super) struct Timed {
    socket: Socket,
    limit: Limit,
    /// What the system was told last to wait for a read, and for a write.
    waits: [Duration; 2],
}

impl Timed {
    fn new(socket: Socket, limit: Limit) -> Self {
        Self {
            socket,
            limit,
            waits: [Duration::ZERO; 2],
        }
    }

    /// Lets the next read, or write, wait no longer than is left. It may give up earlier, after at least half of it, which
    /// spares telling the system of a new time at each step.
    fn arm(&mut self, writes: bool) -> io::Result<()> {
        let left = self.limit.left().ok_or_else(late)?;
        let wait = &mut self.waits[usize::from(writes)];
        if *wait > left || *wait < left / 2 {
            let next = (left / 4 * 3).max(left.min(Duration::from_millis(1)));
            match (&self.socket, writes) {
                (Socket::Tcp(stream), false) => stream.set_read_timeout(Some(next)),
                (Socket::Tcp(stream), true) => stream.set_write_timeout(Some(next)),
                #[cfg(unix)]
                (Socket::Unix(stream), false) => stream.set_read_timeout(Some(next)),
                #[cfg(unix)]
                (Socket::Unix(stream), true) => stream.set_write_timeout(Some(next)),
            }?;
            *wait = next;
        }
        Ok(())
    }

    /// Does something until it is done or time is up.
    fn step(&mut self, writes: bool, mut run: impl FnMut(&mut Socket) -> io::Result<usize>) -> io::Result<usize> {
        loop {
            self.arm(writes)?;
            match run(&mut self.socket) {
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
                    ) => {}
                done => return done,
            }
        }
    }
}

impl Read for Timed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.step(false, |socket| match socket {
            Socket::Tcp(stream) => stream.read(into),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.read(into),
        })
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.step(true, |socket| match socket {
            Socket::Tcp(stream) => stream.write(bytes),
            #[cfg(unix)]
            Socket::Unix(stream) => stream.write(bytes),
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn connect_tcp(host: &str, port: u16, limit: Limit) -> io::Result<TcpStream> {
    let addresses = if let Ok(ip) = host.parse::<IpAddr>() {
        vec![SocketAddr::new(ip, port)]
    } else {
        let host = host.to_owned();
        within(limit, move || {
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect::<Vec<_>>)
        })?
    };
    let mut error = io::Error::new(ErrorKind::NotFound, "its name leads nowhere");
    for (index, address) in addresses.iter().enumerate() {
        let share = limit.left().ok_or_else(late)? / (addresses.len() - index) as u32;
        match TcpStream::connect_timeout(address, share.max(Duration::from_micros(1))) {
            Ok(stream) => return Ok(stream),
            Err(other) => error = other,
        }
    }
    Err(error)
}

#[cfg(unix)]
fn connect_unix(path: &Path, limit: Limit) -> io::Result<Socket> {
    let path = path.to_owned();
    within(limit, move || UnixStream::connect(path)).map(Socket::Unix)
}

#[cfg(not(unix))]
fn connect_unix(_: &Path, _: Limit) -> io::Result<Socket> {
    Err(io::Error::new(
        ErrorKind::Unsupported,
        "this system has no such sockets here",
    ))
}

/// Does what the system gives no limit for, on a thread of its own, which is left behind if it takes too long.
fn within<T: Send + 'static>(limit: Limit, run: impl FnOnce() -> io::Result<T> + Send + 'static) -> io::Result<T> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let left = limit.left().ok_or_else(late)?;
    thread::Builder::new()
        .name("cladding-connect".into())
        .spawn(move || sender.send(run()))?;
    receiver.recv_timeout(left).map_err(|_| late())?
}
