//! Records: what is known of a result, the result's bytes, and a check.
//!
//! | bytes | what |
//! | --- | --- |
//! | 4 | `cldr` |
//! | 1 | the format's number |
//! | 1 | the serializer's |
//! | 1 | flags |
//! | 1 | 0 |
//! | 3 × 8 | floats: what it took, until when it is fresh, until when it is served, in seconds |
//! | 2 | how many tags |
//! | 4 and the text, each | the tags |
//! | any | the result |
//! | 16 or 32 | XXH3 of 128 bits or, with a key, HMAC-SHA256, of the name's length, the name and all bytes above |
//!
//! Numbers are little-endian.

use cladding_capi::Owned;
use cladding_engine::digest::Digester;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::{Note, Unopened, module};

const MAGIC: &[u8; 4] = b"cldr";
const FORMAT: u8 = 1;

const SIGNED: u8 = 1;
const FAILED: u8 = 2;
const AGES: u8 = 4;
const ENDS: u8 = 8;
const RESERVED: u8 = 16;

/// The bytes in front of the tags.
const HEAD: usize = 34;
const DIGEST: usize = 16;
const SIGNATURE: usize = 32;

/// From so many bytes on the interpreter lock is let go.
pub(super) const LARGE: usize = 256 * 1024;

/// Writes all that comes in front of the result.
pub(super) fn begin(out: &mut Vec<u8>, serializer: u8, signed: bool, note: &Note) {
    let flag = |is: bool, flag: u8| if is { flag } else { 0 };
    let flags = flag(signed, SIGNED)
        | flag(note.failed, FAILED)
        | flag(note.fresh_for.is_some(), AGES)
        | flag(note.served_for.is_some(), ENDS)
        | flag(note.reserved, RESERVED);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&[FORMAT, serializer, flags, 0]);
    for seconds in [note.took, note.fresh_for.unwrap_or(0.0), note.served_for.unwrap_or(0.0)] {
        out.extend_from_slice(&seconds.to_le_bytes());
    }
    // A tag that is not told is only missing where it would be shown.
    let tags = &note.tags[..note.tags.len().min(usize::from(u16::MAX))];
    out.extend_from_slice(&(tags.len() as u16).to_le_bytes());
    for tag in tags {
        out.extend_from_slice(&(tag.len() as u32).to_le_bytes());
        out.extend_from_slice(tag.as_bytes());
    }
}

/// Writes the check.
pub(super) fn finish(py: Python<'_>, out: &mut Vec<u8>, name: &[u8], key: Option<&Owned>) -> PyResult<()> {
    match key {
        None => out.extend_from_slice(&digest(py, name, out)),
        Some(key) => {
            let signature = signature(py, name, out, key)?;
            out.extend_from_slice(signature.as_bytes());
        }
    }
    Ok(())
}

/// Makes sure of a record, and takes it apart.
pub(super) fn open<'a>(
    py: Python<'_>,
    name: &[u8],
    bytes: &'a [u8],
    serializer: u8,
    key: Option<&Owned>,
) -> Result<(Note, &'a [u8]), Unopened> {
    let &[m0, m1, m2, m3, format, written_by, flags, zero, ..] = bytes else {
        return Err(Unopened::damaged("it is too short"));
    };
    if [m0, m1, m2, m3] != *MAGIC {
        return Err(Unopened::damaged("it is no record"));
    }
    if format != FORMAT || zero != 0 || flags & !(SIGNED | FAILED | AGES | ENDS | RESERVED) != 0 {
        return Err(Unopened::damaged("it is of another format"));
    }
    if (flags & SIGNED != 0) != key.is_some() {
        let reason = if key.is_some() {
            "it is not signed"
        } else {
            "it is signed"
        };
        return Err(Unopened::damaged(reason));
    }
    let check = if key.is_some() { SIGNATURE } else { DIGEST };
    let Some((content, check)) = bytes.len().checked_sub(check).and_then(|at| bytes.split_at_checked(at)) else {
        return Err(Unopened::damaged("it is too short"));
    };
    let is_right = match key {
        None => digest(py, name, content) == *check,
        Some(key) => is_signed(py, name, content, key, check).map_err(|error| Unopened::of(py, error))?,
    };
    if !is_right {
        return Err(Unopened::damaged("its check is wrong"));
    }
    if written_by != serializer {
        return Err(Unopened::damaged("it is of another serializer"));
    }
    told(flags, content).ok_or_else(|| Unopened::damaged("what is known of it makes no sense"))
}

/// What is known of the result, and the result's bytes.
fn told(flags: u8, content: &[u8]) -> Option<(Note, &[u8])> {
    let (head, mut rest) = content.split_at_checked(HEAD)?;
    let seconds = |at: usize| {
        let seconds = f64::from_le_bytes(head.get(at..at + 8)?.try_into().ok()?);
        (seconds >= 0.0).then_some(seconds)
    };
    let (took, fresh, served) = (seconds(8)?, seconds(16)?, seconds(24)?);
    let count = u16::from_le_bytes([head[32], head[33]]);
    let mut tags = Vec::new();
    for _ in 0..count {
        let (length, behind) = rest.split_at_checked(4)?;
        let length = u32::from_le_bytes(length.try_into().ok()?);
        let (tag, behind) = behind.split_at_checked(length as usize)?;
        tags.push(std::str::from_utf8(tag).ok()?.into());
        rest = behind;
    }
    let note = Note {
        failed: flags & FAILED != 0,
        fresh_for: (flags & AGES != 0).then_some(fresh),
        served_for: (flags & ENDS != 0).then_some(served),
        reserved: flags & RESERVED != 0,
        took,
        tags: tags.into(),
    };
    Some((note, rest))
}

fn digest(py: Python<'_>, name: &[u8], content: &[u8]) -> [u8; DIGEST] {
    let digest = || {
        let mut digester = Digester::default();
        digester.write(&(name.len() as u64).to_le_bytes());
        digester.write(name);
        digester.write(content);
        digester.finish().to_le_bytes()
    };
    if content.len() >= LARGE {
        py.detach(digest)
    } else {
        digest()
    }
}

fn signature<'py>(py: Python<'py>, name: &[u8], content: &[u8], key: &Owned) -> PyResult<Bound<'py, PyBytes>> {
    let message = message(py, name, content)?;
    let signature = module(py)?.getattr("signature")?.call1((key.bound(py), message))?;
    Ok(signature.cast_into::<PyBytes>()?)
}

fn is_signed(py: Python<'_>, name: &[u8], content: &[u8], key: &Owned, check: &[u8]) -> PyResult<bool> {
    let message = message(py, name, content)?;
    let check = PyBytes::new(py, check);
    module(py)?
        .getattr("is_signed")?
        .call1((key.bound(py), message, check))?
        .extract()
}

fn message<'py>(py: Python<'py>, name: &[u8], content: &[u8]) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, 8 + name.len() + content.len(), |message| {
        let mut copy = || {
            let (length, behind) = message.split_at_mut(8);
            length.copy_from_slice(&(name.len() as u64).to_le_bytes());
            behind[..name.len()].copy_from_slice(name);
            behind[name.len()..].copy_from_slice(content);
        };
        if content.len() >= LARGE {
            py.detach(copy);
        } else {
            copy();
        }
        Ok(())
    })
}
