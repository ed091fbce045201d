//! `validate_input`: arguments are checked before the function sees them.

use std::sync::Arc;

use cladding_capi::{Arguments, Owned};
use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as MetricKind;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyMapping, PyString};

use crate::counters::add;
use crate::hooks::{Call, Enter, Family, Hooks, Outcome, Page, Slot};
use crate::params::{Params, configuration_error};
use crate::policies::substitute::Substitute;
use crate::policy::Spec;
use crate::target::{Kind, Target};

mod array;
mod bounds;
mod keys;
mod range;
mod values;

use array::{ArrayCheck, Found};
use cladding_capi::buffer::Layout;
use keys::KeysCheck;
use range::RangeCheck;

pub(crate) const NAME: &str = "validate_input";

const REJECTED: Family = Family {
    name: "cladding_rejected_inputs_total",
    help: "Calls with an argument that did not meet its expectation.",
    kind: MetricKind::Counter,
};

/// Named lengths that a call keeps without asking for memory.
const FEW: usize = 8;

static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();

fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._validate").map(Bound::unbind))?
        .bind(py))
}

/// The names that messages use.
#[derive(Default)]
pub(crate) struct Names {
    /// Of lengths, in the order of their indices.
    lengths: Vec<String>,
    /// Of parameters, in the order of the checks.
    parameters: Vec<String>,
}

/// The checked expectations.
pub(crate) struct ValidateSpec {
    checks: Arc<[(Rule, Owned)]>,
    names: Arc<Names>,
    fallback: Option<Substitute>,
}

enum Rule {
    Array(ArrayCheck),
    Range(RangeCheck),
    Keys(KeysCheck),
}

impl ValidateSpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let py = params.py();
        let classes = ["Array", "Range", "Keys"].map(|name| module(py).and_then(|module| module.getattr(name)));
        let [array, range, keys] = classes;
        let (array, range, keys) = (array?, range?, keys?);
        let fallback = params.get("fallback")?.as_ref().map(Substitute::new);
        let expectations = params.get("expectations")?.filter(|given| {
            given
                .cast::<PyMapping>()
                .is_ok_and(|given| !given.is_empty().unwrap_or(true))
        });
        let Some(expectations) = expectations else {
            let text = "validate_input: expectations are needed, such as @validate_input(x=Range(0, 1))";
            return Err(configuration_error(py, text));
        };
        let (mut names, mut checks) = (Names::default(), Vec::new());
        for item in expectations.cast::<PyMapping>()?.items()?.iter() {
            let (name, expectation): (Bound<'_, PyAny>, Bound<'_, PyAny>) = item.extract()?;
            let Ok(name) = name.extract::<String>() else {
                return Err(params.wrong("expectations", &name, "a mapping of parameter names"));
            };
            let rule = if expectation.is_instance(&array)? {
                Rule::Array(ArrayCheck::new(&expectation, &mut names)?)
            } else if expectation.is_instance(&range)? {
                Rule::Range(RangeCheck::new(&expectation)?)
            } else if expectation.is_instance(&keys)? {
                Rule::Keys(KeysCheck::new(&expectation)?)
            } else {
                let allowed = "an Array, a Range or Keys (annotations, models and data frames are not checked yet)";
                return Err(params.wrong(&name, &expectation, allowed));
            };
            names.parameters.push(name);
            checks.push((rule, expectation.into()));
        }
        Ok(Self {
            checks: checks.into(),
            names: Arc::new(names),
            fallback,
        })
    }
}

impl Spec for ValidateSpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        let places = self.names.parameters.iter().map(|name| Place::of(py, target, name));
        let fallback = self.fallback.clone();
        if fallback.is_some() && matches!(target.kind, Kind::Generator | Kind::AsyncGenerator) {
            let text = format!(
                "validate_input: `fallback` cannot be used on {}, which is a generator function: it has no one result that \
                 could be replaced",
                target.full_name()
            );
            return Err(configuration_error(py, &text));
        }
        if let Some(fallback) = &fallback
            && fallback.makes_coroutines(py)?
        {
            let when = if matches!(target.kind, Kind::Coroutine) {
                " when awaited"
            } else {
                ""
            };
            let text = format!(
                "validate_input: `fallback` of {} must not be a coroutine function: give a value, or a callable whose \
                 result is what the call gives{when}",
                target.full_name()
            );
            return Err(configuration_error(py, &text));
        }
        Ok(Arc::new(Validate {
            places: places.collect::<PyResult<_>>()?,
            checks: Arc::clone(&self.checks),
            names: Arc::clone(&self.names),
            rejected: self.checks.iter().map(|_| Counter::new()).collect(),
            fallback,
            takes_time: self.checks.iter().any(|(rule, _)| match rule {
                Rule::Array(check) => check.looks_inside(),
                Rule::Range(_) => false,
                Rule::Keys(_) => true,
            }),
            function: target.full_name(),
            checked: Counter::new(),
            fallbacks: Counter::new(),
        }))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        if let Some(fallback) = &self.fallback {
            fallback.traverse(visit);
        }
    }
}

