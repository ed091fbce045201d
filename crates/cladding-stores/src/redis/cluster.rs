//! The servers of a cluster: who has which slots, and what to do when that changes.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::address::Node;
use super::connection::Manner;
use super::fault::{Fault, late};
use super::names::{SLOTS, slot};
use super::pool::Pool;
use super::resp::{Command, Reply};
use super::servers::send;
use crate::locked::locked;
use crate::random;
use crate::store::{Limit, Trouble};

/// So many times a command is sent to another server, or again to one that cannot answer just now.
const ROUNDS: u32 = 8;

/// For so long a server that cannot answer just now is left alone, at first.
const PAUSE: Duration = Duration::from_millis(5);

/// Nobody has this slot.
const NOBODY: u16 = u16::MAX;

/// A cluster.
#[derive(Debug)]
pub(super) struct Cluster {
    /// Those that the address names.
    seeds: Vec<Node>,
    manner: Arc<Manner>,
    pools: Mutex<HashMap<Node, Arc<Pool>>>,
    /// What was found out last.
    map: Mutex<Option<Arc<Map>>>,
    /// Whether that is likely to be wrong.
    stale: AtomicBool,
}

/// Who has which slots.
#[derive(Debug)]
struct Map {
    masters: Vec<Arc<Pool>>,
    /// For each slot the place of its server among the masters.
    slots: Vec<u16>,
}

impl Map {
    fn holder(&self, command: &Command) -> Option<&Arc<Pool>> {
        self.masters
            .get(usize::from(self.slots[usize::from(slot(command.leading_key()))]))
    }
}

/// Where a command goes whose server said that the key is elsewhere.
struct Detour {
    pool: Arc<Pool>,
    /// Whether that server must be told that we know it does not have the slot yet.
    asking: bool,
}

impl Cluster {
    pub(super) fn new(seeds: Vec<Node>, manner: Arc<Manner>) -> Self {
        Self {
            seeds,
            manner,
            pools: Mutex::default(),
            map: Mutex::default(),
            stale: AtomicBool::new(false),
        }
    }

    /// Answers to some commands, in order; none of them is an error.
    pub(super) fn exchange(&self, commands: &[&Command], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        let mut detours = HashMap::new();
        if let [command] = commands
            && let Some(pool) = self.map(limit)?.holder(command)
            && let Ok(replies) = send(pool, commands, limit)
            && let Ok([reply]) = <[Reply; 1]>::try_from(replies)
        {
            match self.redirected(&reply, pool.node()) {
                Redirected::Not => return Ok(vec![reply.accepted().map_err(|fault| fault.trouble(pool.node()))?]),
                Redirected::Again => {}
                Redirected::To(detour) => {
                    detours.insert(0, detour);
                }
            }
        }
        self.exchange_all(commands, detours, limit)
    }

