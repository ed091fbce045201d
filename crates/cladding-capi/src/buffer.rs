//! Arrays of numbers, as the buffer protocol shows them, and a shorter way to the shape and type of numpy's own.
//!
//! What is in an array is read while other threads may write to it, as numpy itself does when it lets the interpreter
//! lock go. Every element is a plain number, for which any bits are a value, and no answer read from one is ever used as
//! an index or a length: a reader that races with a writer gets a number that was there before or after.

use std::ffi::{c_char, c_int};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use pyo3::ffi;
use pyo3::prelude::*;

use crate::Owned;

/// What the elements of an array are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Element {
    /// The kind of number.
    pub class: Class,
    /// Bytes of one element.
    pub size: usize,
    /// Whether the bytes are in the order that this machine does not use.
    pub swapped: bool,
}

/// Kinds of number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// True or false.
    Bool,
    /// With a sign.
    Signed,
    /// Without.
    Unsigned,
    /// Of 2, 4 or 8 bytes.
    Float,
    /// A pair of floats of 4 or 8 bytes each.
    Complex,
    /// Anything else: text, records, objects, dates, numbers of other sizes.
    Other,
}

impl Element {
    /// An element of a class, or of [`Class::Other`] where there is none of that size.
    fn new(class: Class, size: usize, swapped: bool) -> Self {
        let exists = match class {
            Class::Bool => size == 1,
            Class::Signed | Class::Unsigned => matches!(size, 1 | 2 | 4 | 8),
            Class::Float => matches!(size, 2 | 4 | 8),
            Class::Complex => matches!(size, 8 | 16),
            Class::Other => false,
        };
        let class = if exists { class } else { Class::Other };
        Self {
            class,
            size,
            swapped: swapped && size > 1,
        }
    }

    /// Reads a format of the `struct` module's syntax. Sizes are the item size's business, since letters stand for
    /// different ones.
    fn parse(format: &[u8], size: usize) -> Self {
        let (swapped, letters) = match format.split_first() {
            Some((b'>' | b'!', rest)) => (cfg!(target_endian = "little"), rest),
            Some((b'<', rest)) => (cfg!(target_endian = "big"), rest),
            Some((b'@' | b'=', rest)) => (false, rest),
            _ => (false, format),
        };
        let (class, fixed) = match letters {
            b"?" => (Class::Bool, 1),
            b"b" | b"h" | b"i" | b"l" | b"q" | b"n" => (Class::Signed, size),
            b"B" | b"H" | b"I" | b"L" | b"Q" | b"N" => (Class::Unsigned, size),
            b"e" => (Class::Float, 2),
            b"f" => (Class::Float, 4),
            b"d" => (Class::Float, 8),
            b"Zf" => (Class::Complex, 8),
            b"Zd" => (Class::Complex, 16),
            _ => (Class::Other, size),
        };
        Self::new(if fixed == size { class } else { Class::Other }, size, swapped)
    }
}

/// The outside of an array.
pub trait Layout {
    /// What its elements are.
    fn element(&self) -> Element;
    /// How many dimensions it has.
    fn dimensions(&self) -> usize;
    /// The length of one dimension; 0 of one that is not there.
    fn length(&self, dimension: usize) -> isize;
}

/// An array's memory, held until this is dropped, which must be on an attached thread.
pub struct Buffer {
    // Boxed, because an exporter may point into it.
    view: Box<ffi::Py_buffer>,
    element: Element,
}

// SAFETY: what threads share is memory that is only read, and a description that nobody changes. The drop keeps the
// crate's rule.
unsafe impl Sync for Buffer {}
// SAFETY: as above.
unsafe impl Send for Buffer {}

