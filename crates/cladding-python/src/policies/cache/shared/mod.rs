//! A store that processes share, behind the cache of one function.
//!
//! The process computes each key once at a time as ever; whoever leads here asks the store first (`asking`), and gives it what
//! came of the computation (`ending`). What the store said may be kept in memory for a while (`near`).

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use cladding_capi::{Owned, Raised, counted};
use cladding_stores::{Front, Key, News, Op, Reply, Token, Trouble, Watcher};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyCFunction};

use super::caller::forks;
use super::key::Keys;
use super::module;
use super::store::Landed;
use super::wire::{Note, Opened, Unopened, Wire};
use crate::counters::add;
use crate::params::{Params, configuration_error};
use crate::target::Target;

mod asking;
mod ending;
mod near;
mod numbers;
mod pending;
mod single;

pub(super) use asking::Remote;
use near::Nearby;
use numbers::Counts;

const DEFAULT_LEASE: f64 = 10.0;
const DEFAULT_TIMEOUT: f64 = 0.5;

/// How long the interpreter's end waits for what is on its way to stores.
const AT_EXIT: Duration = Duration::from_secs(1);

/// How long what was read from the store may be used without asking it again.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Near {
    Never,
    /// Until the store says that it has changed.
    Told,
    Seconds(f64),
}

/// The parameters.
#[derive(Clone)]
pub(super) struct SharedSpec {
    front: Arc<Front>,
    wire: Wire,
    lease: Duration,
    limit: Duration,
    near: Near,
}

impl SharedSpec {
    /// `None` where results stay in memory. The parameters are looked at all the same, so that leaving the store out, as a
    /// program may in its tests, changes nothing about what is right.
    pub(super) fn new(params: &Params<'_, '_>) -> PyResult<Option<Self>> {
        let wire = Wire::new(params)?;
        let lease = Duration::from_secs_f64(params.span("lease", DEFAULT_LEASE)?);
        let limit = Duration::from_secs_f64(params.span("store_timeout", DEFAULT_TIMEOUT)?);
        let near = near(params)?;
        let Some(url) = params.text("store")?.filter(|url| url != "memory://") else {
            return Ok(None);
        };
        let front = Front::open(&url)
            .map_err(|reason| configuration_error(params.py(), &format!("cache_result: `store`: {reason}")))?;
        if near == Near::Told && !front.tells_of_changes() {
            let text = format!(
                "cache_result: `near` must be a number of seconds or False for the store {}, which does not tell of changes, got True",
                front.shown_url()
            );
            return Err(configuration_error(params.py(), &text));
        }
        flush_at_exit(params.py())?;
        Ok(Some(Self {
            front,
            wire,
            lease,
            limit,
            near,
        }))
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.wire.traverse(visit);
    }

    /// The address, without a password.
    pub(super) fn shown_url(&self) -> &str {
        self.front.shown_url()
    }
}

/// Asks the interpreter, once, to let what is on its way to stores arrive before it ends.
fn flush_at_exit(py: Python<'_>) -> PyResult<()> {
    static ASKED: PyOnceLock<()> = PyOnceLock::new();
    ASKED.get_or_try_init(py, || {
        let flush = PyCFunction::new_closure(py, None, None, |args, _| {
            args.py().detach(|| Front::flush_all(AT_EXIT));
        })?;
        py.import("atexit")?.call_method1("register", (flush,)).map(drop)
    })?;
    Ok(())
}

fn near(params: &Params<'_, '_>) -> PyResult<Near> {
    match params.get("near")? {
        None => Ok(Near::Never),
        Some(value) if value.is_none() => Ok(Near::Never),
        Some(value) if value.is_instance_of::<PyBool>() => {
            Ok(if value.is_truthy()? { Near::Told } else { Near::Never })
        }
        Some(_) => params
            .duration("near")
            .map(|seconds| seconds.map_or(Near::Never, Near::Seconds)),
    }
}

/// The store as one function's cache uses it.
pub(super) struct Shared {
    pub(super) spec: SharedSpec,
    /// Whose results these are.
    space: OnceLock<Arc<str>>,
    near: Arc<Nearby>,
    pub(super) counts: Counts,
    /// In which process changes are watched for: how often it had forked, and one; 0 for none.
    watched: AtomicU32,
}

impl Shared {
    pub(super) fn new(spec: SharedSpec) -> Self {
        Self {
            spec,
            space: OnceLock::new(),
            near: Arc::new(Nearby::new()),
            counts: Counts::new(),
            watched: AtomicU32::new(0),
        }
    }

