//! Keys as `functools` makes them: the arguments as they were written, compared as a tuple of them would be.
//!
//! A call by keyword is another key than one by position, the order of keywords matters, and a single `int` or `str` equals
//! nothing of another type, which a single `1.0` does. No tuple is made: a key is looked up in the caller's own array.

use cladding_capi::keys::{self, Sameness};
use cladding_capi::{Arguments, Owned, Raised};
use pyo3::prelude::*;

/// A call's arguments as a key that is only looked at.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    values: &'a [Owned],
    names: &'a [Owned],
    typed: bool,
    /// The key is one `int` or `str`.
    direct: bool,
}

/// A key that is kept.
#[derive(Clone)]
pub(super) enum Key {
    /// One `int` or `str`.
    Direct(Owned),
    /// Values, and behind them the names of the last ones.
    Several { parts: Box<[Owned]>, names: usize },
}

impl<'a> View<'a> {
    /// The key of a call, without the first `skipped` of its arguments.
    #[inline]
    pub(super) fn new(arguments: &Arguments<'a>, skipped: usize, typed: bool) -> Self {
        let (values, names) = (&arguments.values()[skipped..], arguments.names());
        Self {
            values,
            names,
            typed,
            direct: matches!(values, [only] if names.is_empty() && keys::is_int_or_str(only)),
        }
    }

    /// The hash, which asks each argument once.
    #[inline]
    pub(super) fn hash(&self, py: Python<'_>) -> Result<u64, Raised> {
        if let [only] = self.values
            && self.names.is_empty()
        {
            return keys::hash_as_dict(py, only);
        }
        let mut all = self.values.len() as u64;
        for part in self.values.iter().chain(self.names) {
            // The table mixes the bits; here only order and value must matter.
            all = (all.rotate_left(5) ^ keys::hash_as_dict(py, part)?).wrapping_mul(0x517c_c1b7_2722_0a95);
        }
        Ok(all)
    }

    /// A copy to be kept.
    pub(super) fn keep(&self) -> Key {
        match self.values {
            [only] if self.direct => Key::Direct(only.clone()),
            _ => Key::Several {
                parts: self.values.iter().chain(self.names).cloned().collect(),
                names: self.names.len(),
            },
        }
    }
}

impl Key {
    #[inline]
    pub(super) fn parts(&self) -> &[Owned] {
        match self {
            Self::Direct(only) => std::slice::from_ref(only),
            Self::Several { parts, .. } => parts,
        }
    }

    /// Compares as far as that can be told without running code.
    #[inline]
    pub(super) fn compare(&self, view: &View<'_>) -> Sameness {
        match (self, view.values) {
            (Self::Direct(known), [given]) if view.direct => {
                if keys::same_type(known, given) {
                    keys::compare(known, given)
                } else {
                    Sameness::Different
                }
            }
            (Self::Several { parts, names }, _) if !view.direct => Self::compare_all(parts, *names, view),
            _ => Sameness::Different,
        }
    }

    fn compare_all(parts: &[Owned], names: usize, view: &View<'_>) -> Sameness {
        if !Self::is_alike(parts, names, view) {
            return Sameness::Different;
        }
        let mut all = Sameness::Same;
        for (known, given) in parts.iter().zip(view.values.iter().chain(view.names)) {
            match keys::compare_as_dict(known, given) {
                Sameness::Same => {}
                Sameness::Different => return Sameness::Different,
                Sameness::Unknown => all = Sameness::Unknown,
            }
        }
        all
    }

    /// Compares by the arguments' own methods, which may run code and may fail.
    #[cold]
    pub(super) fn equals(&self, py: Python<'_>, view: &View<'_>) -> Result<bool, Raised> {
        for (known, given) in self.parts().iter().zip(view.values.iter().chain(view.names)) {
            if !keys::equal(py, known, given)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Whether two keys have as many arguments of each kind, and where that matters arguments of the same types.
    #[inline]
    fn is_alike(parts: &[Owned], names: usize, view: &View<'_>) -> bool {
        parts.len() - names == view.values.len()
            && names == view.names.len()
            && (!view.typed
                || parts
                    .iter()
                    .zip(view.values)
                    .all(|(known, given)| keys::same_type(known, given)))
    }
}