impl Buffer {
    /// Asks an object for its memory. The error is the object's own, or Python's for one that has no such thing.
    pub fn get(py: Python<'_>, object: &Owned) -> PyResult<Self> {
        let mut view = Box::new(ffi::Py_buffer::new());
        // SAFETY: the object is alive and the structure is ours to be filled; strides are asked for, indirections are not.
        let result = unsafe { ffi::PyObject_GetBuffer(object.as_ptr(), &raw mut *view, ffi::PyBUF_RECORDS_RO) };
        if result != 0 {
            return Err(PyErr::fetch(py));
        }
        let size = view.itemsize as usize;
        let element = if view.format.is_null() {
            Element::new(Class::Unsigned, size, false)
        } else {
            // SAFETY: the format is a string that lives as long as the view.
            Element::parse(unsafe { std::ffi::CStr::from_ptr(view.format) }.to_bytes(), size)
        };
        Ok(Self { view, element })
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.shape().iter().product::<isize>() as usize
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The lengths of all dimensions.
    pub fn shape(&self) -> &[isize] {
        // SAFETY: strides were asked for, so the shape is there too; it lives as long as the view.
        unsafe { numbers_at(self.view.shape, self.view.ndim) }
    }

    /// What its elements are, in the syntax of the `struct` module.
    pub fn format(&self) -> &[u8] {
        if self.view.format.is_null() {
            return b"B";
        }
        // SAFETY: the format is a string that lives as long as the view.
        unsafe { std::ffi::CStr::from_ptr(self.view.format) }.to_bytes()
    }

    /// All bytes, if they lie in the order of the indices without gaps.
    pub fn bytes(&self) -> Option<&[u8]> {
        // SAFETY: the view is a filled one.
        let is_whole = unsafe { ffi::PyBuffer_IsContiguous(&raw const *self.view, b'C' as c_char) } == 1;
        if self.view.len == 0 || !is_whole {
            return is_whole.then_some(&[]);
        }
        // SAFETY: the exporter keeps so many bytes in one piece for as long as the view is held. What a writer in another
        // thread means is said at the top.
        Some(unsafe { std::slice::from_raw_parts(self.view.buf.cast(), self.view.len as usize) })
    }

    fn strides(&self) -> &[isize] {
        // SAFETY: as for the shape.
        unsafe { numbers_at(self.view.strides, self.view.ndim) }
    }

    /// All elements in the order of memory, if they are exactly such numbers (or pairs of them, if they are complex), lie
    /// without gaps and can be read as they are.
    pub fn slice<T: Number>(&self) -> Option<&[T]> {
        let Element { class, size, swapped } = self.element;
        let parts = if class == Class::Complex { 2 } else { 1 };
        let is_type = size == parts * size_of::<T>() && (class == T::CLASS || (parts == 2 && T::CLASS == Class::Float));
        if !is_type || swapped {
            return None;
        }
        if self.is_empty() {
            return Some(&[]);
        }
        let start = self.view.buf.cast::<T>();
        // SAFETY: the view is a filled one.
        let is_whole = unsafe { ffi::PyBuffer_IsContiguous(&raw const *self.view, b'A' as c_char) } == 1;
        if !is_whole || !start.is_aligned() {
            return None;
        }
        // SAFETY: the exporter keeps `len * size` bytes in one piece at an address that is aligned, for as long as the view
        // is held; any bits are a number. What a writer in another thread means is said at the top.
        Some(unsafe { std::slice::from_raw_parts(start, self.len() * parts) })
    }
}

impl Layout for Buffer {
    fn element(&self) -> Element {
        self.element
    }

    fn dimensions(&self) -> usize {
        self.shape().len()
    }

    fn length(&self, dimension: usize) -> isize {
        self.shape().get(dimension).copied().unwrap_or(0)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the view was filled, is released once, and the thread is attached.
        unsafe { ffi::PyBuffer_Release(&raw mut *self.view) };
    }
}

/// # Safety
/// * There are `count` numbers at `start`, or `count` is 0.
unsafe fn numbers_at<'a>(start: *const isize, count: c_int) -> &'a [isize] {
    if count <= 0 || start.is_null() {
        return &[];
    }
    // SAFETY: the caller's promise.
    unsafe { std::slice::from_raw_parts(start, count as usize) }
}

/// One of Rust's numbers that arrays are made of.
pub trait Number: Copy + sealed::Sealed {
    /// Its class.
    const CLASS: Class;
}

mod sealed {
    /// Any bits are a value of an implementing type.
    pub trait Sealed {}
}

macro_rules! numbers {
    ($class:ident: $($number:ty)*) => {
        $(
            impl sealed::Sealed for $number {}
            impl Number for $number {
                const CLASS: Class = Class::$class;
            }
        )*
    };
}

numbers! { Signed: i8 i16 i32 i64 }
numbers! { Unsigned: u8 u16 u32 u64 }
numbers! { Float: f32 f64 }

/// A walk over the elements of an array of any layout, which copies them out in blocks.
pub struct Walk<'a> {
    buffer: &'a Buffer,
    /// Length, stride and position of each axis; the last one moves fastest.
    axes: Vec<(usize, isize, usize)>,
    /// Bytes of what is copied: an element, or half of a complex one.
    size: usize,
    offset: isize,
    left: usize,
}

