//! Who waits for something that one of them brings about: nobody is forgotten, nobody is called twice.

use std::fmt;

/// Callbacks to be called when something has come to its outcome, and then the outcome.
///
/// This is a state, to be kept behind a lock; it calls nothing itself. Whoever lands it calls those it hands over, with the
/// lock let go.
///
/// ```
/// use cladding_engine::waiters::Waiters;
///
/// let mut waiters = Waiters::new();
/// assert_eq!(waiters.subscribe("first"), Ok(()));
/// assert_eq!(waiters.land(42), Ok(vec!["first"]));
/// assert_eq!(waiters.subscribe("late"), Err("late"), "there is nothing to wait for");
/// assert_eq!(waiters.outcome(), Some(&42));
/// ```
pub struct Waiters<C, O> {
    callbacks: Vec<C>,
    outcome: Option<O>,
}

impl<C, O> Waiters<C, O> {
    /// Nobody waits yet.
    pub const fn new() -> Self {
        Self {
            callbacks: Vec::new(),
            outcome: None,
        }
    }

    /// Notes a callback, or gives it back because the outcome is there.
    pub fn subscribe(&mut self, callback: C) -> Result<(), C> {
        if self.outcome.is_some() {
            return Err(callback);
        }
        self.callbacks.push(callback);
        Ok(())
    }

    /// Takes back one callback, for a waiter that gave up. `None` if it has been handed over, or never was here.
    pub fn unsubscribe(&mut self, mut is_it: impl FnMut(&C) -> bool) -> Option<C> {
        let place = self.callbacks.iter().position(&mut is_it)?;
        Some(self.callbacks.swap_remove(place))
    }

    /// Notes the outcome. Hands over all callbacks, for the caller to call each of them once. The first outcome counts: any
    /// other is given back.
    pub fn land(&mut self, outcome: O) -> Result<Vec<C>, O> {
        if self.outcome.is_some() {
            return Err(outcome);
        }
        self.outcome = Some(outcome);
        Ok(std::mem::take(&mut self.callbacks))
    }

    /// The outcome; `None` while it is awaited.
    pub const fn outcome(&self) -> Option<&O> {
        self.outcome.as_ref()
    }

    /// The callbacks that are still to be called.
    pub fn callbacks(&self) -> &[C] {
        &self.callbacks
    }
}

impl<C, O> Default for Waiters<C, O> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C, O> fmt::Debug for Waiters<C, O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiters")
            .field("waiting", &self.callbacks.len())
            .field("landed", &self.outcome.is_some())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(config())]

        /// Everyone who subscribed in time and did not give up is handed over, once; the first outcome stays.
        #[test]
        fn everyone_is_handed_over_once(moves in prop::collection::vec((0_u8..8, 0_u8..10), 0..60)) {
            let mut waiters = Waiters::new();
            let (mut model, mut first) = (Vec::new(), None);
            for (step, (callback, kind)) in moves.into_iter().enumerate() {
                match kind {
                    0 => {
                        let expected = if first.is_some() { Err(step) } else { Ok(std::mem::take(&mut model)) };
                        let handed = waiters.land(step).map(|mut handed| {
                            handed.sort_unstable();
                            handed
                        });
                        first.get_or_insert(step);
                        prop_assert_eq!(handed, expected);
                    }
                    1..4 => {
                        let place = model.iter().position(|known| *known == callback);
                        let expected = place.map(|place| model.remove(place));
                        prop_assert_eq!(waiters.unsubscribe(|known| *known == callback), expected);
                    }
                    _ => {
                        let expected = if first.is_some() { Err(callback) } else { Ok(()) };
                        prop_assert_eq!(waiters.subscribe(callback), expected);
                        if first.is_none() {
                            model.push(callback);
                            model.sort_unstable();
                        }
                    }
                }
                prop_assert_eq!(waiters.outcome().copied(), first);
                prop_assert_eq!(waiters.callbacks().len(), model.len());
            }
        }
    }
}
