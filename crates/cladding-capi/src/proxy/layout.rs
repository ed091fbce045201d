//! The layout of the proxies, their two families, and safe access to fields that other threads may change.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi;
use smallvec::SmallVec;

use super::api::Raw;
use crate::{Owned, Raised};

/// A field that holds a reference, or nothing before `__init__` and after the garbage collector's clearing.
#[repr(transparent)]
pub(super) struct Slot(Cell<Raw>);

impl Slot {
    /// A reference of one's own to what is there now. It stays good whatever happens to the field.
    #[inline]
    pub(super) fn get(&self, owner: Raw) -> Option<Owned> {
        // SAFETY: a field holds a live object or NULL, and nobody changes it within `exclusively`.
        exclusively(owner, || unsafe {
            ptr::NonNull::new(self.0.get()).map(|found| Owned::from_borrowed(found))
        })
    }

    /// Puts a value there; what was there before is let go afterwards.
    #[inline]
    pub(super) fn set(&self, owner: Raw, value: Option<Owned>) {
        drop(self.replace(owner, value));
    }

    /// Puts a value there and gives what was there before.
    #[inline]
    pub(super) fn replace(&self, owner: Raw, value: Option<Owned>) -> Option<Owned> {
        let value = value.map_or(ptr::null_mut(), Owned::into_ptr);
        let before = exclusively(owner, || self.0.replace(value));
        // SAFETY: the field owned its reference, and it has another one now.
        unsafe { Owned::from_new(before) }
    }

    /// Puts a value there if there was none, and gives what is there then.
    pub(super) fn get_or_set(&self, owner: Raw, value: Owned) -> Owned {
        let refused = exclusively(owner, || {
            if self.0.get().is_null() {
                self.0.set(value.clone().into_ptr());
                return None;
            }
            // SAFETY: a field that is not NULL holds a live object.
            ptr::NonNull::new(self.0.get()).map(|found| unsafe { Owned::from_borrowed(found) })
        });
        refused.unwrap_or(value)
    }

    /// Fills a field of an object that nobody else has yet.
    #[inline]
    pub(super) fn fill(&self, value: Owned) {
        debug_assert!(self.0.get().is_null());
        self.0.set(value.into_ptr());
    }

    /// Takes the reference out of a field of an object that nobody else has any more; the caller owns it.
    #[inline]
    pub(super) fn take(&self) -> Raw {
        self.0.replace(ptr::null_mut())
    }

    /// The address alone, for the garbage collector and for comparisons.
    #[inline]
    pub(super) fn peek(&self) -> Raw {
        self.0.get()
    }
}

/// Runs a few instructions while no other thread does so for the same object. With the interpreter lock that is so anyway.
#[inline]
fn exclusively<R>(owner: Raw, work: impl FnOnce() -> R) -> R {
    #[cfg(Py_GIL_DISABLED)]
    {
        let mut section = std::mem::MaybeUninit::uninit();
        // SAFETY: the owner is alive; the section is begun and ended once, with nothing between that could leave.
        unsafe {
            ffi::PyCriticalSection_Begin(section.as_mut_ptr(), owner);
            let result = work();
            ffi::PyCriticalSection_End(section.as_mut_ptr());
            result
        }
    }
    #[cfg(not(Py_GIL_DISABLED))]
    {
        let _ = owner;
        work()
    }
}

/// Which native type an object is of, or which is the nearest above its Python class.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Base,
    Callable,
    Partial,
    FunctionBase,
    Function,
    Bound,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Base,
        Self::Callable,
        Self::Partial,
        Self::FunctionBase,
        Self::Function,
        Self::Bound,
    ];
}

/// How a function wrapper's wrapped object is bound to instances.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Binding {
    Other,
    Function,
    InstanceMethod,
    Callable,
    ClassMethod,
    StaticMethod,
    Builtin,
    Class,
}

