//! A section of code that holds the lock of an object, for `with` and `async with`.

use cladding_capi::{Guarded, Owned};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::holder::{Holder, watch_forks};
use super::table::{Asked, Hold, Key, TABLE, Ticket, World};
use crate::flight::Flight;
use crate::hooks::Wait;
use crate::waits;

/// Holds the lock of one object while a block runs. Any number of threads and tasks may use it, at any depth.
#[pyclass(frozen, subclass, module = "cladding._native")]
pub(crate) struct Section {
    object: Owned,
    /// What stands for the object in the table: of a decorated function, the function that its calls end in.
    address: usize,
    /// The tasks that are inside.
    inside: Guarded<Vec<Inside>>,
}

/// A task inside a section, kept so that no other task can have its address meanwhile.
struct Inside {
    holder: Holder,
    hold: Hold,
    task: Option<Owned>,
}

#[pymethods]
impl Section {
    #[new]
    #[pyo3(signature = (on, stand_in = None))]
    fn new(on: &Bound<'_, PyAny>, stand_in: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        watch_forks(on.py())?;
        Ok(Self {
            address: stand_in.unwrap_or(on).as_ptr().addr(),
            object: on.into(),
            inside: Guarded::new(Vec::new()),
        })
    }

    /// What the section holds.
    #[getter]
    fn held<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.object.bound(py).clone()
    }

    fn __enter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (key, holder) = (Key::new(self.address, World::Threads), Holder::thread());
        if TABLE.take(key, holder).is_none() {
            wait(py, key, holder)?;
        }
        Ok(self.held(py))
    }

    #[pyo3(signature = (*error))]
    fn __exit__(&self, py: Python<'_>, error: &Bound<'_, PyAny>) -> PyResult<()> {
        let _ = error;
        if TABLE.leave_held(py, Key::new(self.address, World::Threads), Holder::thread()) {
            return Ok(());
        }
        Err(PyRuntimeError::new_err(format!(
            "the lock of {} is held by another thread than the one that leaves it",
            self.object.bound(py).repr()?
        )))
    }

    /// For `async with`: nothing if the task holds the lock from now on, else what to wait for.
    fn ask(&self, py: Python<'_>) -> PyResult<Option<Queued>> {
        let key = Key::new(self.address, World::Tasks);
        let (holder, task) = Holder::task(py)?;
        let flight: Owned = match TABLE.take(key, holder) {
            Some(hold) => {
                self.came_in(Inside { holder, hold, task });
                return Ok(None);
            }
            None => Py::new(py, Flight::new())?.into(),
        };
        Ok(match TABLE.queue(key, holder, &flight, false) {
            Asked::Held(hold) => {
                self.came_in(Inside { holder, hold, task });
                None
            }
            Asked::Queued(ticket) => Some(Queued {
                key,
                ticket,
                holder,
                flight,
                task,
            }),
        })
    }

    /// For `async with`: the lock was handed over.
    fn handed(&self, queued: &Queued) {
        self.came_in(Inside {
            holder: queued.holder,
            hold: queued.ticket,
            task: queued.task.clone(),
        });
    }

    /// For `async with`: the way out. A coroutine may be closed by another task than its own.
    fn leave_task(&self, py: Python<'_>) -> PyResult<()> {
        let (holder, _task) = Holder::task(py)?;
        let left = self.inside.with(|inside| {
            let own = inside.iter().rposition(|each| each.holder == holder);
            own.or(inside.len().checked_sub(1)).map(|place| inside.remove(place))
        });
        if let Some(left) = left {
            TABLE.leave(py, Key::new(self.address, World::Tasks), left.hold);
        }
        Ok(())
    }

    /// How many locks of objects are held or wanted now, in the whole process.
    #[staticmethod]
    fn live() -> usize {
        TABLE.len()
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.object.as_py())?;
        let Some(inside) = self.inside.try_lock() else {
            return Ok(());
        };
        let mut tasks = inside.iter().filter_map(|each| each.task.as_ref());
        tasks.try_for_each(|task| visit.call(task.as_py()))
    }
}

/// Blocks until the lock is held.
#[cold]
fn wait(py: Python<'_>, key: Key, holder: Holder) -> PyResult<()> {
    let mut again = false;
    loop {
        let flight: Owned = Py::new(py, Flight::new())?.into();
        let Asked::Queued(ticket) = TABLE.queue(key, holder, &flight, again) else {
            return Ok(());
        };
        if let Err(error) = waits::block(py, &Wait::Flight(flight)) {
            TABLE.give_up(py, key, ticket);
            return Err(error);
        }
        if TABLE.was_handed(key, ticket) {
            return Ok(());
        }
        again = true;
    }
}

impl Section {
    fn came_in(&self, task: Inside) {
        self.inside.with(|inside| inside.push(task));
    }
}

/// A task's place in the queue for a lock.
#[pyclass(frozen, module = "cladding._native")]
pub(crate) struct Queued {
    key: Key,
    ticket: Ticket,
    holder: Holder,
    flight: Owned,
    /// Kept, so that no other task can have its address meanwhile.
    task: Option<Owned>,
}

#[pymethods]
impl Queued {
    /// What lands when the lock was handed over.
    #[getter]
    fn flight<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.flight.bound(py).clone()
    }

    /// Leaves the queue, or the lock if that was handed over already.
    fn give_up(&self, py: Python<'_>) {
        TABLE.give_up(py, self.key, self.ticket);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.flight.as_py())?;
        self.task.iter().try_for_each(|task| visit.call(task.as_py()))
    }
}
