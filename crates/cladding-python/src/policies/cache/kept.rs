//! One result as it is kept.

use std::sync::Arc;

use cladding_capi::Owned;
use cladding_engine::cache::Reserved;

use super::life::Life;

/// A result, and what is known of it where there is something to know.
#[derive(Clone)]
pub(super) struct Kept {
    pub(super) value: Owned,
    pub(super) note: Option<Arc<Note>>,
}

/// What is known of a result.
pub(super) struct Note {
    /// Whether the value is an exception that was raised.
    pub(super) failed: bool,
    /// Until when it is as good as new.
    pub(super) fresh_until: u64,
    /// Until when it may be handed out.
    pub(super) served_until: u64,
    /// How many ticks it took to compute.
    pub(super) took: u64,
    pub(super) tags: Box<[Box<str>]>,
}

impl Reserved for Kept {
    #[inline]
    fn is_served(&self, now: u64) -> bool {
        self.note.as_ref().is_none_or(|note| now < note.served_until)
    }
}

impl Kept {
    pub(super) fn has_failed(&self) -> bool {
        self.note.as_ref().is_some_and(|note| note.failed)
    }

    pub(super) fn has_tag(&self, tag: &str) -> bool {
        let note = self.note.as_ref();
        note.is_some_and(|note| note.tags.iter().any(|own| **own == *tag))
    }
}

impl Note {
    /// Whether it is time to compute it anew, while it is still handed out.
    ///
    /// Before it is stale, by chance, the likelier the nearer that is and the longer it takes: `XFetch`, of Andrea Vattani,
    /// Flavio Chierichetti, Keegan Lowenstein, "Optimal probabilistic cache stampede prevention" (VLDB 2015).
    pub(super) fn wants_refresh(&self, now: u64, life: &Life) -> bool {
        if self.failed {
            return false;
        }
        if now >= self.fresh_until {
            return true;
        }
        // There is something to compute only where results end.
        self.fresh_until != u64::MAX && now.saturating_add(life.ahead(self.took as f64) as u64) >= self.fresh_until
    }
}
