//! What can be asked of a store, as values that can wait in a queue.

use std::sync::Arc;
use std::time::Duration;

use crate::store::{Begun, Key, Limit, Record, Store, Token, Trouble};

/// One operation. The fields mean what they mean in [`Store`].
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Op {
    Get {
        key: Key,
        lives: bool,
    },
    Begin {
        key: Key,
        lease: Duration,
        old: Option<Token>,
    },
    Finish {
        key: Key,
        token: Token,
        body: Vec<u8>,
        life: Option<Duration>,
        tags: Vec<Box<str>>,
    },
    Release {
        key: Key,
        token: Token,
    },
    Put {
        key: Key,
        body: Vec<u8>,
        life: Option<Duration>,
        tags: Vec<Box<str>>,
    },
    Remove {
        key: Key,
    },
    RemoveTagged {
        space: Arc<str>,
        tag: Box<str>,
    },
    Clear {
        space: Arc<str>,
    },
}

/// What an operation gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To [`Op::Get`].
    Record(Option<Record>),
    /// To [`Op::Begin`].
    Begun(Begun),
    /// To [`Op::Finish`]: whether the lease was still held and the record is kept.
    Kept(bool),
    /// To [`Op::Release`] and [`Op::Put`].
    Done,
    /// To [`Op::Remove`]: whether there was a record.
    Removed(bool),
    /// To [`Op::RemoveTagged`] and [`Op::Clear`]: how many records there were.
    Count(u64),
}

/// What an operation must not overtake, nor be overtaken by.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Scope<'a> {
    One(&'a Key),
    All(&'a Arc<str>),
}

/// The kind of a renewal, which is no operation that can be asked for.
pub(super) const RENEW: usize = 8;

impl Op {
    /// How many kinds there are, with renewals.
    pub(super) const KINDS: usize = 9;

    /// The number of its kind.
    pub(super) const fn kind(&self) -> usize {
        match self {
            Self::Get { .. } => 0,
            Self::Begin { .. } => 1,
            Self::Finish { .. } => 2,
            Self::Release { .. } => 3,
            Self::Put { .. } => 4,
            Self::Remove { .. } => 5,
            Self::RemoveTagged { .. } => 6,
            Self::Clear { .. } => 7,
        }
    }

    /// Whether it is the user's own wish, and not part of a call that goes on without it.
    pub(super) const fn is_explicit(&self) -> bool {
        matches!(
            self,
            Self::Put { .. } | Self::Remove { .. } | Self::RemoveTagged { .. } | Self::Clear { .. }
        )
    }

    pub(super) const fn scope(&self) -> Scope<'_> {
        match self {
            Self::Get { key, .. }
            | Self::Begin { key, .. }
            | Self::Finish { key, .. }
            | Self::Release { key, .. }
            | Self::Put { key, .. }
            | Self::Remove { key } => Scope::One(key),
            Self::RemoveTagged { space, .. } | Self::Clear { space } => Scope::All(space),
        }
    }

    /// The lease that it ends, whatever comes of it.
    pub(super) const fn ends(&self) -> Option<(&Key, Token)> {
        match self {
            Self::Finish { key, token, .. } | Self::Release { key, token } => Some((key, *token)),
            _ => None,
        }
    }

    /// One with the same scope, which does nothing and holds little.
    pub(super) fn bare(&self) -> Self {
        match self.scope() {
            Scope::One(key) => Self::Remove { key: key.clone() },
            Scope::All(space) => Self::Clear { space: space.clone() },
        }
    }

    /// What it takes up while it waits, in bytes.
    pub(super) const fn size(&self) -> usize {
        match self {
            Self::Finish { body, .. } | Self::Put { body, .. } => body.len() + 256,
            _ => 256,
        }
    }

    pub(super) fn run(&self, store: &dyn Store, limit: Limit) -> Result<Reply, Trouble> {
        match self {
            Self::Get { key, lives } => {
                let mut records = store.get(std::slice::from_ref(key), *lives, limit)?;
                Ok(Reply::Record(records.pop().flatten()))
            }
            Self::Begin { key, lease, old } => store.begin(key, *lease, *old, limit).map(Reply::Begun),
            Self::Finish {
                key,
                token,
                body,
                life,
                tags,
            } => store.finish(key, *token, body, *life, tags, limit).map(Reply::Kept),
            Self::Release { key, token } => store.release(key, *token, limit).map(|()| Reply::Done),
            Self::Put { key, body, life, tags } => store.put(key, body, *life, tags, limit).map(|()| Reply::Done),
            Self::Remove { key } => store.remove(key, limit).map(Reply::Removed),
            Self::RemoveTagged { space, tag } => store.remove_tagged(space, tag, limit).map(Reply::Count),
            Self::Clear { space } => store.clear(space, limit).map(Reply::Count),
        }
    }
}
