//! Results as bytes, for stores that other processes read too.
//!
//! A result is written in `MessagePack`, with extension types for what that has no word for, so that everything comes back as
//! exactly what it was, or is refused (`encode`, `decode`; Python takes apart what is not the language's own, `_wire.py`). A
//! record (`record`) is the result, what is known of it, and a check over both and over the name that it is kept under, which
//! is made sure of before anything else is read.

use std::time::Duration;

use cladding_capi::{Owned, Raised, counted};
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBytes, PyString, PyTuple};

use crate::params::{Params, configuration_error, plain_text};
use crate::target::Target;

mod decode;
mod encode;
mod record;

/// The shortest key that records are signed with.
const SHORTEST_KEY: usize = 16;

/// What is known of a result.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Note {
    /// Whether the value is an exception that was raised.
    pub(super) failed: bool,
    /// For how many seconds after it was written it is as good as new; `None` for ever.
    pub(super) fresh_for: Option<f64>,
    /// For how many seconds it may be handed out; `None` for ever.
    pub(super) served_for: Option<f64>,
    /// Whether it is kept for a while after that, for those who would have none otherwise.
    pub(super) reserved: bool,
    /// How many seconds it took to compute.
    pub(super) took: f64,
    pub(super) tags: Box<[Box<str>]>,
}

/// For how many seconds a store keeps results that are only handed out where computing them anew fails.
const RESERVE: f64 = 86_400.0;

impl Note {
    /// For how many seconds a store keeps it; `None` for ever.
    pub(super) fn kept_for(&self) -> Option<f64> {
        self.served_for
            .map(|served| if self.reserved { served + RESERVE } else { served })
    }

    /// Whether its age makes a difference before the store lets it go.
    pub(super) fn ages(&self) -> bool {
        self.kept_for() != self.fresh_for
    }

    /// How old it is, in seconds, when the store keeps it for so much longer.
    pub(super) fn age(&self, left: Option<Duration>) -> f64 {
        match (self.kept_for(), left) {
            (Some(kept_for), Some(left)) => (kept_for - left.as_secs_f64()).max(0.0),
            _ => 0.0,
        }
    }
}

/// What a record holds.
pub(super) struct Opened {
    pub(super) value: Owned,
    pub(super) note: Note,
}

/// Why a record gave nothing.
pub(super) enum Unopened {
    /// It is not what was written under this name, or nothing that this function could have written.
    Damaged(String),
    /// An interrupt or an exit came meanwhile, which must reach the caller.
    Interrupted(Raised),
}

impl Unopened {
    fn damaged(reason: impl Into<String>) -> Self {
        Self::Damaged(reason.into())
    }

    /// What an error on the way means.
    fn of(py: Python<'_>, error: PyErr) -> Self {
        // A panic inside a library's extension is no exit.
        let is_panic = error.get_type(py).qualname().is_ok_and(|name| name == "PanicException");
        if error.is_instance_of::<PyException>(py) || is_panic {
            return Self::Damaged(error.to_string());
        }
        Self::Interrupted(error.into())
    }
}

/// Who makes bytes of a result.
#[derive(Clone)]
enum Serializer {
    Auto,
    Pickle,
    /// An object with `dumps` and `loads`.
    Given(Owned),
}

impl Serializer {
    /// What a record names it by.
    fn number(&self) -> u8 {
        match self {
            Self::Auto => 0,
            Self::Pickle => 1,
            Self::Given(_) => 2,
        }
    }
}

/// How results become bytes, and bytes results.
#[derive(Clone)]
pub(super) struct Wire {
    serializer: Serializer,
    /// What records are signed with: bytes that do not show themselves.
    key: Option<Owned>,
}

/// The Python side.
fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyModule>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    Ok(MODULE
        .get_or_try_init(py, || py.import("cladding._wire").map(Bound::unbind))?
        .bind(py))
}

impl Wire {
    /// Reads `serializer` and `signing_key`.
    pub(super) fn new(params: &Params<'_, '_>) -> PyResult<Self> {
        let key = signing_key(params)?;
        let serializer = serializer(params)?;
        let pickles = match &serializer {
            Serializer::Auto => None,
            Serializer::Pickle => Some("\"pickle\"".to_owned()),
            Serializer::Given(given) => pickler(given.bound(params.py())),
        };
        if let (None, Some(name)) = (&key, pickles) {
            return Err(configuration_error(
                params.py(),
                &format!(
                    "{}: `serializer` can be {name} only with a `signing_key` of at least {SHORTEST_KEY} bytes: whoever can write \
                     to the store could run any code by a pickle",
                    params.policy(),
                ),
            ));
        }
        Ok(Self { serializer, key })
    }

    /// A record of a result, for the name (a space and a digest) that it is to be kept under. The error says what in the
    /// result cannot be written; that of an exception is not to be told.
    pub(super) fn seal(
        &self,
        py: Python<'_>,
        target: &Target,
        name: &[u8],
        value: &Owned,
        note: &Note,
    ) -> Result<Vec<u8>, Raised> {
        counted(py, |py| {
            self.sealed(py, target, name, value, note).map_err(Raised::from)
        })
    }

    fn sealed(&self, py: Python<'_>, target: &Target, name: &[u8], value: &Owned, note: &Note) -> PyResult<Vec<u8>> {
        let mut out = Vec::with_capacity(256);
        record::begin(&mut out, self.serializer.number(), self.key.is_some(), note);
        if note.failed {
            let parts = module(py)?.getattr("parts_of_exception")?.call1((value.bound(py),))?;
            // Others may not be able to write exceptions.
            let serializer = match &self.serializer {
                Serializer::Pickle => &Serializer::Pickle,
                _ => &Serializer::Auto,
            };
            write(py, serializer, target, &parts.into(), &mut out, "the exception")?;
        } else {
            write(py, &self.serializer, target, value, &mut out, "result")?;
        }
        record::finish(py, &mut out, name, self.key.as_ref())?;
        Ok(out)
    }

