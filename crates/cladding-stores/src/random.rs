//! Numbers that nobody can foresee.

use crate::store::Token;

impl Token {
    /// One that was never there before.
    #[must_use]
    pub fn random() -> Self {
        Self(bits())
    }
}

/// From 0 up to 1.
pub(crate) fn fraction() -> f64 {
    (bits() as u64 >> 11) as f64 / (1_u64 << 53) as f64
}

/// 128 random bits of the operating system's, which a fork does not repeat.
fn bits() -> u128 {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    u128::from_ne_bytes(bytes)
}
