//! How many may be inside at once: places, and a queue of those who wait for one.
//!
//! A counting semaphore with direct hand-over: a place that is left goes to whoever has waited longest, and is that one's
//! from then on, whether or not it has woken up. So nobody who comes later overtakes, and whoever gives up passes on what
//! was handed over already.

use std::collections::VecDeque;

/// One holding of a place, or one wait for it: a ticket stays the same when its place is handed over.
pub type Ticket = u64;

/// Places, who holds them (`H`), and whom to wake (`W`) when one is handed over.
///
/// It is not shared by itself; put it under a lock. What it gives back is to be woken or dropped outside.
///
/// ```
/// use cladding_engine::limit::places::{GivenUp, Places};
///
/// let mut places = Places::new(1, Some(1));
/// let first = places.take("first").unwrap();
/// assert_eq!(places.take("second"), None);
/// let second = places.queue("second", "wake the second").unwrap();
/// assert_eq!(places.queue("third", "wake the third"), None);
/// assert_eq!(places.leave(first), GivenUp::Wake("wake the second"));
/// assert!(places.is_inside(second));
/// ```
#[derive(Debug)]
pub struct Places<H, W> {
    most: u64,
    most_waiting: Option<u64>,
    inside: Vec<(Ticket, H)>,
    waiting: VecDeque<Waiter<H, W>>,
    last: Ticket,
}

#[derive(Debug)]
struct Waiter<H, W> {
    ticket: Ticket,
    holder: H,
    wake: W,
}

impl<H, W> Places<H, W> {
    /// So many places, and so many who may wait; without end if `None`.
    pub const fn new(most: u64, most_waiting: Option<u64>) -> Self {
        Self {
            most,
            most_waiting,
            inside: Vec::new(),
            waiting: VecDeque::new(),
            last: 0,
        }
    }

    /// Takes a place if one is free.
    #[inline]
    pub fn take(&mut self, holder: H) -> Option<Ticket> {
        if self.running() >= self.most {
            return None;
        }
        let ticket = self.next_ticket();
        self.inside.push((ticket, holder));
        Some(ticket)
    }

    /// Whether one more may wait.
    pub fn may_queue(&self) -> bool {
        self.most_waiting.is_none_or(|most| self.waiting() < most)
    }

    /// Waits for a place, behind all others; `None` if too many wait. For those who could not [`take`](Self::take) one.
    pub fn queue(&mut self, holder: H, wake: W) -> Option<Ticket> {
        if !self.may_queue() {
            return None;
        }
        let ticket = self.next_ticket();
        self.waiting.push_back(Waiter { ticket, holder, wake });
        Some(ticket)
    }

    /// Whether this ticket holds a place.
    #[inline]
    pub fn is_inside(&self, ticket: Ticket) -> bool {
        self.inside.iter().any(|(inside, _)| *inside == ticket)
    }

    /// Leaves a place, or the queue for one. A ticket that has left already leaves nothing.
    #[inline]
    pub fn leave(&mut self, ticket: Ticket) -> GivenUp<W> {
        if let Some(index) = self.inside.iter().position(|(inside, _)| *inside == ticket) {
            self.inside.swap_remove(index);
            return self.hand_over().map_or(GivenUp::Nothing, GivenUp::Wake);
        }
        let found = self.waiting.binary_search_by_key(&ticket, |waiter| waiter.ticket);
        match found.ok().and_then(|index| self.waiting.remove(index)) {
            Some(waiter) => GivenUp::Withdrawn(waiter.wake),
            None => GivenUp::Nothing,
        }
    }

    /// Hands a free place over to whoever has waited longest, and says whom to wake.
    pub fn hand_over(&mut self) -> Option<W> {
        if self.running() >= self.most {
            return None;
        }
        let waiter = self.waiting.pop_front()?;
        self.inside.push((waiter.ticket, waiter.holder));
        Some(waiter.wake)
    }

    /// Takes from all whom `stays` does not name, inside and in the queue, what they have. Free places are to be handed
    /// over afterwards. What those in the queue would have been woken by comes back.
    pub fn keep(&mut self, mut stays: impl FnMut(&H) -> bool) -> Vec<W> {
        self.inside.retain(|(_, holder)| stays(holder));
        let (stay, leave): (VecDeque<_>, VecDeque<_>) =
            self.waiting.drain(..).partition(|waiter| stays(&waiter.holder));
        self.waiting = stay;
        leave.into_iter().map(|waiter| waiter.wake).collect()
    }

