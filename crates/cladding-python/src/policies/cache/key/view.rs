//! A key that is only looked at, and one that is kept.

use cladding_capi::keys::{self, Sameness};
use cladding_capi::{Owned, Raised};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use smallvec::SmallVec;

use super::content;

/// Objects that no caller can pass, and that equal nothing but themselves.
pub(super) struct Marks {
    /// Stands for an argument that is not there, does not matter, or for a default that nothing can be made of.
    pub(super) absent: Owned,
    /// Stands in front of a keyword that no parameter has.
    pub(super) keyword: Owned,
    /// Stands in front of a digest of content, which the objects inside that have a hash follow.
    pub(super) content: Owned,
    /// Stands in front of what stands for the instance of a method.
    instance: Owned,
}

static MARKS: PyOnceLock<Marks> = PyOnceLock::new();

pub(super) fn marks(py: Python<'_>) -> PyResult<&'static Marks> {
    MARKS.get_or_try_init(py, || {
        let object = py.import("builtins")?.getattr("object")?;
        let mark = || object.call0().map(Owned::from);
        Ok(Marks {
            absent: mark()?,
            keyword: mark()?,
            content: mark()?,
            instance: mark()?,
        })
    })
}

fn is_mark(py: Python<'_>, object: &Owned) -> bool {
    let is = |mark: &Owned| mark.as_ptr() == object.as_ptr();
    MARKS
        .get(py)
        .is_some_and(|marks| is(&marks.absent) || is(&marks.keyword) || is(&marks.content) || is(&marks.instance))
}

fn is_instance_mark(py: Python<'_>, object: &Owned) -> bool {
    MARKS
        .get(py)
        .is_some_and(|marks| marks.instance.as_ptr() == object.as_ptr())
}

/// One part of a key, where it lies or made for this call.
pub(super) enum Part<'a> {
    Lying(&'a Owned),
    Made(Owned),
}

impl Part<'_> {
    #[inline]
    pub(super) fn object(&self) -> &Owned {
        match self {
            Self::Lying(object) => object,
            Self::Made(object) => object,
        }
    }
}

/// So many parts need no memory of their own.
pub(super) type PartList<'a> = SmallVec<[Part<'a>; 6]>;

/// The parts of a key without the instance.
pub(super) enum Parts<'a> {
    /// The caller's array, and what stands for the parameters behind it.
    Given(&'a [Owned], &'a [Owned]),
    /// Put together from several places.
    List(PartList<'a>),
}

impl Parts<'_> {
    #[inline]
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Given(given, rest) => given.len() + rest.len(),
            Self::List(list) => list.len(),
        }
    }

    #[inline]
    pub(super) fn at(&self, index: usize) -> &Owned {
        match self {
            Self::Given(given, rest) => given.get(index).unwrap_or_else(|| &rest[index - given.len()]),
            Self::List(list) => list[index].object(),
        }
    }

    #[inline]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Owned> {
        (0..self.len()).map(|index| self.at(index))
    }
}

/// A key that is only looked at.
pub(in super::super) struct View<'a> {
    pub(super) parts: Parts<'a>,
    /// What stands for the instance of a method.
    instance: Option<Owned>,
    pub(super) typed: bool,
}

impl<'a> View<'a> {
    #[inline]
    pub(super) fn new(parts: Parts<'a>, typed: bool) -> Self {
        Self {
            parts,
            instance: None,
            typed,
        }
    }

