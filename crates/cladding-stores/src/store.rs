//! What every store can do.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The name of one record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    /// Whose record it is: a namespace and a version. Any text.
    pub space: Arc<str>,
    /// Which one: a digest of the arguments.
    pub digest: u128,
}

/// Names one computation or write, among all there ever are: a number drawn at random.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Token(pub u128);

/// What is kept under a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The bytes as they were given.
    pub body: Vec<u8>,
    /// Who wrote them.
    pub writer: Token,
    /// For how long the store keeps them; `None` for ever.
    pub left: Option<Duration>,
}

/// How asking for a lease ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The caller computes, and holds the lease under this token.
    Leads(Token),
    /// Somebody else's lease runs, at most for so long from now unless it is renewed.
    Busy(Duration),
    /// There is a record by now.
    Found(Record),
}

/// Until when an operation must have ended.
#[derive(Clone, Copy, Debug)]
pub struct Limit(pub Instant);

impl Limit {
    /// So long from now on.
    #[must_use]
    pub fn within(time: Duration) -> Self {
        Self(Instant::now() + time)
    }

    /// What is left of it; `None` once it is over.
    #[must_use]
    pub fn left(&self) -> Option<Duration> {
        self.0
            .checked_duration_since(Instant::now())
            .filter(|left| !left.is_zero())
    }
}

/// Why an operation did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The store cannot be reached, has not answered in time, or its answer makes no sense.
    Down(String),
    /// The store works, but did not accept this: it is full, read-only, or does not permit it.
    Refused(String),
    /// Nothing was tried, because the store was down a moment ago.
    Resting,
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down(reason) | Self::Refused(reason) => formatter.write_str(reason),
            Self::Resting => formatter.write_str("it was down a moment ago"),
        }
    }
}

impl std::error::Error for Trouble {}

/// Is told of changes to records. It must not block, nor call the store.
pub trait Watcher: Send + Sync {
    /// The record was written, removed, or has expired.
    fn changed(&self, digest: u128);

    /// From now on, changes are told (`true`), or may be missed (`false`): then any record may have changed.
    fn listens(&self, listens: bool);
}

/// A place for records, shared by threads, processes and perhaps machines. Every operation is atomic, ends within its limit,
/// and may be called from any thread. A lease is held by whoever was given its token, until it is over.
pub trait Store: Send + Sync {
    /// The records under some keys, in one exchange. `left` is only found out when `lives` says so, and `None` otherwise.
    fn get(&self, keys: &[Key], lives: bool, limit: Limit) -> Result<Vec<Option<Record>>, Trouble>;

    /// Asks for a lease to compute what is under `key`. A record that is there by now is given instead, unless it is the one
    /// that `old` wrote, which is to be replaced.
    fn begin(&self, key: &Key, lease: Duration, old: Option<Token>, limit: Limit) -> Result<Begun, Trouble>;

    /// Lets leases run for `lease` from now on. Says for each whether it was still held.
    fn renew(&self, held: &[(Key, Token)], lease: Duration, limit: Limit) -> Result<Vec<bool>, Trouble>;

    /// Ends a lease with a record that the store keeps for `life` (`None`: for ever). False, and nothing is kept, if the
    /// lease was no longer held: whoever was too slow must not overwrite what came after it.
    fn finish(
        &self,
        key: &Key,
        token: Token,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<bool, Trouble>;

    /// Ends a lease without a record.
    fn release(&self, key: &Key, token: Token, limit: Limit) -> Result<(), Trouble>;

    /// Keeps a record whoever computes meanwhile; that one's lease ends, so that nothing of it is kept.
    fn put(
        &self,
        key: &Key,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        limit: Limit,
    ) -> Result<(), Trouble>;

    /// Takes a record out, and ends a lease on it. Says whether there was a record.
    fn remove(&self, key: &Key, limit: Limit) -> Result<bool, Trouble>;

    /// Takes out the records of a space that have a tag, and ends all leases of the space, whose tags are not known yet.
    fn remove_tagged(&self, space: &Arc<str>, tag: &str, limit: Limit) -> Result<u64, Trouble>;

    /// Takes out the records of a space, and ends its leases: nothing is kept afterwards of what was being computed when
    /// this was called.
    fn clear(&self, space: &Arc<str>, limit: Limit) -> Result<u64, Trouble>;

    /// Whether [`Store::watch`] is any use.
    fn tells_of_changes(&self) -> bool {
        false
    }

    /// Tells `watcher` of all changes to a space, from soon on and for as long as it lives: it is held weakly, and told by
    /// `listens` when that begins. False if this store cannot.
    fn watch(&self, space: &Arc<str>, watcher: &Arc<dyn Watcher>) -> bool;

    /// Says that this process is about to fork: what a child must not inherit is given up, and not taken again until the
    /// fork is over.
    fn forking(&self) {}

    /// Says that a fork that [`Store::forking`] has told of is over, in the process that has forked.
    fn fork_over(&self) {}

    /// Says that this is a child process just after a fork, with one thread: connections and threads are the parent's.
    fn forked(&self);
}
