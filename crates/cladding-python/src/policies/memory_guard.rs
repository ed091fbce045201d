//! `memory_guard`: memory in use is looked at before a call may run.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use cladding_engine::memory::{self, MemoryProbe, Reading, Sampler};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::clock;
use crate::counters::add;
use crate::hooks::{Call, Enter, Family, Hooks, Outcome, Page, Slot, Wait};
use crate::params::{Params, plain_text};
use crate::policy::Spec;
use crate::target::Target;

pub(crate) const NAME: &str = "memory_guard";

const USED: Family = Family {
    name: "cladding_memory_used_bytes",
    help: "Memory in use, as the guard of the function last saw it.",
    kind: MetricKind::Gauge,
};
const LIMIT: Family = Family {
    name: "cladding_memory_limit_bytes",
    help: "Memory there may be in use, as the guard of the function last saw it.",
    kind: MetricKind::Gauge,
};
const REJECTED: Family = Family {
    name: "cladding_memory_rejected_total",
    help: "Calls that were not run because too much memory was in use.",
    kind: MetricKind::Counter,
};

/// Seconds between two collections, whichever guards ask for them: more often they only cost.
const COLLECT_EVERY: f64 = 1.0;
/// Seconds between two warnings of one guard.
const WARN_EVERY: f64 = 10.0;
/// Seconds between two looks while a call waits.
const LOOK_EVERY: (f64, f64) = (0.01, 0.25);

/// What [`Slot::phase`] is while a call waits; [`Slot::count`] is the step then, [`Slot::started`] when the wait began.
const WAITING: u8 = 1;

/// The latest readings of the limit that the process lives under, and of the process by itself, whose limit is each
/// guard's own. Times are in ticks.
static LIVED_UNDER: Sampler = Sampler::new();
static PROCESS: Sampler = Sampler::new();
/// A probe that could read once, and so has found the groups that the process is in.
static PROBE: OnceLock<MemoryProbe> = OnceLock::new();
/// Whether this process was told that some guard saw nothing when it was made.
static BLIND: AtomicBool = AtomicBool::new(false);
/// When garbage was last collected, in ticks.
static COLLECTED: AtomicU64 = AtomicU64::new(0);

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._memory").map(Bound::unbind))?
        .bind(py))
}

/// What to do when there is too little memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Collect,
    Warn,
    Wait,
    Raise,
}

impl Step {
    const NAMES: [(&'static str, Self); 4] = [
        ("collect", Self::Collect),
        ("warn", Self::Warn),
        ("wait", Self::Wait),
        ("raise", Self::Raise),
    ];

    /// The steps that a tuple names; `None` if it is not several different ones.
    fn parse(given: &Bound<'_, PyAny>) -> Option<Vec<Self>> {
        if !given.is_instance_of::<PyTuple>() && !given.is_instance_of::<PyList>() {
            return None;
        }
        let mut steps = Vec::new();
        for name in given.try_iter().ok()? {
            let name = name.ok()?;
            let name = plain_text(&name)?;
            let (_, step) = *Self::NAMES.iter().find(|(known, _)| *known == name)?;
            if steps.contains(&step) {
                return None;
            }
            steps.push(step);
        }
        (!steps.is_empty()).then_some(steps)
    }
}

/// The checked parameters.
#[derive(Clone)]
pub(crate) struct MemoryGuardSpec {
    threshold: f64,
    steps: Arc<[Step]>,
    wait: f64,
    interval: f64,
    limit: Option<u64>,
}

impl MemoryGuardSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let allowed = "a fraction above 0 and at most 1";
        let threshold = params.number("threshold", 0.85, allowed, |share| share > 0.0 && share <= 1.0)?;
        let steps = match params.get("on_pressure")? {
            None => Step::NAMES.map(|(_, step)| step).to_vec(),
            Some(given) => Step::parse(&given).ok_or_else(|| {
                let allowed =
                    "a tuple of different steps, one at least, out of \"collect\", \"warn\", \"wait\" and \"raise\"";
                params.wrong("on_pressure", &given, allowed)
            })?,
        };
        Ok(Self {
            threshold,
            steps: steps.into(),
            wait: params.seconds("wait", 5.0)?,
            interval: params.seconds("interval", 0.1)?,
            limit: params.bytes("limit")?,
        })
    }
}

