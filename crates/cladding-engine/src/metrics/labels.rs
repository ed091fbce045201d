//! Counts under names that are not known beforehand, such as errors by type, in bounded memory.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The label under which everything beyond the limit is counted.
const OTHER: &str = "other";

/// A map from label to count that holds at most so many labels, 64 unless told.
///
/// Labels that come when the map is full are counted together under `"other"`, so a stream of ever new
/// labels costs bounded memory and no count is lost. For events that are rare next to calls: a short
/// list behind a lock, searched from its start.
///
/// ```
/// use cladding_engine::metrics::LabelCounts;
///
/// let errors = LabelCounts::new();
/// errors.add("TimeoutError", 2);
/// errors.add("ValueError", 1);
/// assert_eq!(errors.snapshot(), [("TimeoutError".into(), 2), ("ValueError".into(), 1)]);
/// ```
#[derive(Debug)]
pub struct LabelCounts {
    limit: usize,
    counts: Mutex<Vec<(Box<str>, u64)>>,
}

impl LabelCounts {
    /// How many labels [`LabelCounts::new`] has room for.
    pub const DEFAULT_LIMIT: usize = 64;

    /// An empty map with room for [`Self::DEFAULT_LIMIT`] labels.
    pub const fn new() -> Self {
        Self::with_limit(Self::DEFAULT_LIMIT)
    }

    /// An empty map with room for `limit` labels, `"other"` not counted.
    pub const fn with_limit(limit: usize) -> Self {
        Self {
            limit,
            counts: Mutex::new(Vec::new()),
        }
    }

    /// Adds `n` to the count of `label`, from any thread.
    pub fn add(&self, label: &str, n: u64) {
        let mut counts = self.lock();
        if let Some(count) = count_of(&mut counts, label) {
            *count = count.wrapping_add(n);
            return;
        }
        let has_other = counts.iter().any(|(known, _)| &**known == OTHER);
        let named = counts.len() - usize::from(has_other);
        if named < self.limit || label == OTHER {
            counts.push((label.into(), n));
        } else if let Some(other) = count_of(&mut counts, OTHER) {
            *other = other.wrapping_add(n);
        } else {
            counts.push((OTHER.into(), n));
        }
    }

    /// All labels and their counts, in the order in which they first came.
    pub fn snapshot(&self) -> Vec<(String, u64)> {
        self.lock()
            .iter()
            .map(|(label, count)| (label.to_string(), *count))
            .collect()
    }

    /// The counts of all labels together.
    pub fn total(&self) -> u64 {
        self.lock().iter().fold(0, |sum, (_, count)| sum.wrapping_add(*count))
    }

    /// Forgets all labels.
    pub fn reset(&self) {
        self.lock().clear();
    }

    /// The list is whole between any two statements, so a panic elsewhere under the lock does no harm.
    fn lock(&self) -> MutexGuard<'_, Vec<(Box<str>, u64)>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for LabelCounts {
    fn default() -> Self {
        Self::new()
    }
}

fn count_of<'a>(counts: &'a mut [(Box<str>, u64)], label: &str) -> Option<&'a mut u64> {
    counts
        .iter_mut()
        .find(|(known, _)| &**known == label)
        .map(|(_, count)| count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_the_limit_all_is_other() {
        let counts = LabelCounts::with_limit(2);
        for label in ["a", "b", "c", "d", "a", "c"] {
            counts.add(label, 1);
        }
        let expected = [("a".into(), 2), ("b".into(), 1), ("other".into(), 3)];
        assert_eq!(counts.snapshot(), expected);
        assert_eq!(counts.total(), 6);
    }

    #[test]
    fn a_label_called_other_takes_no_room() {
        let counts = LabelCounts::with_limit(1);
        for label in ["other", "a", "b"] {
            counts.add(label, 1);
        }
        assert_eq!(counts.snapshot(), [("other".into(), 2), ("a".into(), 1)]);
    }

    #[test]
    fn no_stream_of_labels_grows_it() {
        let counts = LabelCounts::default();
        for label in 0..1_000 {
            counts.add(&label.to_string(), 1);
        }
        assert_eq!(counts.snapshot().len(), LabelCounts::DEFAULT_LIMIT + 1);
        assert_eq!(counts.total(), 1_000);
        counts.reset();
        assert_eq!(counts.total(), 0);
    }
}
