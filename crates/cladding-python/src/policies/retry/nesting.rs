//! Retried calls inside retried calls: seen by a context variable, which tasks inherit.

use std::sync::atomic::{AtomicBool, Ordering};

use cladding_capi::{ContextVariable, Owned};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::params::{Params, plain_text};

/// What a call does inside another that is retried.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Nested {
    /// Retries, and warns once.
    Warn,
    /// Leaves the retries to the outermost.
    Outer,
    /// Retries.
    Allow,
}

impl Nested {
    /// Reads `nested`.
    pub(super) fn read(params: &Params<'_, '_>) -> PyResult<Self> {
        let Some(value) = params.get("nested")? else {
            return Ok(Self::Warn);
        };
        match plain_text(&value) {
            Some("warn") => Ok(Self::Warn),
            Some("outer") => Ok(Self::Outer),
            Some("allow") => Ok(Self::Allow),
            _ => Err(params.wrong("nested", &value, "\"warn\", \"outer\" or \"allow\"")),
        }
    }
}

/// Whether any function was ever told to leave its retries to the one around it. From then on every retried call says
/// from its beginning that it is there; before, only calls that are being retried do, and others pay nothing.
static EARLY: AtomicBool = AtomicBool::new(false);

pub(super) fn announce_early() {
    EARLY.store(true, Ordering::Relaxed);
}

#[inline]
pub(super) fn is_early() -> bool {
    EARLY.load(Ordering::Relaxed)
}

/// The innermost retried call around what runs, as an [`Announcement`].
fn around(py: Python<'_>) -> PyResult<&'static ContextVariable> {
    static AROUND: PyOnceLock<ContextVariable> = PyOnceLock::new();
    AROUND.get_or_try_init(py, || Ok(ContextVariable::new(py, c"cladding_retry")?))
}

/// What is said of one retried call. Tasks that were started in it have their own reference, and may outlive it.
#[pyclass(frozen, module = "cladding._native")]
struct Announcement {
    function: Owned,
    /// That of the call around it.
    before: Option<Owned>,
    over: AtomicBool,
}

/// The innermost announcement of a call that is not over, from this one outwards.
fn live(py: Python<'_>, found: Option<Owned>) -> Option<Owned> {
    let mut found = found?;
    loop {
        let before = {
            let announcement = found.bound(py).cast::<Announcement>().ok()?.get();
            if announcement.over.load(Ordering::Relaxed) {
                announcement.before.clone()?
            } else {
                return Some(found);
            }
        };
        found = before;
    }
}

/// What was said of a retried call, and can be taken back.
pub(super) struct Mark(Owned);

impl Mark {
    /// Says that calls from here on are inside a retried call of `function`.
    pub(super) fn announce(py: Python<'_>, function: &Owned) -> PyResult<Self> {
        let around = around(py)?;
        let announcement = Announcement {
            function: function.clone(),
            before: live(py, around.get(py)?),
            over: AtomicBool::new(false),
        };
        let said = Owned::from(Bound::new(py, announcement)?.into_any());
        around.set(py, &said)?;
        Ok(Self(said))
    }

    /// Takes it back: everywhere, and here so that nothing keeps it.
    pub(super) fn leave(&self, py: Python<'_>) -> PyResult<()> {
        let around = around(py)?;
        let announcement = self.announcement(py);
        announcement.over.store(true, Ordering::Relaxed);
        if around.get(py)?.is_some_and(|now| now.as_ptr() == self.0.as_ptr()) {
            let none = Owned::none();
            around.set(py, announcement.before.as_ref().unwrap_or(&none))?;
        }
        Ok(())
    }

    fn announcement<'a>(&'a self, py: Python<'a>) -> &'a Announcement {
        let said = self.0.bound(py).cast::<Announcement>();
        said.expect("a mark is made of an announcement").get()
    }

    pub(super) fn objects(&self) -> impl Iterator<Item = &Owned> {
        std::iter::once(&self.0)
    }
}

/// The function whose retried call is around this one; `own` is what this one has said.
pub(super) fn outer(py: Python<'_>, own: Option<&Mark>) -> PyResult<Option<Owned>> {
    let found = match own {
        Some(own) => own.announcement(py).before.clone(),
        None => around(py)?.get(py)?,
    };
    let Some(found) = live(py, found) else { return Ok(None) };
    Ok(found
        .bound(py)
        .cast::<Announcement>()
        .ok()
        .map(|found| found.get().function.clone()))
}

/// Warns, once for each pair of functions.
pub(super) fn warn(py: Python<'_>, inner: &str, outer: &Owned) -> PyResult<()> {
    let module = py.import("cladding._retry.nesting")?;
    module.call_method1("warn", (inner, outer.bound(py))).map(drop)
}
