//! Keys that other processes make too: a digest of everything that matters in a call, and whose results it is among.
//!
//! Here nothing is compared any more, so that all there is to know has to be in the digest. It is made as that of content is;
//! objects that have a hash are written by their content too, classes and functions by their names (`_portable.py`).

use cladding_capi::{Owned, Raised, counted};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::content::{Trouble, Writer};
use super::spec::{source_version, type_name};
use super::view::View;
use super::{Keys, shape};
use crate::hooks::Call;
use crate::target::Target;

/// What is written has this form. Another form needs another number, so that no key of the one is taken for the other's.
const FORMAT: u8 = 1;

/// What comes next.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Mark {
    /// An argument that is not there, or does not matter.
    Absent = 1,
    Given,
    /// The name and the value of a keyword that no parameter has.
    Keyword,
    /// The instance of a method.
    Instance,
    /// What a function made in place of the arguments.
    Made,
}

impl Keys {
    /// The digest of a call: the same for equal calls in every process, on every version of Python and machine.
    ///
    /// The error says which argument other processes could not know again.
    pub(in super::super) fn portable(&self, call: &Call<'_>, view: &View<'_>) -> Result<u128, Raised> {
        // The arguments may be asked for what they are made of, or let other threads in.
        call.time_passed();
        counted(call.py, |py| self.digest(py, call, view).map_err(Raised::from))
    }

    fn digest(&self, py: Python<'_>, call: &Call<'_>, view: &View<'_>) -> PyResult<u128> {
        // Not by the view, in which content may be a digest already that is good for this process alone.
        let Some(parts) = self.shape.parts(py, call.target, call.arguments) else {
            let name = call.target.full_name();
            return Err(PyTypeError::new_err(format!("an argument of {name}() is given twice")));
        };
        let mut writer = Writer::portable(py, self.spec.typed);
        writer.mark(FORMAT);
        let bound = usize::from(view.instance().is_some());
        if bound > 0 {
            let instance = parts.at(0);
            writer
                .marked(Mark::Instance as u8, instance)
                .map_err(|trouble| no_instance(py, call.target, instance, trouble))?;
        }
        match &self.spec.key {
            None => self.shape.write(call.target, &parts, bound, &mut writer)?,
            Some(function) => {
                let made = view.parts.at(0);
                writer.marked(Mark::Made as u8, made).map_err(|trouble| {
                    let name = super::spec::name_of(function.bound(py));
                    let about = format!("what the `key` function {name}() made");
                    match trouble {
                        Trouble::Failed(error) => error,
                        Trouble::Unknown(holds) => not_portable(py, call.target, &about, made, &holds),
                    }
                })?;
            }
        }
        Ok(writer.finish())
    }

    /// Whose results these are, as stores that are shared name it: the namespace and the version. To be asked when the
    /// function is decorated, as [`Keys::accept`] is.
    ///
    /// The error says why a function has to be given a namespace.
    pub(in super::super) fn space(&self, py: Python<'_>, target: &Target, wrapped: &Owned) -> PyResult<String> {
        let name = match self.spec.namespace() {
            Some(namespace) => namespace.replace('%', "%25").replace('@', "%40"),
            None => own_name(py, target, wrapped)?,
        };
        let version = match (self.spec.by_source, self.version.get()) {
            (true, Some(version)) => Some(version.clone()),
            (true, None) => Some(source_version(py, wrapped)?),
            (false, _) => self.spec.version_text(py),
        };
        Ok(version.map_or_else(|| name.clone(), |version| format!("{name}@{version}")))
    }
}

/// The namespace of a function that was not given one.
fn own_name(py: Python<'_>, target: &Target, wrapped: &Owned) -> PyResult<String> {
    static OF: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let of = OF.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("cladding._source")?.getattr("namespace_of")?.unbind())
    })?;
    of.bind(py)
        .call1((&target.module, &target.qualname, wrapped.bound(py)))?
        .extract()
}

/// The error for something that another process could not know again, and what it holds that is to blame.
pub(super) fn not_portable(py: Python<'_>, target: &Target, what: &str, object: &Owned, holds: &str) -> PyErr {
    let kind = type_name(py, object);
    let inside = shape::inside(&kind, holds);
    PyTypeError::new_err(format!(
        "cache_result: {what} of {}() is of type {kind}{inside}, which another process could not know again; give it a \
         method __cladding_key__(), or use `key` or `ignore`",
        target.full_name(),
    ))
}

fn no_instance(py: Python<'_>, target: &Target, instance: &Owned, trouble: Trouble) -> PyErr {
    let holds = match trouble {
        Trouble::Failed(error) => return error,
        Trouble::Unknown(holds) => holds,
    };
    let kind = type_name(py, instance);
    let inside = shape::inside(&kind, &holds);
    let first = target.parameters.first();
    let name = first.map_or_else(|| "self".to_owned(), |name| name.bound(py).to_string());
    PyTypeError::new_err(format!(
        "cache_result: {}() was called on a {kind}{inside}, which another process could not know again; give it a method \
         __cladding_key__(), or use ignore=('{name}',) if the results do not depend on it",
        target.full_name(),
    ))
}
