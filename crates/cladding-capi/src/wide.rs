//! Running a loop on the widest registers that this processor has, in a build that is for any processor.

/// A loop that is to be compiled more than once. Its `run` must be `#[inline(always)]`, as all that it calls.
pub trait Kernel {
    /// What it answers.
    type Output;

    /// Runs it.
    fn run(self) -> Self::Output;
}

/// Runs a kernel in the form that suits this processor best.
#[inline]
pub fn widest<K: Kernel>(kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx512(kernel) };
    } else if std::arch::is_x86_feature_detected!("avx2") {
        // SAFETY: the processor has what the function was compiled for.
        return unsafe { avx2(kernel) };
    }
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn avx2<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn avx512<K: Kernel>(kernel: K) -> K::Output {
    kernel.run()
}