impl Spec for MemoryGuardSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let guard = MemoryGuard {
            spec: self.clone(),
            function: target.full_name(),
            interval: ticks(self.interval),
            look_every: self.interval.clamp(LOOK_EVERY.0, LOOK_EVERY.1),
            warned: AtomicU64::new(0),
            checks: Counter::new(),
            waits: Counter::new(),
            collections: Counter::new(),
            warnings: Counter::new(),
            rejected: Counter::new(),
            failed_readings: Counter::new(),
        };
        match py.detach(|| guard.read()) {
            Ok(reading) => guard.sampler().store(reading, clock::ticks()),
            Err(error) => {
                // The same program is to run where memory cannot be read. Being the first that failed, this reading keeps
                // the guard from saying at a call what is said here.
                add(&guard.failed_readings, 1);
                if !BLIND.swap(true, Ordering::Relaxed) {
                    module(py)?.getattr("sees_nothing")?.call1((error.to_string(),))?;
                }
            }
        }
        Ok(Arc::new(guard))
    }
}

fn ticks(seconds: f64) -> u64 {
    clock::ticks_from_nanos((seconds * 1e9) as u64)
}

/// Takes a turn that comes at most once in so many ticks.
fn take_turn(last: &AtomicU64, now: u64, every: u64) -> bool {
    let seen = last.load(Ordering::Relaxed);
    (seen == 0 || now.saturating_sub(seen) >= every)
        && last
            .compare_exchange(seen, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok()
}

struct MemoryGuard {
    spec: MemoryGuardSpec,
    function: String,
    /// Ticks for which a reading is good.
    interval: u64,
    look_every: f64,
    /// When this guard last warned, in ticks.
    warned: AtomicU64,
    checks: Counter,
    waits: Counter,
    collections: Counter,
    warnings: Counter,
    rejected: Counter,
    failed_readings: Counter,
}

impl MemoryGuard {
    #[inline]
    fn sampler(&self) -> &'static Sampler {
        if self.spec.limit.is_some() {
            &PROCESS
        } else {
            &LIVED_UNDER
        }
    }

    /// Reads memory, now. Opens files: call it with the interpreter lock released.
    fn read(&self) -> std::io::Result<Reading> {
        if let Some(limit) = self.spec.limit {
            return memory::read_process(Path::new("/"), limit);
        }
        if let Some(probe) = PROBE.get() {
            return probe.read();
        }
        let probe = MemoryProbe::new(Path::new("/"));
        let reading = probe.read()?;
        PROBE.get_or_init(|| probe);
        Ok(reading)
    }

    /// The latest reading, with this guard's own limit where it has one.
    #[inline]
    fn latest(&self) -> Option<Reading> {
        let mut reading = self.sampler().latest()?;
        if let Some(limit) = self.spec.limit {
            reading.limit = limit;
        }
        Some(reading)
    }

    #[inline]
    fn is_pressed(&self, reading: &Reading) -> bool {
        reading.used as f64 >= self.spec.threshold * reading.limit as f64
    }

    /// Whether too much memory is in use, as it was at most `age` ticks ago.
    #[inline]
    fn look(&self, py: Python<'_>, now: u64, age: u64) -> bool {
        if self.sampler().stale(now, age) {
            self.refresh(py, now, age);
        }
        self.latest().is_some_and(|reading| self.is_pressed(&reading))
    }

    #[cold]
    fn refresh(&self, py: Python<'_>, now: u64, age: u64) {
        if !self.sampler().try_claim(now, age) {
            return;
        }
        match py.detach(|| self.read()) {
            Ok(reading) => self.sampler().store(reading, now),
            Err(error) => {
                // Without a reading calls run: what only watches breaks nothing. The next try is `age` away.
                self.sampler().reset();
                let _ = self.sampler().try_claim(now, age);
                add(&self.failed_readings, 1);
                if self.failed_readings.get() == 1 {
                    let text = error.to_string();
                    cladding_capi::counted(py, |py| {
                        let told =
                            module(py).and_then(|module| module.getattr("lost_sight")?.call1((&self.function, text)));
                        drop(told);
                    });
                }
            }
        }
    }

    /// Goes through the steps from one on, until memory is there or one of them says what becomes of the call.
    #[cold]
    fn press(&self, call: &Call<'_>, slot: &mut Slot, first: usize) -> Enter {
        let py = call.py;
        for index in first..self.spec.steps.len() {
            let done = match self.spec.steps[index] {
                Step::Collect => self.collect(py),
                Step::Warn => self.warn(py),
                Step::Wait => match self.wait(slot, index) {
                    Some(wait) => return Enter::Wait(wait.into()),
                    None => Ok(true),
                },
                Step::Raise => {
                    // A caller is turned away only by a fresh look.
                    return if self.look(py, clock::ticks(), 1) {
                        self.raise(py)
                    } else {
                        Enter::Proceed
                    };
                }
            };
            match done {
                Err(error) if !error.is_instance_of::<PyException>(py) => {
                    return Enter::Answer(Outcome::error(py, error));
                }
                Ok(true) if !self.look(py, clock::ticks(), 1) => return Enter::Proceed,
                // Nothing was done, or it went wrong: a handler of the log, say. The guard goes on.
                _ => {}
            }
        }
        Enter::Proceed
    }

    /// Says whether anything was done.
    fn collect(&self, py: Python<'_>) -> PyResult<bool> {
        if !take_turn(&COLLECTED, clock::ticks(), ticks(COLLECT_EVERY)) {
            return Ok(false);
        }
        add(&self.collections, 1);
        py.import("gc")?.call_method0("collect")?;
        Ok(true)
    }

    fn warn(&self, py: Python<'_>) -> PyResult<bool> {
        if !take_turn(&self.warned, clock::ticks(), ticks(WARN_EVERY)) {
            return Ok(false);
        }
        add(&self.warnings, 1);
        if let Some(reading) = self.latest() {
            module(py)?.getattr("warn")?.call1(self.told(&reading))?;
        }
        Ok(true)
    }

    /// The next part of the wait; `None` when it is over.
    fn wait(&self, slot: &mut Slot, index: usize) -> Option<Wait> {
        let now = clock::ticks();
        if slot.phase != WAITING {
            if self.spec.wait == 0.0 {
                return None;
            }
            add(&self.waits, 1);
            (slot.phase, slot.count, slot.started) = (WAITING, index as u32, now);
        }
        let left = self.spec.wait - clock::nanos_between(slot.started, now) as f64 / 1e9;
        if left <= 0.0 {
            slot.phase = 0;
            return None;
        }
        Some(Wait::Seconds(left.min(self.look_every)))
    }

    fn raise(&self, py: Python<'_>) -> Enter {
        let Some(reading) = self.latest() else {
            return Enter::Proceed;
        };
        add(&self.rejected, 1);
        let error = module(py).and_then(|module| module.getattr("pressure")?.call1(self.told(&reading)));
        Enter::Answer(match error {
            Ok(error) => Outcome::Raised(error.into()),
            Err(error) => Outcome::error(py, error),
        })
    }

    /// What the Python side needs for its words.
    fn told(&self, reading: &Reading) -> (&str, u64, u64, f64, f64, &'static str) {
        let Reading { used, limit, source } = *reading;
        (
            &self.function,
            used,
            limit,
            reading.fraction(),
            self.spec.threshold,
            source.name(),
        )
    }
}

