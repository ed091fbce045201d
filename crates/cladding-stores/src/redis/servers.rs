//! The server, or the servers of a cluster, and which of them is asked.

use std::sync::Arc;

use super::address::Address;
use super::connection::Manner;
use super::pool::Pool;
use super::resp::{Command, Reply};
use crate::store::{Limit, Trouble};

/// Who answers commands.
#[derive(Debug)]
pub(super) struct Servers {
    pool: Arc<Pool>,
}

impl Servers {
    pub(super) fn new(address: &Address, manner: &Arc<Manner>) -> Self {
        Self {
            pool: Arc::new(Pool::new(address.nodes[0].clone(), Arc::clone(manner))),
        }
    }

    /// Answers to some commands, in order; none of them is an error. All are safe to send twice.
    pub(super) fn exchange(&self, commands: &[Command], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        if commands.is_empty() {
            return Ok(Vec::new());
        }
        let records: Vec<bool> = commands.iter().map(|command| command.records).collect();
        let joined: Vec<u8>;
        let bytes = match commands {
            [command] => &command.bytes,
            _ => {
                joined = commands
                    .iter()
                    .map(|command| &command.bytes[..])
                    .collect::<Vec<_>>()
                    .concat();
                &joined
            }
        };
        self.pool
            .exchange(bytes, &records, limit)
            .and_then(|replies| replies.into_iter().map(Reply::accepted).collect())
            .map_err(|fault| fault.trouble(self.pool.node()))
    }

    /// The same, each done before the next begins.
    pub(super) fn in_order(&self, commands: &[Command], limit: Limit) -> Result<Vec<Reply>, Trouble> {
        self.exchange(commands, limit)
    }

    /// The servers that hold keys.
    pub(super) fn masters(&self, _: Limit) -> Result<Vec<Arc<Pool>>, Trouble> {
        Ok(vec![Arc::clone(&self.pool)])
    }
}
