//! What a cache has counted, and how it is told.

use cladding_engine::metrics::exposition::Kind as Metric;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::hooks::{Family, Page};
use crate::target::Target;

/// The numbers of one cache at one time.
pub(super) struct Numbers {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) waits: u64,
    /// Computations that came to an end.
    pub(super) loads: u64,
    pub(super) load_seconds: f64,
    pub(super) refreshes: u64,
    pub(super) rescues: u64,
    pub(super) entries: usize,
    pub(super) bytes: u64,
    pub(super) evictions: u64,
    /// Generators that were not kept because of their length.
    pub(super) too_long: u64,
    /// What had to leave because of its weight.
    pub(super) too_heavy: u64,
    pub(super) expirations: u64,
    pub(super) invalidations: u64,
}

impl Numbers {
    /// As `stats` gives them.
    pub(super) fn stats(&self, py: Python<'_>) -> PyResult<Py<PyDict>> {
        let stats = PyDict::new(py);
        stats.set_item("hits", self.hits)?;
        stats.set_item("misses", self.misses)?;
        stats.set_item("waits", self.waits)?;
        stats.set_item("loads", self.loads)?;
        stats.set_item("load_seconds", self.load_seconds)?;
        stats.set_item("refreshes", self.refreshes)?;
        stats.set_item("rescues", self.rescues)?;
        stats.set_item("entries", self.entries)?;
        stats.set_item("bytes", self.bytes)?;
        stats.set_item("evictions", self.evictions)?;
        stats.set_item("evictions_by_bytes", self.too_heavy)?;
        stats.set_item("too_long", self.too_long)?;
        stats.set_item("expirations", self.expirations)?;
        stats.set_item("invalidations", self.invalidations)?;
        Ok(stats.unbind())
    }

    /// As Prometheus reads them.
    pub(super) fn metrics(&self, target: &Target, page: &mut Page) {
        let labels = vec![("function".to_owned(), target.full_name())];
        let caused = |cause: &str| {
            let mut labels = labels.clone();
            labels.push(("cause".to_owned(), cause.to_owned()));
            labels
        };
        page.count(HITS, labels.clone(), self.hits);
        page.count(MISSES, labels.clone(), self.misses);
        page.count(WAITS, labels.clone(), self.waits);
        page.count(EVICTIONS, caused("capacity"), self.evictions);
        page.count(EVICTIONS, caused("bytes"), self.too_heavy);
        page.count(EVICTIONS, caused("expired"), self.expirations);
        page.count(EVICTIONS, caused("invalidated"), self.invalidations);
        page.count(LOADS, labels.clone(), self.loads);
        page.count(BYTES, labels.clone(), self.bytes);
        page.count(ENTRIES, labels, self.entries as u64);
    }
}

const HITS: Family = Family {
    name: "cladding_cache_hits_total",
    help: "Calls answered from the cache.",
    kind: Metric::Counter,
};
const MISSES: Family = Family {
    name: "cladding_cache_misses_total",
    help: "Calls that the cache had no result for.",
    kind: Metric::Counter,
};
const WAITS: Family = Family {
    name: "cladding_cache_waits_total",
    help: "Calls that waited for another call's computation of the same key.",
    kind: Metric::Counter,
};
const LOADS: Family = Family {
    name: "cladding_cache_loads_total",
    help: "Computations that came to an end.",
    kind: Metric::Counter,
};
const BYTES: Family = Family {
    name: "cladding_cache_bytes",
    help: "Size of the results, where it is bounded.",
    kind: Metric::Gauge,
};
const ENTRIES: Family = Family {
    name: "cladding_cache_entries",
    help: "Results in the cache.",
    kind: Metric::Gauge,
};
const EVICTIONS: Family = Family {
    name: "cladding_cache_evictions_total",
    help: "Results that had to leave the cache.",
    kind: Metric::Counter,
};
