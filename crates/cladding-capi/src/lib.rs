//! The one place for `unsafe` in cladding: a small layer of safe wrappers over CPython's C API.
//!
//! What is here: owned references that cost nothing to drop ([`Owned`]), the view of a vectorcall's arguments
//! ([`Arguments`]), exceptions in flight ([`Raised`], [`exception`]), heap types with vectorcall, iteration and garbage
//! collection ([`object`]), proxies ([`proxy`]), carriers ([`carrier`]), arrays ([`buffer`]) and loops over them ([`wide`]), interior
//! mutability chosen once for builds with and without the interpreter lock ([`Guarded`]) and the processor's cycle counter
//! ([`ticks`]).
//!
//! What is not: conversions, modules and cold classes (PyO3 serves those) and anything that knows what a policy is.
//!
//! # Rules
//! * Every type here is used only by threads that are attached to the interpreter. [`Owned`] is `Send` and `Sync` so that
//!   it can live inside shared state, and checks in debug builds that a drop happens on an attached thread.
//! * Every function that C calls goes through [`guard`], so a panic becomes a Python exception and never unwinds into C.

mod arguments;
pub mod buffer;
pub mod carrier;
mod class;
mod context;
mod entry;
pub mod exception;
mod guarded;
pub mod keys;
pub mod kind;
pub mod object;
mod open;
mod owned;
pub mod proxy;
mod stack;
mod step;
pub mod ticks;
pub mod wide;

pub use arguments::{Arguments, SavedArguments, call};
pub use class::{Class, Getter, Method, TypeCell, Vectorcall, Visit};
pub use context::ContextVariable;
pub use entry::{counted, guard};
pub use exception::Raised;
pub use guarded::{Guard, Guarded};
pub use object::{This, TypeBuilder};
pub use open::{Binds, Compared, Constructed, bound_method, refers_to, takes_weak_references, weak_reference};
pub use owned::{Kept, Owned};
pub use stack::has_room;
pub use step::{Step, Steps, Suspended, resume, type_is};
