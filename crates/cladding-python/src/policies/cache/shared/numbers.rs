//! What a cache has counted of its store.

use cladding_engine::metrics::Counter;
use cladding_engine::metrics::exposition::Kind as Metric;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::{Family, Labels, Page};

/// The counters.
pub(in super::super) struct Counts {
    /// Calls answered with what the store had.
    pub(super) hits: Counter,
    /// Calls that waited for the computation of another process.
    pub(super) waits: Counter,
    /// Operations that the store failed to do.
    pub(super) failures: Counter,
    /// Operations that it refused.
    pub(super) refusals: Counter,
    /// Operations that were left out while it was down.
    pub(super) skips: Counter,
    /// Records that could not be read.
    pub(super) damaged: Counter,
    /// Results that were not kept, because the lease had ended.
    pub(super) late: Counter,
}

impl Counts {
    pub(super) fn new() -> Self {
        Self {
            hits: Counter::new(),
            waits: Counter::new(),
            failures: Counter::new(),
            refusals: Counter::new(),
            skips: Counter::new(),
            damaged: Counter::new(),
            late: Counter::new(),
        }
    }

    fn all(&self) -> [(&'static str, &Counter); 7] {
        [
            ("hits", &self.hits),
            ("waits", &self.waits),
            ("failures", &self.failures),
            ("refusals", &self.refusals),
            ("skips", &self.skips),
            ("damaged", &self.damaged),
            ("late", &self.late),
        ]
    }

    /// Adds them to what `stats` gives.
    pub(in super::super) fn stats(&self, stats: &Bound<'_, PyDict>) -> PyResult<()> {
        self.all()
            .into_iter()
            .try_for_each(|(name, counter)| stats.set_item(format!("store_{name}"), counter.get()))
    }

    /// As Prometheus reads them.
    pub(in super::super) fn metrics(&self, labels: &Labels, page: &mut Page) {
        for (event, counter) in self.all() {
            let mut labels = labels.clone();
            labels.push(("event".to_owned(), event.to_owned()));
            page.count(EVENTS, labels, counter.get());
        }
    }
}

const EVENTS: Family = Family {
    name: "cladding_cache_store_events_total",
    help: "What came of asking the store that processes share.",
    kind: Metric::Counter,
};