/// Where a parameter is found in a call.
struct Place {
    /// By position, unless it comes by keyword.
    index: usize,
    keyword: Option<Owned>,
    default: Option<Owned>,
}

impl Place {
    fn of(py: Python<'_>, target: &Target, name: &str) -> PyResult<Self> {
        let Some(positional) = target.positional else {
            let text = format!(
                "validate_input: the parameters of {} are not known, so `{name}` cannot be found in a call: decorate a \
                 function around it",
                target.full_name()
            );
            return Err(configuration_error(py, &text));
        };
        match target.index_of(py, name) {
            Some(index) => Ok(Self {
                index: if index < positional { index } else { usize::MAX },
                keyword: (index >= target.positional_only).then(|| target.parameters[index].clone()),
                default: target.defaults.get(index).cloned().flatten(),
            }),
            None if target.var_keyword => Ok(Self {
                index: usize::MAX,
                keyword: Some(PyString::intern(py, name).into()),
                default: None,
            }),
            None => {
                let known: Vec<_> = target
                    .parameters
                    .iter()
                    .map(|known| known.bound(py).to_string())
                    .collect();
                let known = if known.is_empty() {
                    "none".to_owned()
                } else {
                    known.join(", ")
                };
                let text = format!(
                    "validate_input: `{name}` must be a parameter of {}, which has {known}",
                    target.full_name()
                );
                Err(configuration_error(py, &text))
            }
        }
    }

    /// The argument, if there is one that is not the author's own default.
    #[inline]
    fn find<'a>(&self, py: Python<'_>, arguments: &Arguments<'a>) -> Option<&'a Owned> {
        let found = match arguments.positional().get(self.index) {
            Some(found) => found,
            None if arguments.keyword_count() == 0 => return None,
            None => arguments.keyword(py, self.keyword.as_ref()?)?,
        };
        match &self.default {
            Some(default) if default.as_ptr() == found.as_ptr() => None,
            _ => Some(found),
        }
    }
}

struct Validate {
    places: Box<[Place]>,
    checks: Arc<[(Rule, Owned)]>,
    names: Arc<Names>,
    /// For each check.
    rejected: Box<[Counter]>,
    fallback: Option<Substitute>,
    /// A check goes through an array or asks a mapping, so that time passes with it.
    takes_time: bool,
    function: String,
    checked: Counter,
    fallbacks: Counter,
}

/// Why a check did not pass.
pub(crate) enum Failed {
    /// The argument is not as expected.
    Expectation(Box<Failure>),
    /// Python code that was asked has raised.
    Error(PyErr),
}

/// What is wrong with an argument.
pub(crate) struct Failure {
    /// The place inside the argument, to stand behind its name.
    path: String,
    /// Whether the words are about the argument as a whole, wherever in it the place is.
    whole: bool,
    /// Worded to follow "must".
    must: String,
    got: String,
}

impl Failure {
    /// The argument itself is wrong; `expected` is worded to follow "must be".
    fn new(expected: &str, got: String) -> Self {
        Self {
            path: String::new(),
            whole: true,
            must: format!("be {expected}"),
            got,
        }
    }
}

impl From<Failure> for Failed {
    #[cold]
    fn from(failure: Failure) -> Self {
        Self::Expectation(Box::new(failure))
    }
}

impl From<PyErr> for Failed {
    fn from(error: PyErr) -> Self {
        Self::Error(error)
    }
}

impl Validate {
    #[inline]
    fn check(&self, py: Python<'_>, arguments: &Arguments<'_>, found: &mut [Found]) -> Result<(), (usize, Failed)> {
        for (index, (place, (rule, _))) in self.places.iter().zip(self.checks.iter()).enumerate() {
            let Some(value) = place.find(py, arguments) else {
                continue;
            };
            let result = match rule {
                Rule::Range(check) => check.check(py, value),
                Rule::Array(check) => check.check(py, value, index, &self.names, found),
                Rule::Keys(check) => check.check(py, value),
            };
            if let Err(failed) = result {
                return Err((index, failed));
            }
        }
        Ok(())
    }

    #[cold]
    fn check_many_names(&self, py: Python<'_>, arguments: &Arguments<'_>) -> Result<(), (usize, Failed)> {
        self.check(py, arguments, &mut vec![None; self.names.lengths.len()])
    }

