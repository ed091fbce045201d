//! The order of a call's arguments in a key, and what stands for those that were left out.

use cladding_capi::keys::{self, Sameness};
use cladding_capi::{Arguments, Owned, Raised, counted};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::content::{self, Content, Trouble, Writer};
use super::portable::{Mark, not_portable};
use super::spec::type_name;
use super::view::{Marks, Part, PartList, Parts, View, marks};
use crate::target::Target;

/// How the arguments of one function become keys.
pub(super) struct Shape {
    marks: &'static Marks,
    /// How many parameters can be given by position.
    positional: usize,
    /// For each parameter what stands for it when it is left out.
    fill: Box<[Owned]>,
    /// The defaults that can be no keys, by parameter.
    unhashable: Box<[(usize, Owned)]>,
    /// The parameters that do not matter.
    ignored: Box<[usize]>,
    /// The names of other keywords that do not.
    ignored_keywords: Box<[String]>,
}

impl Shape {
    pub(super) fn new(py: Python<'_>, target: &Target, ignored: (Vec<usize>, Vec<String>)) -> PyResult<Self> {
        let marks = marks(py)?;
        let mut fill = Vec::with_capacity(target.parameters.len());
        let mut unhashable = Vec::new();
        for (index, default) in target.defaults.iter().enumerate() {
            fill.push(match default {
                None => marks.absent.clone(),
                Some(value) => {
                    // One that cannot be a key is a mark as long as calls leave it out.
                    let is_key = is_hashable(py, value) || content::content(py, value, false).is_ok();
                    if !is_key {
                        unhashable.push((index, value.clone()));
                    }
                    value.clone()
                }
            });
        }
        let positional = target.positional.unwrap_or(0);
        Ok(Self {
            marks,
            positional,
            fill: fill.into(),
            unhashable: unhashable.into(),
            ignored: ignored.0.into(),
            ignored_keywords: ignored.1.into(),
        })
    }

    /// Whether there is a first parameter that could be a method's instance, and that matters.
    #[inline]
    pub(super) fn has_first(&self) -> bool {
        self.positional > 0 && self.ignored.first() != Some(&0)
    }

