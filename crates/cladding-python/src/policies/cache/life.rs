//! How long results are kept, how they are handed out, and what is noted of them: the parameters about results.

use cladding_capi::{Owned, Raised, counted};
use pyo3::exceptions::{PyBaseException, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString, PyTuple, PyType};

use super::module;
use super::wire::Note;
use crate::clock;
use crate::params::{Params, configuration_error, plain_seconds};
use crate::policies::retry::random;

const DEFAULT_TTL: f64 = 60.0;
const DEFAULT_EXCEPTION_TTL: f64 = 5.0;

/// How long a result is good.
#[derive(Clone)]
pub(super) enum Ttl {
    Forever,
    Seconds(f64),
    /// What this callable says of each result.
    Asked(Owned),
}

/// The tags of results.
#[derive(Clone)]
pub(super) enum Tags {
    Same(Box<[Box<str>]>),
    /// What this callable says of each result and the arguments.
    Asked(Owned),
}

/// The parameters.
#[derive(Clone)]
pub(super) struct Life {
    pub(super) ttl: Ttl,
    jitter: f64,
    pub(super) max_bytes: Option<u64>,
    /// For how many seconds an old result is served while a new one is computed.
    pub(super) stale: Option<f64>,
    /// The factor of the `XFetch` formula; 0 for never early.
    pub(super) early: f64,
    /// Whether an old result is better than an error.
    pub(super) rescues: bool,
    /// The exceptions that are kept.
    pub(super) exceptions: Option<Owned>,
    exception_ttl: f64,
    /// Makes of a result what is handed out.
    pub(super) copy: Option<Owned>,
    pub(super) tags: Option<Tags>,
    /// How many items of a generator are kept at most, where generators are.
    pub(super) generators: Option<u64>,
}

impl Life {
    pub(super) fn new(params: &Params<'_, '_>) -> PyResult<Self> {
        let ttl = match params.get("ttl")? {
            Some(value) if value.is_callable() => {
                let allowed = "a finite number of seconds above 0, a timedelta above 0, None for ever, or a plain function \
                               of a result that says so";
                Ttl::Asked(params.callback("ttl", allowed)?.unwrap_or_else(Owned::none))
            }
            _ => params.lifetime("ttl", DEFAULT_TTL)?.map_or(Ttl::Forever, Ttl::Seconds),
        };
        let fraction = |fraction: f64| (0.0..=1.0).contains(&fraction);
        let early = match params.get("early")? {
            Some(value) if value.is_none() => 0.0,
            Some(value) if value.is_instance_of::<PyBool>() => f64::from(value.is_truthy()?),
            _ => params.number("early", 0.0, "a number from 0 up, or a bool", |beta| beta >= 0.0)?,
        };
        let life = Self {
            ttl,
            jitter: params.number("jitter", 0.0, "a fraction from 0 to 1", fraction)?,
            max_bytes: params.bytes("max_bytes")?,
            stale: params.duration("stale")?,
            early,
            rescues: rescues(params)?,
            exceptions: exceptions(params)?,
            exception_ttl: params.span("exception_ttl", DEFAULT_EXCEPTION_TTL)?,
            copy: copier(params)?,
            tags: tags(params)?,
            generators: params.count("generators", None, 1)?,
        };
        life.check_generators(params)?;
        Ok(life)
    }

    /// What is computed in the background, or raised again, is no generator.
    fn check_generators(&self, params: &Params<'_, '_>) -> PyResult<()> {
        let others = [
            ("stale", self.stale.is_some()),
            ("early", self.early > 0.0),
            ("on_error", self.rescues),
            ("cache_exceptions", self.exceptions.is_some()),
        ];
        match others.iter().find(|(_, given)| *given && self.generators.is_some()) {
            None => Ok(()),
            Some((other, _)) => Err(configuration_error(
                params.py(),
                &format!(
                    "cache_result: `generators` and `{other}` cannot be used together: the items of a generator are \
                          made while callers go through them, and what it raises is not kept"
                ),
            )),
        }
    }

