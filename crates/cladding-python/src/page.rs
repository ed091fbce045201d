//! The metrics page: what the policies of all functions tell, as one Prometheus text.

use std::collections::HashMap;

use cladding_engine::metrics::Histogram;
use cladding_engine::metrics::exposition::{Kind, Writer};

/// The metrics page while it is collected: samples by family, so that each family is written in one block.
///
/// Functions that share a name and labels share a sample, which is their sum: a page must not have a series twice.
#[derive(Default)]
pub(crate) struct Page {
    families: Vec<(Family, Samples)>,
}

/// A metric family's head.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) kind: Kind,
}

/// Names and values of a sample's labels.
pub(crate) type Labels = Vec<(String, String)>;

#[derive(Default)]
struct Samples {
    /// Where the samples with some labels are in `merged`.
    places: HashMap<Labels, usize>,
    merged: Vec<(Labels, Value)>,
}

enum Value {
    Count(u64),
    Gauge(u64),
    Histogram {
        bounds: &'static [f64],
        cumulative: Vec<u64>,
        sum: f64,
    },
}

impl Page {
    /// Adds a whole number to the sample with these labels.
    pub(crate) fn count(&mut self, family: Family, labels: Labels, count: u64) {
        self.merge(family, labels, Value::Count(count));
    }

    /// Sets the sample with these labels to a whole number, unless it was set already.
    pub(crate) fn gauge(&mut self, family: Family, labels: Labels, value: u64) {
        self.merge(family, labels, Value::Gauge(value));
    }

    /// Adds a histogram to the sample with these labels. All histograms of a family have the same bounds.
    pub(crate) fn histogram(&mut self, family: Family, labels: Labels, bounds: &'static [f64], histogram: &Histogram) {
        let (cumulative, sum) = (histogram.cumulative(bounds), histogram.sum_nanos() as f64 / 1e9);
        self.merge(
            family,
            labels,
            Value::Histogram {
                bounds,
                cumulative,
                sum,
            },
        );
    }

    fn samples(&mut self, family: Family) -> &mut Samples {
        let place = self
            .families
            .iter()
            .position(|(known, _)| *known == family)
            .unwrap_or_else(|| {
                self.families.push((family, Samples::default()));
                self.families.len() - 1
            });
        &mut self.families[place].1
    }

    fn merge(&mut self, family: Family, labels: Labels, more: Value) {
        let Samples { places, merged } = self.samples(family);
        let Some(place) = places.get(&labels) else {
            places.insert(labels.clone(), merged.len());
            merged.push((labels, more));
            return;
        };
        match (&mut merged[*place].1, more) {
            (Value::Count(count), Value::Count(more)) => *count += more,
            (Value::Gauge(_), Value::Gauge(_)) => {}
            (
                Value::Histogram { cumulative, sum, .. },
                Value::Histogram {
                    cumulative: more,
                    sum: more_sum,
                    ..
                },
            ) => {
                cumulative.iter_mut().zip(more).for_each(|(count, more)| *count += more);
                *sum += more_sum;
            }
            _ => debug_assert!(false, "a family holds samples of one kind"),
        }
    }

    /// The text.
    pub(crate) fn finish(self) -> String {
        let mut writer = Writer::new();
        for (family, samples) in self.families {
            writer.family(family.name, family.help, family.kind);
            for (labels, value) in samples.merged {
                let labels: Vec<_> = labels
                    .iter()
                    .map(|(name, value)| (name.as_str(), value.as_str()))
                    .collect();
                match value {
                    Value::Count(value) | Value::Gauge(value) => writer.count(family.name, &labels, value),
                    Value::Histogram {
                        bounds,
                        cumulative,
                        sum,
                    } => {
                        writer.histogram(family.name, &labels, bounds, &cumulative, sum);
                    }
                }
            }
        }
        writer.finish()
    }
}
