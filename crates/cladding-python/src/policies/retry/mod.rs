//! `retry`: calls again, after waits that grow, what failed with one of the named exceptions.

use std::sync::Arc;

use cladding_capi::Owned;
use pyo3::prelude::*;

use crate::guards::Budget;
use crate::hooks::Hooks;
use crate::params::Params;
use crate::policy::Spec;
use crate::target::Target;

mod after;
mod chance;
mod course;
mod hooks;
mod layers;
mod nesting;
mod note;
mod numbers;
mod plan;
mod schedule;
mod telling;
mod worth;

pub(crate) use after::retry_after_seconds;
pub(crate) use chance::random;
use layers::LayerSpecs;
use nesting::Nested;
use plan::Plan;
use telling::Told;

pub(crate) const NAME: &str = "retry";

/// The checked configuration.
pub(crate) struct RetrySpec {
    plan: Plan,
    told: Told,
    budget: Option<Budget>,
    layers: LayerSpecs,
}

impl RetrySpec {
    pub(crate) fn new(params: &mut Params<'_, '_>) -> PyResult<Self> {
        let max_retries = params.count("max_retries", Some(3), 0)?;
        let allowed =
            "a callable that takes the result and answers whether to try again, not a coroutine function, or None";
        let plan = Plan {
            max_retries,
            schedule: schedule::Schedule::read(params, max_retries)?,
            worth: worth::Worth::read(params)?,
            deadline: params.duration("deadline")?,
            on_result: params.callback("retry_on_result", allowed)?,
            after: after::RetryAfter::read(params)?,
            nested: Nested::read(params)?,
        };
        Ok(Self {
            plan,
            told: Told::read(params)?,
            budget: Budget::read(params, "budget")?,
            layers: LayerSpecs::read(params)?,
        })
    }
}

impl Spec for RetrySpec {
    fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Arc<dyn Hooks>> {
        if self.plan.nested == Nested::Outer {
            nesting::announce_early();
        }
        let layers = self.layers.bind(py, target)?;
        let (plan, told, budget) = (self.plan.clone(), self.told.clone(), self.budget.clone());
        Ok(Arc::new(hooks::Retry::new(py, plan, told, budget, layers, target)))
    }

    fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        self.plan.traverse(visit);
        self.told.traverse(visit);
        self.layers.traverse(visit);
    }
}
