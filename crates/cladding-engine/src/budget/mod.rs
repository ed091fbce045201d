//! A retry budget: how many retries there may be beside how many calls, over all that share the budget.
//!
//! Retries multiply the load on something that fails because of its load. A budget bounds them whatever the number of
//! callers and attempts. Three kinds are in use, and here:
//!
//! * [`Config::windowed`]: a share of the calls of the last seconds, and so many a second besides. From Finagle's
//!   `RetryBudget`; the defaults, 20 % and ten a second over ten seconds, are those of tower's `TpsBudget`.
//! * [`Config::throttled`]: tokens that a failure takes and a success gives back in part; retries only while more than half
//!   of them are there. gRPC's retry throttling, gRFC A6 ("gRPC Retry Design", "Throttling Retry Attempts and Hedged RPCs").
//! * [`Config::quota`]: tokens that retries take, more after a timeout, and that come back when a retry succeeds. The retry
//!   quota of the AWS SDKs' standard mode (botocore's `retries/standard.py`: 500 tokens, 5 for a retry, 10 after a timeout).

mod config;
mod machine;
mod state;
#[cfg(test)]
mod test_model;
#[cfg(test)]
mod test_schedules;

pub use config::Config;
pub use machine::{Machine, Snapshot, Withdrawal};
pub use state::{BudgetState, InMemory};
