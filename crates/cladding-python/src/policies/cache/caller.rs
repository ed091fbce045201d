//! Who is calling: which thread, which task, and on which side of a fork.

use std::sync::atomic::{AtomicU32, Ordering};

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict as _, PyCFunction};

use crate::hooks::Call;
use crate::target::Kind;

/// Who computes, or wants to.
#[derive(Clone)]
pub(super) struct Caller {
    thread: usize,
    /// How often the process had forked.
    forks: u32,
    /// Whether the call waits by awaiting, so that its thread goes on meanwhile.
    awaits: bool,
    /// The task of the event loop that runs, for calls that await.
    task: Option<Owned>,
}

impl Caller {
    pub(super) fn of(call: &Call<'_>) -> PyResult<Self> {
        let awaits = call.target.kind == Kind::Coroutine;
        let task = if awaits { current_task(call.py)? } else { None };
        Ok(Self {
            thread: this_thread(),
            forks: FORKS.load(Ordering::Relaxed),
            awaits,
            task,
        })
    }

    /// Whether waiting for the computation of `leader` would be waiting for oneself.
    pub(super) fn would_wait_for_itself(&self, leader: &Self) -> bool {
        match (&self.task, &leader.task) {
            (Some(task), Some(other)) => task.as_ptr() == other.as_ptr(),
            // A coroutine that no event loop runs has nothing to wait with.
            (None, _) if self.awaits => true,
            _ => self.thread == leader.thread,
        }
    }

    /// Whether this caller went on only on the other side of a fork, and will never finish here.
    pub(super) fn is_lost(&self) -> bool {
        self.forks != FORKS.load(Ordering::Relaxed) && self.thread != this_thread()
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Some(task) = &self.task {
            visit(task);
        }
    }
}

/// A number that no two living threads share.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

fn current_task(py: Python<'_>) -> PyResult<Option<Owned>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let function = CURRENT_TASK.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._waits")?.getattr("current_task")?.unbind())
    })?;
    let task = function.bind(py).call0()?;
    Ok((!task.is_none()).then(|| task.into()))
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// Asks the interpreter, once, to be told of forks.
pub(super) fn watch_forks(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED.get_or_try_init(py, || {
        let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
            return Ok(());
        };
        let count = PyCFunction::new_closure(py, None, None, |_, _| {
            FORKS.fetch_add(1, Ordering::Relaxed);
        })?;
        let options = [("after_in_child", count)].into_py_dict(py)?;
        register.call((), Some(&options)).map(drop)
    })?;
    Ok(())
}