    /// The first part, which is the instance of a method that was not bound yet.
    #[inline]
    pub(super) fn first(&self) -> Option<&'a Owned> {
        match &self.parts {
            Parts::Given(given, _) => given.first(),
            Parts::List(list) => match list.first() {
                Some(Part::Lying(first)) => Some(first),
                _ => None,
            },
        }
    }

    /// Puts what stands for the instance in the place of the first part.
    #[inline]
    pub(super) fn bind(&mut self, reference: Owned) {
        self.instance = Some(reference);
        match &mut self.parts {
            Parts::Given(given, _) => *given = &given[1..],
            Parts::List(list) => drop(list.remove(0)),
        }
    }

    /// Another key in place of the arguments; what stands for the instance stays.
    pub(super) fn replace(&mut self, key: Owned) {
        let mut list = PartList::new();
        list.push(Part::Made(key));
        self.parts = Parts::List(list);
    }

    /// The same key of other parts.
    pub(super) fn of_parts<'b>(&self, list: PartList<'b>) -> View<'b> {
        View {
            parts: Parts::List(list),
            instance: self.instance.clone(),
            typed: self.typed,
        }
    }

    #[inline]
    pub(super) fn instance(&self) -> Option<&Owned> {
        self.instance.as_ref()
    }

    /// The hash; or the index of the part that has none, and the error if it was asked.
    #[inline]
    pub(in super::super) fn hash(&self, py: Python<'_>) -> Result<u64, (usize, Option<Raised>)> {
        let mut all = match &self.instance {
            None => {
                if let Parts::Given([only], []) = &self.parts {
                    return content::hash(py, only).map_err(|raised| (0, raised));
                }
                if self.parts.len() == 1 {
                    return content::hash(py, self.parts.at(0)).map_err(|raised| (0, raised));
                }
                self.parts.len() as u64
            }
            Some(reference) => reference.as_ptr().addr() as u64,
        };
        for (index, value) in self.parts.iter().enumerate() {
            let hash = content::hash(py, value).map_err(|raised| (index, raised))?;
            all = mixed(all, hash);
        }
        Ok(all)
    }
}

/// The key of a call as most are: by position, of objects that are hashed and compared without running code.
#[derive(Clone, Copy)]
pub(in super::super) struct Quick<'a> {
    /// The address of what stands for the instance of a method; 0 for functions.
    pub(super) reference: usize,
    /// The caller's array, and what stands for the parameters behind it.
    pub(super) given: &'a [Owned],
    pub(super) rest: &'a [Owned],
}

impl Quick<'_> {
    /// The hash, which is that of a [`View`]; `None` if there is more to it.
    #[inline]
    pub(in super::super) fn hash(&self, py: Python<'_>) -> Option<u64> {
        let one = |object: &Owned| keys::is_scalar(object).then(|| keys::hash_of_scalar(py, object));
        let mut all = match (self.reference, self.given, self.rest) {
            (0, [only], []) | (0, [], [only]) => return one(only),
            (0, given, rest) => (given.len() + rest.len()) as u64,
            (reference, ..) => reference as u64,
        };
        for value in self.given.iter().chain(self.rest) {
            all = mixed(all, one(value)?);
        }
        Some(all)
    }

    /// Whether it is the key of a method.
    #[inline]
    pub(in super::super) fn has_instance(&self) -> bool {
        self.reference != 0
    }

    /// The key, to be kept. That of a method needs what stands for the instance.
    #[inline]
    pub(in super::super) fn key(&self, py: Python<'_>, instance: Option<&Owned>) -> Option<Key> {
        match (self.reference, self.given, self.rest) {
            (0, [only], []) | (0, [], [only]) => Some(Key::One(only.clone())),
            (0, given, rest) => Some(Key::Many(given.iter().chain(rest).cloned().collect())),
            (_, given, rest) => {
                let mut parts = Vec::with_capacity(2 + given.len() + rest.len());
                parts.extend([MARKS.get(py)?.instance.clone(), instance?.clone()]);
                parts.extend(given.iter().chain(rest).cloned());
                Some(Key::Many(parts.into()))
            }
        }
    }

    /// Whether it is the key that is kept.
    #[inline]
    pub(in super::super) fn is(&self, py: Python<'_>, key: &Key) -> bool {
        let same = |known: &Owned, given: &Owned| keys::compare(known, given) == Sameness::Same;
        let parts = match (key, self.given) {
            (Key::One(known), [only]) if self.reference == 0 && self.rest.is_empty() => return same(known, only),
            _ if self.reference == 0 => key.parts(),
            (Key::Many(parts), _) => match &**parts {
                [mark, known, parts @ ..] if known.as_ptr().addr() == self.reference && is_instance_mark(py, mark) => {
                    parts
                }
                _ => return false,
            },
            (Key::One(_), _) => return false,
        };
        parts.len() == self.given.len() + self.rest.len()
            && parts
                .iter()
                .zip(self.given.iter().chain(self.rest))
                .all(|(known, given)| same(known, given))
    }
}

/// The table mixes the bits; here only order and value must matter.
#[inline]
fn mixed(all: u64, hash: u64) -> u64 {
    (all.rotate_left(5) ^ hash).wrapping_mul(0x517c_c1b7_2722_0a95)
}