impl<'a> Walk<'a> {
    /// A walk in the order of the indices, the last moving fastest; or in whatever order is good for the memory.
    pub fn new(buffer: &'a Buffer, ordered: bool) -> Self {
        let (shape, strides) = (buffer.shape(), buffer.strides());
        let mut axes: Vec<_> = shape
            .iter()
            .zip(strides)
            .map(|(&length, &stride)| (length as usize, stride, 0))
            .collect();
        axes.retain(|&(length, ..)| length != 1);
        if !ordered {
            axes.sort_by_key(|&(_, stride, _)| std::cmp::Reverse(stride.unsigned_abs()));
        }
        let mut size = buffer.element.size;
        if buffer.element.class == Class::Complex {
            size /= 2;
            axes.push((2, size as isize, 0));
        }
        if axes.is_empty() {
            axes.push((1, 0, 0));
        }
        let left = axes.iter().map(|axis| axis.0).product();
        Self {
            buffer,
            axes,
            size,
            offset: 0,
            left,
        }
    }

    /// Copies the next elements, as bytes, and says how many; 0 at the end.
    ///
    /// # Panics
    /// If the elements (the halves of complex ones) do not have `N` bytes.
    #[inline]
    pub fn fill<const N: usize>(&mut self, block: &mut [[u8; N]]) -> usize {
        assert_eq!(N, self.size, "elements are copied whole");
        let mut filled = 0;
        while filled < block.len() && self.left > 0 {
            let (length, stride, position) = self.axes[self.axes.len() - 1];
            let run = (length - position).min(block.len() - filled);
            for (step, target) in block[filled..filled + run].iter_mut().enumerate() {
                let offset = self.offset + step as isize * stride;
                // SAFETY: the offset is that of an index inside the shape, where the exporter keeps an element of this size
                // for as long as the view is held; an array of bytes has no alignment.
                *target = unsafe {
                    self.buffer
                        .view
                        .buf
                        .cast::<u8>()
                        .offset(offset)
                        .cast::<[u8; N]>()
                        .read()
                };
            }
            filled += run;
            self.left -= run;
            self.advance(run);
        }
        filled
    }

    /// Copies the next elements into a block of a multiple of 16 bytes, and says how many bytes; 0 at the end.
    ///
    /// # Panics
    /// If the elements are no [numbers](Class).
    pub fn copy(&mut self, block: &mut [u8]) -> usize {
        let size = self.size;
        size * match size {
            1 => self.fill(block.as_chunks_mut::<1>().0),
            2 => self.fill(block.as_chunks_mut::<2>().0),
            4 => self.fill(block.as_chunks_mut::<4>().0),
            8 => self.fill(block.as_chunks_mut::<8>().0),
            _ => panic!("there are no numbers of {size} bytes"),
        }
    }

    /// Moves the position by a number of elements of the last axis, and carries over.
    #[inline]
    fn advance(&mut self, run: usize) {
        let mut steps = run;
        for (length, stride, position) in self.axes.iter_mut().rev() {
            *position += steps;
            self.offset += steps as isize * *stride;
            if *position < *length {
                return;
            }
            self.offset -= *position as isize * *stride;
            *position = 0;
            steps = 1;
        }
    }
}

/// The beginning of `PyArrayObject`, which numpy's headers give to every extension and therefore cannot change.
#[repr(C)]
struct ArrayObject {
    head: ffi::PyObject,
    data: *mut c_char,
    dimensions: c_int,
    lengths: *mut isize,
    strides: *mut isize,
    base: *mut ffi::PyObject,
    descr: *mut DescrObject,
    flags: c_int,
}

/// The beginning of `PyArray_Descr`, the same in numpy 1 and 2.
#[repr(C)]
struct DescrObject {
    head: ffi::PyObject,
    class: *mut ffi::PyTypeObject,
    kind: c_char,
    letter: c_char,
    order: c_char,
    flags: c_char,
    number: c_int,
}

/// `numpy.ndarray`, once it was met. numpy is never unloaded.
static NDARRAY: AtomicPtr<ffi::PyTypeObject> = AtomicPtr::new(ptr::null_mut());

/// A numpy array, for its shape and type alone. Reads the array anew at each question, so it is right whatever happens to
/// the array in between.
#[derive(Clone, Copy)]
pub struct NumpyArray<'a> {
    array: NonNull<ArrayObject>,
    life: PhantomData<&'a Owned>,
}

