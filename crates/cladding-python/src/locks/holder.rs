//! Who holds a lock: a thread, or a task of an event loop.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict as _, PyCFunction, PyTuple};

use super::table::{TABLE, World};
use crate::policies::forked;

/// A thread or a task, told by a number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Holder(pub(super) u64);

impl Holder {
    /// Nobody.
    pub(super) const NOBODY: Self = Self(0);

    /// The thread that runs. No two threads of a process ever have the same number.
    #[inline]
    pub(crate) fn thread() -> Self {
        thread_local!(static NUMBER: Cell<u64> = const { Cell::new(0) });
        NUMBER.with(|number| match number.get() {
            0 => {
                static NEXT: AtomicU64 = AtomicU64::new(1);
                // Odd, so that no number is the address of a task.
                number.set(NEXT.fetch_add(1, Ordering::Relaxed) << 1 | 1);
                Self(number.get())
            }
            known => Self(known),
        })
    }

    /// The task that runs, which must be kept alive while it holds or waits. Without one the thread stands for it.
    pub(crate) fn task(py: Python<'_>) -> PyResult<(Self, Option<Owned>)> {
        static CURRENT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let current = CURRENT.get_or_try_init(py, || {
            Ok::<_, PyErr>(py.import("cladding._waits")?.getattr("current_task")?.unbind())
        })?;
        let found = current.bind(py).call0()?;
        if found.is_none() {
            return Ok((Self::thread(), None));
        }
        let task: Owned = found.cast::<PyTuple>()?.get_item(0)?.into();
        Ok((Self(task.as_ptr().addr() as u64), Some(task)))
    }

    /// Who runs, in the world that the lock is of.
    pub(crate) fn of(py: Python<'_>, world: World) -> PyResult<(Self, Option<Owned>)> {
        match world {
            World::Threads => Ok((Self::thread(), None)),
            World::Tasks => Self::task(py),
        }
    }
}

/// Asks the interpreter, once, to be told of forks: what other threads and tasks held is free in the child.
pub(crate) fn watch_forks(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED.get_or_try_init(py, || {
        let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
            return Ok(());
        };
        let forget = PyCFunction::new_closure(py, None, None, |arguments, _| {
            TABLE.forked(arguments.py(), Holder::thread());
            forked(arguments.py(), Holder::thread());
        })?;
        let options = [("after_in_child", forget)].into_py_dict(py)?;
        register.call((), Some(&options)).map(drop)
    })?;
    Ok(())
}