/// A key that is kept.
#[derive(Clone)]
pub(in super::super) enum Key {
    One(Owned),
    /// Those of methods begin with a mark and what stands for the instance.
    Many(Box<[Owned]>),
}

impl Key {
    pub(in super::super) fn of(py: Python<'_>, view: &View<'_>) -> Self {
        let parts = view.parts.iter().cloned();
        match (&view.instance, MARKS.get(py)) {
            (Some(reference), Some(marks)) => {
                let front = [marks.instance.clone(), reference.clone()];
                Self::Many(front.into_iter().chain(parts).collect())
            }
            _ if view.parts.len() == 1 => Self::One(view.parts.at(0).clone()),
            _ => Self::Many(parts.collect()),
        }
    }

    #[inline]
    pub(in super::super) fn parts(&self) -> &[Owned] {
        match self {
            Self::One(part) => std::slice::from_ref(part),
            Self::Many(parts) => parts,
        }
    }

    /// The key as users are told of it: a method's instance first (`None` if it is gone), then the arguments, where those
    /// without a hash are a digest of their content.
    pub(in super::super) fn told(&self, py: Python<'_>) -> Vec<Owned> {
        let content = MARKS.get(py).map(|marks| marks.content.as_ptr());
        match self.parts() {
            [mark, reference, parts @ ..] if is_instance_mark(py, mark) => {
                let instance = reference.bound(py).call0().map_or_else(|_| Owned::none(), Owned::from);
                let shown = parts.iter().filter(|part| Some(part.as_ptr()) != content);
                std::iter::once(instance).chain(shown.cloned()).collect()
            }
            parts => parts
                .iter()
                .filter(|part| Some(part.as_ptr()) != content)
                .cloned()
                .collect(),
        }
    }

    /// The key as it was looked at.
    pub(in super::super) fn view(&self, py: Python<'_>, typed: bool) -> View<'_> {
        let (instance, parts) = match self.parts() {
            [mark, reference, parts @ ..] if is_instance_mark(py, mark) => (Some(reference.clone()), parts),
            parts => (None, parts),
        };
        View {
            parts: Parts::Given(parts, &[]),
            instance,
            typed,
        }
    }

    /// Whether it is of the instance that this stands for.
    pub(in super::super) fn is_of(&self, py: Python<'_>, reference: &Owned) -> bool {
        match self.parts() {
            [mark, known, ..] => known.as_ptr() == reference.as_ptr() && is_instance_mark(py, mark),
            _ => false,
        }
    }

    /// Compares as far as that runs no code, so that a table can be borrowed meanwhile.
    #[inline]
    pub(in super::super) fn compare(&self, py: Python<'_>, view: &View<'_>) -> Sameness {
        if let (Self::One(part), Parts::Given([only], []), None, false) =
            (self, &view.parts, &view.instance, view.typed)
        {
            return match keys::compare(part, only) {
                Sameness::Unknown if is_mark(py, part) => Sameness::Different,
                sameness => sameness,
            };
        }
        let Some(parts) = self.comparable(py, view) else {
            return Sameness::Different;
        };
        let mut sameness = Sameness::Same;
        for (part, other) in parts.iter().zip(view.parts.iter()) {
            if view.typed && !keys::same_type(part, other) {
                return Sameness::Different;
            }
            match keys::compare(part, other) {
                Sameness::Same => {}
                Sameness::Different => return Sameness::Different,
                Sameness::Unknown if is_mark(py, part) || is_mark(py, other) => return Sameness::Different,
                Sameness::Unknown => sameness = Sameness::Unknown,
            }
        }
        sameness
    }

    /// The parts that a view's are to be compared with; `None` if its instance or the number of its parts differs.
    #[inline]
    fn comparable(&self, py: Python<'_>, view: &View<'_>) -> Option<&[Owned]> {
        let parts = match &view.instance {
            None => self.parts(),
            Some(_) if !self.is_of(py, view.instance.as_ref()?) => return None,
            Some(_) => &self.parts()[2..],
        };
        (parts.len() == view.parts.len()).then_some(parts)
    }

    /// Compares by the arguments' own methods. Nothing may be borrowed: they may do anything.
    pub(in super::super) fn equals(&self, py: Python<'_>, view: &View<'_>) -> Result<bool, Raised> {
        let Some(parts) = self.comparable(py, view) else {
            return Ok(false);
        };
        for (part, other) in parts.iter().zip(view.parts.iter()) {
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
