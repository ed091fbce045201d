//! The processor's cycle counter, for time stamps that cost less than a system call's fast path.

/// The counter now. It rises steadily at a rate that the caller calibrates; 0 where there is none.
#[inline]
pub fn now() -> u64 {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: the instruction is part of every x86-64 processor and has no operands.
    let ticks = unsafe { core::arch::x86_64::_rdtsc() };
    #[cfg(target_arch = "aarch64")]
    let ticks = {
        let ticks: u64;
        // SAFETY: the virtual counter may be read by user code on every system that Rust's standard library supports.
        unsafe { core::arch::asm!("mrs {}, cntvct_el0", out(reg) ticks, options(nomem, nostack)) };
        ticks
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let ticks = 0;
    ticks
}

/// Whether the counter can be trusted as a clock: constant in rate and the same on every core.
///
/// On x86-64 the operating system has made that test already; Linux says so by choosing the counter as its own clock.
pub fn trusted() -> bool {
    if cfg!(all(target_arch = "x86_64", target_os = "linux")) {
        std::fs::read_to_string("/sys/devices/system/clocksource/clocksource0/current_clocksource")
            .is_ok_and(|name| name.trim() == "tsc")
    } else {
        cfg!(target_arch = "aarch64")
    }
}