    /// What a record holds that was kept under a name. `exceptions` are the classes (one, or a tuple) that an exception may
    /// be of.
    pub(super) fn open(
        &self,
        py: Python<'_>,
        name: &[u8],
        bytes: &[u8],
        exceptions: Option<&Owned>,
    ) -> Result<Opened, Unopened> {
        counted(py, |py| {
            let (note, body) = record::open(py, name, bytes, self.serializer.number(), self.key.as_ref())?;
            let value = if note.failed {
                let Some(classes) = exceptions else {
                    return Err(Unopened::damaged("it holds an exception, and this function keeps none"));
                };
                let parts = self.read(py, body, true)?;
                let parts = parts
                    .cast::<PyTuple>()
                    .map_err(|_| Unopened::damaged("it holds no exception"))?;
                let made = module(py)
                    .and_then(|module| module.getattr("exception_of")?.call1((classes.bound(py), parts)))
                    .map_err(|error| Unopened::of(py, error))?;
                if made.is_none() {
                    return Err(Unopened::damaged(
                        "its exception is of none of the classes in `cache_exceptions`",
                    ));
                }
                made
            } else {
                self.read(py, body, false)?
            };
            Ok(Opened {
                value: value.into(),
                note,
            })
        })
    }

    fn read<'py>(&self, py: Python<'py>, body: &[u8], failed: bool) -> Result<Bound<'py, PyAny>, Unopened> {
        let loads = match &self.serializer {
            Serializer::Given(given) if !failed => given.bound(py).getattr("loads"),
            Serializer::Pickle => module(py).and_then(|module| module.getattr("unpickled")),
            _ => return decode::decode(py, body),
        };
        loads
            .and_then(|loads| loads.call1((PyBytes::new(py, body),)))
            .map_err(|error| Unopened::of(py, error))
    }

    /// Shows every owned reference to the garbage collector.
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.key.iter().for_each(&mut *visit);
        if let Serializer::Given(given) = &self.serializer {
            visit(given);
        }
    }
}

/// Writes a value behind what is there. `root` is what errors call it.
fn write(
    py: Python<'_>,
    serializer: &Serializer,
    target: &Target,
    value: &Owned,
    out: &mut Vec<u8>,
    root: &str,
) -> PyResult<()> {
    let written = match serializer {
        Serializer::Auto => return encode::encode(py, value, out).map_err(|trouble| trouble.told(target, root)),
        Serializer::Pickle => module(py)?.getattr("pickled")?.call1((value.bound(py),))?,
        Serializer::Given(given) => given.bound(py).call_method1("dumps", (value.bound(py),))?,
    };
    let Ok(bytes) = written.cast::<PyBytes>() else {
        return Err(PyTypeError::new_err(format!(
            "cache_result: dumps() of the `serializer` of {}() returned a {}; it has to return bytes, and loads() to take them",
            target.full_name(),
            written.get_type().qualname()?,
        )));
    };
    out.extend_from_slice(bytes.as_bytes());
    Ok(())
}

fn serializer(params: &Params<'_, '_>) -> PyResult<Serializer> {
    let Some(value) = params.get("serializer")? else {
        return Ok(Serializer::Auto);
    };
    match plain_text(&value) {
        Some("auto") => return Ok(Serializer::Auto),
        Some("pickle") => return Ok(Serializer::Pickle),
        _ => {}
    }
    let has = |name: &str| value.getattr(name).is_ok_and(|method| method.is_callable());
    if !value.is_instance_of::<PyString>() && has("dumps") && has("loads") {
        return Ok(Serializer::Given(value.into()));
    }
    let allowed = "\"auto\", \"pickle\" (with a `signing_key`), or an object with dumps(value) -> bytes and loads(bytes) -> value";
    Err(params.wrong("serializer", &value, allowed))
}

/// The name of a module that runs any code that it reads.
fn pickler(given: &Bound<'_, PyAny>) -> Option<String> {
    let name = given.cast::<PyModule>().ok()?.name().ok()?.to_string();
    ["pickle", "_pickle", "cloudpickle", "dill", "marshal"]
        .contains(&name.as_str())
        .then_some(name)
}

/// The key, in a form that does not show itself, in which it also takes the given one's place.
fn signing_key(params: &Params<'_, '_>) -> PyResult<Option<Owned>> {
    let Some(value) = params.get("signing_key")?.filter(|value| !value.is_none()) else {
        return Ok(None);
    };
    let bytes = match (plain_text(&value), value.cast::<PyBytes>()) {
        (Some(text), _) => PyBytes::new(params.py(), text.as_bytes()),
        (None, Ok(bytes)) => bytes.clone(),
        (None, Err(_)) => return Err(wrong_key(params, &format!("a {}", value.get_type().qualname()?))),
    };
    let length = bytes.as_bytes().len();
    if length < SHORTEST_KEY {
        return Err(wrong_key(params, &format!("one of {length}")));
    }
    let secret = module(params.py())?.getattr("SigningKey")?.call1((bytes,))?;
    params.replace("signing_key", &secret)?;
    Ok(Some(secret.into()))
}

/// The error for a wrong key, which is not shown.
fn wrong_key(params: &Params<'_, '_>, got: &str) -> PyErr {
    configuration_error(
        params.py(),
        &format!(
            "{}: `signing_key` must be bytes or a str of at least {SHORTEST_KEY} bytes, or None, got {got}",
            params.policy()
        ),
    )
}
