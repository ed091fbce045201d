//! Heap types written by hand: one layout, one type spec, one garbage-collector glue for all of them.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::mem::{ManuallyDrop, offset_of};
use std::ops::Deref;
use std::ptr::{self, NonNull};

use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;
use pyo3::prelude::*;

use crate::{Arguments, Class, Getter, Method, Owned, Raised, Vectorcall, Visit, counted, guard};

/// The layout of every object here.
#[repr(C)]
pub(crate) struct Object<T> {
    base: ffi::PyObject,
    vectorcall: Option<ffi::vectorcallfunc>,
    value: ManuallyDrop<T>,
}

impl<T> Object<T> {
    /// Drops the value of an object that is being freed.
    ///
    /// # Safety
    /// * `object` has this layout, and nobody reads its value again.
    pub(crate) unsafe fn finish_value(object: *mut ffi::PyObject) {
        // SAFETY: passed on from the caller.
        unsafe { ManuallyDrop::drop(&mut (*object.cast::<Self>()).value) };
    }
}

/// A borrowed object of a known type.
pub struct This<'a, T: Class> {
    object: &'a Object<T>,
}

impl<'a, T: Class> This<'a, T> {
    /// # Safety
    /// * `pointer` is a live object of `T`'s exact type for `'a`.
    #[inline]
    pub(crate) unsafe fn from_raw(pointer: *mut ffi::PyObject) -> Self {
        // SAFETY: passed on from the caller.
        let object = unsafe { &*pointer.cast::<Object<T>>() };
        Self { object }
    }

    /// The value, if the object is of this type.
    #[inline]
    pub fn of(object: &'a Owned) -> Option<Self> {
        // SAFETY: the object is alive, and its exact type decides.
        unsafe { (ffi::Py_TYPE(object.as_ptr()) == T::cell().get()).then(|| Self::from_raw(object.as_ptr())) }
    }

    /// A new reference to the object.
    #[inline]
    pub fn owned(&self) -> Owned {
        // SAFETY: the object is alive.
        unsafe { Owned::from_borrowed(NonNull::from(self.object).cast()) }
    }
}

impl<T: Class> Deref for This<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.object.value
    }
}

/// Collects the parts of a type and makes it.
#[must_use = "only `build` makes the type"]
pub struct TypeBuilder<T> {
    slots: Vec<ffi::PyType_Slot>,
    methods: Vec<ffi::PyMethodDef>,
    getters: Vec<ffi::PyGetSetDef>,
    members: Vec<ffi::PyMemberDef>,
    flags: std::ffi::c_ulong,
    size: usize,
    life: std::marker::PhantomData<T>,
}