impl Hooks for MemoryGuard {
    fn leaves(&self) -> bool {
        false
    }

    #[inline]
    fn enter(&self, call: &Call<'_>, slot: &mut Slot) -> Enter {
        if slot.phase == WAITING {
            let age = ticks(self.look_every / 2.0);
            if !self.look(call.py, clock::ticks(), age) {
                return Enter::Proceed;
            }
            let said = cladding_capi::counted(call.py, |_| self.press(call, slot, slot.count as usize));
            call.time_passed();
            return said;
        }
        add(&self.checks, 1);
        let now = call.now();
        if self.sampler().stale(now, self.interval) {
            self.refresh(call.py, now, self.interval);
            call.time_passed();
        }
        if self.latest().is_some_and(|reading| self.is_pressed(&reading)) {
            let said = cladding_capi::counted(call.py, |_| self.press(call, slot, 0));
            call.time_passed();
            said
        } else {
            Enter::Proceed
        }
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("checks", self.checks.get())?;
        stats.set_item("waits", self.waits.get())?;
        stats.set_item("collections", self.collections.get())?;
        stats.set_item("warnings", self.warnings.get())?;
        stats.set_item("rejected", self.rejected.get())?;
        stats.set_item("failed_readings", self.failed_readings.get())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        let labels = || vec![("function".to_owned(), self.function.clone())];
        if let Some(reading) = self.latest() {
            let source = ("source".to_owned(), reading.source.name().to_owned());
            let labels: Vec<_> = labels().into_iter().chain([source]).collect();
            page.gauge(USED, labels.clone(), reading.used);
            page.gauge(LIMIT, labels, reading.limit);
        }
        page.count(REJECTED, labels(), self.rejected.get());
    }
}
