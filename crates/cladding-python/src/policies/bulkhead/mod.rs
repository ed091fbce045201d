//! `bulkhead`: so many calls at once, over threads and tasks; others wait in a queue or are turned away.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::Hooks;
use crate::locks::watch_forks;
use crate::params::{Params, configuration_error};
use crate::policy::Spec;
use crate::target::Target;

mod hooks;
mod room;

use room::Room;
pub(crate) use room::forked;

pub(crate) const NAME: &str = "bulkhead";

/// Places that functions share.
#[pyclass(frozen, subclass, module = "cladding._native")]
pub(crate) struct Bulkhead {
    room: Arc<Room>,
    max_wait: Option<f64>,
}

#[pymethods]
impl Bulkhead {
    #[new]
    fn new(parameters: &Bound<'_, PyDict>) -> PyResult<Self> {
        let params = Params::new("Bulkhead", parameters);
        watch_forks(params.py())?;
        let (max_concurrent, max_waiting) = counts(&params, "an int from 1 to 2**64 - 1")?;
        let max_wait = params.patience("max_wait")?;
        params.finish()?;
        Ok(Self {
            room: Room::new(max_concurrent, max_waiting),
            max_wait,
        })
    }

    /// How many calls are inside now.
    #[getter]
    fn running(&self) -> u64 {
        self.room.load().running
    }

    /// How many calls wait now.
    #[getter]
    fn waiting(&self) -> u64 {
        self.room.load().waiting
    }
}

/// Reads `max_concurrent` and `max_waiting`.
fn counts(params: &Params<'_, '_>, allowed: &str) -> PyResult<(u64, Option<u64>)> {
    let Some(given) = params.get("max_concurrent")? else {
        let text = format!(
            "{}: `max_concurrent` is needed: how many calls may run at once",
            params.policy()
        );
        return Err(configuration_error(params.py(), &text));
    };
    let max_concurrent = params.count("max_concurrent", None, 1).ok().flatten();
    let max_concurrent = max_concurrent.ok_or_else(|| params.wrong("max_concurrent", &given, allowed))?;
    Ok((max_concurrent, params.count("max_waiting", None, 0)?))
}

/// The checked configuration.
pub(crate) struct BulkheadSpec {
    max_concurrent: u64,
    max_waiting: Option<u64>,
    /// One that is shared; each function has one of its own otherwise.
    shared: Option<Arc<Room>>,
    /// Seconds.
    max_wait: Option<f64>,
}

impl BulkheadSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_wait = params.patience("max_wait")?;
        let given = params.get("max_concurrent")?;
        let shared = given.as_ref().and_then(|given| given.cast::<Bulkhead>().ok());
        let Some(shared) = shared else {
            let (max_concurrent, max_waiting) = counts(params, "an int from 1 to 2**64 - 1, or a Bulkhead")?;
            return Ok(Self {
                max_concurrent,
                max_waiting,
                shared: None,
                max_wait,
            });
        };
        if let Some(value) = params.get("max_waiting")?.filter(|value| !value.is_none()) {
            return Err(params.wrong("max_waiting", &value, "left to the Bulkhead that is given"));
        }
        let shared = shared.get();
        Ok(Self {
            max_concurrent: 0,
            max_waiting: None,
            shared: Some(Arc::clone(&shared.room)),
            max_wait: max_wait.or(shared.max_wait),
        })
    }
}

impl Spec for BulkheadSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        watch_forks(py)?;
        let own = || Room::new(self.max_concurrent, self.max_waiting);
        let room = self.shared.clone().unwrap_or_else(own);
        Ok(Arc::new(hooks::Limited::new(room, self.max_wait, target)))
    }
}
