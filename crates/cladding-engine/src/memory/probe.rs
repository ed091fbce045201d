//! Finding the limit that counts, and reading memory against it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::cgroup::Group;
use super::{Reading, Source};

/// Reads memory in use against the tightest limit the process lives under.
///
/// The limit is the smallest among the process's control group and all groups above it, in either version
/// of the kernel's interface. Of groups with the same limit the outermost counts, being the fullest. Where
/// no group has a limit, or only one beyond what the machine has, the machine itself counts.
///
/// Used memory of a group is its usage less the page cache not used of late (`inactive_file`), which is
/// what Kubernetes calls the working set and evicts by. Used memory of the machine is `MemTotal` less
/// `MemAvailable`.
///
/// Which groups the process is in is looked up once; their limits are read anew each time, since an
/// orchestrator may change them. One reading opens a handful of small files, some tens of microseconds.
/// Only Linux has these files: elsewhere every reading is an error.
#[derive(Clone, Debug)]
pub struct MemoryProbe {
    /// Innermost first.
    groups: Vec<Group>,
    meminfo: PathBuf,
    /// The machine's memory when the probe was made; `None` where it could not be read.
    host_total: Option<u64>,
}

impl MemoryProbe {
    /// A probe for the calling process, which looks for `proc` and `sys` under `root`: `/` but in tests.
    ///
    /// Never fails: what cannot be found is an error of [`read`](Self::read).
    pub fn new(root: &Path) -> Self {
        let meminfo = root.join("proc/meminfo");
        let host_total = read_host(&meminfo).ok().map(|host| host.limit);
        Self {
            groups: Group::of_this_process(root),
            meminfo,
            host_total,
        }
    }

    /// Memory in use, now.
    ///
    /// # Errors
    ///
    /// The limit's own files, or `/proc/meminfo` where no group has a limit, cannot be read or understood.
    pub fn read(&self) -> io::Result<Reading> {
        let beyond_host = self.host_total.unwrap_or(u64::MAX >> 1);
        let tightest = self
            .groups
            .iter()
            .rev()
            .filter_map(|group| Some((group, group.limit()?)))
            .min_by_key(|(_, limit)| *limit);
        match tightest {
            Some((group, limit)) if limit <= beyond_host => group.reading(limit),
            _ => read_host(&self.meminfo),
        }
    }
}

fn read_host(meminfo: &Path) -> io::Result<Reading> {
    let text = fs::read_to_string(meminfo)?;
    let bytes = |name: &str| {
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim_end().parse().ok()?;
        kibibytes.checked_mul(1024)
    };
    let missing = || io::Error::new(io::ErrorKind::InvalidData, "no MemTotal in /proc/meminfo");
    let total = bytes("MemTotal").ok_or_else(missing)?;
    let available = bytes("MemAvailable").unwrap_or_else(|| {
        // Kernels before 3.14 leave the estimate to the reader.
        ["MemFree", "Buffers", "Cached"].into_iter().filter_map(bytes).sum()
    });
    Ok(Reading {
        used: total.saturating_sub(available),
        limit: total,
        source: Source::Host,
    })
}

