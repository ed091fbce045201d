//! A store in Redis or Valkey: one server, or a cluster of them.
//!
//! A record is a string, its writer and then its body; a lease is a string beside it, its token; a tag is a sorted set of
//! digests, by the time that their records expire. What must happen in one step is a script ([`scripts`]).
//!
//! Why nothing is kept that was being computed when it was removed: a computation writes only while it has its lease, so
//! leases are ended first, and whatever was written before that is found afterwards. Tags are in other slots of a cluster
//! than their records; a record is tagged before it is written and once more after, and a tag is taken away before its
//! records are, so that at any time one of the two finds it.

mod address;
mod cluster;
mod connection;
mod fault;
mod listen;
mod names;
mod pool;
mod resp;
mod scripts;
mod servers;
mod stream;
mod tls;

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use self::address::Address;
use self::connection::Manner;
use self::fault::Fault;
use self::listen::Listening;
use self::names::Space;
use self::resp::{Command, Reply};
use self::servers::Servers;
use crate::store::{Begun, Key, Limit, Record, Store, Token, Trouble, Watcher};

/// A store in Redis or Valkey.
pub struct RedisStore {
    address: Address,
    manner: Arc<Manner>,
    era: Era,
}

/// What a process has; a child after a fork begins a new one, and leaves alone what is its parent's.
struct Era {
    servers: Arc<Servers>,
    listening: Listening,
    next: OnceLock<Box<Era>>,
}

impl Era {
    fn new(address: &Address, manner: &Arc<Manner>) -> Self {
        let servers = Arc::new(Servers::new(address, manner));
        Self {
            listening: Listening::new(&servers, manner),
            servers,
            next: OnceLock::new(),
        }
    }
}

impl fmt::Debug for RedisStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RedisStore")
            .field("nodes", &self.address.nodes)
            .finish_non_exhaustive()
    }
}

impl RedisStore {
    /// The store at a URL: `redis://[[user]:password@]host[:port][/database]`, with `rediss` for TLS, `redis+cluster` and
    /// `rediss+cluster` for some servers of a cluster with commas between, `redis+unix:///path` for a socket; `valkey` is as
    /// good as `redis`. Options after a `?`: `db`; with TLS `ca` (a file of certificates to trust instead of the system's),
    /// `cert` and `key` (files, the client's own), `insecure=true` (any certificate will do).
    ///
    /// Nothing is connected to before the first operation.
    pub fn open(url: &str) -> Result<Self, String> {
        let address = Address::parse(url)?;
        let tls = address.tls.as_ref().map(tls::config).transpose()?;
        let manner = Arc::new(Manner {
            login: address.login.clone(),
            database: address.database,
            tls: tls.map(Arc::new),
        });
        Ok(Self {
            era: Era::new(&address, &manner),
            address,
            manner,
        })
    }

    fn now(&self) -> &Era {
        let mut era = &self.era;
        while let Some(next) = era.next.get() {
            era = next;
        }
        era
    }

    /// The answers to some commands.
    fn ask(&self, commands: &[Command], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        let commands: Vec<_> = commands.iter().collect();
        self.now().servers.exchange(&commands, limit)
    }

    /// The answer to one command.
    fn ask_one(&self, command: &Command, limit: Limit) -> Result<Reply, Trouble> {
        let replies = self.now().servers.exchange(&[command], limit)?;
        replies
            .into_iter()
            .next()
            .ok_or_else(|| confused(Fault::Nonsense("no answer")))
    }

    /// Sends a write between two rounds of tagging.
    fn tagged(
        &self,
        key: &Key,
        tags: &[Box<str>],
        life: Option<Duration>,
        write: &Command,
        limit: Limit,
    ) -> Result<i64, Trouble> {
        let tagging: Vec<_> = tags.iter().map(|tag| scripts::tag(key, tag, life)).collect();
        let tagging: Vec<_> = tagging.iter().collect();
        match self.now().servers.in_order(&[&tagging, &[write], &tagging], limit) {
            Ok(replies) => replies
                .into_iter()
                .nth(tags.len())
                .map_or(Ok(0), Reply::int)
                .map_err(confused),
            Err(trouble) => {
                // It may be written and not tagged.
                if matches!(trouble, Trouble::Refused(_)) && !tags.is_empty() {
                    self.ask_one(&scripts::remove(key), limit)?;
                }
                Err(trouble)
            }
        }
    }