    /// The arguments in their order. `None` for a call that is wrong, because it gives a parameter twice.
    #[inline]
    pub(super) fn parts<'a>(&'a self, py: Python<'_>, target: &Target, arguments: &Arguments<'a>) -> Option<Parts<'a>> {
        let given = arguments.positional();
        if arguments.keyword_count() > 0 || !self.ignored.is_empty() {
            return self.list(py, target, arguments).map(Parts::List);
        }
        Some(Parts::Given(given, self.rest(given.len())))
    }

    /// What stands for the parameters behind so many arguments by position.
    #[inline]
    pub(super) fn rest(&self, given: usize) -> &[Owned] {
        &self.fill[given.min(self.positional)..]
    }

    fn list<'a>(&'a self, py: Python<'_>, target: &Target, arguments: &Arguments<'a>) -> Option<PartList<'a>> {
        let given = arguments.positional();
        let filled = given.len().min(self.positional);
        let mut list: PartList<'a> = given.iter().chain(&self.fill[filled..]).map(Part::Lying).collect();
        let place = |index: usize| {
            index
                + if index < self.positional {
                    0
                } else {
                    given.len() - filled
                }
        };
        let mut others = Vec::new();
        for (name, value) in arguments.keywords() {
            match index_of(target, name) {
                None => others.push((name, value)),
                Some(index) if index < filled => return None,
                Some(index) => list[place(index)] = Part::Lying(value),
            }
        }
        for &index in &self.ignored {
            list[place(index)] = Part::Lying(&self.marks.absent);
        }
        if !others.is_empty() {
            others.sort_by_cached_key(|(name, _)| text_of(py, name));
            others.retain(|(name, _)| !self.ignored_keywords.contains(&text_of(py, name)));
            for (name, value) in others {
                list.extend([&self.marks.keyword, name, value].map(Part::Lying));
            }
        }
        Some(list)
    }

    /// The key and the hash of a call with an argument that has no hash: its content stands for it, or a mark, if it is
    /// the parameter's own default.
    #[cold]
    pub(super) fn by_content<'b>(
        &'b self,
        py: Python<'_>,
        target: &Target,
        view: &'b View<'_>,
    ) -> Result<(View<'b>, u64), Raised> {
        let given: PartList<'b> = view.parts.iter().map(Part::Lying).collect();
        let mut list = PartList::new();
        for (index, part) in given.iter().enumerate() {
            let raised = match content::hash(py, part.object()) {
                Ok(_) => {
                    list.push(Part::Lying(view.parts.at(index)));
                    continue;
                }
                Err(raised) => raised.map(|raised| raised.take(py)),
            };
            if self.is_own_default(view, &given, index) {
                list.push(Part::Lying(&self.marks.absent));
                continue;
            }
            match content_of(py, part.object(), raised, view.typed)? {
                Ok(content) => {
                    list.push(Part::Lying(&self.marks.content));
                    list.push(Part::Made(content.digest));
                    list.extend(content.leaves.into_iter().map(Part::Made));
                }
                Err(holds) => return Err(self.refusal(py, target, view, &given, index, &holds)),
            }
        }
        let view = view.of_parts(list);
        match view.hash(py) {
            Ok(hash) => Ok((view, hash)),
            // What had a hash a moment ago has none now, or an error of its own.
            Err((_, raised)) => Err(raised.unwrap_or_else(|| PyTypeError::new_err("a hash came and went").into())),
        }
    }

    /// Writes the arguments down for other processes. An argument that cannot be is absent, if it is the parameter's own
    /// default; the first `bound` of them stand for the instance and are left out.
    pub(super) fn write(
        &self,
        target: &Target,
        parts: &Parts<'_>,
        bound: usize,
        writer: &mut Writer<'_>,
    ) -> Result<(), PyErr> {
        let py = writer.py();
        let list: PartList<'_> = parts.iter().skip(bound).map(Part::Lying).collect();
        writer.length(list.len());
        for (index, part) in list.iter().enumerate() {
            let object = part.object();
            if object.as_ptr() == self.marks.absent.as_ptr() {
                writer.mark(Mark::Absent as u8);
                continue;
            }
            if object.as_ptr() == self.marks.keyword.as_ptr() {
                writer.mark(Mark::Keyword as u8);
                continue;
            }
            match writer.marked(Mark::Given as u8, object) {
                Ok(()) => {}
                Err(Trouble::Failed(error)) => return Err(error),
                Err(Trouble::Unknown(_)) if self.is_default(object, &list, index, bound) => {
                    writer.mark(Mark::Absent as u8);
                }
                Err(Trouble::Unknown(holds)) => {
                    let argument = self.argument(py, target, &list, index, bound);
                    return Err(not_portable(py, target, &argument, object, &holds));
                }
            }
        }
        Ok(())
    }

    /// Whether a part is the default of its parameter.
    fn is_default(&self, object: &Owned, list: &[Part<'_>], index: usize, bound: usize) -> bool {
        let mut defaults = self.fill.iter().enumerate().skip(bound);
        defaults.any(|(parameter, default)| {
            default.as_ptr() == object.as_ptr() && index == self.place(parameter, list, bound)
        })
    }

    /// Whether a part is a default that a call left out and nothing can be made of.
    fn is_own_default(&self, view: &View<'_>, list: &[Part<'_>], index: usize) -> bool {
        let bound = usize::from(view.instance().is_some());
        let mut unhashable = self.unhashable.iter().filter(|(parameter, _)| *parameter >= bound);
        unhashable.any(|(parameter, default)| {
            index == self.place(*parameter, list, bound) && list[index].object().as_ptr() == default.as_ptr()
        })
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.fill.iter().for_each(&mut *visit);
        self.unhashable.iter().for_each(|(_, default)| visit(default));
    }

    /// Where the arguments end and further keywords begin.
    fn end(&self, list: &[Part<'_>]) -> usize {
        let is_keyword = |part: &Part<'_>| part.object().as_ptr() == self.marks.keyword.as_ptr();
        list.iter().position(is_keyword).unwrap_or(list.len())
    }

    /// Where a parameter stands in a key from which the first `bound` parts were taken.
    fn place(&self, parameter: usize, list: &[Part<'_>], bound: usize) -> usize {
        if parameter < self.positional {
            return parameter - bound;
        }
        parameter + self.end(list) - self.fill.len()
    }

    /// An argument as errors name it. From the list the first `bound` parts were taken.
    fn argument(&self, py: Python<'_>, target: &Target, list: &[Part<'_>], index: usize, bound: usize) -> String {
        let end = self.end(list);
        let last_positional = end - (self.fill.len() - self.positional);
        let named = |parameter: usize| format!("argument '{}'", text_of(py, &target.parameters[parameter]));
        if index + bound < self.positional {
            named(index + bound)
        } else if index < last_positional {
            format!("positional argument {}", index + bound + 1)
        } else if index < end {
            named(index - last_positional + self.positional)
        } else {
            format!("argument '{}'", text_of(py, list[index - 1].object()))
        }
    }

    /// The error for an argument that can be no key, naming it and its type, and what it holds that has no content.
    fn refusal(
        &self,
        py: Python<'_>,
        target: &Target,
        view: &View<'_>,
        list: &[Part<'_>],
        index: usize,
        holds: &str,
    ) -> Raised {
        let bound = usize::from(view.instance().is_some());
        let argument = self.argument(py, target, list, index, bound);
        counted(py, |py| {
            let kind = type_name(py, list[index].object());
            let inside = inside(&kind, holds);
            PyTypeError::new_err(format!(
                "cache_result: {argument} of {}() is of type {kind}{inside}, which has neither a hash nor content that a key \
                 could be made of; give it a method __cladding_key__(), or use `key` or `ignore`",
                target.full_name(),
            ))
            .into()
        })
    }
}

/// What an object holds that is to blame, if it is not the object itself.
pub(super) fn inside(kind: &str, holds: &str) -> String {
    if kind == holds {
        String::new()
    } else {
        format!(" and holds a {holds}")
    }
}

fn is_hashable(py: Python<'_>, object: &Owned) -> bool {
    match content::hash(py, object) {
        Ok(_) => true,
        Err(raised) => {
            drop(raised.map(|raised| raised.take(py)));
            false
        }
    }
}

/// The content of an argument, or the type that has none. `failed` is what its hash said.
fn content_of(
    py: Python<'_>,
    object: &Owned,
    failed: Option<Owned>,
    typed: bool,
) -> Result<Result<Content, String>, Raised> {
    if let Some(failed) = failed
        && !cladding_capi::exception::is_a::<PyTypeError>(py, &failed)
    {
        return Err(cladding_capi::exception::raise(py, failed));
    }
    counted(py, |py| match content::content(py, object, typed) {
        Ok(content) => Ok(Ok(content)),
        Err(Trouble::Unknown(kind)) => Ok(Err(kind)),
        Err(Trouble::Failed(error)) => Err(error.into()),
    })
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
