//! The arguments of a call: the caller's own array as vectorcall hands it over, and a copy that outlives the call.

use std::marker::PhantomData;
use std::ptr::NonNull;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use smallvec::SmallVec;

use crate::entry::into_python;
use crate::{Owned, Raised};

/// A vectorcall, which may end the thread instead of returning.
type Vectorcall = unsafe extern "C-unwind" fn(
    *mut ffi::PyObject,
    *const *mut ffi::PyObject,
    usize,
    *mut ffi::PyObject,
) -> *mut ffi::PyObject;

unsafe extern "C-unwind" {
    fn PyObject_Vectorcall(
        callable: *mut ffi::PyObject,
        array: *const *mut ffi::PyObject,
        nargsf: usize,
        names: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject;
}

/// Calls something with a few arguments by position.
pub fn call(py: Python<'_>, callable: &Owned, arguments: &[&Owned]) -> Result<Owned, Raised> {
    let pointers: SmallVec<[*mut ffi::PyObject; 4]> = arguments.iter().map(|argument| argument.as_ptr()).collect();
    // SAFETY: an array of pointers to objects that live as long as the borrow, none of them by keyword.
    let view = unsafe { Arguments::new(pointers.as_ptr(), pointers.len(), std::ptr::null_mut()) };
    view.call(py, callable)
}

/// The caller's own argument array. Nothing is copied until somebody asks for a tuple or a saved copy.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    array: *const *mut ffi::PyObject,
    nargsf: usize,
    names: *mut ffi::PyObject,
    life: PhantomData<&'a ()>,
}

impl<'a> Arguments<'a> {
    /// # Safety
    /// * The three are as the vectorcall protocol says, and valid for `'a`.
    #[inline]
    pub(crate) unsafe fn new(array: *const *mut ffi::PyObject, nargsf: usize, names: *mut ffi::PyObject) -> Self {
        Self {
            array,
            nargsf,
            names,
            life: PhantomData,
        }
    }

    /// How many arguments came by position.
    #[inline]
    pub fn positional_count(&self) -> usize {
        self.nargsf & !ffi::PY_VECTORCALL_ARGUMENTS_OFFSET
    }

    /// How many arguments came by keyword.
    #[inline]
    pub fn keyword_count(&self) -> usize {
        if self.names.is_null() {
            return 0;
        }
        // SAFETY: `names` is NULL or a tuple.
        unsafe { ffi::PyTuple_GET_SIZE(self.names) as usize }
    }

