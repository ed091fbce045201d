//! Hearing of changes: a thread with connections of its own, to which servers tell which records were written or removed.
//!
//! "Server-assisted client side caching" of Redis 6 and later, in its broadcasting mode: each connection names what the
//! records' names begin with, one prefix for a space, and is told of every change to a name that begins so.

use std::collections::{HashMap, HashSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread;
use std::time::{Duration, Instant};

use super::address::Node;
use super::connection::{Connection, Manner};
use super::fault::{Fault, late};
use super::names::{self, Space};
use super::resp::{Command, Reply};
use super::servers::Servers;
use crate::locked::locked;
use crate::random;
use crate::store::{Limit, Watcher};

/// How often a listening thread looks for new watchers, and whether there are any.
const TICK: Duration = Duration::from_millis(250);

/// A connection that was silent for so long is asked whether it is there.
const SILENCE: Duration = Duration::from_secs(1);

/// It is lost if it does not answer for so long.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a cluster is asked which servers it has.
const LOOK: Duration = Duration::from_secs(5);

/// How long it takes until the next attempt to listen, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(10);

/// Those who are told of changes, and the thread that does it while there are any.
#[derive(Debug)]
pub(super) struct Listening(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    servers: Arc<Servers>,
    manner: Arc<Manner>,
    state: Mutex<State>,
    /// Held while watchers are told something; before the state's.
    turn: Mutex<()>,
    /// Whether the store is gone.
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    watchers: HashMap<Space, Vec<Watching>>,
    /// Whether there is a thread.
    running: bool,
    /// How many connections tell of a space now.
    told_by: HashMap<Space, usize>,
    /// How many connections there are to be, while all of them are well.
    connections: Option<usize>,
}

struct Watching {
    watcher: Weak<dyn Watcher>,
    /// Whether it was told that it listens.
    listens: bool,
}

impl std::fmt::Debug for Watching {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Watching")
            .field("listens", &self.listens)
            .finish_non_exhaustive()
    }
}

impl Listening {
    pub(super) fn new(servers: &Arc<Servers>, manner: &Arc<Manner>) -> Self {
        Self(Arc::new(Shared {
            servers: Arc::clone(servers),
            manner: Arc::clone(manner),
            state: Mutex::default(),
            turn: Mutex::default(),
            closed: AtomicBool::new(false),
        }))
    }

    /// Adds a watcher. False if there cannot be a thread.
    pub(super) fn add(&self, space: Space, watcher: &Arc<dyn Watcher>) -> bool {
        let mut state = locked(&self.0.state);
        if !state.running {
            let shared = Arc::clone(&self.0);
            let thread = thread::Builder::new().name("cladding-listen".into());
            if thread.spawn(move || shared.run()).is_err() {
                return false;
            }
            state.running = true;
        }
        state.watchers.entry(space).or_default().push(Watching {
            watcher: Arc::downgrade(watcher),
            listens: false,
        });
        true
    }