    /// Does something now, on this thread, with the interpreter lock let go.
    fn now(&self, py: Python<'_>, op: &Op) -> Result<Reply, Trouble> {
        let (front, limit) = (&self.spec.front, self.spec.limit);
        counted(py, |py| py.detach(|| front.do_now(op, limit)))
    }
}

impl Shared {
    /// Finds out whose results these are, when the function is decorated.
    pub(super) fn accept(&self, py: Python<'_>, keys: &Keys, target: &Target, wrapped: &Owned) -> PyResult<()> {
        let space = keys.space(py, target, wrapped)?;
        self.space.get_or_init(|| space.into());
        Ok(())
    }

    /// Whose results these are.
    fn space(&self) -> PyResult<&Arc<str>> {
        let unknown = || PyRuntimeError::new_err("cache_result: the function has not been decorated yet");
        self.space.get().ok_or_else(unknown)
    }

    /// Gives a lease back, in the background.
    pub(super) fn release(&self, key: &Key, token: Token) {
        self.send(Op::Release {
            key: key.clone(),
            token,
        });
    }

    /// Has something done in the background. Where that cannot be, the lease that it would have ended ends by itself.
    fn send(&self, op: Op) {
        let _ = self.spec.front.submit(op, self.spec.limit, Box::new(drop));
    }

    /// Counts what went wrong, and logs it if it is news.
    fn note(&self, py: Python<'_>, target: &Target, trouble: &Trouble) {
        let counter = match trouble {
            Trouble::Down(_) => &self.counts.failures,
            Trouble::Refused(_) => &self.counts.refusals,
            Trouble::Resting => &self.counts.skips,
        };
        add(counter, 1);
        self.tell(py, target);
    }

    /// Logs what has happened to the store since somebody last looked.
    fn tell(&self, py: Python<'_>, target: &Target) {
        while let Some(news) = self.spec.front.news() {
            let (kind, reason) = match news {
                News::Failed(reason) => ("failed", reason),
                News::Refused(reason) => ("refused", reason),
                News::Recovered => ("recovered", String::new()),
            };
            counted(py, |py| {
                let told = module(py)
                    .and_then(|module| module.getattr("log_store"))
                    .and_then(|log| log.call1((kind, self.spec.shown_url(), target.full_name(), reason)));
                if let Err(error) = told {
                    error.write_unraisable(py, None);
                }
            });
        }
    }

    /// The name under which a record is sealed.
    fn name(key: &Key) -> Vec<u8> {
        let mut name = key.space.as_bytes().to_vec();
        name.push(0);
        name.extend_from_slice(&key.digest.to_le_bytes());
        name
    }

    fn seal(&self, py: Python<'_>, target: &Target, key: &Key, value: &Owned, terms: &Note) -> Result<Vec<u8>, Raised> {
        self.spec.wire.seal(py, target, &Self::name(key), value, terms)
    }

    fn open(&self, py: Python<'_>, key: &Key, body: &[u8], exceptions: Option<&Owned>) -> Result<Opened, Unopened> {
        self.spec.wire.open(py, &Self::name(key), body, exceptions)
    }

    /// Whether what was read stays in memory for a while.
    fn keeps_near(&self) -> bool {
        self.spec.near != Near::Never
    }

    /// For how long at most, in seconds; `None` if not at all.
    fn near_seconds(&self) -> Option<f64> {
        match self.spec.near {
            Near::Never => None,
            Near::Told => Some(f64::INFINITY),
            Near::Seconds(seconds) => Some(seconds),
        }
    }
}

impl Shared {
    /// Has changes told, in this process too.
    fn watch(&self) {
        let here = forks() + 1;
        if self.spec.near != Near::Told || self.watched.load(Ordering::Relaxed) == here {
            return;
        }
        if let (Some(space), true) = (self.space.get(), self.watched.swap(here, Ordering::Relaxed) != here) {
            // What a parent process was told of, this one was not.
            self.near.listens(false);
            let watcher: Arc<dyn Watcher> = self.near.clone();
            self.spec.front.watch(space, &watcher);
        }
    }

    /// What the memory keeps of a result that the store does not tell of.
    fn near_alone(&self, landed: Option<Landed>) -> Option<Landed> {
        match self.spec.near {
            Near::Seconds(seconds) => landed.map(|landed| landed.for_a_while(seconds)),
            Near::Never | Near::Told => None,
        }
    }
}