impl<T: Class> TypeBuilder<T> {
    /// A type with garbage collection, `repr` and nothing else.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let builder = Self {
            slots: Vec::new(),
            methods: Vec::new(),
            getters: Vec::new(),
            members: Vec::new(),
            flags: ffi::Py_TPFLAGS_DEFAULT
                | ffi::Py_TPFLAGS_HAVE_GC
                | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION
                | ffi::Py_TPFLAGS_IMMUTABLETYPE,
            size: size_of::<Object<T>>(),
            life: std::marker::PhantomData,
        };
        builder
            .slot(ffi::Py_tp_doc, T::DOC.as_ptr().cast_mut().cast())
            .slot(ffi::Py_tp_dealloc, dealloc::<T> as *mut c_void)
            .slot(ffi::Py_tp_traverse, traverse::<T> as *mut c_void)
            .slot(ffi::Py_tp_clear, clear::<T> as *mut c_void)
            .slot(ffi::Py_tp_repr, repr::<T> as *mut c_void)
    }

    /// Fills a slot, in place of what was in it.
    pub(crate) fn slot(mut self, slot: c_int, function: *mut c_void) -> Self {
        self.slots.retain(|other| other.slot != slot);
        self.slots.push(ffi::PyType_Slot { slot, pfunc: function });
        self
    }

    /// Tells the interpreter where in the object something is that it looks for.
    pub(crate) fn member(mut self, name: &'static CStr, offset: usize) -> Self {
        self.members.push(ffi::PyMemberDef {
            name: name.as_ptr(),
            type_code: ffi::Py_T_PYSSIZET,
            offset: offset as ffi::Py_ssize_t,
            flags: ffi::Py_READONLY,
            doc: ptr::null(),
        });
        self
    }

    pub(crate) fn flag(mut self, flag: std::ffi::c_ulong) -> Self {
        self.flags |= flag;
        self
    }

    pub(crate) fn without_flag(mut self, flag: std::ffi::c_ulong) -> Self {
        self.flags &= !flag;
        self
    }

    /// Says how large the objects are, for a layout that has more behind an [`Object`].
    pub(crate) fn size(mut self, size: usize) -> Self {
        self.size = size;
        self
    }

    /// Leaves out the type's docstring, for objects that have one of their own: a getter of `__doc__`.
    pub fn without_doc(mut self) -> Self {
        self.slots.retain(|slot| slot.slot != ffi::Py_tp_doc);
        self
    }

    /// Adds `__dict__`, for objects that have a place for one.
    pub(crate) fn dictionary(mut self) -> Self {
        self.getters.push(ffi::PyGetSetDef {
            name: c"__dict__".as_ptr(),
            get: Some(ffi::PyObject_GenericGetDict),
            set: Some(ffi::PyObject_GenericSetDict),
            doc: ptr::null(),
            closure: ptr::null_mut(),
        });
        self
    }

    /// Makes the objects callable.
    pub fn callable(self) -> Self
    where
        T: Vectorcall,
    {
        self.member(c"__vectorcalloffset__", offset_of!(Object<T>, vectorcall))
            .flag(ffi::Py_TPFLAGS_HAVE_VECTORCALL)
            .slot(ffi::Py_tp_call, ffi::PyVectorcall_Call as *mut c_void)
    }

    /// Asks [`Class::is_found_on`] when the object is an attribute of a class.
    pub fn found_on_classes(self) -> Self {
        self.slot(ffi::Py_tp_descr_get, descr_get::<T> as *mut c_void)
    }

    /// Calls [`Class::finish`] on objects that are [`Class::is_unfinished`] at their end.
    pub fn finishing(self) -> Self {
        self.slot(ffi::Py_tp_finalize, finalize::<T> as *mut c_void)
    }

    /// Asks [`Class::attribute`] for what the tables do not have. The interpreter cannot shorten look-ups on such a type.
    pub fn more_attributes(self) -> Self {
        self.slot(ffi::Py_tp_getattro, getattro::<T> as *mut c_void)
    }

    /// Adds a method.
    pub fn method<M: Method<T>>(mut self) -> Self {
        self.methods.push(ffi::PyMethodDef {
            ml_name: M::NAME.as_ptr(),
            ml_meth: ffi::PyMethodDefPointer {
                PyCFunctionFastWithKeywords: method::<T, M>,
            },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: M::DOC.as_ptr(),
        });
        self
    }

    /// Adds a read-only attribute.
    pub fn getter<G: Getter<T>>(mut self) -> Self {
        self.getters.push(ffi::PyGetSetDef {
            name: G::NAME.as_ptr(),
            get: Some(getter::<T, G>),
            set: None,
            doc: G::DOC.as_ptr(),
            closure: ptr::null_mut(),
        });
        self
    }

    /// Makes the type and keeps it for the life of the process.
    pub fn build(mut self, py: Python<'_>) -> PyResult<Owned> {
        if let Some(known) = NonNull::new(T::cell().get()) {
            // SAFETY: a type that was kept is never freed.
            return Ok(unsafe { Owned::from_borrowed(known.cast()) });
        }
        // The interpreter keeps pointers into the three tables, so they live as long as the type: for ever. A table ends
        // with an entry of zeros.
        if !self.methods.is_empty() {
            self.methods.push(ffi::PyMethodDef::zeroed());
            let table = Box::leak(self.methods.into_boxed_slice()).as_mut_ptr();
            self.slots.push(ffi::PyType_Slot {
                slot: ffi::Py_tp_methods,
                pfunc: table.cast(),
            });
        }
        if !self.getters.is_empty() {
            self.getters.push(ffi::PyGetSetDef::default());
            let table = Box::leak(self.getters.into_boxed_slice()).as_mut_ptr();
            self.slots.push(ffi::PyType_Slot {
                slot: ffi::Py_tp_getset,
                pfunc: table.cast(),
            });
        }
        if !self.members.is_empty() {
            self.members.push(ffi::PyMemberDef::default());
            let table = Box::leak(self.members.into_boxed_slice()).as_mut_ptr();
            self.slots.push(ffi::PyType_Slot {
                slot: ffi::Py_tp_members,
                pfunc: table.cast(),
            });
        }
        self.slots.push(ffi::PyType_Slot {
            slot: 0,
            pfunc: ptr::null_mut(),
        });
        let mut spec = ffi::PyType_Spec {
            name: T::NAME.as_ptr(),
            basicsize: self.size as c_int,
            itemsize: 0,
            flags: self.flags as c_uint,
            slots: self.slots.as_mut_ptr(),
        };
        // SAFETY: the spec and its tables are complete, and each slot holds a function of the type that the slot asks for.
        let class = unsafe { Owned::from_new(ffi::PyType_FromSpec(&raw mut spec)) };
        let class = class.ok_or_else(|| PyErr::fetch(py))?;
        T::cell().keep(class.clone());
        Ok(class)
    }
}

