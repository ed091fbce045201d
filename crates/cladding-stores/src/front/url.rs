//! The addresses of stores.

use std::path::PathBuf;
use std::sync::Arc;

use crate::store::Store;

/// The store at a URL, by itself: what a [`Front`](super::Front) is over.
pub fn open(url: &str) -> Result<Arc<dyn Store>, String> {
    parse(url)?.open()
}

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// A database file, by its absolute path, and how many bytes of records it holds at most.
    File { path: PathBuf, max_bytes: u64 },
    /// A server, by its URL.
    Redis { url: String },
}

const SCHEMES: &str = "memory://, file://, sqlite://, redis://, rediss://, redis+unix://, redis+cluster://, rediss+cluster://, valkey://, \
     valkeys://";

/// The bytes of records in a file, unless the URL says otherwise.
const MAX_BYTES: u64 = 1 << 30;

pub(super) fn parse(url: &str) -> Result<Address, String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        // What it is cannot be known, so it is not shown: it may be a password.
        return Err(format!("store must be a URL that begins with one of {SCHEMES}"));
    };
    match scheme {
        "file" | "sqlite" => parse_file(url, rest),
        "redis" | "rediss" | "redis+unix" | "redis+cluster" | "rediss+cluster" | "valkey" | "valkeys" => {
            Ok(Address::Redis { url: url.to_owned() })
        }
        _ => Err(format!(
            "store = {:?} has an unknown scheme; allowed are {SCHEMES}",
            without_password(url)
        )),
    }
}

fn parse_file(url: &str, rest: &str) -> Result<Address, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut max_bytes = MAX_BYTES;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        if name != "max_bytes" {
            return Err(format!(
                "store = {url:?} has an unknown parameter {name:?}; allowed is max_bytes"
            ));
        }
        max_bytes = bytes(value).ok_or_else(|| {
            format!("store = {url:?}: max_bytes must be a number of bytes from 256KiB on, such as 500MB or 1GiB, not {value:?}")
        })?;
    }
    let path = decoded(path).ok_or_else(|| format!("store = {url:?}: its path is not properly percent-encoded"))?;
    if path.is_empty() || path.contains('\0') || path.ends_with('/') {
        return Err(format!(
            "store = {url:?} must name a file, as file:///absolute/path.db or file://relative.db"
        ));
    }
    let path = std::path::absolute(&path).map_err(|error| format!("store = {url:?}: {error}"))?;
    Ok(Address::File { path, max_bytes })
}

/// A number with a unit.
fn bytes(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let unit: u64 = match text[digits..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "mb" => 1000_u64.pow(2),
        "gb" => 1000_u64.pow(3),
        "tb" => 1000_u64.pow(4),
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return None,
    };
    number
        .checked_mul(unit)
        .filter(|bytes| (256 << 10..=i64::MAX as u64).contains(bytes))
}

/// A text without its percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, mut after)) = rest.split_first() {
        if first == b'%' {
            let digits = std::str::from_utf8(after.get(..2)?).ok()?;
            if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return None;
            }
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            after = &after[2..];
        } else {
            bytes.push(first);
        }
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// A URL of a server as it may be shown: everything between the user's name and the last `@` is left out, also where the
/// password was not encoded as it should be, and so is what parameters say.
fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return String::new();
    };
    let (user, place) = match rest.rsplit_once('@') {
        Some((login, place)) => match login.split_once(':') {
            Some((user, _)) => (format!("{user}:***@"), place),
            None => (format!("{login}@"), place),
        },
        None => (String::new(), rest),
    };
    let place = match place.split_once(['?', '#']) {
        Some((place, _)) => format!("{place}?***"),
        None => place.to_owned(),
    };
    format!("{scheme}://{user}{place}")
}

impl Address {
    /// The same for URLs that mean the same store.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File { path, max_bytes } => format!("file://{}?max_bytes={max_bytes}", path.display()),
            Self::Redis { url } => url.clone(),
        }
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::File { path, .. } => format!("file://{}", path.display()),
            Self::Redis { url } => without_password(url),
        }
    }

    pub(super) fn open(&self) -> Result<Arc<dyn Store>, String> {
        match self {
            Self::File { path, max_bytes } => Ok(crate::file::open(path.clone(), *max_bytes)),
            Self::Redis { url } => Ok(Arc::new(crate::redis::RedisStore::open(url)?)),
        }
    }
}
