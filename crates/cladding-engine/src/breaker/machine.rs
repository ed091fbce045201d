//! The states of a breaker and what moves it from one to the next.

use super::Config;
use crate::window::{Pair, Window};

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass and are counted.
    Closed,
    /// Calls are refused.
    Open,
    /// A few calls are tried.
    HalfOpen,
}

/// What a call was let through with. It goes back with how the call ended: [`Machine::record`] or [`Machine::cancel`].
#[must_use = "a place that is not given back is lost"]
#[derive(Debug, PartialEq, Eq)]
pub struct Permit {
    generation: u64,
    probe: bool,
}

impl Permit {
    /// Whether the call is one of the few of a half-open breaker. Only those take a place that somebody may wait for: the
    /// permit of any other call may be forgotten.
    pub const fn is_probe(&self) -> bool {
        self.probe
    }

    /// The number of the breaker's state in which the call began.
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// The permit of a call that is no probe, for callers who keep nothing but the generation.
    pub const fn of(generation: u64) -> Self {
        Self {
            generation,
            probe: false,
        }
    }
}

/// Why a breaker is not closed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cause {
    /// The calls that were in the window when the breaker left the closed state.
    pub calls: u64,
    /// How many of them had failed.
    pub failures: u64,
    /// Whether a probe has failed since.
    pub probe_failed: bool,
    /// Whether somebody opened it, and not its calls.
    pub tripped: bool,
}

/// What a call is told that is not let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// [`State::Open`], or [`State::HalfOpen`] while all probes are under way.
    pub state: State,
    /// The nanoseconds until calls are tried again; 0 where that hangs on probes that are under way.
    pub retry_in: u64,
    /// Why.
    pub cause: Cause,
}

/// A breaker as it stands at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// What the next call would find: an open breaker whose time is over is half-open.
    pub state: State,
    /// The nanoseconds until an open breaker tries again; 0 in other states.
    pub retry_in: u64,
    /// The calls in the window.
    pub calls: u64,
    /// How many of them failed.
    pub failures: u64,
    /// The probes that are under way.
    pub probing: u32,
    /// How often it opened so far.
    pub opened: u64,
    /// Why it is not closed.
    pub cause: Cause,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed,
    Open { until: u64 },
    HalfOpen { running: u32, succeeded: u32 },
}

/// A breaker for one thread; [`InMemory`](super::InMemory) is one for many.
///
/// ```
/// use cladding_engine::breaker::{Config, Machine, State};
///
/// let config = Config::new(Some(0.5), 2, None, 60.0, 30.0, 1)?;
/// let mut breaker = Machine::new(config);
/// for _ in 0..2 {
///     let permit = breaker.admit(0).unwrap();
///     breaker.record(permit, false, 0);
/// }
/// let refusal = breaker.admit(10_000_000_000).unwrap_err();
/// assert_eq!((refusal.state, refusal.retry_in), (State::Open, 20_000_000_000));
///
/// let probe = breaker.admit(30_000_000_000).unwrap();
/// assert!(probe.is_probe());
/// breaker.record(probe, true, 30_000_000_000);
/// assert_eq!(breaker.snapshot(30_000_000_000).state, State::Closed);
/// # Ok::<(), cladding_engine::error::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Machine {
    config: Config,
    phase: Phase,
    /// Changes with the phase.
    generation: u64,
    window: Window,
    cause: Cause,
    opened: u64,
}

impl Machine {
    /// A closed breaker that has seen no call.
    pub fn new(config: Config) -> Self {
        Self {
            config,
            phase: Phase::Closed,
            generation: 0,
            window: Window::new(config.window),
            cause: Cause::default(),
            opened: 0,
        }
    }

    /// Whether a call may run now.
    #[inline]
    pub fn admit(&mut self, now: u64) -> Result<Permit, Refusal> {
        if let Phase::Closed = self.phase {
            return Ok(Permit::of(self.generation));
        }
        self.try_probe(now)
    }