/// Makes an object.
#[inline]
pub fn create<T: Class>(value: T) -> Result<Owned, Raised> {
    let class = T::cell().get();
    assert!(!class.is_null(), "the type was made when the module was imported");
    // SAFETY: the type is a complete heap type, whose allocator returns a zeroed object or NULL with an exception set.
    let object = unsafe { ffi::PyType_GenericAlloc(class, 0) };
    // SAFETY: a new reference or NULL.
    let Some(owned) = (unsafe { Owned::from_new(object) }) else {
        return Err(Raised::assume());
    };
    // SAFETY: the object has room for `Object<T>`; writing does not read the zeroes that are there, and nothing has run
    // since the allocation, so the collector has not seen them either.
    unsafe { ptr::write(&raw mut (*object.cast::<Object<T>>()).value, ManuallyDrop::new(value)) };
    Ok(owned)
}

/// As [`create`], for a type whose objects can be called.
#[inline]
pub fn create_callable<T: Vectorcall>(value: T) -> Result<Owned, Raised> {
    let owned = create(value)?;
    // SAFETY: the object was just made with this layout, and nobody else has seen it.
    unsafe { (*owned.as_ptr().cast::<Object<T>>()).vectorcall = Some(vectorcall::<T>) };
    Ok(owned)
}

/// The pointer that C functions return for a result.
#[inline]
pub(crate) fn to_c(result: Result<Owned, Raised>) -> *mut ffi::PyObject {
    match result {
        Ok(value) => value.into_ptr(),
        Err(_raised) => ptr::null_mut(),
    }
}

unsafe extern "C" fn dealloc<T: Class>(object: *mut ffi::PyObject) {
    // SAFETY: the interpreter calls this once, with the last reference gone. A finalizer may make a new one, and then the
    // object lives on. Otherwise the value, which was written by `create`, is dropped once, and the type (which the object
    // owned a reference to) outlives the memory.
    unsafe {
        let class = ffi::Py_TYPE(object);
        if (*class).tp_finalize.is_some() && ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        guard((), |_| Object::<T>::finish_value(object));
        if let Some(free) = (*class).tp_free {
            free(object.cast());
        }
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn finalize<T: Class>(object: *mut ffi::PyObject) {
    guard((), |py| {
        // SAFETY: the object is alive.
        let this = unsafe { This::<T>::from_raw(object) };
        if this.is_unfinished() {
            counted(py, |py| {
                let raised = PyErr::take(py);
                this.finish(py);
                if let Some(raised) = raised {
                    raised.restore(py);
                }
            });
        }
    });
}

pub(crate) unsafe extern "C" fn traverse<T: Class>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: the object is alive, and an object of a heap type owns a reference to its type.
    unsafe {
        let stopped = visit(ffi::Py_TYPE(object).cast(), argument);
        if stopped != 0 {
            return stopped;
        }
        let mut visit = Visit::new(visit, argument);
        This::<T>::from_raw(object).traverse(&mut visit);
        visit.stopped()
    }
}

pub(crate) unsafe extern "C" fn clear<T: Class>(object: *mut ffi::PyObject) -> c_int {
    // SAFETY: the object is alive.
    guard(0, |_| unsafe {
        This::<T>::from_raw(object).clear();
        0
    })
}

unsafe extern "C" fn repr<T: Class>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: the object is alive.
        let this = unsafe { This::<T>::from_raw(object) };
        counted(py, |py| {
            to_c(
                this.repr(py)
                    .map_err(Raised::from)
                    .and_then(|text| Ok(text.into_pyobject(py).map(Owned::from).map_err(PyErr::from)?)),
            )
        })
    })
}

