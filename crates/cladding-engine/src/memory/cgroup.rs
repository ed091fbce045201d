//! Control groups: where a process's memory limits are written, in both versions of the kernel's interface.
//!
//! The kernel's documents are "Control Group v2" (`Documentation/admin-guide/cgroup-v2.rst`) and "Memory
//! Resource Controller" (`Documentation/admin-guide/cgroup-v1/memory.rst`).

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Reading, Source};

/// The names that one version gives to its files.
struct Files {
    limit: &'static str,
    usage: &'static str,
    /// The line of `memory.stat` that tells the page cache not used of late, descendants included.
    inactive: &'static str,
}

const V2: Files = Files {
    limit: "memory.max",
    usage: "memory.current",
    inactive: "inactive_file",
};

const V1: Files = Files {
    limit: "memory.limit_in_bytes",
    usage: "memory.usage_in_bytes",
    inactive: "total_inactive_file",
};

/// One control group's directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Group {
    directory: PathBuf,
    source: Source,
}

impl Group {
    /// The memory groups that the calling process is in, the innermost first, under the file system `root`.
    ///
    /// Empty where there are none, or where nothing about them can be read.
    pub(super) fn of_this_process(root: &Path) -> Vec<Self> {
        let membership = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
        let mounts = root.join("sys/fs/cgroup");
        let mut groups = Vec::new();
        for line in membership.lines() {
            // "hierarchy-ID:controller-list:cgroup-path", the path may contain colons.
            let mut fields = line.splitn(3, ':');
            let (Some(id), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else {
                continue;
            };
            if id == "0" && controllers.is_empty() {
                // Alone at the usual place, or beside the old hierarchies.
                for mount in [mounts.clone(), mounts.join("unified")] {
                    groups.extend(chain(&mount, path, Source::CgroupV2));
                }
            } else if controllers.split(',').any(|name| name == "memory") {
                let mount = mounts.join("memory");
                groups.extend(chain(&mount, path, Source::CgroupV1));
            }
        }
        groups
    }

    /// The limit in bytes; `None` where there is none, or where it cannot be read any more.
    pub(super) fn limit(&self) -> Option<u64> {
        // "max" is no number and means no limit.
        self.number(self.files().limit).ok()
    }

    /// Memory in use, against a limit that was read before.
    pub(super) fn reading(&self, limit: u64) -> io::Result<Reading> {
        let current = self.number(self.files().usage)?;
        let stat = fs::read_to_string(self.directory.join("memory.stat")).unwrap_or_default();
        let inactive = stat
            .lines()
            .filter_map(|line| line.split_once(' '))
            .find(|(name, _)| *name == self.files().inactive)
            .and_then(|(_, bytes)| bytes.trim().parse().ok())
            .unwrap_or(0);
        Ok(Reading {
            used: current.saturating_sub(inactive),
            limit,
            source: self.source,
        })
    }

    fn number(&self, file: &str) -> io::Result<u64> {
        let text = fs::read_to_string(self.directory.join(file))?;
        text.trim().parse().map_err(io::Error::other)
    }

    const fn files(&self) -> &'static Files {
        match self.source {
            Source::CgroupV1 => &V1,
            _ => &V2,
        }
    }
}

/// The directories from a group up to its mount that have a limit file.
///
/// In a container without a namespace of its own the path is the one outside, which does not exist
/// inside: then the mount itself is the container's group, and is the only one left in the chain.
fn chain(mount: &Path, path: &str, source: Source) -> Vec<Group> {
    let relative = Path::new(path.trim_start_matches('/'));
    // A path above the namespace's root starts with "..": it must not lead out of the mount.
    let escapes = relative.components().any(|part| part.as_os_str() == "..");
    let innermost = if escapes { Path::new("") } else { relative };
    innermost
        .ancestors()
        .map(|directory| Group {
            directory: mount.join(directory),
            source,
        })
        .filter(|group| group.directory.join(group.files().limit).is_file())
        .collect()
}