    /// Whether the time matters.
    pub(super) fn ages(&self) -> bool {
        !matches!(self.ttl, Ttl::Forever) || self.exceptions.is_some()
    }

    /// Whether results are served, or kept in reserve, when they are no longer fresh; or made anew before.
    pub(super) fn refreshes(&self) -> bool {
        self.stale.is_some() || self.rescues || self.early > 0.0
    }

    /// Whether nothing is asked, weighed or noted of a result.
    pub(super) fn is_simple(&self) -> bool {
        !matches!(self.ttl, Ttl::Asked(_)) && !self.refreshes() && self.tags.is_none() && self.max_bytes.is_none()
    }

    /// How long this result is good, in seconds; infinity for ever, and `None` if it is not to be kept.
    pub(super) fn seconds(&self, py: Python<'_>, value: &Owned) -> Result<Option<f64>, Raised> {
        let seconds = match &self.ttl {
            Ttl::Forever => return Ok(Some(f64::INFINITY)),
            Ttl::Seconds(seconds) => *seconds,
            Ttl::Asked(ask) => {
                let said = cladding_capi::call(py, ask, &[value])?;
                if said.is_none() {
                    f64::INFINITY
                } else {
                    counted(py, |py| said_seconds(said.bound(py)))?
                }
            }
        };
        Ok((seconds > 0.0).then(|| self.shorten(seconds)))
    }

    /// What a store is told of a result that is good for so many seconds.
    pub(super) fn terms(&self, failed: bool, seconds: f64, took: u64, tags: &[Box<str>]) -> Note {
        let served = if failed {
            seconds
        } else {
            seconds + self.stale.unwrap_or(0.0)
        };
        let finite = |seconds: f64| seconds.is_finite().then_some(seconds);
        Note {
            failed,
            fresh_for: finite(seconds),
            served_for: finite(served),
            reserved: self.rescues && !failed,
            took: clock::nanos_between(0, took) as f64 / 1e9,
            tags: tags.into(),
        }
    }

    /// How long before its end a result that took so long is computed anew, drawn by the `XFetch` formula, in the same unit.
    pub(super) fn ahead(&self, took: f64) -> f64 {
        if self.early > 0.0 {
            // The logarithm of 0 is avoided.
            -(1.0 - random().unit()).ln() * self.early * took
        } else {
            0.0
        }
    }

    /// How long an exception is good.
    pub(super) fn exception_seconds(&self) -> f64 {
        self.shorten(self.exception_ttl)
    }

    /// Takes a random part off, so that results that came together do not go together.
    pub(super) fn shorten(&self, seconds: f64) -> f64 {
        if self.jitter > 0.0 {
            seconds * (1.0 - self.jitter * random().unit())
        } else {
            seconds
        }
    }

    /// The tags of a result, when `ask` calls a callable with the result and the arguments.
    pub(super) fn tags_of(
        &self,
        py: Python<'_>,
        ask: impl FnOnce(&Owned) -> Result<Owned, Raised>,
    ) -> Result<Box<[Box<str>]>, Raised> {
        match &self.tags {
            None => Ok(Box::default()),
            Some(Tags::Same(tags)) => Ok(tags.clone()),
            Some(Tags::Asked(callable)) => {
                let said = ask(callable)?;
                counted(py, |py| {
                    strings(said.bound(py))?.ok_or_else(|| {
                        PyTypeError::new_err(format!(
                            "cache_result: `tags` must give a str or an iterable of str, got {}",
                            shown(said.bound(py))
                        ))
                    })
                })
                .map_err(Into::into)
            }
        }
    }

    /// How many bytes one unit of weight stands for, so that weights have 32 bits.
    pub(super) fn unit(&self) -> u64 {
        (self.max_bytes.unwrap_or(0) >> 32) + 1
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Ttl::Asked(ask) = &self.ttl {
            visit(ask);
        }
        if let Some(Tags::Asked(ask)) = &self.tags {
            visit(ask);
        }
        self.exceptions.iter().chain(&self.copy).for_each(visit);
    }
}

