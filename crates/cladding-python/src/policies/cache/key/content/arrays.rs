//! Memory in content: what its elements are, its shape, and a digest of the elements in the order of their indices.

use cladding_capi::Owned;
use cladding_capi::buffer::{Buffer, Class, Element, Layout, NumpyArray, Walk};
use cladding_engine::digest::{Digester, digest};
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Tag, Writer, Written};

/// From so many bytes on the interpreter lock is let go. Below, taking it again can cost more than the work.
const LARGE: usize = 256 * 1024;

/// How much of an array that does not lie in order is copied at once.
const BLOCK: usize = 16 * 1024;

/// Whether an object is an array of numpy's own class, of numbers.
fn plain<'a>(py: Python<'_>, object: &'a Owned) -> Option<NumpyArray<'a>> {
    NumpyArray::of(py, object).filter(|array| array.is_exact() && array.element().class != Class::Other)
}

impl Writer<'_> {
    /// An array of numpy's own class, of numbers; nothing is written for others.
    pub(super) fn array(&mut self, object: &Owned) -> Option<Written> {
        let array = plain(self.py, object)?;
        match array.bytes().filter(|bytes| bytes.len() < LARGE) {
            Some(bytes) => {
                self.layout(Tag::Array, &array, b"");
                self.bytes.extend_from_slice(&digest(bytes).to_le_bytes());
                Some(Ok(()))
            }
            None => Some(self.buffer(Tag::Array, object)),
        }
    }

    /// What the elements are, and the shape.
    fn layout(&mut self, tag: Tag, layout: &impl Layout, format: &[u8]) {
        let Element { class, size, swapped } = layout.element();
        self.tag(tag);
        if class == Class::Other {
            self.bytes.push(0);
            self.data(format);
        } else {
            // For other machines it is the order itself that is told.
            let swapped = swapped ^ (self.portable && size > 1 && cfg!(target_endian = "big"));
            self.bytes.push(1 + class as u8 * 2 + u8::from(swapped));
        }
        self.length(size);
        self.length(layout.dimensions());
        for dimension in 0..layout.dimensions() {
            self.length(layout.length(dimension) as usize);
        }
    }

    /// What an object shows of its memory.
    pub(super) fn buffer(&mut self, tag: Tag, object: &Owned) -> Written {
        let buffer = Buffer::get(self.py, object)?;
        let Element { class, size, .. } = buffer.element();
        self.layout(tag, &buffer, buffer.format());
        let total = buffer.len() * size;
        let digest = if let Some(bytes) = buffer.bytes() {
            if total >= LARGE {
                self.py.detach(|| digest(bytes))
            } else {
                digest(bytes)
            }
        } else if class == Class::Other {
            let bytes = object.bound(self.py).call_method0("tobytes")?;
            digest(bytes.cast::<PyBytes>().map_err(PyErr::from)?.as_bytes())
        } else if total >= LARGE {
            self.py.detach(|| digest_in_order(&buffer))
        } else {
            digest_in_order(&buffer)
        };
        self.bytes.extend_from_slice(&digest.to_le_bytes());
        Ok(())
    }

    /// A piece that may be large enough to let the interpreter lock go, and never changes.
    pub(super) fn large(&mut self, data: &[u8]) {
        if data.len() < LARGE {
            self.data(data);
            return;
        }
        self.length(data.len());
        let digest = self.py.detach(|| digest(data));
        self.bytes.extend_from_slice(&digest.to_le_bytes());
    }
}

/// The digest that the elements would have if they lay in the order of their indices.
fn digest_in_order(buffer: &Buffer) -> u128 {
    let (mut walk, mut digester, mut block) = (Walk::new(buffer, true), Digester::default(), vec![0; BLOCK]);
    loop {
        match walk.copy(&mut block) {
            0 => return digester.finish(),
            filled => digester.write(&block[..filled]),
        }
    }
}