    /// The argument at an index; those by keyword follow those by position.
    #[inline]
    fn at(&self, index: usize) -> &'a Owned {
        // SAFETY: callers pass an index below the two counts' sum; a pointer in the array is a live object for `'a`, and
        // `Owned` is a transparent wrapper of such a pointer.
        unsafe { &*self.array.add(index).cast::<Owned>() }
    }

    /// The arguments by position.
    #[inline]
    pub fn positional(&self) -> &'a [Owned] {
        if self.positional_count() == 0 {
            return &[];
        }
        // SAFETY: as in `at`, for the whole range.
        unsafe { std::slice::from_raw_parts(self.array.cast::<Owned>(), self.positional_count()) }
    }

    /// All arguments, those by keyword behind those by position.
    #[inline]
    pub fn values(&self) -> &'a [Owned] {
        let count = self.positional_count() + self.keyword_count();
        if count == 0 {
            return &[];
        }
        // SAFETY: as in `at`, for the whole range.
        unsafe { std::slice::from_raw_parts(self.array.cast::<Owned>(), count) }
    }

    /// The keywords' names, in the caller's order.
    #[inline]
    pub fn names(&self) -> &'a [Owned] {
        if self.keyword_count() == 0 {
            return &[];
        }
        // SAFETY: as in `keyword_name`, for the whole range.
        unsafe {
            let items = (&raw const (*self.names.cast::<ffi::PyTupleObject>()).ob_item).cast::<Owned>();
            std::slice::from_raw_parts(items, self.keyword_count())
        }
    }

    /// The keywords with their arguments, in the caller's order.
    pub fn keywords(&self) -> impl Iterator<Item = (&'a Owned, &'a Owned)> + use<'a> {
        let this = *self;
        let first = this.positional_count();
        (0..this.keyword_count()).map(move |index| (this.keyword_name(index), this.at(first + index)))
    }

    #[inline]
    fn keyword_name(&self, index: usize) -> &'a Owned {
        // SAFETY: `names` is a tuple of at least `index + 1` strings when this is called, alive for `'a`; its item array
        // holds live pointers, and `Owned` is a transparent wrapper of one.
        unsafe {
            let items = (&raw const (*self.names.cast::<ffi::PyTupleObject>()).ob_item).cast::<Owned>();
            &*items.add(index)
        }
    }

    /// The argument of a keyword. Names are interned, so the address decides first and the text only when it must.
    #[inline]
    pub fn keyword(&self, py: Python<'_>, name: &Owned) -> Option<&'a Owned> {
        let count = self.keyword_count();
        let first = self.positional_count();
        for index in 0..count {
            if self.keyword_name(index).as_ptr() == name.as_ptr() {
                return Some(self.at(first + index));
            }
        }
        for index in 0..count {
            if self.keyword_name(index).bound(py).eq(name.bound(py)).unwrap_or(false) {
                return Some(self.at(first + index));
            }
        }
        None
    }

    /// Calls `callable` with these very arguments.
    #[inline]
    pub fn call(&self, _py: Python<'_>, callable: &Owned) -> Result<Owned, Raised> {
        let pointer = callable.as_ptr();
        // SAFETY: the array is valid for the call, and the offset flag (which lets the callee use the slot in front) is
        // the caller's own permission, passed on. A function is called through its slot at once, which spares the general
        // call's look at the thread state.
        let result = into_python(|| unsafe {
            if ffi::Py_TYPE(pointer) == &raw mut ffi::PyFunction_Type
                && let Some(call) = (*pointer.cast::<ffi::PyFunctionObject>()).vectorcall
            {
                let call = std::mem::transmute::<ffi::vectorcallfunc, Vectorcall>(call);
                call(pointer, self.array, self.nargsf, self.names)
            } else {
                PyObject_Vectorcall(pointer, self.array, self.nargsf, self.names)
            }
        });
        // SAFETY: the result is a new reference, or NULL with an exception set.
        unsafe { Owned::from_new(result) }.ok_or_else(Raised::assume)
    }

    /// Calls `callable` with `first` and then these very arguments.
    ///
    /// A single one is put into the slot in front of the array, where the caller allows it, as methods do with `self`.
    #[inline]
    pub fn call_after(&self, py: Python<'_>, callable: &Owned, first: &[Owned]) -> Result<Owned, Raised> {
        if let [only] = first
            && self.nargsf & ffi::PY_VECTORCALL_ARGUMENTS_OFFSET != 0
        {
            // SAFETY: the flag says that the slot in front of the array may be used if it is put back.
            unsafe {
                let slot = self.array.cast_mut().sub(1);
                let before = slot.replace(only.as_ptr());
                let view = Arguments::new(slot, self.positional_count() + 1, self.names);
                let result = view.call(py, callable);
                slot.write(before);
                return result;
            }
        }
        let given = self.positional_count() + self.keyword_count();
        let mut pointers: SmallVec<[*mut ffi::PyObject; 8]> = SmallVec::with_capacity(first.len() + given);
        pointers.extend(first.iter().map(Owned::as_ptr));
        pointers.extend((0..given).map(|index| self.at(index).as_ptr()));
        // SAFETY: the pointers are to live objects, and the names belong to the last of them as before.
        let view = unsafe { Arguments::new(pointers.as_ptr(), first.len() + self.positional_count(), self.names) };
        view.call(py, callable)
    }

    /// A tuple and a dictionary of the arguments, for callees that need them so.
    pub fn packed<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyTuple>, Option<Bound<'py, PyDict>>)> {
        let tuple = PyTuple::new(py, self.positional().iter().map(|argument| argument.bound(py)))?;
        if self.keyword_count() == 0 {
            return Ok((tuple, None));
        }
        let dict = PyDict::new(py);
        for (name, argument) in self.keywords() {
            dict.set_item(name.bound(py), argument.bound(py))?;
        }
        Ok((tuple, Some(dict)))
    }

    /// A copy that keeps the arguments alive after the call has returned.
    #[inline]
    pub fn save(&self) -> SavedArguments {
        let total = self.positional_count() + self.keyword_count();
        let values = (0..total).map(|index| self.at(index).clone()).collect();
        // SAFETY: `names` is NULL or a live tuple.
        let names = NonNull::new(self.names).map(|names| unsafe { Owned::from_borrowed(names) });
        SavedArguments {
            values,
            positional: self.positional_count(),
            names,
        }
    }
}

/// Arguments that are kept for as long as a coroutine or generator may still call the wrapped function with them.
#[derive(Default)]
pub struct SavedArguments {
    values: SmallVec<[Owned; 4]>,
    positional: usize,
    names: Option<Owned>,
}

impl SavedArguments {
    /// The arguments of a call that was made with a tuple and a dictionary.
    pub fn of(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let mut values: SmallVec<[Owned; 4]> = args.iter().map(Owned::from).collect();
        let positional = values.len();
        let mut names = None;
        if let Some(kwargs) = kwargs {
            names = Some(PyTuple::new(kwargs.py(), kwargs.keys())?.into_any().into());
            values.extend(kwargs.values().iter().map(Owned::from));
        }
        Ok(Self {
            values,
            positional,
            names,
        })
    }

    /// The arguments as a call sees them.
    #[inline]
    pub fn view(&self) -> Arguments<'_> {
        let names = self.names.as_ref().map_or(std::ptr::null_mut(), Owned::as_ptr);
        // SAFETY: `Owned` is a transparent wrapper of an object pointer, so the values are the array that the protocol
        // wants; nothing is offset, and all of it lives as long as `self` is borrowed.
        unsafe { Arguments::new(self.values.as_ptr().cast(), self.positional, names) }
    }

    /// Visits the references for the garbage collector.
    pub fn each(&self) -> impl Iterator<Item = &Owned> {
        self.values.iter().chain(self.names.as_ref())
    }
}
