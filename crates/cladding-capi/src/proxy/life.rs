//! How proxies are made, seen by the garbage collector and freed.

use std::cell::{Cell, RefCell};
use std::ffi::{c_int, c_void};
use std::ptr;

use pyo3::ffi;
use smallvec::SmallVec;

#[cfg(not(Py_GIL_DISABLED))]
use super::api::{PyMethod_Function, PyMethod_Self, PyMethod_Type};
use super::api::{Raw, result};
use super::layout::{COMPATIBLE, Function, Kind, Partial, Proxy, Slot};
use crate::{Owned, Raised, guard};

/// The layouts, as a parameter of the functions below.
pub(super) const BASE: u8 = 0;
pub(super) const PARTIAL: u8 = 1;
pub(super) const FUNCTION: u8 = 2;

/// Makes an object of a type that is native or derives from a native one.
///
/// # Safety
/// * The class is of that kind or derives from it.
#[inline]
pub(super) unsafe fn allocate(class: *mut ffi::PyTypeObject, kind: Kind, compatible: bool) -> Result<Owned, Raised> {
    // SAFETY: the type is complete, its allocator gives a zeroed object or NULL with an exception set. All zeroes are a
    // proxy that is not initialised.
    unsafe {
        let object = match (*class).tp_alloc {
            Some(allocate) => allocate(class, 0),
            None => ffi::PyType_GenericAlloc(class, 0),
        };
        let object = result(object)?;
        let proxy = Proxy::of(object.as_ptr());
        proxy.kind.set(kind);
        proxy.put(COMPATIBLE, compatible);
        proxy.vectorcall.set(super::calls::vectorcall(kind));
        super::attributes::uses_ours(class, proxy);
        Ok(object)
    }
}

/// `tp_new`. The arguments are `__init__`'s.
pub(super) unsafe extern "C" fn new<const COMPAT: bool, const KIND: u8>(
    class: *mut ffi::PyTypeObject,
    _arguments: Raw,
    _keywords: Raw,
) -> Raw {
    // SAFETY: the interpreter asks a native type's own `tp_new` only for classes that derive from it.
    super::api::entry(|_py| unsafe { allocate(class, Kind::ALL[usize::from(KIND)], COMPAT) })
}

/// Every field but the dictionary.
///
/// # Safety
/// * The object is alive and of that layout.
unsafe fn fields<'a, const LAYOUT: u8>(object: Raw) -> SmallVec<[&'a Slot; 8]> {
    let mut fields: SmallVec<[&'a Slot; 8]> = SmallVec::new();
    // SAFETY: passed on from the caller.
    unsafe {
        fields.push(&Proxy::of(object).wrapped);
        if LAYOUT == PARTIAL {
            let this = Partial::of(object);
            fields.extend([&this.args, &this.kwargs]);
        } else if LAYOUT == FUNCTION {
            let this = Function::of(object);
            fields.extend([&this.instance, &this.wrapper, &this.enabled]);
            fields.extend([&this.binding, &this.parent, &this.owner]);
            if let Some(extra) = this.extra.get().as_ref() {
                fields.push(&extra.face);
            }
        }
    }
    fields
}

pub(super) unsafe extern "C" fn traverse<const LAYOUT: u8>(
    object: Raw,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the object is alive, and an object of a heap type owns a reference to its type.
    unsafe {
        let dict = &Proxy::of(object).dict;
        let class = ffi::Py_TYPE(object).cast();
        for pointer in fields::<LAYOUT>(object)
            .into_iter()
            .chain([dict])
            .map(Slot::peek)
            .chain([class])
        {
            if !pointer.is_null() {
                let stopped = visit(pointer, argument);
                if stopped != 0 {
                    return stopped;
                }
            }
        }
    }
    0
}

pub(super) unsafe extern "C" fn clear<const LAYOUT: u8>(object: Raw) -> c_int {
    guard(0, |_py| {
        // SAFETY: the object is alive. What a cleared proxy is asked, it answers as one that was never initialised.
        unsafe {
            for field in fields::<LAYOUT>(object) {
                field.set(object, None);
            }
            Proxy::of(object).dict.set(object, None);
        }
        0
    })
}

pub(super) unsafe extern "C" fn dealloc<const LAYOUT: u8>(object: Raw) {
    guard((), |_py| {
        // SAFETY: the interpreter calls this once, with the last reference gone. Callbacks of weak references run while the
        // object is whole; the fields are let go when the memory is no longer reachable. The type outlives the object.
        unsafe {
            let class = ffi::Py_TYPE(object);
            ffi::PyObject_GC_UnTrack(object.cast());
            let (proxy, null) = (Proxy::of(object), ptr::null_mut());
            if !proxy.weakrefs.get().is_null() {
                ffi::PyObject_ClearWeakRefs(object);
            }
            let mut held = [
                proxy.dict.take(),
                proxy.wrapped.take(),
                null,
                null,
                null,
                null,
                null,
                null,
            ];
            let mut extra = ptr::null_mut();
            if LAYOUT == PARTIAL {
                let this = Partial::of(object);
                held[2] = this.args.take();
                held[3] = this.kwargs.take();
            } else if LAYOUT == FUNCTION {
                let this = Function::of(object);
                held[2] = this.instance.take();
                held[3] = this.wrapper.take();
                held[4] = this.enabled.take();
                held[5] = this.binding.take();
                held[6] = this.parent.take();
                held[7] = this.owner.take();
                extra = this.extra.replace(ptr::null_mut());
            }
            if !(LAYOUT == FUNCTION && spare::keep(object))
                && let Some(free) = (*class).tp_free
            {
                free(object.cast());
            }
            let count = if LAYOUT == FUNCTION { 8 } else { 4 };
            for pointer in &held[..count] {
                if let Some(held) = Owned::from_new(*pointer) {
                    release(held);
                }
            }
            if !extra.is_null()
                && let Some(face) = Owned::from_new(Box::from_raw(extra).face.take())
            {
                release(face);
            }
            ffi::Py_DECREF(class.cast());
        }
    });
}

/// How deep proxies may free each other before the rest is put off until the outermost is done.
const DEEPEST: u32 = 40;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    static LATER: RefCell<Vec<Owned>> = const { RefCell::new(Vec::new()) };
}

