//! The server, or the servers of a cluster, and which of them is asked.

use std::sync::Arc;

use super::address::{Address, Node};
use super::cluster::Cluster;
use super::connection::Manner;
use super::fault::Fault;
use super::pool::Pool;
use super::resp::{Command, Reply};
use crate::store::{Limit, Trouble};

/// Who answers commands.
#[derive(Debug)]
pub(super) enum Servers {
    One(Arc<Pool>),
    Many(Cluster),
}

impl Servers {
    pub(super) fn new(address: &Address, manner: &Arc<Manner>) -> Self {
        if address.cluster {
            Self::Many(Cluster::new(address.nodes.clone(), Arc::clone(manner)))
        } else {
            Self::One(Arc::new(Pool::new(address.nodes[0].clone(), Arc::clone(manner))))
        }
    }

    /// Answers to some commands, in order; none of them is an error. All are safe to send twice.
    pub(super) fn exchange(&self, commands: &[&Command], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        match self {
            Self::One(pool) => send(pool, commands, limit)
                .and_then(|replies| replies.into_iter().map(Reply::accepted).collect())
                .map_err(|fault| fault.trouble(pool.node())),
            Self::Many(cluster) => cluster.exchange(commands, limit),
        }
    }

    /// The same for several steps, each done before the next begins.
    pub(super) fn in_order(&self, steps: &[&[&Command]], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        match self {
            Self::One(_) => self.exchange(&steps.concat(), limit),
            Self::Many(_) => {
                let mut replies = Vec::new();
                for step in steps {
                    replies.extend(self.exchange(step, limit)?);
                }
                Ok(replies)
            }
        }
    }

    /// The servers that hold keys.
    pub(super) fn masters(&self, limit: Limit) -> Result<Vec<Arc<Pool>>, Trouble> {
        match self {
            Self::One(pool) => Ok(vec![Arc::clone(pool)]),
            Self::Many(cluster) => cluster.masters(limit),
        }
    }

    /// Asks anew which servers hold keys. They come in an order of their own.
    pub(super) fn nodes(&self, limit: Limit) -> Result<Vec<Node>, Trouble> {
        if let Self::Many(cluster) = self {
            cluster.look(limit)?;
        }
        let mut nodes: Vec<_> = self.masters(limit)?.iter().map(|pool| pool.node().clone()).collect();
        nodes.sort_unstable();
        Ok(nodes)
    }
}

/// Sends some commands to one server.
pub(super) fn send(pool: &Pool, commands: &[&Command], limit: Limit) -> Result<Vec<Reply>, Fault> {
    if let [command] = commands {
        return pool.exchange(&command.bytes, &[command.records], limit);
    }
    let bytes = commands
        .iter()
        .map(|command| &command.bytes[..])
        .collect::<Vec<_>>()
        .concat();
    let records: Vec<bool> = commands.iter().map(|command| command.records).collect();
    pool.exchange(&bytes, &records, limit)
}