/// `__init__` has run.
pub(super) const INITIALIZED: u8 = 1;
/// The object is of the family that behaves as wrapt's.
pub(super) const COMPATIBLE: u8 = 2;
/// A first positional argument may be an instance whose binding was lost.
pub(super) const FIND_INSTANCE: u8 = 4;

#[repr(C)]
pub(super) struct Proxy {
    pub(super) base: ffi::PyObject,
    pub(super) vectorcall: Cell<Option<ffi::vectorcallfunc>>,
    /// Made by the interpreter when the first attribute is stored.
    pub(super) dict: Slot,
    pub(super) weakrefs: Cell<Raw>,
    pub(super) wrapped: Slot,
    pub(super) kind: Cell<Kind>,
    pub(super) flags: Cell<u8>,
    pub(super) binding: Cell<Binding>,
}

#[repr(C)]
pub(super) struct Partial {
    pub(super) proxy: Proxy,
    pub(super) args: Slot,
    /// Nothing where no keywords were given.
    pub(super) kwargs: Slot,
}

#[repr(C)]
pub(super) struct Function {
    pub(super) proxy: Proxy,
    pub(super) instance: Slot,
    pub(super) wrapper: Slot,
    pub(super) enabled: Slot,
    pub(super) binding: Slot,
    pub(super) parent: Slot,
    pub(super) owner: Slot,
    /// What few wrappers need, made when it is needed.
    pub(super) extra: Cell<*mut Extra>,
}

/// What few function wrappers need.
pub(super) struct Extra {
    /// The genuine function that stands for the wrapper, `None` where there is none, nothing before it was asked for.
    pub(super) face: Slot,
    /// Whether calls with an instance of a class in front are those of a method.
    pub(super) answers: Answers,
}

/// What was found for a class: only its address, its version and its metaclass's then, and the answer.
#[derive(Clone, Copy)]
pub(super) struct Answer {
    class: *mut ffi::PyTypeObject,
    version: u64,
    leads: bool,
}

/// Answers for classes: room for one, and when another comes for as many as share the table.
pub(super) struct Answers(RefCell<SmallVec<[Answer; 1]>>);

impl Answers {
    const MANY: usize = 64;

    fn place(class: *mut ffi::PyTypeObject, known: &[Answer]) -> usize {
        // Types are some hundreds of bytes apart at least.
        if known.len() <= 1 {
            0
        } else {
            (class.addr() >> 5).wrapping_mul(0x9E37_79B1) >> 9 & (Self::MANY - 1)
        }
    }

    /// What was kept, if it is of this class as it is now.
    #[inline]
    pub(super) fn get(&self, owner: Raw, class: *mut ffi::PyTypeObject, version: u64) -> Option<bool> {
        exclusively(owner, || {
            let known = self.0.borrow();
            let kept = known.get(Self::place(class, &known))?;
            (kept.class == class && kept.version == version).then_some(kept.leads)
        })
    }

    pub(super) fn keep(&self, owner: Raw, class: *mut ffi::PyTypeObject, version: u64, leads: bool) {
        exclusively(owner, || {
            let answer = Answer { class, version, leads };
            let mut known = self.0.borrow_mut();
            if known.len() == 1 && known[0].class != class {
                let (first, none) = (
                    known[0],
                    Answer {
                        class: ptr::null_mut(),
                        version: 0,
                        leads: false,
                    },
                );
                known.resize(Self::MANY, none);
                known[0] = none;
                let place = Self::place(first.class, &known);
                known[place] = first;
            }
            let place = Self::place(class, &known);
            match known.get_mut(place) {
                Some(kept) => *kept = answer,
                None => known.push(answer),
            }
        });
    }
}

/// # Safety
/// For all: the object is alive, and of a type with that layout or one that derives from it.
impl Proxy {
    #[inline]
    pub(super) unsafe fn of<'a>(object: Raw) -> &'a Self {
        // SAFETY: passed on from the caller; every field that changes is a cell.
        unsafe { &*object.cast() }
    }

