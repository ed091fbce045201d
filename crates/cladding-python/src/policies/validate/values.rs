//! What is in an array: one pass over it, and a second one, which looks for the place, only when something is wrong.

use cladding_capi::buffer::{Buffer, Class, Element, Layout, Number, Walk};
use cladding_capi::wide::{Kernel, widest};
use cladding_engine::scan::{self, Float, Integer};
use pyo3::prelude::*;

use super::bounds::{Bounds, Precision, Value};

/// Elements that a walk copies at a time.
const BLOCK: usize = 1024;
/// Bytes from which on the interpreter lock is let go: scanning them takes longer than getting it back.
const LARGE: usize = 256 * 1024;

/// What is expected of every element.
pub(super) struct Wanted<'a> {
    pub(super) finite: bool,
    pub(super) bounds: &'a Bounds,
}

/// An element that is not as wanted.
#[derive(Debug)]
pub(super) struct Odd {
    /// Its place in the order of the indices; `None` if another thread has changed it since.
    pub(super) place: Option<usize>,
    pub(super) value: Option<Value>,
    /// Whether it is being not finite that is wrong.
    pub(super) not_finite: bool,
}

/// Whether elements of this type can be looked at for what is wanted.
pub(super) fn readable(element: Element, wanted: &Wanted<'_>) -> bool {
    match element.class {
        Class::Signed | Class::Unsigned | Class::Float => true,
        Class::Bool | Class::Complex => !wanted.bounds.any(),
        Class::Other => false,
    }
}

/// Looks at every element. The type has to be a readable one.
pub(super) fn check(py: Python<'_>, buffer: &Buffer, wanted: &Wanted<'_>) -> Option<Odd> {
    if buffer.len() * buffer.element().size < LARGE {
        return check_now(buffer, wanted);
    }
    py.detach(|| check_now(buffer, wanted))
}

fn check_now(buffer: &Buffer, wanted: &Wanted<'_>) -> Option<Odd> {
    let Element { class, size, swapped } = buffer.element();
    match (class, size, swapped) {
        (Class::Bool | Class::Other, ..) => None,
        (Class::Signed | Class::Unsigned, ..) if !wanted.bounds.any() => None,
        (Class::Signed, 1, _) => whole::<i8, 1>(buffer, wanted, i8::from_ne_bytes),
        (Class::Signed, 2, false) => whole(buffer, wanted, i16::from_ne_bytes),
        (Class::Signed, 4, false) => whole(buffer, wanted, i32::from_ne_bytes),
        (Class::Signed, _, false) => whole(buffer, wanted, i64::from_ne_bytes),
        (Class::Signed, 2, true) => whole(buffer, wanted, |bytes| i16::from_ne_bytes(bytes).swap_bytes()),
        (Class::Signed, 4, true) => whole(buffer, wanted, |bytes| i32::from_ne_bytes(bytes).swap_bytes()),
        (Class::Signed, _, true) => whole(buffer, wanted, |bytes| i64::from_ne_bytes(bytes).swap_bytes()),
        (Class::Unsigned, 1, _) => whole(buffer, wanted, u8::from_ne_bytes),
        (Class::Unsigned, 2, false) => whole(buffer, wanted, u16::from_ne_bytes),
        (Class::Unsigned, 4, false) => whole(buffer, wanted, u32::from_ne_bytes),
        (Class::Unsigned, _, false) => whole(buffer, wanted, u64::from_ne_bytes),
        (Class::Unsigned, 2, true) => whole(buffer, wanted, |bytes| u16::from_ne_bytes(bytes).swap_bytes()),
        (Class::Unsigned, 4, true) => whole(buffer, wanted, |bytes| u32::from_ne_bytes(bytes).swap_bytes()),
        (Class::Unsigned, _, true) => whole(buffer, wanted, |bytes| u64::from_ne_bytes(bytes).swap_bytes()),
        (Class::Float, 2, false) => float(buffer, wanted, Precision::Half, |bytes| half(u16::from_ne_bytes(bytes))),
        (Class::Float, 2, true) => float(buffer, wanted, Precision::Half, |bytes| {
            half(u16::from_ne_bytes(bytes).swap_bytes())
        }),
        (Class::Float, 4, false) | (Class::Complex, 8, false) => {
            float(buffer, wanted, Precision::Single, f32::from_ne_bytes)
        }
        (Class::Float, 4, true) | (Class::Complex, 8, true) => float(buffer, wanted, Precision::Single, |bytes| {
            f32::from_bits(u32::from_ne_bytes(bytes).swap_bytes())
        }),
        (Class::Float | Class::Complex, _, false) => float(buffer, wanted, Precision::Double, f64::from_ne_bytes),
        (Class::Float | Class::Complex, _, true) => float(buffer, wanted, Precision::Double, |bytes| {
            f64::from_bits(u64::from_ne_bytes(bytes).swap_bytes())
        }),
    }
}

