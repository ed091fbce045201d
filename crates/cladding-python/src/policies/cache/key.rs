//! Keys: a call's arguments in one order, however they were written, hashed and compared as a dictionary would.
//!
//! The order is: the arguments by position (defaults where parameters were left out), the keyword-only parameters, and for
//! each keyword that no parameter has a mark, its name and its value, sorted by name. A call by position is therefore its
//! own argument array with the defaults behind it, and no tuple is made to look it up.

use cladding_capi::keys::{self, Sameness};
use cladding_capi::{Arguments, Owned, Raised};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::target::Target;

/// Objects that no caller can pass, and that equal nothing but themselves.
struct Marks {
    /// Stands for an argument that is not there, or for a default that cannot be hashed.
    absent: Owned,
    /// Stands in front of a keyword that no parameter has.
    keyword: Owned,
}

static MARKS: PyOnceLock<Marks> = PyOnceLock::new();

fn marks(py: Python<'_>) -> PyResult<&'static Marks> {
    MARKS.get_or_try_init(py, || {
        let object = py.import("builtins")?.getattr("object")?;
        Ok(Marks {
            absent: object.call0()?.into(),
            keyword: object.call0()?.into(),
        })
    })
}

/// How the arguments of one function become keys.
pub(super) struct Shape {
    marks: &'static Marks,
    /// How many parameters can be given by position.
    positional: usize,
    /// For each parameter what stands for it when it is left out.
    fill: Box<[Owned]>,
    /// The defaults that cannot be hashed, by parameter.
    unhashable: Box<[(usize, Owned)]>,
}

impl Shape {
    pub(super) fn new(py: Python<'_>, target: &Target) -> PyResult<Self> {
        let marks = marks(py)?;
        let mut fill = Vec::with_capacity(target.parameters.len());
        let mut unhashable = Vec::new();
        for (index, default) in target.defaults.iter().enumerate() {
            fill.push(match default {
                None => marks.absent.clone(),
                Some(value) => match keys::hash(py, value) {
                    Ok(_) => value.clone(),
                    Err(raised) => {
                        drop(raised.take(py));
                        unhashable.push((index, value.clone()));
                        marks.absent.clone()
                    }
                },
            });
        }
        let positional = target.positional.unwrap_or(0);
        Ok(Self {
            marks,
            positional,
            fill: fill.into(),
            unhashable: unhashable.into(),
        })
    }

    /// The arguments in their order. `None` for a call that is wrong, because it gives a parameter twice.
    #[inline]
    pub(super) fn view<'a>(&'a self, py: Python<'_>, target: &Target, arguments: &Arguments<'a>) -> Option<View<'a>> {
        let given = arguments.positional();
        if arguments.keyword_count() > 0 {
            return self.with_keywords(py, target, arguments);
        }
        Some(View::Given(given, &self.fill[given.len().min(self.positional)..]))
    }

    fn with_keywords<'a>(&'a self, py: Python<'_>, target: &Target, arguments: &Arguments<'a>) -> Option<View<'a>> {
        let given = arguments.positional();
        let mut list: Vec<&Owned> = given
            .iter()
            .chain(&self.fill[given.len().min(self.positional)..])
            .collect();
        let mut others = Vec::new();
        for (name, value) in arguments.keywords() {
            match index_of(target, name) {
                None => others.push((name, value)),
                Some(index) if index < given.len().min(self.positional) => return None,
                Some(index) if index < self.positional => list[index] = value,
                Some(index) => list[index - self.positional + self.positional.max(given.len())] = value,
            }
        }
        others.sort_by_cached_key(|(name, _)| text_of(py, name));
        for (name, value) in others {
            list.extend([&self.marks.keyword, name, value]);
        }
        Some(View::List(list))
    }

    /// The key and the hash of a call with an argument that cannot be hashed: if that is the parameter's own default, a
    /// mark stands for it.
    #[cold]
    pub(super) fn mark<'a>(
        &'a self,
        py: Python<'_>,
        target: &Target,
        view: &View<'a>,
    ) -> Result<(View<'a>, u64), Raised> {
        let mut list: Vec<&Owned> = view.iter().collect();
        for (parameter, default) in &self.unhashable {
            let place = self.place(*parameter, &list);
            if let Some(value) = list.get_mut(place).filter(|value| value.as_ptr() == default.as_ptr()) {
                *value = &self.marks.absent;
            }
        }
        let marked = View::List(list);
        match marked.hash(py) {
            Ok(hash) => Ok((marked, hash)),
            Err((index, raised)) => Err(cladding_capi::counted(py, |py| {
                self.refusal(py, target, &marked, index, raised.take(py))
            })),
        }
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.fill.iter().for_each(&mut *visit);
        self.unhashable.iter().for_each(|(_, default)| visit(default));
    }

    /// Where a parameter stands in a key.
    fn place(&self, parameter: usize, list: &[&Owned]) -> usize {
        if parameter < self.positional {
            return parameter;
        }
        let end = list
            .iter()
            .position(|value| value.as_ptr() == self.marks.keyword.as_ptr())
            .unwrap_or(list.len());
        parameter + end - self.fill.len()
    }

    /// The error for an argument without a hash, naming it and its type.
    fn refusal(&self, py: Python<'_>, target: &Target, view: &View<'_>, index: usize, failed: Owned) -> Raised {
        if !cladding_capi::exception::is_a::<PyTypeError>(py, &failed) {
            return cladding_capi::exception::raise(py, failed);
        }
        let list: Vec<&Owned> = view.iter().collect();
        let end = list
            .iter()
            .position(|value| value.as_ptr() == self.marks.keyword.as_ptr())
            .unwrap_or(list.len());
        let last_positional = end - (self.fill.len() - self.positional);
        let argument = if index < self.positional {
            format!("argument '{}'", text_of(py, &target.parameters[index]))
        } else if index < last_positional {
            format!("positional argument {}", index + 1)
        } else if index < end {
            format!(
                "argument '{}'",
                text_of(py, &target.parameters[index - last_positional + self.positional])
            )
        } else {
            format!("argument '{}'", text_of(py, list[index - 1]))
        };
        let kind = list[index]
            .bound(py)
            .get_type()
            .qualname()
            .map_or_else(|_| "?".to_owned(), |name| name.to_string());
        let error = PyTypeError::new_err(format!(
            "cache_result: {argument} of {}() is of type {kind}, which has no hash to make a key of; keys made from the \
             content of arguments are not supported yet",
            target.full_name(),
        ));
        error.set_cause(py, Some(PyErr::from_value(failed.bound(py).clone())));
        error.into()
    }
}

