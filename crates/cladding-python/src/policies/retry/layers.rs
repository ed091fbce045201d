//! The policies that a retry brings along: around it a fallback, inside it what each attempt goes through.

use std::sync::Arc;

use cladding_capi::Owned;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::{Hooks, Page};
use crate::params::Params;
use crate::policies::circuit_breaker::CircuitBreakerSpec;
use crate::policies::fallback::FallbackSpec;
use crate::policies::hedge::HedgeSpec;
use crate::policies::timeout::TimeoutSpec;
use crate::policy::Spec;
use crate::target::Target;

/// Their checked parameters.
pub(super) struct LayerSpecs {
    fallback: Option<FallbackSpec>,
    breaker: Option<CircuitBreakerSpec>,
    hedge: Option<HedgeSpec>,
    timeout: Option<TimeoutSpec>,
}

impl LayerSpecs {
    pub(super) fn read(params: &mut Params<'_, '_>) -> PyResult<Self> {
        Ok(Self {
            fallback: FallbackSpec::read(params, "fallback")?,
            breaker: CircuitBreakerSpec::read(params, "breaker")?,
            hedge: HedgeSpec::read(params, "hedge")?,
            timeout: TimeoutSpec::read(params, "timeout")?,
        })
    }

    fn each(&self) -> [(&'static str, Option<&dyn Spec>); 4] {
        fn spec<S: Spec>(spec: Option<&S>) -> Option<&dyn Spec> {
            spec.map(|spec| spec as &dyn Spec)
        }
        [
            ("fallback", spec(self.fallback.as_ref())),
            ("breaker", spec(self.breaker.as_ref())),
            ("hedge", spec(self.hedge.as_ref())),
            ("timeout", spec(self.timeout.as_ref())),
        ]
    }

    pub(super) fn bind(&self, py: Python<'_>, target: &Target) -> PyResult<Layers> {
        let mut layers = Layers {
            around: self.fallback.is_some(),
            all: Vec::new(),
        };
        for (name, spec) in self.each() {
            if let Some(spec) = spec {
                layers.all.push((name, spec.bind(py, target)?));
            }
        }
        Ok(layers)
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        for spec in self.each().into_iter().filter_map(|(_, spec)| spec) {
            spec.traverse(visit);
        }
    }
}

/// A live one, under the name of the parameter that it comes from.
type Layer = (&'static str, Arc<dyn Hooks>);

/// The live ones of one function, outermost first, by the parameters that they come from.
pub(super) struct Layers {
    /// The first runs around the retry.
    around: bool,
    all: Vec<Layer>,
}

impl Layers {
    fn split(&self) -> (&[Layer], &[Layer]) {
        self.all.split_at(usize::from(self.around))
    }

    /// Whether something is given in the place of what a call fails with.
    pub(super) fn has_fallback(&self) -> bool {
        self.around
    }

    pub(super) fn around(&self) -> Vec<Arc<dyn Hooks>> {
        self.split().0.iter().map(|(_, hooks)| Arc::clone(hooks)).collect()
    }

    pub(super) fn within(&self) -> Vec<Arc<dyn Hooks>> {
        self.split().1.iter().map(|(_, hooks)| Arc::clone(hooks)).collect()
    }

    /// Adds the numbers of each under its parameter's name.
    pub(super) fn add_stats(&self, py: Python<'_>, stats: &Bound<'_, PyDict>) -> PyResult<()> {
        for (name, hooks) in &self.all {
            stats.set_item(name, hooks.stats(py)?)?;
        }
        Ok(())
    }

    pub(super) fn metrics(&self, target: &Target, page: &mut Page) {
        for (_, hooks) in &self.all {
            hooks.metrics(target, page);
        }
    }

    pub(super) fn traverse(&self, visit: &mut dyn FnMut(&Owned)) {
        for (_, hooks) in &self.all {
            hooks.traverse(visit);
        }
    }

    pub(super) fn clear(&self) {
        for (_, hooks) in &self.all {
            hooks.clear();
        }
    }
}
