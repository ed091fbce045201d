//! What breakers are told in a forked child, which has none of the threads whose probes were under way.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use cladding_engine::breaker::BreakerState;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict as _, PyCFunction};

static LIVE: Mutex<Vec<Weak<dyn BreakerState>>> = Mutex::new(Vec::new());

/// Makes sure that a breaker is told of forks.
pub(super) fn watch(py: Python<'_>, state: &Arc<dyn BreakerState>) -> PyResult<()> {
    static WATCHED: PyOnceLock<()> = PyOnceLock::new();
    WATCHED.get_or_try_init(py, || {
        let Some(register) = py.import("os")?.getattr_opt("register_at_fork")? else {
            return Ok(());
        };
        let tell = PyCFunction::new_closure(py, None, None, |_, _| forked())?;
        let options = [("after_in_child", tell)].into_py_dict(py)?;
        register.call((), Some(&options)).map(drop)
    })?;
    let mut live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    // Doubling before each sweep makes it cost the same for each breaker, however many come and go.
    if live.len() == live.capacity() {
        live.retain(|state| state.strong_count() > 0);
    }
    live.push(Arc::downgrade(state));
    Ok(())
}

fn forked() {
    let live = LIVE.lock().unwrap_or_else(PoisonError::into_inner);
    live.iter().filter_map(Weak::upgrade).for_each(|state| state.forked());
}
