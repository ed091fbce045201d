//! Digests of 128 bits, by which equal content is known again.
//!
//! XXH3 (Yann Collet, <https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md>): as fast as memory is read, in a form
//! for the processor that it runs on, and with no known bias. It keeps accidents apart, not content that somebody made to have
//! the same digest.

use twox_hash::XxHash3_128;

/// The digest of some bytes.
#[inline]
pub fn digest(bytes: &[u8]) -> u128 {
    XxHash3_128::oneshot(bytes)
}

/// The digest of bytes that come in pieces, which is the same as if they had come at once.
#[derive(Default)]
pub struct Digester(XxHash3_128);

impl Digester {
    /// Takes the next piece.
    pub fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
    }

    /// The digest of all that was taken.
    pub fn finish(&self) -> u128 {
        self.0.finish_128()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn is_xxh3_of_128_bits() {
        // The specification's digest of nothing.
        assert_eq!(digest(b""), 0x99aa_06d3_0147_98d8_6001_c324_468d_497f);
    }

    proptest! {
        #[test]
        fn pieces_do_not_matter(bytes in proptest::collection::vec(any::<u8>(), 0..3000), cuts in proptest::collection::vec(0_usize..3000, 0..5)) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.sort_unstable();
            let mut digester = Digester::default();
            let mut from = 0;
            for cut in cuts {
                digester.write(&bytes[from..cut]);
                from = cut;
            }
            digester.write(&bytes[from..]);
            prop_assert_eq!(digester.finish(), digest(&bytes));
        }

        #[test]
        fn one_bit_matters(mut bytes in proptest::collection::vec(any::<u8>(), 1..600), place in any::<usize>(), bit in 0_u8..8) {
            let before = digest(&bytes);
            let place = place % bytes.len();
            bytes[place] ^= 1 << bit;
            prop_assert_ne!(digest(&bytes), before);
        }
    }
}