    /// Unlinks all keys that `pattern` finds and `wanted` agrees to. Says how many there were.
    fn unlink_all(&self, pattern: &str, wanted: impl Fn(&str) -> bool, limit: Limit) -> Result<u64, Trouble> {
        let servers = &self.now().servers;
        let mut count = 0;
        for pool in servers.masters(limit)? {
            let mut cursor = b"0".to_vec();
            loop {
                let command = scripts::scan(&cursor, pattern);
                let page = pool
                    .exchange(&command.bytes, &[false], limit)
                    .and_then(|mut replies| page(replies.pop()))
                    .map_err(|fault| fault.trouble(pool.node()))?;
                cursor = page.0;
                let commands: Vec<_> = page
                    .1
                    .iter()
                    .filter(|name| wanted(name))
                    .map(|name| scripts::unlink(name))
                    .collect();
                for reply in self.ask(&commands, limit)? {
                    count += reply.int().map_err(confused)? as u64;
                }
                if cursor == b"0" {
                    break;
                }
            }
        }
        Ok(count)
    }

    fn end_leases(&self, space: &Space, limit: Limit) -> Result<(), Trouble> {
        self.unlink_all(&format!("{}*", space.leases()), |_| true, limit)?;
        Ok(())
    }
}

/// Where a scan goes on, and the names that it found. Names that are not text are not ours.
fn page(reply: Option<Reply>) -> Result<(Vec<u8>, Vec<String>), Fault> {
    let mut parts = reply.ok_or(Fault::Nonsense("no page"))?.list()?.into_iter();
    let (Some(Reply::Bytes(cursor)), Some(names), None) = (parts.next(), parts.next(), parts.next()) else {
        return Err(Fault::Nonsense("no page"));
    };
    let names = names.list()?.into_iter().filter_map(|name| name.text().ok()).collect();
    Ok((cursor, names))
}

fn confused(fault: Fault) -> Trouble {
    fault.trouble(&"Redis")
}

/// What a server says of a life, in milliseconds.
fn left(life: i64) -> Option<Duration> {
    u64::try_from(life).ok().map(Duration::from_millis)
}

impl Store for RedisStore {
    fn get(&self, keys: &[Key], lives: bool, limit: Limit) -> Result<Vec<Option<Record>>, Trouble> {
        if let ([key], false) = (keys, lives) {
            return Ok(vec![
                self.ask_one(&scripts::get(key), limit)?.record().map_err(confused)?,
            ]);
        }
        let commands: Vec<_> = if lives {
            keys.iter()
                .flat_map(|key| [scripts::get(key), scripts::life(key)])
                .collect()
        } else {
            keys.iter().map(scripts::get).collect()
        };
        let mut replies = self.ask(&commands, limit)?.into_iter();
        let mut records = Vec::with_capacity(keys.len());
        while let Some(reply) = replies.next() {
            let mut record = reply.record().map_err(confused)?;
            if lives {
                let life = replies.next().map_or(Ok(-2), Reply::int).map_err(confused)?;
                record = match record {
                    // It expired in between.
                    Some(_) if life == -2 => None,
                    Some(record) => Some(Record {
                        left: left(life),
                        ..record
                    }),
                    None => None,
                };
            }
            records.push(record);
        }
        Ok(records)
    }