/// A time from now on, in ticks, which ends before the end of time however long it is.
pub(super) fn after(now: u64, seconds: f64) -> u64 {
    if seconds.is_infinite() {
        return u64::MAX;
    }
    // The cast saturates.
    let ticks = clock::ticks_from_nanos((seconds * 1e9) as u64).max(1);
    now.saturating_add(ticks)
}

fn said_seconds(said: &Bound<'_, PyAny>) -> PyResult<f64> {
    let endless = || said.extract::<f64>().ok().filter(|seconds| *seconds == f64::INFINITY);
    plain_seconds(said).or_else(endless).ok_or_else(|| {
        PyValueError::new_err(format!(
            "cache_result: `ttl` must give seconds, a timedelta or None for ever, got {}",
            shown(said)
        ))
    })
}

fn shown(value: &Bound<'_, PyAny>) -> String {
    value
        .repr()
        .map_or_else(|_| "a value without repr".to_owned(), |repr| repr.to_string())
}

/// One string, or those that an iterable gives; `None` for anything else.
fn strings(value: &Bound<'_, PyAny>) -> PyResult<Option<Box<[Box<str>]>>> {
    if let Ok(one) = value.cast::<PyString>() {
        return Ok(Some(Box::new([one.to_str()?.into()])));
    }
    let Ok(items) = value.try_iter() else {
        return Ok(None);
    };
    let mut all = Vec::new();
    for item in items {
        match item?.cast::<PyString>() {
            Ok(item) => all.push(item.to_str()?.into()),
            Err(_) => return Ok(None),
        }
    }
    Ok(Some(all.into()))
}

fn tags(params: &Params<'_, '_>) -> PyResult<Option<Tags>> {
    let allowed = "a str, an iterable of str, or a plain function of the result and the arguments that gives one";
    match params.get("tags")? {
        None => Ok(None),
        Some(value) if value.is_none() => Ok(None),
        Some(value) if value.is_callable() => Ok(params.callback("tags", allowed)?.map(Tags::Asked)),
        Some(value) => match strings(&value) {
            Ok(Some(tags)) => Ok(Some(Tags::Same(tags))),
            _ => Err(params.wrong("tags", &value, allowed)),
        },
    }
}

fn copier(params: &Params<'_, '_>) -> PyResult<Option<Owned>> {
    match params.get("copy")? {
        None => Ok(None),
        Some(value) if value.is_instance_of::<PyBool>() => {
            let deepcopy = params.py().import("copy")?.getattr("deepcopy")?;
            Ok(value.is_truthy()?.then(|| deepcopy.into()))
        }
        Some(_) => params.callback("copy", "a bool, or a plain function that copies a result"),
    }
}

fn rescues(params: &Params<'_, '_>) -> PyResult<bool> {
    match params.get("on_error")? {
        None => Ok(false),
        Some(value) if value.is_none() || value.eq("raise")? => Ok(false),
        Some(value) if value.eq("stale")? => Ok(true),
        Some(value) => Err(params.wrong("on_error", &value, "\"raise\" or \"stale\"")),
    }
}

fn exceptions(params: &Params<'_, '_>) -> PyResult<Option<Owned>> {
    let Some(value) = params.get("cache_exceptions")?.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    let is_class = |item: &Bound<'_, PyAny>| {
        let class = item.cast::<PyType>();
        class.is_ok_and(|class| class.is_subclass_of::<PyBaseException>().unwrap_or(false))
    };
    let all = match value.cast::<PyTuple>() {
        Ok(tuple) => tuple.iter().all(|item| is_class(&item)),
        Err(_) => is_class(&value),
    };
    if !all {
        return Err(params.wrong("cache_exceptions", &value, "a class of exceptions, or a tuple of them"));
    }
    Ok(Some(value.into()))
}

/// An exception like another one, without its traceback.
pub(super) fn fresh(py: Python<'_>, exception: &Owned) -> PyResult<Owned> {
    Ok(module(py)?.getattr("fresh")?.call1((exception.bound(py),))?.into())
}
