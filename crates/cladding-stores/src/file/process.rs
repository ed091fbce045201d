//! Whether a process of this machine still lives.

use super::clock::{Moment, namespace};

/// A process, told apart from all others that had or will have its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    /// Where its number means something: a boot and a process namespace.
    pub(super) place: i64,
    pub(super) number: i64,
    /// When it began, in the kernel's ticks; 0 if that is not known.
    pub(super) began: i64,
}

impl Process {
    pub(super) fn this() -> Self {
        let number = std::process::id();
        let began = match status(number) {
            Status::Lives(began) => began,
            Status::Dead | Status::Unknown => 0,
        };
        let place = Moment::now().boot ^ namespace("pid").rotate_left(16) as i64;
        Self {
            place,
            number: i64::from(number),
            began,
        }
    }

    /// Whether it certainly lives no more, as seen from `here`.
    pub(super) fn is_dead(&self, here: &Self) -> bool {
        if self.place != here.place || self.began == 0 || here.began == 0 {
            return false;
        }
        match u32::try_from(self.number).map(status) {
            Ok(Status::Lives(began)) => began != self.began,
            Ok(Status::Dead) => true,
            Ok(Status::Unknown) | Err(_) => false,
        }
    }
}

enum Status {
    /// Since then.
    Lives(i64),
    Dead,
    Unknown,
}

#[cfg(target_os = "linux")]
fn status(number: u32) -> Status {
    use rustix::process::{Pid, test_kill_process};

    let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) else {
        return Status::Unknown;
    };
    if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
        return Status::Dead;
    }
    // Other users' processes may be hidden in /proc, which says nothing.
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{number}/stat")) else {
        return Status::Unknown;
    };
    // The name, in parentheses, may hold anything. After it come the state (field 3) and, as field 22, the beginning.
    let Some((_, fields)) = stat.rsplit_once(") ") else {
        return Status::Unknown;
    };
    let mut fields = fields.split(' ');
    let state = fields.next();
    match (state, fields.nth(18).and_then(|field| field.parse().ok())) {
        (Some("Z" | "X" | "x"), _) => Status::Dead,
        (Some(_), Some(began)) => Status::Lives(began),
        _ => Status::Unknown,
    }
}

#[cfg(not(target_os = "linux"))]
fn status(_: u32) -> Status {
    Status::Unknown
}

#[cfg(all(test, target_os = "linux"))]
mod test {
    use super::*;

    #[test]
    fn a_process_is_dead_once_it_has_ended_and_not_before() {
        let this = Process::this();
        assert_ne!(this.began, 0);
        assert!(!this.is_dead(&this));
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let Status::Lives(began) = status(child.id()) else {
            panic!("it has just begun")
        };
        let process = Process {
            number: i64::from(child.id()),
            began,
            ..this
        };
        assert!(!process.is_dead(&this));
        let successor = Process {
            began: began - 1,
            ..process
        };
        assert!(successor.is_dead(&this), "the number has gone to another");
        let elsewhere = Process {
            place: this.place ^ 1,
            ..successor
        };
        assert!(!elsewhere.is_dead(&this), "what its number means is not known here");
        child.kill().unwrap();
        // A zombie until it is waited for.
        let killed = std::time::Instant::now();
        while !process.is_dead(&this) {
            assert!(killed.elapsed() < std::time::Duration::from_secs(20));
            std::thread::yield_now();
        }
        child.wait().unwrap();
        assert!(process.is_dead(&this));
    }
}
