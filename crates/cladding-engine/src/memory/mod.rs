//! How much memory is in use, and how much there may be.
//!
//! [`MemoryProbe`] reads the limit that would get the process killed: its container's where there is one,
//! else the machine's. [`Sampler`] keeps the latest reading for threads that ask at every call.

mod cgroup;
mod probe;
mod process;
mod sampler;
mod size;

use std::fmt;

pub use probe::MemoryProbe;
pub use process::read_process;
pub use sampler::Sampler;
pub use size::parse_size;

/// Memory in use against a limit, at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Bytes in use that the kernel could not simply take back.
    pub used: u64,
    /// Bytes there may be in use.
    pub limit: u64,
    /// Whose limit it is.
    pub source: Source,
}

impl Reading {
    /// The share of the limit in use: 0 is none, 1 is all of it, above 1 is possible for a moment.
    ///
    /// A limit of nothing counts as used up.
    #[inline]
    pub fn fraction(&self) -> f64 {
        if self.limit == 0 {
            1.0
        } else {
            self.used as f64 / self.limit as f64
        }
    }
}

/// Whose limit a [`Reading`] is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// A control group of the unified hierarchy: a container, a pod, a systemd slice.
    CgroupV2,
    /// A control group of the old memory hierarchy.
    CgroupV1,
    /// The machine itself.
    Host,
    /// This process, against a limit of its own.
    Process,
}

impl Source {
    /// The word for it in logs and labels: `"cgroup-v2"`, `"cgroup-v1"`, `"host"` or `"process"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CgroupV2 => "cgroup-v2",
            Self::CgroupV1 => "cgroup-v1",
            Self::Host => "host",
            Self::Process => "process",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fraction_of_nothing_is_used_up() {
        let mut reading = Reading {
            used: 1,
            limit: 4,
            source: Source::Host,
        };
        assert!((reading.fraction() - 0.25).abs() < f64::EPSILON);
        reading.limit = 0;
        assert!((reading.fraction() - 1.0).abs() < f64::EPSILON);
    }

    #[test]
    fn sources_have_names() {
        let names = [Source::CgroupV2, Source::CgroupV1, Source::Host, Source::Process].map(|s| s.to_string());
        assert_eq!(names, ["cgroup-v2", "cgroup-v1", "host", "process"]);
    }
}
