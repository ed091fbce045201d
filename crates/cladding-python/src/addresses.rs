//! Instances that are known by their addresses, and who is told when they are gone.

use std::collections::HashMap;
use std::ffi::CStr;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Weak;

use cladding_capi::{Arguments, Class, Owned, Raised, This, TypeBuilder, TypeCell, Vectorcall, Visit, object};
use pyo3::prelude::*;

/// Spreads addresses, which differ in their middle bits.
#[derive(Default)]
pub(crate) struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("only addresses are hashed");
    }

    fn write_usize(&mut self, address: usize) {
        let product = u128::from(address as u64) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product >> 64) as u64 ^ product as u64;
    }
}

/// What is found by an address.
pub(crate) type ByAddress<T> = HashMap<usize, T, BuildHasherDefault<AddressHasher>>;

/// Who wants to know of the end of instances.
pub(crate) trait Bereft: Send + Sync {
    /// The instance of this weak reference is gone.
    fn forget(&self, reference: &Owned);
}

/// What weak references call when their instance is gone. It keeps nothing alive.
struct Forget(Weak<dyn Bereft>);

/// A callback for weak references, which tells `owner`.
pub(crate) fn forgetting(owner: Weak<dyn Bereft>) -> Result<Owned, Raised> {
    object::create_callable(Forget(owner))
}

impl Class for Forget {
    const NAME: &'static CStr = c"cladding._native.Forget";
    const DOC: &'static CStr = c"Drops what is kept of an instance that is gone.";

    fn cell() -> &'static TypeCell {
        static CELL: TypeCell = TypeCell::new();
        &CELL
    }

    fn traverse(&self, _visit: &mut Visit<'_>) {}
}

impl Vectorcall for Forget {
    fn call(this: &This<'_, Self>, _py: Python<'_>, arguments: &Arguments<'_>) -> Result<Owned, Raised> {
        if let (Some(owner), [reference]) = (this.0.upgrade(), arguments.positional()) {
            owner.forget(reference);
        }
        Ok(Owned::none())
    }
}

/// Makes the type.
pub(crate) fn add_type(py: Python<'_>) -> PyResult<()> {
    TypeBuilder::<Forget>::new().callable().build(py).map(drop)
}