    #[cold]
    fn reject(&self, call: &Call<'_>, index: usize, failed: Failed) -> Enter {
        let py = call.py;
        let failure = match failed {
            Failed::Expectation(failure) => failure,
            Failed::Error(error) => return Enter::Answer(Outcome::error(py, error)),
        };
        if !is_well_formed(call) {
            // The function's own TypeError says what is wrong with the call.
            return Enter::Proceed;
        }
        add(&self.rejected[index], 1);
        let answer = match &self.fallback {
            None => self.error(py, index, &failure).map(Outcome::Raised),
            Some(fallback) => {
                add(&self.fallbacks, 1);
                Ok(fallback.give(call).map_or_else(Outcome::Raised, Outcome::Returned))
            }
        };
        Enter::Answer(answer.unwrap_or_else(|error| Outcome::error(py, error)))
    }

    fn error(&self, py: Python<'_>, index: usize, failure: &Failure) -> PyResult<Owned> {
        let argument = &self.names.parameters[index];
        let path = format!("{argument}{}", failure.path);
        let subject = if failure.whole { argument } else { &path };
        let text = format!("`{subject}` must {}", failure.must);
        let make = module(py)?.getattr("failure")?;
        let expectation = self.checks[index].1.bound(py);
        Ok(make
            .call1((&self.function, argument, &path, expectation, text, &failure.got))?
            .into())
    }
}

impl Hooks for Validate {
    fn leaves(&self) -> bool {
        false
    }

    fn enter(&self, call: &Call<'_>, _slot: &mut Slot) -> Enter {
        add(&self.checked, 1);
        let names = self.names.lengths.len();
        let result = if names == 0 {
            self.check(call.py, call.arguments, &mut [])
        } else if names <= FEW {
            self.check(call.py, call.arguments, &mut [None; FEW])
        } else {
            self.check_many_names(call.py, call.arguments)
        };
        match result {
            Ok(()) => {
                if self.takes_time {
                    call.time_passed();
                }
                Enter::Proceed
            }
            Err((index, failed)) => self.reject(call, index, failed),
        }
    }

    fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("checked", self.checked.get())?;
        stats.set_item("rejected", self.rejected.iter().map(Counter::get).sum::<u64>())?;
        stats.set_item("fallbacks", self.fallbacks.get())?;
        Ok(stats.unbind())
    }

    fn metrics(&self, _target: &Target, page: &mut Page) {
        for (argument, rejected) in self.names.parameters.iter().zip(&self.rejected) {
            let labels = [("function", &self.function), ("argument", argument)];
            let labels = labels.map(|(name, value)| (name.to_owned(), value.clone()));
            page.count(REJECTED, labels.into(), rejected.get());
        }
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.places
            .iter()
            .filter_map(|place| place.default.as_ref())
            .for_each(&mut *visit);
        if let Some(fallback) = &self.fallback {
            fallback.traverse(visit);
        }
    }
}

/// Whether the wrapped function would take the call, as far as its parameter list tells.
#[cold]
fn is_well_formed(call: &Call<'_>) -> bool {
    let (py, target, arguments) = (call.py, call.target, call.arguments);
    let Some(positional) = target.positional else {
        return true;
    };
    let by_position = arguments.positional_count();
    if by_position > positional && !target.var_positional {
        return false;
    }
    let is_known = |name: &Owned| {
        let index = target.index_of(py, &name.bound(py).to_string());
        index.map_or(target.var_keyword, |index| {
            index >= by_position && index >= target.positional_only
                || index < target.positional_only && target.var_keyword
                || index >= positional
        })
    };
    let is_given = |(index, name): (usize, &Owned)| {
        index < by_position.min(positional)
            || target.defaults[index].is_some()
            || (index >= target.positional_only && arguments.keyword(py, name).is_some())
    };
    arguments.keywords().all(|(name, _)| is_known(name)) && target.parameters.iter().enumerate().all(is_given)
}

/// What came, in few words.
#[cold]
fn describe(py: Python<'_>, value: &Owned) -> String {
    let described = module(py).and_then(|module| module.getattr("describe")?.call1((value.bound(py),))?.extract());
    described.unwrap_or_else(|_| {
        let kind = value.bound(py).get_type();
        format!(
            "a value of type {}",
            kind.name().map_or_else(|_| "?".to_owned(), |name| name.to_string())
        )
    })
}

/// What an array is from the outside, in few words.
#[cold]
fn describe_array<L: Layout>(py: Python<'_>, value: &Owned, array: &L) -> String {
    let kind = value.bound(py).get_type();
    let kind = kind.name().map_or_else(|_| "array".to_owned(), |name| name.to_string());
    let dtype = array::dtype_name(array.element()).or_else(|| Some(value.bound(py).getattr("dtype").ok()?.to_string()));
    let dtype = dtype.unwrap_or_else(|| "that is none of numbers".to_owned());
    let lengths: Vec<_> = (0..array.dimensions())
        .map(|dimension| array.length(dimension).to_string())
        .collect();
    format!("{kind} of dtype {dtype} and shape {}", array::tuple(&lengths))
}