    /// The same for any number of commands, wherever they turn out to belong.
    fn exchange_all(
        &self,
        commands: &[&Command],
        mut detours: HashMap<usize, Detour>,
        limit: Limit,
    ) -> Result<Vec<Reply>, Trouble> {
        let mut replies: Vec<Option<Reply>> = commands.iter().map(|_| None).collect();
        let mut reason = None;
        for round in 0..ROUNDS {
            let map = self.map(limit)?;
            let mut groups: BTreeMap<&Node, (&Arc<Pool>, Vec<usize>)> = BTreeMap::new();
            let open = (0..commands.len())
                .filter(|&at| replies[at].is_none())
                .collect::<Vec<_>>();
            if open.is_empty() {
                break;
            }
            let mut nobody = false;
            for &at in &open {
                match detours
                    .get(&at)
                    .map(|detour| &detour.pool)
                    .or_else(|| map.holder(commands[at]))
                {
                    Some(pool) => groups.entry(pool.node()).or_insert((pool, Vec::new())).1.push(at),
                    None => nobody = true,
                }
            }
            let mut results = Vec::new();
            for (pool, places) in groups.into_values() {
                let outcome = send_group(pool, &places, commands, &detours, limit);
                results.push((Arc::clone(pool), places, outcome));
            }
            let mut wait = nobody;
            for (pool, places, outcome) in results {
                match outcome {
                    Ok(answers) => {
                        for (at, reply) in places.into_iter().zip(answers) {
                            detours.remove(&at);
                            match self.redirected(&reply, pool.node()) {
                                Redirected::Not => replies[at] = Some(reply),
                                Redirected::Again => {
                                    wait = true;
                                    reason = Some(reply);
                                }
                                Redirected::To(detour) => {
                                    detours.insert(at, detour);
                                }
                            }
                        }
                    }
                    Err(fault) => {
                        // Another server may have taken over; if that is known already it is asked at once.
                        self.stale.store(true, Ordering::Relaxed);
                        detours.retain(|at, _| !places.contains(at));
                        let moved = limit.left().is_some()
                            && self.map(limit).is_ok_and(|map| {
                                let elsewhere =
                                    |&at: &usize| map.holder(commands[at]).is_some_and(|now| now.node() != pool.node());
                                places.iter().all(elsewhere)
                            });
                        if !moved {
                            return Err(fault.trouble(pool.node()));
                        }
                    }
                }
            }
            if wait {
                self.stale.store(true, Ordering::Relaxed);
                let Some(left) = limit.left() else { break };
                thread::sleep((PAUSE * (1 << round)).min(left));
            }
        }
        replies
            .into_iter()
            .map(|reply| {
                let reply = reply.or_else(|| reason.clone());
                let reply = reply.ok_or(Fault::Nonsense("the servers of the cluster do not agree"));
                reply.and_then(Reply::accepted).map_err(|fault| self.trouble(fault))
            })
            .collect()
    }

    /// The servers that hold keys.
    pub(super) fn masters(&self, limit: Limit) -> Result<Vec<Arc<Pool>>, Trouble> {
        Ok(self.map(limit)?.masters.clone())
    }

    /// Asks the servers which they are, one after the other until one knows.
    pub(super) fn look(&self, limit: Limit) -> Result<(), Trouble> {
        let mut nodes = self.seeds.clone();
        if let Some(map) = locked(&self.map).as_ref() {
            nodes.extend(map.masters.iter().map(|pool| pool.node().clone()));
        }
        nodes.sort_unstable();
        nodes.dedup();
        // One that stands still must not be the first for everybody, each time.
        let first = (random::fraction() * nodes.len() as f64) as usize % nodes.len();
        nodes.rotate_left(first);
        let mut last = Fault::Io(late());
        for (index, node) in nodes.iter().enumerate() {
            let Some(left) = limit.left() else { break };
            let share = Limit::within(left / (nodes.len() - index) as u32);
            match self.ask(node, share) {
                Ok(map) => {
                    let nodes: Vec<_> = map.masters.iter().map(|pool| pool.node().clone()).collect();
                    *locked(&self.map) = Some(Arc::new(map));
                    self.stale.store(false, Ordering::Relaxed);
                    locked(&self.pools).retain(|node, _| nodes.contains(node) || self.seeds.contains(node));
                    return Ok(());
                }
                Err(fault) => last = fault,
            }
        }
        self.stale.store(true, Ordering::Relaxed);
        Err(self.trouble(last))
    }

    fn trouble(&self, fault: Fault) -> Trouble {
        fault.trouble(&format_args!("the cluster of {}", self.seeds[0]))
    }

    /// What is known of who has which slots.
    fn map(&self, limit: Limit) -> Result<Arc<Map>, Trouble> {
        let known = locked(&self.map).clone();
        if let Some(map) = known.filter(|_| !self.stale.load(Ordering::Relaxed)) {
            return Ok(map);
        }
        self.look(limit)?;
        let known = locked(&self.map).clone();
        known.ok_or_else(|| self.trouble(Fault::Nonsense("nothing is known of the cluster")))
    }

    fn pool(&self, node: Node) -> Arc<Pool> {
        let mut pools = locked(&self.pools);
        let pool = pools
            .entry(node)
            .or_insert_with_key(|node| Arc::new(Pool::new(node.clone(), Arc::clone(&self.manner))));
        Arc::clone(pool)
    }