/// Whether letting a reference go frees no more than one method, without a look at the depth.
///
/// # Safety
/// * The object is alive.
#[cfg(not(Py_GIL_DISABLED))]
#[inline]
unsafe fn is_light(object: Raw) -> bool {
    // SAFETY: passed on from the caller; a method has a function and an instance.
    unsafe {
        ffi::Py_REFCNT(object) > 1
            || (ffi::Py_TYPE(object) == &raw mut PyMethod_Type
                && ffi::Py_REFCNT(PyMethod_Self(object)) > 1
                && ffi::Py_REFCNT(PyMethod_Function(object)) > 1)
    }
}

/// Lets a reference go, so that a long chain of proxies does not use up the stack.
#[inline]
fn release(object: Owned) {
    #[cfg(not(Py_GIL_DISABLED))]
    // SAFETY: the object is alive.
    if unsafe { is_light(object.as_ptr()) } {
        return;
    }
    release_deep(object);
}

fn release_deep(object: Owned) {
    let depth = DEPTH.get();
    if depth >= DEEPEST {
        LATER.with_borrow_mut(|later| later.push(object));
        return;
    }
    DEPTH.set(depth + 1);
    drop(object);
    while depth == 0
        && let Some(next) = LATER.with_borrow_mut(Vec::pop)
    {
        drop(next);
    }
    DEPTH.set(depth);
}

/// Memory of bound function wrappers, kept for the next ones: a method call makes one and drops it at once.
#[cfg(not(Py_GIL_DISABLED))]
pub(super) mod spare {
    use std::cell::UnsafeCell;
    use std::ptr;

    use pyo3::ffi;

    use super::super::api::Raw;
    use super::super::layout::{Family, Function, Kind, Proxy};

    const MOST: usize = 32;

    struct Spare(UnsafeCell<([Raw; MOST], usize)>);

    // SAFETY: only touched with the interpreter lock held, and for a few instructions that run no other code.
    unsafe impl Sync for Spare {}

    static SPARE: Spare = Spare(UnsafeCell::new(([ptr::null_mut(); MOST], 0)));

    /// Keeps the memory of an object that is being freed, if it is exactly a bound function wrapper and there is room.
    ///
    /// # Safety
    /// * An untracked object whose fields are empty, of the layout of function wrappers.
    pub(in super::super) unsafe fn keep(object: Raw) -> bool {
        // SAFETY: passed on from the caller; nobody else is in here.
        unsafe {
            let (objects, count) = &mut *SPARE.0.get();
            let native = Family::of(Proxy::of(object)).class(Kind::Bound);
            if ffi::Py_TYPE(object) != native || *count == MOST {
                return false;
            }
            objects[*count] = object;
            *count += 1;
            true
        }
    }

    /// Memory for a bound function wrapper, all fields empty, as an object with one reference that is not tracked yet.
    pub(in super::super) unsafe fn take(class: *mut ffi::PyTypeObject) -> Option<Raw> {
        // SAFETY: nobody else is in here; the memory was a bound function wrapper's, and the class is that of one.
        unsafe {
            let (objects, count) = &mut *SPARE.0.get();
            *count = count.checked_sub(1)?;
            let object = ffi::PyObject_Init(objects[*count], class);
            let proxy = Proxy::of(object);
            proxy.flags.set(0);
            proxy.weakrefs.set(ptr::null_mut());
            debug_assert!(Function::of(object).extra.get().is_null());
            Some(object)
        }
    }
}

/// Without the interpreter lock nothing is kept: the allocator has its own lists for each thread.
#[cfg(Py_GIL_DISABLED)]
pub(super) mod spare {
    use pyo3::ffi;

    use super::super::api::Raw;

    pub(in super::super) unsafe fn keep(_object: Raw) -> bool {
        false
    }

    pub(in super::super) unsafe fn take(_class: *mut ffi::PyTypeObject) -> Option<Raw> {
        None
    }
}