impl<'a> NumpyArray<'a> {
    /// The object as a numpy array, if it is one. Never in builds without the interpreter lock, where another thread could
    /// give the array a new shape meanwhile: ask for a [`Buffer`] there.
    #[inline]
    pub fn of(py: Python<'_>, object: &'a Owned) -> Option<Self> {
        if cfg!(Py_GIL_DISABLED) {
            return None;
        }
        let known = NDARRAY.load(Ordering::Relaxed);
        // SAFETY: a type in `NDARRAY` is alive for ever; the object is alive.
        let is_array = unsafe { !known.is_null() && ffi::PyObject_TypeCheck(object.as_ptr(), known) != 0 };
        if is_array || (known.is_null() && Self::meet(py, object)) {
            let array = NonNull::new(object.as_ptr().cast())?;
            return Some(Self {
                array,
                life: PhantomData,
            });
        }
        None
    }

    /// All bytes of an array of numbers, if they lie in the order of the indices without gaps. Nothing holds them: they are
    /// to be read before any code runs.
    #[inline]
    pub fn bytes(&self) -> Option<&[u8]> {
        const IN_ORDER: c_int = 1;
        let size = self.element().size;
        // SAFETY: as for the element; an array with this flag has so many bytes at its address, of which nothing frees any
        // while the thread stays attached and runs no code.
        unsafe {
            let array = self.array.as_ptr();
            if (*array).flags & IN_ORDER == 0 || size == 0 || (*array).data.is_null() {
                return None;
            }
            let count: usize = (0..self.dimensions())
                .map(|dimension| self.length(dimension) as usize)
                .product();
            Some(std::slice::from_raw_parts((*array).data.cast(), count * size))
        }
    }

    /// Whether it is of no class derived from numpy's own.
    #[inline]
    pub fn is_exact(&self) -> bool {
        // SAFETY: the array is alive, and only addresses are compared.
        unsafe { ffi::Py_TYPE(self.array.as_ptr().cast()) == NDARRAY.load(Ordering::Relaxed) }
    }

    /// Whether the object is an array of the numpy that is imported; keeps its type.
    #[cold]
    fn meet(py: Python<'_>, object: &Owned) -> bool {
        let found = py
            .import("sys")
            .and_then(|sys| sys.getattr("modules")?.get_item("numpy")?.getattr("ndarray"));
        let Ok(class) = found else { return false };
        let Ok(class) = class.cast_into::<pyo3::types::PyType>() else {
            return false;
        };
        let raw = class.as_type_ptr();
        // SAFETY: a live type. One that a program made up under this name is a heap type, and is left alone.
        let is_genuine = unsafe {
            (*raw).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0
                && (*raw).tp_basicsize >= size_of::<ArrayObject>() as isize
                && std::ffi::CStr::from_ptr((*raw).tp_name) == c"numpy.ndarray"
        };
        if is_genuine {
            NDARRAY.store(Owned::from(class).into_ptr().cast(), Ordering::Relaxed);
        }
        // SAFETY: both are alive.
        is_genuine && unsafe { ffi::PyObject_TypeCheck(object.as_ptr(), raw) != 0 }
    }
}

impl Layout for NumpyArray<'_> {
    #[inline]
    fn element(&self) -> Element {
        // SAFETY: an instance of `numpy.ndarray` begins in this way and always has a descriptor. This type cannot leave the
        // attached thread, so nobody replaces it meanwhile.
        let (number, order) = unsafe {
            let descr = (*self.array.as_ptr()).descr;
            ((*descr).number, (*descr).order as u8)
        };
        let swapped = order == if cfg!(target_endian = "little") { b'>' } else { b'<' };
        let long = size_of::<std::ffi::c_long>();
        let (class, size) = match number {
            0 => (Class::Bool, 1),
            1 => (Class::Signed, 1),
            2 => (Class::Unsigned, 1),
            3 => (Class::Signed, 2),
            4 => (Class::Unsigned, 2),
            5 => (Class::Signed, 4),
            6 => (Class::Unsigned, 4),
            7 => (Class::Signed, long),
            8 => (Class::Unsigned, long),
            9 => (Class::Signed, 8),
            10 => (Class::Unsigned, 8),
            11 => (Class::Float, 4),
            12 => (Class::Float, 8),
            14 => (Class::Complex, 8),
            15 => (Class::Complex, 16),
            23 => (Class::Float, 2),
            _ => (Class::Other, 0),
        };
        Element { class, size, swapped }
    }

    #[inline]
    fn dimensions(&self) -> usize {
        // SAFETY: as for the element.
        unsafe { (*self.array.as_ptr()).dimensions as usize }
    }

    #[inline]
    fn length(&self, dimension: usize) -> isize {
        if dimension >= self.dimensions() {
            return 0;
        }
        // SAFETY: as for the element; there are as many lengths as dimensions.
        unsafe { *(*self.array.as_ptr()).lengths.add(dimension) }
    }
}