    /// Lets the thread end. Waits for nothing.
    pub(super) fn close(&self) {
        self.0.closed.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    /// Listens for as long as there are watchers.
    fn run(self: Arc<Self>) {
        let mut pause = FIRST_PAUSE;
        while !self.ends() {
            if self.session() {
                pause = FIRST_PAUSE;
            }
            let until = Limit::within(pause.mul_f64(0.5 + random::fraction()));
            pause = (pause * 2).min(LAST_PAUSE);
            while let Some(left) = until.left() {
                if self.ends() {
                    return;
                }
                thread::sleep(left.min(TICK));
            }
        }
    }

    /// Whether nobody is left to be told; then the next watcher needs a new thread.
    fn ends(&self) -> bool {
        let mut state = locked(&self.state);
        state.running = !self.is_over(&mut state);
        !state.running
    }

    fn is_over(&self, state: &mut State) -> bool {
        state.watchers.retain(|_, those| {
            those.retain(|one| one.watcher.strong_count() > 0);
            !those.is_empty()
        });
        state.watchers.is_empty() || self.closed.load(Ordering::Relaxed)
    }

    /// Listens to all servers until one is lost. Says whether any of them agreed to tell of changes.
    fn session(&self) -> bool {
        let Ok(nodes) = self.servers.nodes(Limit::within(PATIENCE)) else {
            return false;
        };
        let open = |node| Connection::open(node, &self.manner, true, Limit::within(PATIENCE));
        let Ok(connections) = nodes.iter().map(open).collect::<Result<Vec<_>, _>>() else {
            return false;
        };
        {
            let mut state = locked(&self.state);
            state.connections = Some(connections.len());
            state.told_by.clear();
        }
        thread::scope(|scope| {
            let mut rest = connections.into_iter();
            let own = rest.next();
            for connection in rest {
                scope.spawn(|| self.serve(connection, None));
            }
            if let Some(connection) = own {
                self.serve(connection, Some(&nodes));
            }
        });
        !locked(&self.state).told_by.is_empty()
    }

    /// Listens on one connection until it, or another of the session, is lost.
    fn serve(&self, mut connection: Connection, nodes: Option<&[Node]>) {
        // Whatever ends it, the others must not go on as if nothing was missed; and all begins anew.
        let _ = self.hear(&mut connection, &mut Ear::default(), nodes);
        self.lost();
    }

    fn hear(&self, connection: &mut Connection, ear: &mut Ear, nodes: Option<&[Node]>) -> Result<(), Fault> {
        let mut looked = Instant::now();
        let mut heard = Instant::now();
        while let Some(spaces) = self.spaces() {
            for space in spaces {
                if ear.spaces.insert(space.clone()) {
                    let prefix = space.records();
                    let words: [&[u8]; 6] = [b"CLIENT", b"TRACKING", b"ON", b"BCAST", b"PREFIX", prefix.as_bytes()];
                    ear.ask(connection, &Command::plain(&words), Some(space))?;
                }
            }
            let tick = Limit::within(TICK);
            connection.until(tick);
            while connection.has_more()? {
                connection.until(Limit::within(PATIENCE));
                self.take(connection.receive(false)?, ear)?;
                heard = Instant::now();
                if tick.left().is_none() {
                    break;
                }
                connection.until(tick);
            }
            if ear.open.is_empty() {
                if heard.elapsed() >= SILENCE {
                    ear.ask(connection, &Command::plain(&[b"PING"]), None)?;
                }
            } else if ear.asked.is_some_and(|asked| asked.elapsed() >= PATIENCE) {
                return Err(Fault::Io(late()));
            }
            if let (Some(nodes), Servers::Many(_)) = (nodes, &*self.servers)
                && looked.elapsed() >= LOOK
            {
                looked = Instant::now();
                if self
                    .servers
                    .nodes(Limit::within(PATIENCE))
                    .is_ok_and(|now| now != nodes)
                {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// The spaces that are watched; `None` if there are none, or another connection was lost. Tells those who came while all
    /// was well.
    fn spaces(&self) -> Option<Vec<Space>> {
        let mut spaces = None;
        let news = |state: &mut State| {
            let Some(connections) = state.connections.filter(|_| !self.is_over(state)) else {
                return Vec::new();
            };
            spaces = Some(state.watchers.keys().cloned().collect());
            let told = state
                .watchers
                .iter_mut()
                .filter(|(space, _)| state.told_by.get(space) == Some(&connections));
            told.flat_map(|(_, those)| those)
                .filter_map(|one| one.tell(true))
                .collect()
        };
        self.deliver(news, |watcher| watcher.listens(true));
        spaces
    }

    /// Says that a connection was lost, if that is not known yet.
    fn lost(&self) {
        let news = |state: &mut State| {
            state.connections = None;
            let all = state.watchers.values_mut().flatten();
            all.filter_map(|one| one.tell(false)).collect()
        };
        self.deliver(news, |watcher| watcher.listens(false));
    }

    /// Makes of what a server says what it means.
    fn take(&self, reply: Reply, ear: &mut Ear) -> Result<(), Fault> {
        let Reply::Push(items) = reply else {
            let space = ear.open.pop_front().ok_or(Fault::Nonsense("an answer to nothing"))?;
            reply.accepted()?;
            ear.asked = Some(Instant::now());
            if let Some(space) = space {
                *locked(&self.state).told_by.entry(space).or_default() += 1;
            }
            return Ok(());
        };
        let mut items = items.into_iter();
        if items.next() != Some(Reply::Bytes(b"invalidate".to_vec())) {
            return Ok(());
        }
        match items.next() {
            Some(Reply::List(keys)) => {
                for key in keys {
                    if let Some((space, digest)) = key.text().ok().as_deref().and_then(names::parts) {
                        self.each(Some(&space), |watcher| watcher.changed(digest));
                    }
                }
            }
            // Everything is gone.
            _ => self.each(None, |watcher| {
                watcher.listens(false);
                watcher.listens(true);
            }),
        }
        Ok(())
    }

    /// Tells those who listen, to one space or to any.
    fn each(&self, space: Option<&Space>, what: impl Fn(&dyn Watcher)) {
        let listening = |those: &Vec<Watching>| -> Vec<_> {
            let those = those.iter().filter(|one| one.listens);
            those.filter_map(|one| one.watcher.upgrade()).collect()
        };
        let news = |state: &mut State| match space {
            Some(space) => state.watchers.get(space).map(listening).unwrap_or_default(),
            None => state.watchers.values().flat_map(listening).collect(),
        };
        self.deliver(news, what);
    }

    /// Tells some watchers something, one message after the other, so that what is told last is what is so. A panic of a
    /// watcher is its own affair, and must not end the listening of others unsaid.
    fn deliver(&self, choose: impl FnOnce(&mut State) -> Vec<Arc<dyn Watcher>>, what: impl Fn(&dyn Watcher)) {
        let turn = locked(&self.turn);
        let those = choose(&mut locked(&self.state));
        for watcher in &those {
            let _ = catch_unwind(AssertUnwindSafe(|| what(&**watcher)));
        }
        drop(turn);
        // Perhaps the last that held them: with no lock held.
        drop(those);
    }
}

impl Watching {
    /// The watcher, if it does not know yet that it listens, or does not.
    fn tell(&mut self, listens: bool) -> Option<Arc<dyn Watcher>> {
        if self.listens == listens {
            return None;
        }
        self.listens = listens;
        self.watcher.upgrade()
    }
}

/// What one connection is about.
#[derive(Default)]
struct Ear {
    /// What it tells of, or was asked to.
    spaces: HashSet<Space>,
    /// What was asked and not answered: for a space, or whether it is there.
    open: VecDeque<Option<Space>>,
    /// When something was asked, or answered, last.
    asked: Option<Instant>,
}

impl Ear {
    fn ask(&mut self, connection: &mut Connection, command: &Command, space: Option<Space>) -> Result<(), Fault> {
        if self.open.is_empty() {
            self.asked = Some(Instant::now());
        }
        self.open.push_back(space);
        connection.send(&command.bytes, Limit::within(PATIENCE))
    }
}