unsafe extern "C" fn getattro<T: Class>(object: *mut ffi::PyObject, name: *mut ffi::PyObject) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: both are live objects.
        let found = unsafe { ffi::PyObject_GenericGetAttr(object, name) };
        // SAFETY: the thread is attached, and an exception is set where nothing was found.
        if !found.is_null() || unsafe { ffi::PyErr_ExceptionMatches(ffi::PyExc_AttributeError) } == 0 {
            return found;
        }
        // SAFETY: the name is alive, and the object too.
        let (name, this) = unsafe {
            (
                Owned::from_borrowed(NonNull::new_unchecked(name)),
                This::<T>::from_raw(object),
            )
        };
        let failed = Raised::assume().take(py);
        // What was looked for elsewhere and not found there is an exception of PyO3's.
        let found = counted(py, |py| T::attribute(&this, py, &name.bound(py).to_string()));
        match found {
            Some(value) => value.into_ptr(),
            None => to_c(Err(crate::exception::raise(py, failed))),
        }
    })
}

unsafe extern "C" fn descr_get<T: Class>(
    object: *mut ffi::PyObject,
    instance: *mut ffi::PyObject,
    owner: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    guard(ptr::null_mut(), |py| {
        // SAFETY: the object is alive; the instance and its class are live objects or NULL, one of them at least not.
        unsafe {
            let owner = if owner.is_null() {
                ffi::Py_TYPE(instance).cast()
            } else {
                owner
            };
            let owner = Owned::from_borrowed(NonNull::new_unchecked(owner));
            if This::<T>::from_raw(object).is_found_on(&owner) {
                return ffi::Py_NewRef(object);
            }
        }
        let text = format!(
            "{} belongs to another class, which does not pass it on",
            T::NAME.to_string_lossy()
        );
        counted(py, |_| to_c(Err(PyAttributeError::new_err(text).into())))
    })
}

pub(crate) unsafe extern "C" fn vectorcall<T: Vectorcall>(
    object: *mut ffi::PyObject,
    array: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the three arguments are as the protocol says; the object is alive for the call.
    guard(ptr::null_mut(), |py| unsafe {
        to_c(T::call(
            &This::from_raw(object),
            py,
            &Arguments::new(array, nargsf, names),
        ))
    })
}

unsafe extern "C" fn method<T: Class, M: Method<T>>(
    object: *mut ffi::PyObject,
    array: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as for a vectorcall; the count has no flags here.
    guard(ptr::null_mut(), |py| unsafe {
        to_c(M::call(
            &This::from_raw(object),
            py,
            Arguments::new(array, count as usize, names),
        ))
    })
}

unsafe extern "C" fn getter<T: Class, G: Getter<T>>(
    object: *mut ffi::PyObject,
    _closure: *mut c_void,
) -> *mut ffi::PyObject {
    // SAFETY: the object is alive.
    guard(ptr::null_mut(), |py| unsafe {
        let this = This::<T>::from_raw(object);
        counted(py, |py| to_c(G::get(&this, py).map_err(Raised::from)))
    })
}

const _: () = assert!(size_of::<*const c_char>() == size_of::<Owned>());
