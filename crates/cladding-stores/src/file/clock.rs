//! Times that hold across processes and reboots, and that nobody's setting of the clock moves.
//!
//! Within one boot a time is told by the clock that counts since the boot, suspended time included, and cannot be set. Only
//! where the machine was booted since (or a process lives in another time namespace) is the wall clock asked; then nothing
//! can have longer left than it was given.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Now. All in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Which boot of which machine it is.
    pub(super) boot: i64,
    /// Since that boot.
    pub(super) since_boot: i64,
    /// Since 1970, if the clock is right.
    pub(super) wall: i64,
}

/// When something ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) boot: i64,
    pub(super) since_boot: i64,
    pub(super) wall: i64,
    /// How long it lasts from its beginning to its end.
    pub(super) life: i64,
}

/// What lasts longer lasts for ever.
const LONGEST: Duration = Duration::from_secs(100 * 366 * 24 * 3600);

impl Moment {
    pub(super) fn now() -> Self {
        let wall = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => nanoseconds(since),
            Err(before) => -nanoseconds(before.duration()),
        };
        match (boot(), since_boot()) {
            (Some(boot), Some(since_boot)) => Self { boot, since_boot, wall },
            // There is no other clock that processes share.
            _ => Self {
                boot: 0,
                since_boot: wall,
                wall,
            },
        }
    }

    /// So long from now; `None` if that never comes.
    pub(super) fn after(&self, life: Duration) -> Option<End> {
        if life > LONGEST {
            return None;
        }
        let life = nanoseconds(life);
        Some(End {
            boot: self.boot,
            since_boot: self.since_boot.checked_add(life)?,
            wall: self.wall.checked_add(life)?,
            life,
        })
    }
}

impl End {
    /// What is left until then; `None` once it has come.
    pub(super) fn left(&self, now: &Moment) -> Option<Duration> {
        let left = if self.boot == now.boot {
            self.since_boot.saturating_sub(now.since_boot)
        } else {
            self.wall.saturating_sub(now.wall)
        };
        let left = u64::try_from(left.min(self.life)).ok()?;
        (left > 0).then(|| Duration::from_nanos(left))
    }
}

fn nanoseconds(time: Duration) -> i64 {
    i64::try_from(time.as_nanos()).unwrap_or(i64::MAX)
}

/// What this boot is called: another in each boot and in each time namespace, whose clocks since the boot differ.
fn boot() -> Option<i64> {
    const NOT_ASKED: i64 = 0;
    const UNKNOWN: i64 = 1;
    // Not behind a lock, which a child process could inherit while somebody holds it.
    static BOOT: AtomicI64 = AtomicI64::new(NOT_ASKED);
    match BOOT.load(Ordering::Relaxed) {
        NOT_ASKED => {
            let asked = ask_boot();
            BOOT.store(asked.unwrap_or(UNKNOWN), Ordering::Relaxed);
            asked
        }
        UNKNOWN => None,
        boot => Some(boot),
    }
}

fn ask_boot() -> Option<i64> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let digits: String = id.chars().filter(char::is_ascii_hexdigit).collect();
    let id = u128::from_str_radix(&digits, 16).ok()?;
    let folded = (id >> 64) as u64 ^ id as u64;
    Some((folded ^ namespace("time").rotate_left(32)) as i64)
}

/// The number of a namespace of this process; 0 where there are none.
pub(super) fn namespace(kind: &str) -> u64 {
    std::fs::read_link(format!("/proc/self/ns/{kind}"))
        .ok()
        .and_then(|link| {
            let text = link.to_str()?;
            text.split_once('[')?.1.trim_end_matches(']').parse().ok()
        })
        .unwrap_or(0)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn since_boot() -> Option<i64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    time.tv_sec.checked_mul(1_000_000_000)?.checked_add(time.tv_nsec)
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn since_boot() -> Option<i64> {
    None
}

#[cfg(test)]
mod test {
    use proptest::prelude::*;

    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn moment(boot: i64, since_boot: i64, wall: i64) -> Moment {
        Moment {
            boot,
            since_boot: since_boot * SECOND,
            wall: wall * SECOND,
        }
    }

    #[test]
    fn within_a_boot_the_wall_clock_is_not_asked() {
        let end = moment(1, 100, 5_000).after(Duration::from_secs(60)).unwrap();
        for wall in [0, 5_000, 1_000_000] {
            assert_eq!(end.left(&moment(1, 130, wall)), Some(Duration::from_secs(30)));
            assert_eq!(end.left(&moment(1, 160, wall)), None);
        }
    }

    #[test]
    fn across_a_reboot_the_wall_clock_tells_but_nothing_grows() {
        let end = moment(1, 100, 5_000).after(Duration::from_secs(60)).unwrap();
        assert_eq!(end.left(&moment(2, 1, 5_020)), Some(Duration::from_secs(40)));
        assert_eq!(end.left(&moment(2, 1, 5_060)), None);
        // A clock that has lost its battery.
        assert_eq!(end.left(&moment(2, 1, 0)), Some(Duration::from_secs(60)));
    }

    #[test]
    fn the_clock_of_this_machine_runs() {
        let before = Moment::now();
        std::thread::sleep(Duration::from_millis(2));
        let after = Moment::now();
        assert_eq!(before.boot, after.boot);
        assert!(after.since_boot - before.since_boot >= 2_000_000);
        if cfg!(target_os = "linux") {
            assert_ne!(before.boot, 0);
        }
    }

    proptest! {
        #[test]
        fn left_is_never_more_than_life(
            boot in 0..2_i64, began in any::<i64>(), wall in any::<i64>(),
            now_boot in 0..2_i64, now in any::<i64>(), now_wall in any::<i64>(), life in 0..u64::MAX,
        ) {
            let began = Moment { boot, since_boot: began, wall };
            let now = Moment { boot: now_boot, since_boot: now, wall: now_wall };
            let life = Duration::from_nanos(life);
            if let Some(end) = began.after(life) {
                prop_assert!(end.left(&now).is_none_or(|left| left <= life && !left.is_zero()));
                if began == now {
                    prop_assert_eq!(end.left(&now).unwrap_or_default(), life);
                }
            }
        }
    }
}