    /// Those inside.
    pub fn holders(&self) -> impl Iterator<Item = &H> {
        self.inside.iter().map(|(_, holder)| holder)
    }

    /// The holder of a place, to be changed.
    pub fn holder_mut(&mut self, ticket: Ticket) -> Option<&mut H> {
        let found = self.inside.iter_mut().find(|(inside, _)| *inside == ticket);
        found.map(|(_, holder)| holder)
    }

    /// How many are inside.
    pub fn running(&self) -> u64 {
        self.inside.len() as u64
    }

    /// How many wait.
    pub fn waiting(&self) -> u64 {
        self.waiting.len() as u64
    }

    fn next_ticket(&mut self) -> Ticket {
        self.last += 1;
        self.last
    }
}

/// What came of leaving.
#[derive(Debug, PartialEq, Eq)]
pub enum GivenUp<W> {
    /// A place was left, and handed over to this one.
    Wake(W),
    /// The queue was left; this was one's own.
    Withdrawn(W),
    /// A place was left that nobody waits for, or the ticket was none any more.
    Nothing,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::test_support::config;

    #[derive(Clone, Debug)]
    enum Step {
        Come,
        Leave(usize),
        Forget(usize),
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            3 => Just(Step::Come),
            3 => any::<usize>().prop_map(Step::Leave),
            1 => any::<usize>().prop_map(Step::Forget),
        ];
        prop::collection::vec(step, 1..200)
    }

    /// All who have come and not left, in their order: the first `most` of them are inside.
    #[derive(Default)]
    struct Model {
        here: Vec<usize>,
    }

    proptest! {
        #![proptest_config(config())]

        /// The first who came are inside, whoever gives up, and each is woken exactly once.
        #[test]
        fn places_go_to_those_who_came_first(
            most in 1..5_u64,
            most_waiting in prop::option::of(0..6_u64),
            steps in any_steps(),
        ) {
            let mut places = Places::new(most, most_waiting);
            let mut model = Model::default();
            let mut tickets: Vec<Ticket> = Vec::new(); // of each who came, by number
            let mut inside: Vec<usize> = Vec::new();
            let most = most as usize;
            for step in steps {
                match step {
                    Step::Come => {
                        let number = tickets.len();
                        let waiting = model.here.len().saturating_sub(most) as u64;
                        let ticket = if let Some(ticket) = places.take(number) {
                            prop_assert!(model.here.len() < most);
                            inside.push(number);
                            ticket
                        } else if let Some(ticket) = places.queue(number, number) {
                            prop_assert!(model.here.len() >= most && most_waiting.is_none_or(|most| waiting < most));
                            ticket
                        } else {
                            prop_assert_eq!(Some(waiting), most_waiting);
                            continue;
                        };
                        tickets.push(ticket);
                        model.here.push(number);
                    }
                    Step::Leave(_) if model.here.is_empty() => {}
                    Step::Leave(index) => {
                        let number = model.here.remove(index % model.here.len());
                        match places.leave(tickets[number]) {
                            GivenUp::Wake(woken) => inside.push(woken),
                            GivenUp::Withdrawn(own) => prop_assert_eq!(own, number),
                            GivenUp::Nothing => {}
                        }
                        inside.retain(|each| *each != number);
                        prop_assert_eq!(places.leave(tickets[number]), GivenUp::Nothing, "left twice");
                    }
                    Step::Forget(index) => {
                        let lost: Vec<usize> = model.here.iter().copied().filter(|number| number % 3 == index % 3).collect();
                        drop(places.keep(|number| !lost.contains(number)));
                        inside.retain(|each| !lost.contains(each));
                        model.here.retain(|number| !lost.contains(number));
                        while let Some(woken) = places.hand_over() {
                            inside.push(woken);
                        }
                    }
                }
                inside.sort_unstable();
                let first = &model.here[..most.min(model.here.len())];
                prop_assert_eq!(&inside[..], first);
                prop_assert_eq!(places.running() as usize, first.len());
                prop_assert_eq!(places.waiting() as usize, model.here.len() - first.len());
                for number in &model.here {
                    prop_assert_eq!(places.is_inside(tickets[*number]), first.contains(number));
                }
            }
        }
    }

    #[test]
    fn holders_can_be_seen_and_changed() {
        let mut places: Places<u32, ()> = Places::new(2, None);
        let ticket = places.take(1).unwrap();
        *places.holder_mut(ticket).unwrap() = 2;
        assert_eq!(places.holders().collect::<Vec<_>>(), [&2]);
        assert_eq!(places.holder_mut(ticket + 1), None);
    }
}