/// Which parameter a keyword means; one that can be given only by position is never meant.
fn index_of(target: &Target, name: &Owned) -> Option<usize> {
    let named = target.parameters.iter().enumerate().skip(target.positional_only);
    let same = |known: &Owned| known.as_ptr() == name.as_ptr();
    // Names are interned, so the address decides for nearly every call.
    let found = named.clone().find(|(_, known)| same(known)).or_else(|| {
        let mut named = named;
        named.find(|(_, known)| keys::compare(known, name) == Sameness::Same)
    });
    found.map(|(index, _)| index)
}

fn text_of(py: Python<'_>, name: &Owned) -> String {
    name.bound(py).to_string()
}

/// A key that is only looked at: the arguments where they lie.
pub(super) enum View<'a> {
    /// The caller's array, and what stands for the parameters behind it.
    Given(&'a [Owned], &'a [Owned]),
    /// Put together from several places.
    List(Vec<&'a Owned>),
}

impl<'a> View<'a> {
    #[inline]
    fn len(&self) -> usize {
        match self {
            Self::Given(given, rest) => given.len() + rest.len(),
            Self::List(list) => list.len(),
        }
    }

    #[inline]
    fn at(&self, index: usize) -> &'a Owned {
        match self {
            Self::Given(given, rest) => given.get(index).unwrap_or_else(|| &rest[index - given.len()]),
            Self::List(list) => list[index],
        }
    }

    fn iter(&self) -> impl Iterator<Item = &'a Owned> {
        (0..self.len()).map(|index| self.at(index))
    }

    /// The hash, or the index of what has none.
    #[inline]
    pub(super) fn hash(&self, py: Python<'_>) -> Result<u64, (usize, Raised)> {
        if let Self::Given([only], []) = self {
            return keys::hash(py, only).map_err(|raised| (0, raised));
        }
        if self.len() == 1 {
            return keys::hash(py, self.at(0)).map_err(|raised| (0, raised));
        }
        let mut all = self.len() as u64;
        for (index, value) in self.iter().enumerate() {
            let hash = keys::hash(py, value).map_err(|raised| (index, raised))?;
            // The table mixes the bits; here only order and value must matter.
            all = (all.rotate_left(5) ^ hash).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        Ok(all)
    }
}

/// A key that is kept.
#[derive(Clone)]
pub(super) enum Key {
    One(Owned),
    Many(Box<[Owned]>),
}

impl Key {
    pub(super) fn of(view: &View<'_>) -> Self {
        if view.len() == 1 {
            Self::One(view.at(0).clone())
        } else {
            Self::Many(view.iter().cloned().collect())
        }
    }

    #[inline]
    pub(super) fn parts(&self) -> &[Owned] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Many(parts) => parts,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        View::Given(self.parts(), &[])
    }

    /// Compares as far as that runs no code, so that a table can be borrowed meanwhile.
    #[inline]
    pub(super) fn compare(&self, py: Python<'_>, view: &View<'_>) -> Sameness {
        if let (Self::One(part), View::Given([only], [])) = (self, view) {
            return match keys::compare(part, only) {
                Sameness::Unknown if is_mark(py, part) => Sameness::Different,
                sameness => sameness,
            };
        }
        let parts = self.parts();
        if parts.len() != view.len() {
            return Sameness::Different;
        }
        let mut sameness = Sameness::Same;
        for (part, other) in parts.iter().zip(view.iter()) {
            match keys::compare(part, other) {
                Sameness::Same => {}
                Sameness::Different => return Sameness::Different,
                Sameness::Unknown if is_mark(py, part) || is_mark(py, other) => return Sameness::Different,
                Sameness::Unknown => sameness = Sameness::Unknown,
            }
        }
        sameness
    }

    /// Compares by the arguments' own methods. Nothing may be borrowed: they may do anything.
    pub(super) fn equals(&self, py: Python<'_>, view: &View<'_>) -> Result<bool, Raised> {
        for (part, other) in self.parts().iter().zip(view.iter()) {
            let same = match keys::compare(part, other) {
                Sameness::Same => true,
                Sameness::Different => false,
                Sameness::Unknown => keys::equal(py, part, other)?,
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn is_mark(py: Python<'_>, object: &Owned) -> bool {
    let is = |mark: &Owned| mark.as_ptr() == object.as_ptr();
    MARKS
        .get(py)
        .is_some_and(|marks| is(&marks.absent) || is(&marks.keyword))
}