    /// Whether the answer is that there is none here, or not now.
    fn redirected(&self, reply: &Reply, from: &Node) -> Redirected {
        let Reply::Error(answer) = reply else {
            return Redirected::Not;
        };
        if let Some((place, asking)) = answer.elsewhere() {
            if !asking {
                self.stale.store(true, Ordering::Relaxed);
            }
            let node = place
                .rsplit_once(':')
                .and_then(|(host, port)| node(host, port.parse().ok()?, from));
            return node.map_or(Redirected::Not, |node| {
                Redirected::To(Detour {
                    pool: self.pool(node),
                    asking,
                })
            });
        }
        if matches!(answer.code(), "TRYAGAIN" | "CLUSTERDOWN" | "READONLY") {
            return Redirected::Again;
        }
        Redirected::Not
    }

    /// Asks one server who has which slots.
    fn ask(&self, node: &Node, limit: Limit) -> Result<Map, Fault> {
        let command = Command::plain(&[b"CLUSTER", b"SLOTS"]);
        let mut replies = self.pool(node.clone()).exchange(&command.bytes, &[false], limit)?;
        let ranges = replies.pop().map_or(Ok(Vec::new()), Reply::list)?;
        let mut map = Map {
            masters: Vec::new(),
            slots: vec![NOBODY; SLOTS],
        };
        for range in ranges {
            let (first, last, master) = parse_range(range, node)?;
            let known = map.masters.iter().position(|pool| *pool.node() == master);
            let place = known.unwrap_or_else(|| {
                map.masters.push(self.pool(master));
                map.masters.len() - 1
            });
            map.slots[first..=last].fill(place as u16);
        }
        if map.masters.is_empty() {
            return Err(Fault::Nonsense("nobody has any slots"));
        }
        Ok(map)
    }
}

/// Sends one server what is for it, and says where needed that it is asked for once. The answers may be errors.
fn send_group(
    pool: &Pool,
    places: &[usize],
    commands: &[&Command],
    detours: &HashMap<usize, Detour>,
    limit: Limit,
) -> Result<Vec<Reply>, Fault> {
    let asking = |at: &usize| detours.get(at).is_some_and(|detour| detour.asking);
    let permit = Command::plain(&[b"ASKING"]);
    let mut all = Vec::with_capacity(places.len());
    for at in places {
        if asking(at) {
            all.push(&permit);
        }
        all.push(commands[*at]);
    }
    let mut answers = send(pool, &all, limit)?.into_iter();
    let mut replies = Vec::with_capacity(places.len());
    for at in places {
        if asking(at) {
            answers.next();
        }
        replies.extend(answers.next());
    }
    Ok(replies)
}

/// What an answer says of where to go.
enum Redirected {
    Not,
    Again,
    To(Detour),
}

/// A server, as another one names it: a host that is not named is that other's.
fn node(host: &str, port: u16, from: &Node) -> Option<Node> {
    match (host, from) {
        ("?", _) => None,
        ("", Node::Tcp(host, _)) => Some(Node::Tcp(host.clone(), port)),
        _ => Some(Node::Tcp(host.to_owned(), port)),
    }
}

/// The first and last slot of a range, and who has it.
fn parse_range(range: Reply, from: &Node) -> Result<(usize, usize, Node), Fault> {
    let nonsense = || Fault::Nonsense("no range of slots");
    let mut items = range.list()?.into_iter();
    let mut next = || items.next().ok_or_else(nonsense);
    let (first, last) = (next()?.int()?, next()?.int()?);
    let mut master = next()?.list()?.into_iter();
    let host = match master.next() {
        Some(Reply::Nil) => String::new(),
        Some(host) => host.text()?,
        None => return Err(nonsense()),
    };
    let port = master.next().ok_or_else(nonsense)?.int()?;
    let bounds = 0..SLOTS as i64;
    match (
        u16::try_from(port),
        bounds.contains(&first) && bounds.contains(&last) && first <= last,
    ) {
        (Ok(port), true) => {
            let node = node(&host, port, from).ok_or_else(nonsense)?;
            Ok((first as usize, last as usize, node))
        }
        _ => Err(nonsense()),
    }
}
