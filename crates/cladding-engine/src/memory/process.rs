//! What this process alone uses, for a limit of its own that no kernel knows of.

use std::fs;
use std::io;
use std::path::Path;

use super::{Reading, Source};

/// Resident memory of the calling process (`VmRSS`), against a limit that the caller chose.
///
/// `root` is where `proc` is looked for: `/` but in tests.
///
/// # Errors
///
/// `/proc/self/status` cannot be read or understood. Only Linux has it.
pub fn read_process(root: &Path, limit: u64) -> io::Result<Reading> {
    let text = fs::read_to_string(root.join("proc/self/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix("kB")?.trim_end().parse::<u64>().ok());
    let used = kibibytes
        .and_then(|kibibytes| kibibytes.checked_mul(1024))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "no VmRSS in /proc/self/status"))?;
    Ok(Reading {
        used,
        limit,
        source: Source::Process,
    })
}

#[cfg(test)]
#[cfg(not(miri))] // No file system there.
mod tests {
    use super::*;

    #[test]
    fn resident_memory_counts() {
        let root = std::env::temp_dir().join(format!("cladding-engine-process-{}", std::process::id()));
        fs::create_dir_all(root.join("proc/self")).unwrap();
        let status = root.join("proc/self/status");
        fs::write(&status, "VmPeak:\t 99 kB\nVmRSS:\t   2048 kB\n").unwrap();
        let reading = read_process(&root, 4 << 20).unwrap();
        assert_eq!(
            (reading.used, reading.limit, reading.source),
            (2 << 20, 4 << 20, Source::Process)
        );
        fs::write(&status, "VmRSS: lots\n").unwrap();
        assert_eq!(read_process(&root, 1).unwrap_err().kind(), io::ErrorKind::InvalidData);
        fs::remove_dir_all(&root).unwrap();
        assert_eq!(read_process(&root, 1).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_memory() {
        assert!(read_process(Path::new("/"), 1).unwrap().used > 0);
    }
}
