//! `f.cache` of a function whose results are in a store. What is asked for here is done at once or fails: nothing is swallowed.

use std::time::Duration;

use cladding_stores::{Key, Op, Reply, Trouble};
use pyo3::prelude::*;

use super::super::hooks::Cache;
use super::super::key::View;
use super::super::wire::{Note as Terms, Unopened};
use super::Shared;
use super::pending::Pending;
use crate::counters::add;
use crate::hooks::Call;
use crate::waits;
use cladding_capi::{Owned, Raised};

/// How long it may take at least to go through all names in a store.
const LONG: Duration = Duration::from_secs(60);

impl Cache {
    /// The key of a call in the store.
    pub(in super::super) fn key_in_store(
        &self,
        shared: &Shared,
        call: &Call<'_>,
        view: &View<'_>,
    ) -> Result<Key, Raised> {
        Ok(Key {
            space: shared.space()?.clone(),
            digest: self.keys.portable(call, view)?,
        })
    }

    /// Does what was asked for, or says why not. It may take as long as going through a large store takes; signals are
    /// handled meanwhile.
    fn explicit(&self, shared: &Shared, py: Python<'_>, op: Op) -> PyResult<Reply> {
        let limit = match op {
            Op::Clear { .. } | Op::RemoveTagged { .. } => shared.spec.limit.max(LONG),
            _ => shared.spec.limit,
        };
        let pending = Pending::submit(py, &shared.spec.front, op, limit)?;
        let reply = loop {
            match pending.answer() {
                Some(reply) => break reply,
                None => waits::block(py, &pending.wait())?,
            }
        };
        shared.tell(py, &self.target);
        reply.map_err(|trouble| store_error(py, shared, &trouble))
    }

    /// The result in the store, if it may be handed out.
    pub(in super::super) fn get_from_store(
        &self,
        shared: &Shared,
        py: Python<'_>,
        key: &Key,
    ) -> PyResult<Option<Owned>> {
        let op = Op::Get {
            key: key.clone(),
            lives: true,
        };
        let Reply::Record(Some(record)) = self.explicit(shared, py, op)? else {
            return Ok(None);
        };
        let opened = match shared.open(py, key, &record.body, self.spec.life.exceptions.as_ref()) {
            Ok(opened) => opened,
            Err(Unopened::Damaged(_)) => {
                add(&shared.counts.damaged, 1);
                return Ok(None);
            }
            Err(Unopened::Interrupted(raised)) => return Err(raised.into()),
        };
        let age = opened.note.age(record.left);
        let served = opened.note.served_for.is_none_or(|served| age < served);
        Ok((served && !opened.note.failed).then_some(opened.value))
    }

    /// Keeps a result in the store.
    pub(in super::super) fn put_in_store(
        &self,
        shared: &Shared,
        py: Python<'_>,
        key: Key,
        value: &Owned,
        terms: &Terms,
    ) -> PyResult<()> {
        let body = shared.seal(py, &self.target, &key, value, terms)?;
        let op = Op::Put {
            key,
            body,
            life: terms.kept_for().map(Duration::from_secs_f64),
            tags: terms.tags.to_vec(),
        };
        self.explicit(shared, py, op).map(drop)
    }

    /// Takes a result out of the store. Says whether there was one.
    pub(in super::super) fn remove_from_store(&self, shared: &Shared, py: Python<'_>, key: Key) -> PyResult<bool> {
        let reply = self.explicit(shared, py, Op::Remove { key })?;
        Ok(reply == Reply::Removed(true))
    }

    /// Takes out the results with a tag.
    pub(in super::super) fn remove_tagged_from_store(
        &self,
        shared: &Shared,
        py: Python<'_>,
        tag: &str,
    ) -> PyResult<u64> {
        let op = Op::RemoveTagged {
            space: shared.space()?.clone(),
            tag: tag.into(),
        };
        match self.explicit(shared, py, op)? {
            Reply::Count(count) => Ok(count),
            _ => Ok(0),
        }
    }

    /// Takes out all results of this function.
    pub(in super::super) fn clear_store(&self, shared: &Shared, py: Python<'_>) -> PyResult<()> {
        let space = shared.space()?.clone();
        self.explicit(shared, py, Op::Clear { space }).map(drop)
    }
}

/// The error for what a user asked for and the store did not do.
fn store_error(py: Python<'_>, shared: &Shared, trouble: &Trouble) -> PyErr {
    let text = format!(
        "the store {} did not do what was asked: {trouble}",
        shared.spec.shown_url()
    );
    let made = py
        .import("cladding._errors")
        .and_then(|errors| errors.getattr("StoreError")?.call1((text,)));
    made.map_or_else(|error| error, PyErr::from_value)
}