    fn begin(&self, key: &Key, lease: Duration, old: Option<Token>, limit: Limit) -> Result<Begun, Trouble> {
        let token = Token::random();
        let nonsense = || confused(Fault::Nonsense("neither a lease nor a record"));
        match self.ask_one(&scripts::begin(key, token, lease, old), limit)? {
            Reply::Nil => Ok(Begun::Leads(token)),
            // A lease without an end was not begun here.
            Reply::Int(left) => Ok(Begun::Busy(u64::try_from(left).map_or(lease, Duration::from_millis))),
            Reply::List(items) => match <[Reply; 2]>::try_from(items) {
                Ok([Reply::Record(record), Reply::Int(life)]) => Ok(Begun::Found(Record {
                    left: left(life),
                    ..record
                })),
                _ => Err(nonsense()),
            },
            _ => Err(nonsense()),
        }
    }

    fn renew(&self, held: &[(Key, Token)], lease: Duration, limit: Limit) -> Result<Vec<bool>, Trouble> {
        let commands: Vec<_> = held
            .iter()
            .map(|(key, token)| scripts::renew(key, *token, lease))
            .collect();
        let replies = self.ask(&commands, limit)?;
        replies
            .into_iter()
            .map(|reply| Ok(reply.int().map_err(confused)? == 1))
            .collect()
    }

    fn finish(
        &self,
        key: &Key,
        token: Token,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<bool, Trouble> {
        Ok(self.tagged(key, tags, life, &scripts::finish(key, token, body, life), limit)? == 1)
    }

    fn release(&self, key: &Key, token: Token, limit: Limit) -> Result<(), Trouble> {
        self.ask_one(&scripts::release(key, token), limit)?;
        Ok(())
    }

    fn put(
        &self,
        key: &Key,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<(), Trouble> {
        self.tagged(key, tags, life, &scripts::put(key, Token::random(), body, life), limit)?;
        Ok(())
    }

    fn remove(&self, key: &Key, limit: Limit) -> Result<bool, Trouble> {
        Ok(self.ask_one(&scripts::remove(key), limit)?.int().map_err(confused)? == 1)
    }

    fn remove_tagged(&self, space: &Arc<str>, tag: &str, limit: Limit) -> Result<u64, Trouble> {
        let named = Space::new(space);
        self.end_leases(&named, limit)?;
        let tag = named.tag(tag);
        self.ask_one(&scripts::take(&tag), limit)?;
        let mut count = 0;
        loop {
            let taken = self.ask_one(&scripts::taken(&tag), limit)?.list().map_err(confused)?;
            let digests: Vec<_> = taken
                .into_iter()
                .filter_map(|digest| names::digest(&digest.text().ok()?))
                .collect();
            if digests.is_empty() {
                return Ok(count);
            }
            let key = |&digest| Key {
                space: Arc::clone(space),
                digest,
            };
            let commands: Vec<_> = digests.iter().map(|digest| scripts::remove(&key(digest))).collect();
            for reply in self.ask(&commands, limit)? {
                count += reply.int().map_err(confused)? as u64;
            }
            self.ask_one(&scripts::forget(&tag, &digests), limit)?;
        }
    }

    fn clear(&self, space: &Arc<str>, limit: Limit) -> Result<u64, Trouble> {
        let space = Space::new(space);
        self.end_leases(&space, limit)?;
        self.unlink_all(&space.tag_pattern(), |name| space.is_tag(name), limit)?;
        self.unlink_all(&format!("{}*", space.records()), |_| true, limit)
    }

    fn tells_of_changes(&self) -> bool {
        true
    }

    fn watch(&self, space: &Arc<str>, watcher: &Arc<dyn Watcher>) -> bool {
        self.now().listening.add(Space::new(space), watcher)
    }

    /// Watchers are the parent's too, and have to be given again.
    fn forked(&self) {
        // Locks may be held by threads that are not here, so nothing is looked at. The parent's connections stay open here
        // until the store is dropped; that says nothing to the server.
        let _ = self.now().next.set(Box::new(Era::new(&self.address, &self.manner)));
    }
}

impl Drop for RedisStore {
    fn drop(&mut self) {
        self.now().listening.close();
    }
}
