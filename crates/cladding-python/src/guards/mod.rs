//! What functions share to spare a dependency that fails: retry budgets and circuit breakers, as Python has them.

mod breaker;
mod budget;
mod forks;
mod probes;

pub(crate) use breaker::{Breaker, CircuitBreaker, name_of};
pub(crate) use budget::Budget;
pub(crate) use budget::RetryBudget;
pub(crate) use probes::Probing;
