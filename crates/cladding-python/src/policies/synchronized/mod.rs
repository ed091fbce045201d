//! `synchronized`: one call at a time, under the lock that is natural for what is decorated or under one that is given.

use std::sync::Arc;

use cladding_capi::{Owned, Suspended};
use pyo3::prelude::*;

use crate::hooks::{Hooks, Outcome};
use crate::locks::watch_forks;
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::{Kind, Target};

mod given;
mod natural;

pub(crate) const NAME: &str = "synchronized";

/// Under which lock.
pub(crate) enum SynchronizedSpec {
    /// That of the instance, class or function.
    Natural,
    /// That of one object.
    On(Owned),
    /// One that was given.
    Given(given::Lock),
}

impl SynchronizedSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        if let Some(lock) = params.get("lock")?.filter(|lock| !lock.is_none()) {
            let Some(lock) = given::Lock::new(&lock)? else {
                return Err(params.wrong("lock", &lock, "an object with acquire() and release(), or None"));
            };
            return Ok(Self::Given(lock));
        }
        Ok(params
            .get("on")?
            .map_or(Self::Natural, |object| Self::On(object.into())))
    }
}

impl Spec for SynchronizedSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        watch_forks(py)?;
        Ok(match self {
            Self::Natural => Arc::new(natural::Natural::new(target, None)),
            Self::On(object) => Arc::new(natural::Natural::new(target, Some(object.clone()))),
            Self::Given(lock) => {
                let awaits = matches!(target.kind, Kind::Coroutine | Kind::AsyncGenerator);
                if awaits != lock.is_awaited() {
                    return Err(unfit(py, target, awaits));
                }
                Arc::new(given::Given::new(lock.clone()))
            }
        })
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        match self {
            Self::Natural => {}
            Self::On(object) => visit(object),
            Self::Given(lock) => lock.traverse(visit),
        }
    }
}

fn unfit(py: Python<'_>, target: &Target, awaits: bool) -> PyErr {
    let name = target.full_name();
    let text = if awaits {
        format!(
            "synchronized: `lock` must be one that is awaited, such as asyncio.Lock(), as {name}() is asynchronous: \
             waiting for a lock of threads would stop its event loop"
        )
    } else {
        format!("synchronized: `lock` must be one of threads, as {name}() cannot await it")
    };
    configuration_error(py, &text)
}

/// The error for a plain function that has returned something to await, which is closed.
#[cold]
fn refusal(py: Python<'_>, target: &Target, value: &Owned, kind: Suspended) -> Outcome {
    let text = format!(
        "synchronized: {}() is a plain function and has returned something to await, which would run without the lock; \
         write it with `async def`, or put mark_as_async below synchronized",
        target.full_name()
    );
    super::refused(py, value, kind, text)
}
