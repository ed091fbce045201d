//! The connections to one server: as many as there are callers at a time, up to a bound.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::address::Node;
use super::connection::{Connection, Manner};
use super::fault::{Answer, Fault, late};
use super::resp::Reply;
use crate::locked::locked;
use crate::store::Limit;

/// No more connections are open to a server at a time.
const MOST: usize = 64;

/// One that nobody needed for so long is closed.
const NEEDLESS: Duration = Duration::from_secs(60);

/// The connections to one server.
#[derive(Debug)]
pub(super) struct Pool {
    node: Node,
    manner: Arc<Manner>,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Since when they are; the one used last at the end.
    idle: Vec<(Instant, Connection)>,
    /// How many there are, idle or not.
    open: usize,
    /// How many callers wait for one.
    waiting: usize,
}

impl Pool {
    pub(super) fn new(node: Node, manner: Arc<Manner>) -> Self {
        Self {
            node,
            manner,
            state: Mutex::default(),
            freed: Condvar::new(),
        }
    }

    pub(super) fn node(&self) -> &Node {
        &self.node
    }

    /// Sends some commands, and gives their answers, those that are errors too. `records` says of each whether its values are
    /// records. What is sent must be safe to send twice: if an idle connection turns out to be dead, another is opened.
    pub(super) fn exchange(&self, bytes: &[u8], records: &[bool], limit: Limit) -> Result<Vec<Reply>, Fault> {
        let (mut lent, fresh) = self.lend(false, limit)?;
        match lent.exchange(bytes, records, limit) {
            Err(fault) if !fresh && fault.is_dead_connection() => {
                drop(lent);
                // The others have been idle for longer.
                let dead = {
                    let mut state = locked(&self.state);
                    state.open -= state.idle.len();
                    std::mem::take(&mut state.idle)
                };
                self.freed.notify_all();
                drop(dead);
                self.lend(true, limit)?.0.exchange(bytes, records, limit)
            }
            done => done,
        }
    }

    /// A connection for one exchange, and whether it is new.
    fn lend(&self, fresh: bool, limit: Limit) -> Result<(Lent<'_>, bool), Fault> {
        let mut state = locked(&self.state);
        loop {
            let idle = state.idle.pop();
            if !fresh && let Some((_, connection)) = idle {
                let lent = Lent {
                    pool: self,
                    connection: Some(connection),
                    healthy: false,
                };
                return Ok((lent, false));
            }
            if idle.is_some() {
                // Makes room for the one to be opened.
                state.open -= 1;
            }
            if state.open < MOST {
                state.open += 1;
                drop(state);
                let mut lent = Lent {
                    pool: self,
                    connection: None,
                    healthy: false,
                };
                lent.connection = Some(Connection::open(&self.node, &self.manner, false, limit)?);
                return Ok((lent, true));
            }
            let left = limit.left().ok_or_else(late)?;
            state.waiting += 1;
            state = self
                .freed
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            state.waiting -= 1;
        }
    }
}

/// A place among the connections, given back when dropped.
struct Lent<'a> {
    pool: &'a Pool,
    connection: Option<Connection>,
    /// Whether the connection can be used again.
    healthy: bool,
}

impl Lent<'_> {
    fn exchange(&mut self, bytes: &[u8], records: &[bool], limit: Limit) -> Result<Vec<Reply>, Fault> {
        let Some(connection) = &mut self.connection else {
            return Err(Fault::Nonsense("no connection"));
        };
        connection.send(bytes, limit)?;
        let mut replies = Vec::with_capacity(records.len());
        for &records in records {
            replies.push(connection.receive(records)?);
        }
        let spoilt = |reply: &Reply| matches!(reply, Reply::Error(answer) if Answer::spoils_connection(answer));
        self.healthy = connection.is_quiet() && !replies.iter().any(spoilt);
        Ok(replies)
    }
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        let kept = self.connection.take().filter(|_| self.healthy);
        let now = Instant::now();
        let mut state = locked(&self.pool.state);
        let mut needless = None;
        match kept {
            Some(connection) => {
                if state
                    .idle
                    .first()
                    .is_some_and(|(since, _)| now.duration_since(*since) >= NEEDLESS)
                {
                    needless = Some(state.idle.remove(0));
                    state.open -= 1;
                }
                state.idle.push((now, connection));
            }
            None => state.open -= 1,
        }
        let waited_for = state.waiting > 0;
        drop(state);
        drop(needless);
        if waited_for {
            self.pool.freed.notify_one();
        }
    }
}
