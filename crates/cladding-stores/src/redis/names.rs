//! What things are called in Redis, and which part of a cluster a name belongs to.

use crate::store::Key;

/// What all records begin with.
const RECORD: &str = "cladding:";

/// What all leases begin with.
const LEASE: &str = "cladding.lease:";

/// What the records with a tag begin with.
const TAG: &str = "cladding.tag:";

/// What the records that leave with a tag begin with.
const LEAVING: &str = "cladding.leaving:";

/// The slots that the servers of a cluster share out.
pub(super) const SLOTS: usize = 16_384;

/// A space's name as it stands in keys.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Space(String);

impl Space {
    pub(super) fn new(space: &str) -> Self {
        let mut text = String::with_capacity(space.len());
        encode(space, b"_.:<>@/-", &mut text);
        Self(text)
    }

    /// What all names of this space's records begin with, and no others do.
    pub(super) fn records(&self) -> String {
        format!("{RECORD}{}:{{", self.0)
    }

    /// What all names of this space's leases begin with, and no others do.
    pub(super) fn leases(&self) -> String {
        format!("{LEASE}{}:{{", self.0)
    }

    /// What matches all names of this space's tags, and of what leaves with them. Other spaces' may match, see `is_tag`.
    pub(super) fn tag_pattern(&self) -> String {
        format!("cladding.*tag:{}:*", self.0)
    }

    /// The records with a tag, by the time that they expire.
    pub(super) fn tag(&self, tag: &str) -> String {
        let mut name = format!("{TAG}{}:", self.0);
        encode(tag, b"_.<>@/-", &mut name);
        name
    }

    /// Whether this is the name of a tag of this space, or of what leaves with one: no colon is in what is encoded as a tag.
    pub(super) fn is_tag(&self, name: &str) -> bool {
        let leaves = name
            .strip_prefix(LEAVING)
            .and_then(|rest| rest.strip_prefix('{')?.strip_suffix('}'));
        let rest = leaves.unwrap_or(name).strip_prefix(TAG);
        let rest = rest.and_then(|rest| rest.strip_prefix(self.0.as_str())?.strip_prefix(':'));
        rest.is_some_and(|tag| !tag.contains(':'))
    }
}

/// The records that are to be removed for having had a tag; beside its tag in a cluster.
pub(super) fn leaving(tag: &str) -> String {
    format!("{LEAVING}{{{tag}}}")
}

/// The name of a record.
pub(super) fn record(key: &Key) -> String {
    named(RECORD, key)
}

/// The name of the lease on a record, beside it in a cluster.
pub(super) fn lease(key: &Key) -> String {
    named(LEASE, key)
}

/// A digest as it stands in names.
pub(super) fn hexadecimal(digest: u128) -> String {
    let mut text = String::with_capacity(32);
    write_hexadecimal(digest, &mut text);
    text
}

fn write_hexadecimal(digest: u128, into: &mut String) {
    for place in (0..32).rev() {
        into.push(char::from(b"0123456789abcdef"[(digest >> (4 * place)) as usize & 15]));
    }
}

/// The digest that is written so.
pub(super) fn digest(text: &str) -> Option<u128> {
    let plain = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if plain {
        u128::from_str_radix(text, 16).ok()
    } else {
        None
    }
}

/// The space and the digest that a record's name is made of.
pub(super) fn parts(name: &str) -> Option<(Space, u128)> {
    let (space, rest) = name.strip_prefix(RECORD)?.split_once(":{")?;
    Some((Space(space.to_owned()), digest(rest.strip_suffix('}')?)?))
}

fn named(kind: &str, key: &Key) -> String {
    let mut name = String::with_capacity(kind.len() + key.space.len() + 35);
    name.push_str(kind);
    encode(&key.space, b"_.:<>@/-", &mut name);
    name.push_str(":{");
    write_hexadecimal(key.digest, &mut name);
    name.push('}');
    name
}

/// Adds a text with all bytes but letters, digits and `plain` ones percent-encoded: no braces, which mean something in a
/// cluster, and nothing that means something in a pattern.
fn encode(text: &str, plain: &[u8], into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
            into.push(char::from(byte));
        } else {
            into.push('%');
            for half in [byte >> 4, byte & 15] {
                into.push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }
}

/// The slot of a key, after the Redis Cluster Specification: CRC-16/XMODEM of what is in the first braces, if anything
/// is, else of the whole key.
pub(super) fn slot(key: &[u8]) -> u16 {
    let find = |from: usize, wanted: u8| key[from..].iter().position(|&byte| byte == wanted).map(|at| from + at);
    let hashed = match find(0, b'{').map(|open| (open + 1, find(open + 1, b'}'))) {
        Some((from, Some(to))) if to > from => &key[from..to],
        _ => key,
    };
    let mut sum: u16 = 0;
    for &byte in hashed {
        sum ^= u16::from(byte) << 8;
        for _ in 0..8 {
            sum = if sum & 0x8000 == 0 {
                sum << 1
            } else {
                (sum << 1) ^ 0x1021
            };
        }
    }
    sum % SLOTS as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // The check value that the specification gives is 0x31C3 for "123456789".
        assert_eq!(slot(b"123456789"), 0x31c3);
        assert_eq!(slot(b"x{123456789}y{z}"), 0x31c3);
        assert_eq!(slot(b"foo{}{bar}"), slot(b"foo{}{bar}"));
        assert_ne!(slot(b"foo{}{bar}"), slot(b"bar"));
        assert_eq!(slot(b"{open"), slot(b"{open"));
    }

    #[test]
    fn a_record_and_its_lease_are_in_one_slot_and_so_is_what_leaves_with_a_tag() {
        let key = Key {
            space: "a.b:c v{1}".into(),
            digest: 0xabc,
        };
        assert_eq!(
            record(&key),
            "cladding:a.b:c%20v%7B1%7D:{00000000000000000000000000000abc}"
        );
        assert_eq!(slot(record(&key).as_bytes()), slot(lease(&key).as_bytes()));
        let tag = Space::new("s").tag("t");
        assert_eq!(slot(tag.as_bytes()), slot(leaving(&tag).as_bytes()));
    }

    #[test]
    fn tags_of_spaces_that_look_alike_are_told_apart() {
        let (short, long) = (Space::new("a"), Space::new("a:b"));
        assert!(short.is_tag(&short.tag("b:c")) && long.is_tag(&long.tag("c")));
        assert!(!short.is_tag(&long.tag("c")) && !long.is_tag(&short.tag("b:c")));
        assert!(short.is_tag(&leaving(&short.tag("x"))) && !short.is_tag(&leaving(&long.tag("x"))));
        assert!(!long.records().starts_with(&short.records()) && !long.leases().starts_with(&short.leases()));
    }

    proptest::proptest! {
        #[test]
        fn names_are_read_back(space in ".{0,20}", digest: u128) {
            let key = Key { space: space.as_str().into(), digest };
            proptest::prop_assert_eq!(parts(&record(&key)), Some((Space::new(&space), digest)));
            proptest::prop_assert!(parts(&lease(&key)).is_none());
            let name = record(&key);
            proptest::prop_assert!(!name.contains(['*', '?', '[', ']', '\\', ' ']));
        }
    }
}
