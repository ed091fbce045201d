//! Who is calling: which thread, which task, and on which side of a fork.

use std::sync::atomic::{AtomicU32, Ordering};

use cladding_capi::{Owned, counted};
use cladding_stores::Front;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict as _, PyCFunction, PyTuple, PyWeakrefReference};

use crate::hooks::Call;
use crate::target::Kind;

/// Who computes, or wants to. It keeps nothing alive.
#[derive(Clone)]
pub(super) struct Caller {
    thread: Thread,
    /// Whether the call waits by awaiting, so that its thread goes on meanwhile.
    awaits: bool,
    /// The task of the event loop that runs, for calls that await.
    task: Option<Task>,
}

impl From<Thread> for Caller {
    /// One that waits by blocking its thread.
    fn from(thread: Thread) -> Self {
        Self {
            thread,
            awaits: false,
            task: None,
        }
    }
}

/// A thread, on one side of a fork.
#[derive(Clone, Copy)]
pub(super) struct Thread {
    number: usize,
    /// How often the process had forked.
    forks: u32,
}

impl Thread {
    /// The one that calls this.
    #[inline]
    pub(super) fn this() -> Self {
        Self {
            number: this_thread(),
            forks: FORKS.load(Ordering::Relaxed),
        }
    }
}

/// A task of an event loop. It must be free to go while it computes, because nobody else may hold it.
#[derive(Clone)]
struct Task {
    /// Where the task is; another one can be there once this one is gone.
    address: usize,
    /// Where its event loop is, which lives as long as the task.
    event_loop: usize,
    /// A weak reference, without a callback. `None` for tasks of a kind that allows none.
    weak: Option<Owned>,
}

/// What can be expected of the computation of another caller.
pub(super) enum Outlook {
    /// It goes on while one waits.
    Lands,
    /// It stands still for as long as one waits.
    Stands,
    /// It is over, and never landed.
    Lost,
}

impl Caller {
    pub(super) fn of(call: &Call<'_>) -> PyResult<Self> {
        Self::here(call.py, call.target.kind == Kind::Coroutine)
    }

    /// Who calls this, by awaiting or not.
    pub(super) fn here(py: Python<'_>, awaits: bool) -> PyResult<Self> {
        let task = if awaits { current_task(py)? } else { None };
        Ok(Self {
            thread: Thread::this(),
            awaits,
            task,
        })
    }

    /// Whether it has a task that can wait.
    pub(super) fn has_task(&self) -> bool {
        self.task.is_some()
    }

    /// What this caller can expect of the computation of `leader`. This runs Python code.
    pub(super) fn outlook(&self, py: Python<'_>, leader: &Self) -> PyResult<Outlook> {
        if leader.is_lost_to(self) {
            return Ok(Outlook::Lost);
        }
        let Some(theirs) = &leader.task else {
            return Ok(self.unless(self.thread.number == leader.thread.number));
        };
        let Some(alive) = theirs.progress(py)? else {
            return Ok(Outlook::Lost);
        };
        Ok(match &self.task {
            // Only one of the event loops of a thread runs at a time.
            Some(ours) if self.thread.number == leader.thread.number => {
                self.unless(ours.address == theirs.address || ours.event_loop != theirs.event_loop || !alive)
            }
            Some(ours) => self.unless(ours.address == theirs.address || !alive),
            None => self.unless(self.thread.number == leader.thread.number || !alive),
        })
    }

    fn unless(&self, stands: bool) -> Outlook {
        // A coroutine that no event loop runs has nothing to wait with.
        if stands || (self.awaits && self.task.is_none()) {
            Outlook::Stands
        } else {
            Outlook::Lands
        }
    }

    /// Whether this caller went on only on the other side of a fork, and will never finish where `other` is. A fork
    /// leaves the thread that forked, and of its event loops only one that is run again.
    fn is_lost_to(&self, other: &Self) -> bool {
        let event_loop = |caller: &Self| caller.task.as_ref().map(|task| task.event_loop);
        self.thread.forks != FORKS.load(Ordering::Relaxed)
            && (self.thread.number != other.thread.number
                || (self.task.is_some() && event_loop(self) != event_loop(other)))
    }
}

impl Task {
    fn new(py: Python<'_>, task: &Bound<'_, PyAny>, event_loop: &Bound<'_, PyAny>) -> Self {
        let weak = match PyWeakrefReference::new(task) {
            Ok(weak) => Some(weak.into()),
            Err(error) => {
                counted(py, |_| drop(error));
                None
            }
        };
        Self {
            address: task.as_ptr().addr(),
            event_loop: event_loop.as_ptr().addr(),
            weak,
        }
    }

    /// Whether its event loop runs, or `None` if the task will never run again.
    fn progress(&self, py: Python<'_>) -> PyResult<Option<bool>> {
        static PROGRESS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let Some(Ok(weak)) = self
            .weak
            .as_ref()
            .map(|weak| weak.bound(py).cast::<PyWeakrefReference>())
        else {
            return Ok(Some(true));
        };
        let Some(task) = weak.upgrade() else {
            return Ok(None);
        };
        waits(py, &PROGRESS, "progress")?.call1((task,))?.extract()
    }
}

/// A number that no two living threads share.
fn this_thread() -> usize {
    thread_local!(static PLACE: u8 = const { 0 });
    PLACE.with(|place| std::ptr::from_ref(place).addr())
}

fn waits<'py>(
    py: Python<'py>,
    function: &'static PyOnceLock<Py<PyAny>>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    let found = function.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._waits")?.getattr(name)?.unbind())
    })?;
    Ok(found.bind(py))
}

fn current_task(py: Python<'_>) -> PyResult<Option<Task>> {
    static CURRENT_TASK: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let found = waits(py, &CURRENT_TASK, "current_task")?.call0()?;
    if found.is_none() {
        return Ok(None);
    }
    let found = found.cast::<PyTuple>()?;
    Ok(Some(Task::new(py, &found.get_item(0)?, &found.get_item(1)?)))
}

static FORKS: AtomicU32 = AtomicU32::new(0);

/// How often the process has forked, since somebody asked to watch for it.
pub(super) fn forks() -> u32 {
    FORKS.load(Ordering::Relaxed)
}

/// Asks the interpreter, once, to be told of forks.
pub(super) fn watch_forks(py: Python<'_>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED.get_or_try_init(py, || {
        let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
            return Ok(());
        };
        let told = |what: fn()| PyCFunction::new_closure(py, None, None, move |args, _| args.py().detach(what));
        let count = || {
            FORKS.fetch_add(1, Ordering::Relaxed);
            Front::all_forked();
        };
        let options = [
            ("before", told(Front::all_forking)?),
            ("after_in_parent", told(Front::all_fork_over)?),
            ("after_in_child", told(count)?),
        ];
        let options = options.into_py_dict(py)?;
        register.call((), Some(&options)).map(drop)
    })?;
    Ok(())
}