#[cfg(test)]
#[cfg(not(miri))] // No file system there.
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    const MIB: u64 = 1 << 20;

    /// A directory that stands for a machine's file system, removed at the end.
    struct Machine {
        root: PathBuf,
    }

    impl Machine {
        /// A machine of 1024 MiB, 256 of them in use, and a process in the groups of `membership`.
        fn new(membership: &str) -> Self {
            static NUMBER: AtomicU32 = AtomicU32::new(0);
            let number = NUMBER.fetch_add(1, Ordering::Relaxed);
            let name = format!("cladding-engine-{}-{number}", std::process::id());
            let machine = Self {
                root: std::env::temp_dir().join(name),
            };
            machine.write(
                "proc/meminfo",
                "MemTotal:        1048576 kB\nMemFree:  1 kB\nMemAvailable:     786432 kB\n",
            );
            machine.write("proc/self/cgroup", membership);
            machine
        }

        fn write(&self, path: &str, text: &str) {
            let path = self.root.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn v2(&self, group: &str, max: &str, current_mib: u64, inactive_mib: u64) {
            let at = format!("sys/fs/cgroup/{group}");
            self.write(&format!("{at}/memory.max"), &format!("{max}\n"));
            self.write(&format!("{at}/memory.current"), &format!("{}\n", current_mib * MIB));
            let stat = format!("anon 5\ninactive_file {}\nactive_file 7\n", inactive_mib * MIB);
            self.write(&format!("{at}/memory.stat"), &stat);
        }

        fn v1(&self, group: &str, limit: u64, usage_mib: u64, inactive_mib: u64) {
            let at = format!("sys/fs/cgroup/memory/{group}");
            self.write(&format!("{at}/memory.limit_in_bytes"), &format!("{limit}\n"));
            self.write(&format!("{at}/memory.usage_in_bytes"), &(usage_mib * MIB).to_string());
            let stat = format!("inactive_file 1\ntotal_inactive_file {}\n", inactive_mib * MIB);
            self.write(&format!("{at}/memory.stat"), &stat);
        }

        #[track_caller]
        fn assert_reads(&self, used_mib: u64, limit_mib: u64, source: Source) {
            let expected = Reading {
                used: used_mib * MIB,
                limit: limit_mib * MIB,
                source,
            };
            assert_eq!(MemoryProbe::new(&self.root).read().unwrap(), expected);
        }
    }

    impl Drop for Machine {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.root);
        }
    }

    fn mib(n: u64) -> String {
        (n * MIB).to_string()
    }

    #[test]
    fn without_groups_the_host_counts() {
        Machine::new("").assert_reads(256, 1024, Source::Host);
    }

    #[test]
    fn a_container_sees_its_own_group_at_the_mount() {
        let machine = Machine::new("0::/\n");
        machine.v2("", &mib(200), 100, 30);
        machine.assert_reads(70, 200, Source::CgroupV2);
    }

    #[test]
    fn the_tightest_of_the_ancestors_counts() {
        let machine = Machine::new("0::/pod/box/job\n");
        machine.v2("pod/box/job", "max", 10, 0);
        machine.v2("pod/box", &mib(300), 20, 5);
        machine.v2("pod", &mib(200), 150, 50);
        machine.assert_reads(100, 200, Source::CgroupV2);
    }

    #[test]
    fn of_equal_limits_the_outermost_counts() {
        let machine = Machine::new("0::/pod/box\n");
        machine.v2("pod/box", &mib(200), 20, 0);
        machine.v2("pod", &mib(200), 150, 0);
        machine.assert_reads(150, 200, Source::CgroupV2);
    }

    #[test]
    fn no_limit_or_one_beyond_the_host_is_the_host() {
        let machine = Machine::new("0::/pod\n");
        machine.v2("pod", "max", 10, 0);
        machine.assert_reads(256, 1024, Source::Host);
        machine.v2("pod", &mib(1025), 10, 0);
        machine.assert_reads(256, 1024, Source::Host);
        machine.v2("pod", &mib(1024), 10, 0);
        machine.assert_reads(10, 1024, Source::CgroupV2);
    }

    #[test]
    fn a_path_from_outside_the_container_falls_back_to_the_mount() {
        let machine = Machine::new("4:memory:/docker/0123\n0::/../sibling\n");
        machine.v1("", 200 * MIB, 100, 25);
        machine.assert_reads(75, 200, Source::CgroupV1);
        machine.v2("", &mib(150), 100, 10);
        machine.v2("../sibling", &mib(1), 1, 0);
        machine.assert_reads(90, 150, Source::CgroupV2);
    }

    #[test]
    fn version_one_is_read_with_its_names() {
        let machine = Machine::new("9:name=systemd:/\n5:cpu,memory:/a:b/job\n0::/\n");
        machine.v1("", 9_223_372_036_854_771_712, 900, 0);
        machine.v1("a:b/job", 100 * MIB, 80, 20);
        machine.assert_reads(60, 100, Source::CgroupV1);
        machine.v1("a:b/job", 9_223_372_036_854_771_712, 80, 20);
        machine.assert_reads(256, 1024, Source::Host);
    }

    #[test]
    fn a_limit_that_changes_is_seen() {
        let machine = Machine::new("0::/\n");
        machine.v2("", &mib(200), 100, 0);
        let probe = MemoryProbe::new(&machine.root);
        machine.v2("", &mib(120), 100, 0);
        assert_eq!(probe.read().unwrap().limit, 120 * MIB);
        fs::remove_dir_all(machine.root.join("sys")).unwrap();
        assert_eq!(probe.read().unwrap().source, Source::Host);
    }

    #[test]
    fn cache_beyond_the_usage_is_not_less_than_nothing() {
        let machine = Machine::new("0::/\n");
        machine.v2("", &mib(200), 10, 30);
        machine.assert_reads(0, 200, Source::CgroupV2);
    }

    #[test]
    fn old_kernels_have_no_estimate() {
        let machine = Machine::new("");
        let meminfo = "MemTotal: 1048576 kB\nMemFree: 1024 kB\nBuffers: 1024 kB\nCached: 2048 kB\n";
        machine.write("proc/meminfo", meminfo);
        machine.assert_reads(1020, 1024, Source::Host);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let machine = Machine::new("");
        machine.write("proc/meminfo", "MemTotal: lots\n");
        let error = MemoryProbe::new(&machine.root).read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        fs::remove_dir_all(&machine.root).unwrap();
        let error = MemoryProbe::new(&machine.root).read().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_machine_has_memory() {
        let reading = MemoryProbe::new(Path::new("/")).read().unwrap();
        assert!(reading.limit > 0 && reading.used > 0);
        assert!(reading.fraction() < 1.5, "{reading:?}");
    }
}