    fn try_probe(&mut self, now: u64) -> Result<Permit, Refusal> {
        if let Phase::Open { until } = self.phase {
            if now < until {
                return Err(self.refuse(State::Open, until - now));
            }
            self.enter(Phase::HalfOpen {
                running: 0,
                succeeded: 0,
            });
        }
        match &mut self.phase {
            // Every place is for one probe: that of a probe that succeeded is not given to another.
            Phase::HalfOpen { running, succeeded } if *running + *succeeded < self.config.probes => {
                *running += 1;
                Ok(Permit {
                    generation: self.generation,
                    probe: true,
                })
            }
            _ => Err(self.refuse(State::HalfOpen, 0)),
        }
    }

    fn refuse(&self, state: State, retry_in: u64) -> Refusal {
        Refusal {
            state,
            retry_in,
            cause: self.cause,
        }
    }

    /// Counts how a call ended that was let through.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a permit is spent")]
    pub fn record(&mut self, permit: Permit, success: bool, now: u64) {
        if permit.generation != self.generation {
            return;
        }
        match &mut self.phase {
            Phase::Closed => {
                let more = Pair {
                    first: 1,
                    second: u64::from(!success),
                };
                let Pair { first, second } = self.window.add(now, more);
                if self.config.is_too_much(first, second) {
                    self.cause = Cause {
                        calls: first,
                        failures: second,
                        ..Cause::default()
                    };
                    self.open(now);
                }
            }
            Phase::HalfOpen { .. } if !success => {
                self.cause.probe_failed = true;
                self.open(now);
            }
            Phase::HalfOpen { running, succeeded } => {
                *running -= 1;
                *succeeded += 1;
                if *succeeded == self.config.probes {
                    self.close();
                }
            }
            // No call is let through, so none is of this generation.
            Phase::Open { .. } => {}
        }
    }

    /// Takes back what a call was let through with that came to no end: nothing is counted, and the place of a probe is
    /// free again.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a permit is spent")]
    pub fn cancel(&mut self, permit: Permit) {
        if permit.generation == self.generation
            && let Phase::HalfOpen { running, .. } = &mut self.phase
        {
            *running -= 1;
        }
    }

    /// Closes the breaker and forgets what it has counted in the window. Calls under way do not count any more.
    pub fn reset(&mut self) {
        self.close();
    }

    /// Opens the breaker as if its calls had done so.
    pub fn trip(&mut self, now: u64) {
        let Pair { first, second } = self.window.total(now);
        self.cause = Cause {
            calls: first,
            failures: second,
            probe_failed: false,
            tripped: true,
        };
        self.open(now);
    }

    /// For a forked process: the probes under way are the parent's, so their places are free here.
    pub fn forked(&mut self) {
        if let Phase::HalfOpen { succeeded, .. } = self.phase {
            self.enter(Phase::HalfOpen { running: 0, succeeded });
        }
    }

    /// How it stands.
    pub fn snapshot(&mut self, now: u64) -> Snapshot {
        let Pair { first, second } = self.window.total(now);
        let (state, retry_in, probing) = match self.phase {
            Phase::Closed => (State::Closed, 0, 0),
            Phase::Open { until } if now < until => (State::Open, until - now, 0),
            Phase::Open { .. } => (State::HalfOpen, 0, 0),
            Phase::HalfOpen { running, .. } => (State::HalfOpen, 0, running),
        };
        Snapshot {
            state,
            retry_in,
            calls: first,
            failures: second,
            probing,
            opened: self.opened,
            cause: self.cause,
        }
    }

    fn open(&mut self, now: u64) {
        self.opened = self.opened.saturating_add(1);
        let until = now.saturating_add(self.config.open_for);
        self.enter(Phase::Open { until });
    }

    fn close(&mut self) {
        self.cause = Cause::default();
        self.window.clear();
        self.enter(Phase::Closed);
    }

    fn enter(&mut self, phase: Phase) {
        self.generation += 1;
        self.phase = phase;
    }
}
