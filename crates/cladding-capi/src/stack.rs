//! How much of the thread's own stack is left, so that endless recursion ends in a `RecursionError` and not in a crash.
//!
//! The interpreter counts the depth of calls that go through C, but in calls, not bytes: its limit is too high for threads
//! with small stacks, and for frames larger than its own.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is left for whatever the interpreter does at the deepest call: its own check of the depth, an exception, a handler.
const RESERVE: usize = 160 * 1024;

/// Where the stack is good to be used, for the thread that was asked about last. Stacks of different threads lie apart,
/// so an address within these bounds is good whichever thread it belongs to.
static LOWEST: AtomicUsize = AtomicUsize::new(usize::MAX);
static HIGHEST: AtomicUsize = AtomicUsize::new(0);

/// Whether there is room on this thread's stack for a call that goes on into the interpreter.
#[inline]
pub fn has_room() -> bool {
    let here = 0_u8;
    let address = (&raw const here).addr();
    (LOWEST.load(Ordering::Relaxed) <= address && address < HIGHEST.load(Ordering::Relaxed)) || look(address)
}

thread_local! {
    /// The bounds of this thread's stack, less the reserve; two zeros before they are known.
    static BOUNDS: Cell<(usize, usize)> = const { Cell::new((0, 0)) };
}

#[cold]
fn look(address: usize) -> bool {
    let (mut low, mut high) = BOUNDS.get();
    if high == 0 {
        (low, high) = bounds().map_or((0, usize::MAX), |(low, high)| {
            (low + RESERVE.min((high - low) / 4), high)
        });
        BOUNDS.set((low, high));
    }
    // A stack that is not where it was said to be (a coroutine library's own, say) is nothing that can be judged here.
    if !(low..high).contains(&address) {
        return address >= high || low - address > RESERVE;
    }
    LOWEST.store(low, Ordering::Relaxed);
    HIGHEST.store(high, Ordering::Relaxed);
    true
}

/// The lowest and the highest address of this thread's stack.
#[cfg(target_os = "linux")]
fn bounds() -> Option<(usize, usize)> {
    let mut attributes = std::mem::MaybeUninit::<libc::pthread_attr_t>::uninit();
    let (mut base, mut size) = (std::ptr::null_mut(), 0);
    // SAFETY: the attributes are initialised by the first call if it succeeds, read by the second, destroyed by the third.
    unsafe {
        if libc::pthread_getattr_np(libc::pthread_self(), attributes.as_mut_ptr()) != 0 {
            return None;
        }
        let read = libc::pthread_attr_getstack(attributes.as_ptr(), &raw mut base, &raw mut size);
        libc::pthread_attr_destroy(attributes.as_mut_ptr());
        (read == 0 && size > 0).then(|| (base.addr(), base.addr() + size))
    }
}

/// The lowest and the highest address of this thread's stack.
#[cfg(target_os = "macos")]
fn bounds() -> Option<(usize, usize)> {
    // SAFETY: both only read what the system knows of this thread.
    let (top, size) = unsafe {
        let this = libc::pthread_self();
        (
            libc::pthread_get_stackaddr_np(this).addr(),
            libc::pthread_get_stacksize_np(this),
        )
    };
    Some((top - size, top))
}

/// Elsewhere nothing is known, and the interpreter's own count has to do.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn bounds() -> Option<(usize, usize)> {
    None
}
