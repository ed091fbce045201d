//! One connection to one server, logged in.

use std::io::Write;
use std::sync::Arc;

use rustls::ClientConfig;

use super::address::{Login, Node};
use super::fault::{Answer, Fault};
use super::resp::{Command, Reader, Reply};
use super::stream::Stream;
use crate::store::Limit;

/// What all connections of a store have in common.
#[derive(Debug)]
pub(super) struct Manner {
    pub(super) login: Option<Login>,
    pub(super) database: u32,
    pub(super) tls: Option<Arc<ClientConfig>>,
}

/// A connection on which everything that was asked has been answered.
#[derive(Debug)]
pub(super) struct Connection {
    reader: Reader<Stream>,
}

impl Connection {
    /// Connects and logs in. In version 3 of the protocol (`pushes`) the server may say something unasked.
    pub(super) fn open(node: &Node, manner: &Manner, pushes: bool, limit: Limit) -> Result<Self, Fault> {
        let mut connection = Self {
            reader: Reader::new(Stream::connect(node, manner.tls.as_ref(), limit)?),
        };
        let commands = greeting(manner, pushes);
        if !commands.is_empty() {
            let bytes: Vec<u8> = commands
                .iter()
                .flat_map(|command| command.bytes.iter().copied())
                .collect();
            connection.send(&bytes, limit)?;
            for _ in &commands {
                let reply = connection.receive(false)?;
                reply.accepted().map_err(|fault| discreet(fault, manner))?;
            }
        }
        Ok(connection)
    }

    /// Asks, and sets the limit for the answers too.
    pub(super) fn send(&mut self, bytes: &[u8], limit: Limit) -> Result<(), Fault> {
        let stream = self.reader.source();
        stream.until(limit);
        stream.write_all(bytes)?;
        stream.flush()?;
        Ok(())
    }

    /// Sets the limit for what is received.
    pub(super) fn until(&mut self, limit: Limit) {
        self.reader.source().until(limit);
    }

    /// The next answer.
    pub(super) fn receive(&mut self, records: bool) -> Result<Reply, Fault> {
        self.reader.reply(records)
    }

    /// Whether anything is said within the limit.
    pub(super) fn has_more(&mut self) -> Result<bool, Fault> {
        self.reader.has_more()
    }

    /// Whether nothing was said that nobody asked for.
    pub(super) fn is_quiet(&self) -> bool {
        self.reader.is_empty()
    }
}

fn greeting(manner: &Manner, pushes: bool) -> Vec<Command> {
    let mut commands = Vec::new();
    if let Some(Login { user, password }) = &manner.login {
        commands.push(match user {
            Some(user) => Command::plain(&[b"AUTH", user.as_bytes(), password.as_bytes()]),
            None => Command::plain(&[b"AUTH", password.as_bytes()]),
        });
    }
    if pushes {
        commands.push(Command::plain(&[b"HELLO", b"3"]));
    }
    if manner.database != 0 {
        commands.push(Command::new(2).word(b"SELECT").number(manner.database.into()));
    }
    commands
}

/// The fault without what some servers repeat of the words they did not understand.
fn discreet(fault: Fault, manner: &Manner) -> Fault {
    let Fault::Answer(Answer(text)) = &fault else {
        return fault;
    };
    let told = text.split(", with args").next().unwrap_or_default();
    let secret = manner
        .login
        .as_ref()
        .is_some_and(|login| told.contains(&login.password));
    Fault::Answer(Answer(if secret {
        "ERR it does not let us in".into()
    } else {
        told.to_owned()
    }))
}
