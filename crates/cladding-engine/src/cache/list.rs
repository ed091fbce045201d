//! Doubly linked lists of numbered places, their links kept apart from what is in the places.

/// The end of a list.
const NONE: u32 = u32::MAX;

/// The neighbours of one place.
#[derive(Clone, Copy)]
struct Link {
    older: u32,
    newer: u32,
}

/// The links of all places. A place is in one list at most of those that share it.
#[derive(Default)]
pub(super) struct Links(Vec<Link>);

/// A list of places from the oldest to the newest. Every operation takes constant time.
#[derive(Clone, Copy)]
pub(super) struct List {
    oldest: u32,
    newest: u32,
    len: usize,
}

impl List {
    pub(super) const fn new() -> Self {
        Self {
            oldest: NONE,
            newest: NONE,
            len: 0,
        }
    }

    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn oldest(&self) -> Option<u32> {
        (self.oldest != NONE).then_some(self.oldest)
    }

    /// Whether a place is the last one that was added.
    pub(super) const fn is_newest(&self, place: u32) -> bool {
        self.newest == place
    }

    /// Adds a place that is in no list.
    pub(super) fn push(&mut self, links: &mut Links, place: u32) {
        let at = place as usize;
        let link = Link {
            older: self.newest,
            newer: NONE,
        };
        if at >= links.0.len() {
            // Others of these places may be in no list.
            links.0.resize(at + 1, link);
        }
        links.0[at] = link;
        match self.newest {
            NONE => self.oldest = place,
            newest => links.0[newest as usize].newer = place,
        }
        self.newest = place;
        self.len += 1;
    }

    /// Takes out a place that is in this list.
    pub(super) fn unlink(&mut self, links: &mut Links, place: u32) {
        let Link { older, newer } = links.0[place as usize];
        match older {
            NONE => self.oldest = newer,
            older => links.0[older as usize].newer = newer,
        }
        match newer {
            NONE => self.newest = older,
            newer => links.0[newer as usize].older = older,
        }
        self.len -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_support::config;
    use proptest::prelude::*;
    use std::collections::VecDeque;

    fn in_order(list: &List, links: &Links) -> Vec<u32> {
        let after = |&place: &u32| Some(links.0[place as usize].newer).filter(|&p| p != NONE);
        std::iter::successors(list.oldest(), after).collect()
    }

    proptest! {
        #![proptest_config(config())]

        #[test]
        fn does_what_a_queue_does(moves in prop::collection::vec((any::<bool>(), 0_u32..12), 0..80)) {
            let (mut links, mut list, mut model) = (Links::default(), List::new(), VecDeque::new());
            for (put, place) in moves {
                let position = model.iter().position(|&other| other == place);
                match position {
                    Some(position) if !put => {
                        list.unlink(&mut links, place);
                        model.remove(position);
                    }
                    None if put => {
                        list.push(&mut links, place);
                        model.push_back(place);
                    }
                    _ => {}
                }
                prop_assert_eq!(in_order(&list, &links), Vec::from(model.clone()));
                prop_assert_eq!(list.len(), model.len());
                prop_assert!(model.back().is_none_or(|&place| list.is_newest(place)));
            }
        }
    }
}
