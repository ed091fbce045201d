//! The waits between attempts: by the engine's schedule, or by one of the user's own.

use cladding_capi::Owned;
use cladding_engine::retry::{Backoff, Growth, Jitter};
use pyo3::exceptions::{PyException, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyIterator, PySet, PyString};

use super::chance::random;
use super::course::Course;
use crate::params::{Params, configuration_error, makes_coroutines, plain_text, wait_seconds};

/// How many waits of a schedule are looked at when it is written down.
const LOOKED_AT: u64 = 16;

#[derive(Clone)]
pub(super) enum Schedule {
    /// Growing, capped and jittered by the engine.
    Engine(Backoff),
    /// The user's seconds as they come: an iterable, or a callable that gives one for each call.
    Own(Owned),
}

impl Schedule {
    /// Reads `schedule` and what shapes it.
    pub(super) fn read(params: &Params<'_, '_>, max_retries: Option<u64>) -> PyResult<Self> {
        let factor = params.number("backoff_factor", 2.0, "a finite number of at least 1", |factor| {
            factor >= 1.0
        })?;
        let initial = params.seconds("initial_delay", 0.1)?;
        let max = params.seconds("max_delay", 30.0)?;
        let given = params.get("jitter")?;
        let jitter = match &given {
            None => Jitter::Full,
            Some(value) => {
                let jitter = plain_text(value).and_then(|word| word.parse().ok());
                let allowed = "\"full\", \"equal\", \"decorrelated\" or \"none\"";
                jitter.ok_or_else(|| params.wrong("jitter", value, allowed))?
            }
        };
        let backoff = Backoff::new(initial, factor, max, jitter).map_err(|error| params.refused(&error))?;
        let Some(value) = params.get("schedule")? else {
            return Ok(Self::Engine(backoff));
        };
        if let Some(growth) = plain_text(&value).and_then(|word| word.parse::<Growth>().ok()) {
            let backoff = backoff.growing(growth).map_err(|error| params.refused(&error))?;
            return Ok(Self::Engine(backoff));
        }
        let wrong = || params.wrong("schedule", &value, ALLOWED);
        let is_text = value.is_instance_of::<PyString>() || value.is_instance_of::<PyBytes>();
        if is_text || value.is_instance_of::<PySet>() || value.cast::<PyIterator>().is_ok() {
            return Err(wrong());
        }
        if value.is_callable() && makes_coroutines(&value)? {
            return Err(wrong());
        }
        if let (Some(given), true) = (&given, jitter != Jitter::None) {
            return Err(params.wrong(
                "jitter",
                given,
                "\"none\" beside a schedule of your own, which is taken as it is",
            ));
        }
        let py = value.py();
        let waits = match begin(&value) {
            Ok(waits) => waits,
            Err(error) if error.is_instance_of::<PyException>(py) => {
                let wrong = wrong();
                wrong.set_cause(py, Some(error));
                return Err(wrong);
            }
            Err(interrupt) => return Err(interrupt),
        };
        for index in 0..max_retries.map_or(LOOKED_AT, |most| most.clamp(1, LOOKED_AT)) {
            let Some(wait) = next(&waits)? else {
                if index == 0 {
                    return Err(wrong());
                }
                break;
            };
            if wait_seconds(&wait).is_none() {
                return Err(params.wrong("schedule", &wait, WAIT));
            }
        }
        Ok(Self::Own((&value).into()))
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Self::Own(object) = self {
            visit(object);
        }
    }

    /// The seconds before retry `index`, counted from 0. A schedule of the user's own that has ended repeats its last wait.
    pub(super) fn delay(&self, py: Python<'_>, index: u32, course: &mut Course) -> PyResult<f64> {
        let delay = match self {
            // Nothing is drawn where nothing is waited for.
            Self::Engine(backoff) if backoff.initial_delay() <= 0.0 => 0.0,
            Self::Engine(backoff) => backoff.delay(index, course.previous, &mut random()),
            Self::Own(own) => {
                if course.waits.is_none() {
                    course.waits = Some(begin(own.bound(py))?.into_any().into());
                }
                let waits = course.waits.clone().expect("it was just made");
                match next(waits.bound(py).cast::<PyIterator>()?)? {
                    None => course.previous,
                    Some(wait) => wait_seconds(&wait).ok_or_else(|| {
                        let shown = wait.repr().map_or_else(|_| String::new(), |repr| repr.to_string());
                        configuration_error(py, &format!("retry: a wait of `schedule` must be {WAIT}, got {shown}"))
                    })?,
                }
            }
        };
        course.previous = delay;
        Ok(delay)
    }
}

const ALLOWED: &str = "\"exponential\", \"constant\", \"linear\", \"fibonacci\", an iterable of seconds that is not empty \
                       and can be gone through for each call, or a callable that gives an iterable for each call";
const WAIT: &str = "seconds from 0 to 1e9, as a number or a timedelta";

/// Begins a schedule of the user's own.
fn begin<'py>(own: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    if own.is_callable() {
        own.call0()?.try_iter()
    } else {
        own.try_iter()
    }
}

fn next<'py>(waits: &Bound<'py, PyIterator>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match waits.call_method0(pyo3::intern!(waits.py(), "__next__")) {
        Ok(wait) => Ok(Some(wait)),
        Err(error) if error.is_instance_of::<PyStopIteration>(waits.py()) => {
            cladding_capi::counted(waits.py(), |_| drop(error));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
