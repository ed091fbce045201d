//! The calls of half-open breakers that are under way, so that what a probe calls is known to be part of it.
//!
//! A function that calls itself, or another function under the same breaker, would otherwise find all places taken, by
//! itself, and never succeed. Only while there are probes does anybody ask.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use cladding_capi::{Owned, counted};
use cladding_engine::breaker::{BreakerState, Permit};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::{PyTraverseError, PyVisit};

use super::Breaker;
use crate::hooks::SlotData;

/// How many probes are under way in this process.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

/// A `contextvars.ContextVar` whose value is the innermost [`Probe`] that the code is part of.
static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

fn current(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    let made = CURRENT.get_or_try_init(py, || {
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        Ok::<_, PyErr>(class.call1(("cladding_probe",))?.unbind())
    });
    made.map(|variable| variable.bind(py))
}

/// What a context says of the code that runs in it: it is part of a probe of this breaker, as long as that is under way.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Probe {
    state: Arc<dyn BreakerState>,
    alive: Arc<AtomicBool>,
    outer: Option<Owned>,
}

#[pymethods]
impl Probe {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.outer.iter().try_for_each(|outer| visit.call(outer.as_py()))
    }
}

/// The innermost probe under way that the code is part of, and that `fits`.
fn find(py: Python<'_>, fits: impl Fn(&Probe) -> bool) -> PyResult<Option<Owned>> {
    let mut next: Owned = current(py)?.call_method1("get", (py.None(),))?.into();
    loop {
        let Ok(probe) = next.bound(py).cast::<Probe>() else {
            return Ok(None);
        };
        let probe = probe.get();
        if probe.alive.load(Ordering::Relaxed) && fits(probe) {
            return Ok(Some(next));
        }
        let Some(outer) = probe.outer.clone() else {
            return Ok(None);
        };
        next = outer;
    }
}

/// What a call's slot keeps while the call is a probe: its place, which a drop gives back.
pub(crate) struct Probing {
    state: Arc<dyn BreakerState>,
    permit: Option<Permit>,
    context: Option<Told>,
}

/// What the context says of a probe.
struct Told {
    probe: Owned,
    /// What takes it back.
    token: Owned,
    alive: Arc<AtomicBool>,
}

impl Drop for Told {
    /// The context may have been copied, and a copy cannot be changed: what it says does not hold any more.
    fn drop(&mut self) {
        self.alive.store(false, Ordering::Relaxed);
    }
}

impl Probing {
    /// Whether the code that runs is part of a probe of this breaker.
    #[inline]
    pub(crate) fn includes_caller(py: Python<'_>, breaker: &Breaker) -> PyResult<bool> {
        if ALIVE.load(Ordering::Relaxed) == 0 {
            return Ok(false);
        }
        counted(py, |py| {
            Ok(find(py, |probe| Arc::ptr_eq(&probe.state, &breaker.state))?.is_some())
        })
    }

    /// Keeps the place of a probe that begins.
    pub(crate) fn new(breaker: &Breaker, permit: Permit) -> Self {
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Self {
            state: Arc::clone(&breaker.state),
            permit: Some(permit),
            context: None,
        }
    }

    /// Says in the context that what runs now is part of the probe.
    pub(crate) fn tell_context(&mut self, py: Python<'_>) -> PyResult<()> {
        counted(py, |py| {
            let alive = Arc::new(AtomicBool::new(true));
            let probe = Probe {
                state: Arc::clone(&self.state),
                alive: Arc::clone(&alive),
                outer: find(py, |_| true)?,
            };
            let probe = Bound::new(py, probe)?;
            let token = current(py)?.call_method1("set", (&probe,))?;
            self.context = Some(Told {
                probe: probe.into(),
                token: token.into(),
                alive,
            });
            Ok(())
        })
    }

    /// Takes back what the context says. Where the call has moved to another context, the old one has a dead probe.
    pub(crate) fn leave_context(&mut self, py: Python<'_>) {
        if let Some(told) = self.context.take() {
            counted(py, |py| {
                drop(current(py).and_then(|variable| variable.call_method1("reset", (told.token.bound(py),))));
            });
        }
    }

    /// The permit of a probe that has come to its end.
    pub(crate) fn end(&mut self, py: Python<'_>) -> Option<Permit> {
        self.leave_context(py);
        self.permit.take()
    }
}

impl Drop for Probing {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::Relaxed);
        if let Some(permit) = self.permit.take() {
            self.state.cancel(permit);
        }
    }
}

impl SlotData for Probing {
    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Some(told) = &self.context {
            visit(&told.probe);
            visit(&told.token);
        }
    }

    fn as_any(&mut self) -> &mut dyn Any {
        self
    }
}