/// A float of 16 bits as one of 32.
fn half(bits: u16) -> f32 {
    let (sign, exponent, fraction) = (bits >> 15, (bits >> 10) & 31, bits & 0x3ff);
    let size = match exponent {
        0 => f32::from(fraction) * 2_f32.powi(-24),
        31 if fraction == 0 => f32::INFINITY,
        31 => f32::NAN,
        // The same bits in their new places, and the difference of the two biases.
        _ => f32::from_bits(((u32::from(exponent) + 112) << 23) | (u32::from(fraction) << 13)),
    };
    if sign == 1 { -size } else { size }
}

struct Scan<'a, T>(&'a [T]);

impl<T: Float> Kernel for Scan<'_, T> {
    type Output = scan::Summary<T>;

    #[expect(clippy::inline_always, reason = "compiled for wider registers where it is put")]
    #[inline(always)]
    fn run(self) -> scan::Summary<T> {
        scan::scan(self.0)
    }
}

struct MinMax<'a, T>(&'a [T]);

impl<T: Integer> Kernel for MinMax<'_, T> {
    type Output = Option<(T, T)>;

    #[expect(clippy::inline_always, reason = "compiled for wider registers where it is put")]
    #[inline(always)]
    fn run(self) -> Option<(T, T)> {
        scan::min_max(self.0)
    }
}

fn float<T, const N: usize>(
    buffer: &Buffer,
    wanted: &Wanted<'_>,
    precision: Precision,
    read: impl Fn([u8; N]) -> T + Copy,
) -> Option<Odd>
where
    T: Float + Number + Into<f64>,
{
    let (low, high) = wanted.bounds.floats(precision);
    let bounded = wanted.bounds.any();
    let is_good = |found: scan::Summary<T>| {
        (!wanted.finite || found.all_finite())
            && (!bounded || (found.nan == 0 && found.min.into() >= low && found.max.into() <= high))
    };
    // Elements of 16 bits have no slice of their own type.
    let slice = if N == size_of::<T>() { buffer.slice::<T>() } else { None };
    let good = match slice {
        Some([]) => true,
        Some(values) => is_good(widest(Scan(values))),
        None => blocks(buffer, T::ZERO, read, |block| is_good(widest(Scan(block)))),
    };
    (!good).then(|| {
        let value_of = |value: T| -> f64 { value.into() };
        let is_odd = |value: T| {
            let value = value_of(value);
            (wanted.finite && !value.is_finite()) || (bounded && !(low <= value && value <= high))
        };
        let (place, value) = first(buffer, read, is_odd);
        let value = value.map(value_of);
        Odd {
            place,
            value: value.map(Value::Float),
            not_finite: wanted.finite && value.is_none_or(|value| !value.is_finite()),
        }
    })
}

fn whole<T, const N: usize>(buffer: &Buffer, wanted: &Wanted<'_>, read: impl Fn([u8; N]) -> T + Copy) -> Option<Odd>
where
    T: Integer + Number + Into<i128> + Default,
{
    let (low, high) = wanted.bounds.whole;
    let is_good = |found: Option<(T, T)>| found.is_none_or(|(min, max)| min.into() >= low && max.into() <= high);
    let good = match buffer.slice::<T>() {
        Some(values) => is_good(widest(MinMax(values))),
        None => blocks(buffer, T::default(), read, |block| is_good(widest(MinMax(block)))),
    };
    (!good).then(|| {
        let is_odd = |value: T| !(low..=high).contains(&value.into());
        let (place, value) = first(buffer, read, is_odd);
        Odd {
            place,
            value: value.map(|value| Value::Whole(value.into())),
            not_finite: false,
        }
    })
}

/// Whether all blocks are good, in whatever order.
fn blocks<T: Copy, const N: usize>(
    buffer: &Buffer,
    zero: T,
    read: impl Fn([u8; N]) -> T,
    is_good: impl Fn(&[T]) -> bool,
) -> bool {
    let mut walk = Walk::new(buffer, false);
    let (mut bytes, mut values) = ([[0; N]; BLOCK], [zero; BLOCK]);
    loop {
        let count = walk.fill(&mut bytes);
        if count == 0 {
            return true;
        }
        for (value, bytes) in values.iter_mut().zip(&bytes[..count]) {
            *value = read(*bytes);
        }
        if !is_good(&values[..count]) {
            return false;
        }
    }
}

/// The first odd element in the order of the indices.
fn first<T: Copy, const N: usize>(
    buffer: &Buffer,
    read: impl Fn([u8; N]) -> T,
    is_odd: impl Fn(T) -> bool,
) -> (Option<usize>, Option<T>) {
    let mut walk = Walk::new(buffer, true);
    let mut bytes = [[0; N]; BLOCK];
    let parts = if buffer.element().class == Class::Complex { 2 } else { 1 };
    let mut before = 0;
    loop {
        let count = walk.fill(&mut bytes);
        if count == 0 {
            return (None, None);
        }
        if let Some(place) = bytes[..count].iter().position(|&bytes| is_odd(read(bytes))) {
            return (Some((before + place) / parts), Some(read(bytes[place])));
        }
        before += count;
    }
}