    #[inline]
    pub(super) fn has(&self, flag: u8) -> bool {
        self.flags.get() & flag != 0
    }

    #[inline]
    pub(super) fn put(&self, flag: u8, on: bool) {
        let flags = self.flags.get();
        self.flags.set(if on { flags | flag } else { flags & !flag });
    }

    /// Whether names and documentation that are set stay on the wrapper.
    #[inline]
    pub(super) fn keeps_metadata(&self) -> bool {
        self.kind.get() == Kind::Function && !self.has(COMPATIBLE)
    }
}

impl Partial {
    #[inline]
    pub(super) unsafe fn of<'a>(object: Raw) -> &'a Self {
        // SAFETY: passed on from the caller; every field that changes is a cell.
        unsafe { &*object.cast() }
    }
}

impl Function {
    #[inline]
    pub(super) unsafe fn of<'a>(object: Raw) -> &'a Self {
        // SAFETY: passed on from the caller; every field that changes is a cell.
        unsafe { &*object.cast() }
    }

    /// What few wrappers need, made now if it was not there.
    pub(super) fn extra(&self) -> &Extra {
        if self.extra.get().is_null() {
            let extra = Box::new(Extra {
                face: Slot(Cell::new(ptr::null_mut())),
                answers: Answers(RefCell::default()),
            });
            let refused = exclusively(ptr::from_ref(self).cast_mut().cast(), || {
                if self.extra.get().is_null() {
                    self.extra.set(Box::into_raw(extra));
                    return None;
                }
                Some(extra)
            });
            drop(refused);
        }
        // SAFETY: just made, or made before; it is freed only with the object.
        unsafe { &*self.extra.get() }
    }
}

/// The types of one family, and the methods by which it is known that nobody overrode them.
pub(super) struct Family {
    types: [usize; 6],
    pub(super) getattribute: Owned,
    pub(super) getattr: Owned,
    pub(super) bound_getattr: Owned,
}

static FAMILIES: [OnceLock<Family>; 2] = [OnceLock::new(), OnceLock::new()];

impl Family {
    /// Keeps a family for the life of the process.
    pub(super) fn keep(compatible: bool, types: [Owned; 6], found: [Owned; 3]) {
        let [getattribute, getattr, bound_getattr] = found;
        let family = Self {
            types: types.map(|class| class.into_ptr().expose_provenance()),
            getattribute,
            getattr,
            bound_getattr,
        };
        assert!(
            FAMILIES[usize::from(compatible)].set(family).is_ok(),
            "a family is made once"
        );
    }

    #[inline]
    pub(super) fn get(compatible: bool) -> Option<&'static Self> {
        FAMILIES[usize::from(compatible)].get()
    }

    /// The family that an object is of.
    #[inline]
    pub(super) fn of(proxy: &Proxy) -> &'static Self {
        Self::get(proxy.has(COMPATIBLE)).expect("made when the module was imported")
    }

    #[inline]
    pub(super) fn class(&self, kind: Kind) -> *mut ffi::PyTypeObject {
        ptr::with_exposed_provenance_mut(self.types[kind as usize])
    }
}

/// Whether an object is a proxy of this kind, of either family.
///
/// # Safety
/// * The object is alive.
pub(super) unsafe fn is_proxy(object: Raw, kind: Kind) -> bool {
    [false, true].into_iter().filter_map(Family::get).any(|family| {
        // SAFETY: both are live types.
        unsafe { ffi::PyType_IsSubtype(ffi::Py_TYPE(object), family.class(kind)) != 0 }
    })
}

/// A field that `__init__` fills, or the error that says that it has not.
#[inline]
pub(super) fn required(owner: Raw, slot: &Slot, name: &str) -> Result<Owned, Raised> {
    slot.get(owner).ok_or_else(|| super::api::raise_missing(owner, name))
}
