//! What is decided when an attempt has failed, from the configuration and what the call remembers.

use cladding_capi::Owned;
use pyo3::prelude::*;

use super::after::RetryAfter;
use super::course::Course;
use super::nesting::{self, Nested};
use super::schedule::Schedule;
use super::worth::{Weighed, Worth};
use crate::testing;

/// The checked configuration, apart from what is told to whom.
#[derive(Clone)]
pub(super) struct Plan {
    pub(super) max_retries: Option<u64>,
    pub(super) schedule: Schedule,
    pub(super) worth: Worth,
    /// The seconds within which all attempts begin.
    pub(super) deadline: Option<f64>,
    pub(super) on_result: Option<Owned>,
    pub(super) after: RetryAfter,
    pub(super) nested: Nested,
}

/// How an attempt ended that may have failed.
#[derive(Clone, Copy)]
pub(super) enum Ending<'a> {
    Raised(&'a Owned),
    Returned(&'a Owned),
}

impl<'a> Ending<'a> {
    pub(super) fn exception(self) -> Option<&'a Owned> {
        match self {
            Self::Raised(exception) => Some(exception),
            Self::Returned(_) => None,
        }
    }

    pub(super) fn result(self) -> Option<&'a Owned> {
        match self {
            Self::Raised(_) => None,
            Self::Returned(result) => Some(result),
        }
    }
}

/// What comes after an attempt.
pub(super) enum Next {
    /// It was no failure, or none that is to be retried here.
    Pass,
    /// Another attempt after so many seconds.
    Retry(f64),
    /// No further attempt, for this reason.
    GiveUp(String),
}

/// An attempt that has ended, as far as it is decided about here.
pub(super) struct Attempt<'a> {
    pub(super) function: &'a str,
    /// The retries so far.
    pub(super) retries: u32,
    /// Gives the seconds since the call began; asked only where they matter.
    pub(super) elapsed: &'a dyn Fn() -> f64,
    pub(super) ending: Ending<'a>,
    /// Whether calls inside can be told, and asked, who is around whom.
    pub(super) nests: bool,
}

impl Plan {
    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.schedule.traverse(visit);
        self.worth.traverse(visit);
        self.after.traverse(visit);
        self.on_result.iter().for_each(visit);
    }

    /// Decides what comes next. An error is that of a callable of the user's.
    pub(super) fn decide(&self, py: Python<'_>, attempt: &Attempt<'_>, course: &mut Course) -> PyResult<Next> {
        let weighed = match attempt.ending {
            Ending::Raised(failure) => self.worth.weigh(py, failure)?,
            Ending::Returned(result) => match &self.on_result {
                Some(is_failure) if is_failure.bound(py).call1((result.bound(py),))?.is_truthy()? => Weighed::Yes,
                _ => Weighed::No,
            },
        };
        if matches!(weighed, Weighed::No) || self.yields(py, attempt, course)? {
            return Ok(Next::Pass);
        }
        if self.max_retries.is_some_and(|most| u64::from(attempt.retries) >= most) {
            return Ok(Next::GiveUp(format!("max_retries={}", attempt.retries)));
        }
        let test = testing::current(py)?;
        if let Some(attempts) = test.as_ref().and_then(|test| test.attempts)
            && u64::from(attempt.retries) + 1 >= attempts
        {
            return Ok(Next::GiveUp(format!("cladding.testing allows {attempts}")));
        }
        let mut delay = match (weighed, attempt.ending) {
            (Weighed::After(seconds), _) => seconds,
            (_, Ending::Raised(failure)) => match self.after.seconds(py, failure)? {
                Some(seconds) => seconds,
                None => self.schedule.delay(py, attempt.retries, course)?,
            },
            (_, Ending::Returned(_)) => self.schedule.delay(py, attempt.retries, course)?,
        };
        if test.is_some() {
            delay = 0.0;
        }
        Ok(match self.beyond(attempt.elapsed, delay) {
            Some(reason) => Next::GiveUp(reason),
            None => Next::Retry(delay),
        })
    }

    /// The reason to give up, if an attempt after `delay` seconds would begin when the deadline has come.
    pub(super) fn beyond(&self, elapsed: impl Fn() -> f64, delay: f64) -> Option<String> {
        let deadline = self.deadline?;
        let elapsed = elapsed();
        if elapsed + delay < deadline {
            return None;
        }
        Some(if elapsed >= deadline {
            format!("the deadline of {deadline} s has passed")
        } else {
            format!("the next wait of {delay:.3} s would not end before the deadline of {deadline} s")
        })
    }

    /// Whether calls inside are told of a retry. It costs more than a retry without a wait does, which is therefore told of
    /// only if another came before, or none can follow: where attempts multiply, that is soon enough.
    pub(super) fn announces(&self, retries: u32, delay: f64) -> bool {
        delay > 0.0 || retries > 0 || self.max_retries.is_some_and(|most| most <= 1)
    }

    /// Whether the retries are left to a call around this one.
    fn yields(&self, py: Python<'_>, attempt: &Attempt<'_>, course: &mut Course) -> PyResult<bool> {
        if !attempt.nests || self.nested == Nested::Allow || self.max_retries == Some(0) {
            return Ok(false);
        }
        if let Some(known) = course.yields {
            return Ok(known);
        }
        let outer = nesting::outer(py, course.mark.as_ref())?;
        let yields = outer.is_some() && self.nested == Nested::Outer;
        if let (Some(outer), Nested::Warn) = (outer, self.nested) {
            nesting::warn(py, attempt.function, &outer)?;
        }
        course.yields = Some(yields);
        Ok(yields)
    }
}
