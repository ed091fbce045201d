//! A circuit breaker: what keeps failing is left alone for a while, then tried with a few calls.
//!
//! *Closed*, the breaker lets calls through and counts them in a sliding window. When too many of them failed it *opens*:
//! calls are refused at once, for a time. Then it is *half-open*: exactly so many calls, the *probes*, are let through. If
//! all of them succeed it closes; if one fails it opens again. The pattern is Michael Nygard's ("Release It!", 2007); the
//! ratio over a window with a least number of calls, and probes, are as in Hystrix and resilience4j.
//!
//! A call that began in one state says nothing about a later one, so every change of state begins a new *generation*, and
//! only outcomes of the present generation count.

mod config;
mod machine;
mod state;
#[cfg(test)]
mod test_model;
#[cfg(test)]
mod test_schedules;

pub use config::Config;
pub use machine::{Cause, Machine, Permit, Refusal, Snapshot, State};
pub use state::{BreakerState, InMemory};
