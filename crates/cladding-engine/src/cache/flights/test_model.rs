//! The machine against a list of what callers have been told.

use std::rc::Rc;

use proptest::prelude::*;

use super::super::{EntryId, Life};
use super::test_steps::{Step, Value, any_step};
use super::{Flights, Gone, Landing, Reserved, Sought, Under};
use crate::test_support::config;

type Machine = Flights<u8, Value, u32, Rc<u32>>;

/// Three keys share each hash.
fn hash_of(key: u8) -> u64 {
    u64::from(key / 3)
}

/// By what its caller knows a computation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Name {
    Number(u64),
    Ticket(EntryId),
}

/// A computation that somebody was told to do.
#[derive(Debug)]
struct Lead {
    name: Name,
    key: u8,
    caller: u32,
    /// By what others wait for it.
    flight: Option<Rc<u32>>,
    /// Whether it was invalidated.
    lost: bool,
}

/// A result that must be there, or may be, where the machine is bounded.
struct Kept {
    key: u8,
    number: u32,
    expires_at: u64,
    served_until: u64,
    tagged: bool,
}

struct Pair {
    machine: Machine,
    leads: Vec<Lead>,
    kept: Vec<Kept>,
    /// What goes on without a ticket, since there were so many clears, and whether something was taken out since.
    loners: Vec<(u8, u64, bool)>,
    now: u64,
    next: u32,
    invalidated: u64,
    bounded: bool,
}

impl Pair {
    fn new(max_entries: Option<usize>) -> Self {
        Self {
            machine: Flights::new(max_entries, None),
            leads: Vec::new(),
            kept: Vec::new(),
            loners: Vec::new(),
            now: 1_000,
            next: 0,
            invalidated: 0,
            bounded: max_entries.is_some(),
        }
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// What is under a key, with keys that the machine cannot compare itself in half of the cases.
    fn seek(&mut self, key: u8, now: u64, flights: bool) -> Sought {
        let mut compared = Vec::new();
        loop {
            let same = |place, other: &u8| match compared.iter().find(|(known, _)| *known == place) {
                Some((_, same)) => Some(*same),
                None => (key.is_multiple_of(2) && other.is_multiple_of(2)).then_some(*other == key),
            };
            match self.machine.seek(hash_of(key), now, flights, same) {
                Ok(sought) => return sought,
                Err(place) => {
                    assert!(compared.iter().all(|(known, _)| *known != place), "asked twice");
                    let other = *self.machine.key(place).expect("it was just there");
                    compared.push((place, other == key));
                }
            }
        }
    }

    /// The computation under way of a key that is to be kept.
    fn leader(&self, key: u8) -> Option<usize> {
        self.leads.iter().position(|lead| lead.key == key && !lead.lost)
    }

    fn began(&mut self, name: Name, key: u8, caller: u32) {
        assert!(self.leader(key).is_none(), "two compute {key}");
        assert!(self.leads.iter().all(|lead| lead.name != name), "one ticket for two");
        self.leads.push(Lead {
            name,
            key,
            caller,
            flight: None,
            lost: false,
        });
    }

    /// What must be handed out for a key at a time; `None` within the second is a result in reserve.
    fn expected(&self, key: u8, now: u64) -> Option<&Kept> {
        self.kept
            .iter()
            .find(|kept| kept.key == key && (now < kept.expires_at || kept.expires_at == u64::MAX))
    }

    fn check_found(&self, key: u8, now: u64, id: EntryId) {
        let (other, value) = self.machine.get(id).expect("what was found is there");
        let kept = self
            .expected(key, now)
            .expect("a result that was kept, and is not expired");
        assert_eq!((*other, *value.number), (key, kept.number));
    }

    fn call(&mut self, key: u8, now: u64) {
        let caller = self.number();
        if self.machine.is_free(hash_of(key)) {
            assert!(self.leader(key).is_none());
            assert!(self.bounded || self.expected(key, self.now).is_none());
            let ticket = self.machine.lead(hash_of(key), key, caller, &Sought::default());
            return self.began(Name::Ticket(ticket), key, caller);
        }
        let sought = self.seek(key, now, true);
        if let Some(id) = sought.old {
            self.check_found(key, now, id);
        }
        match sought.place {
            Some(Under::Result(id)) => {
                self.check_found(key, now, id);
                assert!(self.machine.get(id).is_some_and(|(_, value)| value.is_served(now)));
            }
            Some(Under::Flight(ticket)) => self.join(key, ticket),
            None => {
                let served = self.expected(key, self.now).is_some_and(|kept| now < kept.served_until);
                assert!(self.bounded || !served, "a result was overlooked");
                let ticket = self.machine.lead(hash_of(key), key, caller, &sought);
                self.began(Name::Ticket(ticket), key, caller);
            }
        }
    }

    /// Waits for a computation.
    fn join(&mut self, key: u8, ticket: EntryId) {
        let place = self.leader(key).expect("somebody computes it");
        let offered = Rc::new(self.number());
        let lead = &mut self.leads[place];
        match lead.name {
            Name::Ticket(own) => assert_eq!(own, ticket),
            Name::Number(number) => {
                assert_eq!(self.machine.ticket(number), Some(ticket));
                assert_eq!(self.machine.ticket(number), None, "it is told once");
                lead.name = Name::Ticket(ticket);
            }
        }
        let before = self
            .machine
            .join(ticket, None)
            .map(|(caller, flight)| (*caller, flight.cloned()));
        assert_eq!(before, Some((lead.caller, lead.flight.clone())));
        let expected = lead.flight.get_or_insert_with(|| offered.clone()).clone();
        let after = self.machine.join(ticket, Some(&offered));
        assert_eq!(after, Some((&lead.caller, Some(&expected))), "the first offer counts");
    }

    fn call_simply(&mut self, key: u8) {
        let caller = self.number();
        if let Some(number) = self.machine.lead_quickly(hash_of(key), false, || Some((key, caller))) {
            self.began(Name::Number(number), key, caller);
        } else {
            self.call(key, self.now);
        }
    }

    fn refresh(&mut self, key: u8, now: u64) {
        let find = |&other: &u8| other == key;
        let Some((id, _)) = self.machine.find(hash_of(key), now, find) else {
            return;
        };
        self.check_found(key, now, id);
        let caller = self.number();
        match self.machine.lead_again(id, hash_of(key), caller) {
            Ok(ticket) => self.began(Name::Ticket(ticket), key, caller),
            Err(back) => {
                assert_eq!(back, caller);
                let of_hash = |lead: &Lead| !lead.lost && hash_of(lead.key) == hash_of(key);
                assert!(self.leads.iter().any(of_hash), "nobody computes it");
            }
        }
    }

    /// Notes a result that is kept from now on, and what had to leave for it.
    fn keep(&mut self, key: u8, value: &Value, expires_at: u64) {
        self.kept.retain(|kept| kept.key != key);
        self.kept.push(Kept {
            key,
            number: *value.number,
            expires_at,
            served_until: value.served_until,
            tagged: value.tagged,
        });
    }

    fn landing(&mut self, life: u64, reserve: u64, tagged: bool) -> Landing<Value> {
        let served_until = self.now.saturating_add(life);
        let expires_at = served_until.saturating_add(reserve);
        let number = Rc::new(self.number());
        Landing {
            value: Value {
                number,
                served_until,
                tagged,
            },
            life: Life::until(expires_at),
            now: self.now,
        }
    }

    fn land(&mut self, place: usize, life: Option<(u64, u64, bool)>) {
        if self.leads.is_empty() {
            return;
        }
        let place = place % self.leads.len();
        let lead = self.leads.swap_remove(place);
        let mut landing = life.map(|(life, reserve, tagged)| self.landing(life, reserve, tagged));
        let kept = landing
            .as_ref()
            .map(|landing| (landing.value.clone(), landing.life.expires_at));
        let is_kept = !lead.lost && kept.is_some();
        let ticket = match lead.name {
            Name::Ticket(ticket) => ticket,
            Name::Number(number) => {
                if let Some((value, expires_at)) = &kept {
                    let result = || landing.take().expect("it is asked once");
                    if let Some(removed) = self.machine.land_quickly(number, result) {
                        drop(removed);
                        assert!(is_kept && lead.flight.is_none());
                        return self.keep(lead.key, value, *expires_at);
                    }
                    assert!(landing.is_some(), "a result was taken and not kept");
                }
                self.machine.ticket(number).expect("a number leads to a ticket, once")
            }
        };
        let landed = self.machine.land(ticket, hash_of(lead.key), landing);
        assert_eq!(landed.flight, lead.flight, "those who wait are handed over");
        drop(landed);
        match kept {
            Some((value, expires_at)) if is_kept => self.keep(lead.key, &value, expires_at),
            Some((value, _)) => assert_eq!(Rc::strong_count(&value.number), 1, "an invalidated result was kept"),
            None => {}
        }
        assert!(
            self.machine.land(ticket, 0, None).flight.is_none(),
            "a ticket lands once"
        );
    }

    fn ticket_of(&mut self, place: usize) -> EntryId {
        match self.leads[place].name {
            Name::Ticket(ticket) => ticket,
            Name::Number(number) => {
                let ticket = self.machine.ticket(number).expect("a number leads to a ticket");
                self.leads[place].name = Name::Ticket(ticket);
                ticket
            }
        }
    }

    fn hand_over(&mut self, place: usize) {
        if self.leads.is_empty() {
            return;
        }
        let place = place % self.leads.len();
        let (ticket, caller) = (self.ticket_of(place), self.number());
        let back = self.machine.hand_over(ticket, caller);
        let lead = &mut self.leads[place];
        if lead.lost {
            assert_eq!(back, caller);
        } else {
            assert_eq!(back, std::mem::replace(&mut lead.caller, caller));
        }
    }

    fn withdraw(&mut self, place: usize) {
        if self.leads.is_empty() {
            return;
        }
        let place = place % self.leads.len();
        let ticket = self.ticket_of(place);
        let lead = self.leads.swap_remove(place);
        let withdrawn = self.machine.withdraw(ticket);
        assert_eq!(withdrawn.flight, lead.flight, "those who wait are handed over");
        assert_eq!(withdrawn.key.map(|(key, _)| key), (!lead.lost).then_some(lead.key));
        self.loners
            .extend(withdrawn.key.map(|(key, clears)| (key, clears, false)));
    }

    fn add(&mut self, place: usize, life: u64) {
        if self.loners.is_empty() {
            return;
        }
        let place = place % self.loners.len();
        let (key, clears, lost) = self.loners.swap_remove(place);
        let sought = self.seek(key, self.now, true);
        let landing = self.landing(life, 0, false);
        let (value, expires_at) = (landing.value.clone(), landing.life.expires_at);
        let allowed = !lost && sought.place.is_none();
        assert!(!allowed || self.leader(key).is_none());
        drop(self.machine.add(&sought, clears, hash_of(key), key, landing));
        if allowed {
            self.keep(key, &value, expires_at);
        } else {
            assert_eq!(Rc::strong_count(&value.number), 1, "a result was kept after all");
        }
    }

    fn replace(&mut self, key: u8, life: Option<u64>) {
        let landing = life.map(|life| self.landing(life, 0, false));
        let put = landing
            .as_ref()
            .map(|landing| (landing.value.clone(), landing.life.expires_at));
        let mut landing = landing.map(|landing| (key, landing));
        loop {
            let sought = self.seek(key, self.now, true);
            let given = if sought.place.is_none() { landing.take() } else { None };
            self.invalidated += u64::from(matches!(sought.place, Some(Under::Result(_))));
            drop(self.machine.replace(&sought, hash_of(key), given));
            if sought.place.is_none() {
                break;
            }
        }
        if let Some(place) = self.leader(key) {
            self.leads[place].lost = true;
        }
        self.loners.iter_mut().for_each(|(_, _, lost)| *lost = true);
        // What has expired may still be seen by those who have read the clock before.
        let now = self.now;
        self.kept.retain(|kept| kept.key != key || kept.expires_at <= now);
        if let Some((value, expires_at)) = put {
            self.keep(key, &value, expires_at);
        }
    }

    fn lose_all(&mut self, gone: Gone<u8, Value, u32>) {
        drop(gone);
        self.leads.iter_mut().for_each(|lead| lead.lost = true);
        self.loners.iter_mut().for_each(|(_, _, lost)| *lost = true);
    }

    fn take(&mut self, step: &Step) {
        match *step {
            Step::Call(key, late) => self.call(key, self.now - late),
            Step::CallSimply(key) => self.call_simply(key),
            Step::Refresh(key, late) => self.refresh(key, self.now - late),
            Step::Land(place, life) => self.land(place, life),
            Step::HandOver(place) => self.hand_over(place),
            Step::Withdraw(place) => self.withdraw(place),
            Step::Add(place, life) => self.add(place, life),
            Step::Invalidate(key) => self.replace(key, None),
            Step::Put(key, life) => self.replace(key, Some(life)),
            Step::InvalidateTag => {
                let gone = self.machine.invalidate(|value| value.tagged);
                self.invalidated += gone.results() as u64;
                assert!(gone.results.iter().all(|(_, value)| value.tagged));
                self.lose_all(gone);
                self.kept.retain(|kept| !kept.tagged);
            }
            Step::Forget(key) => {
                drop(self.machine.forget(&[hash_of(key)], |other| *other == key));
                self.kept.retain(|kept| kept.key != key);
            }
            Step::Clear => {
                let gone = self.machine.clear();
                self.lose_all(gone);
                self.kept.clear();
                assert!(self.machine.is_empty());
            }
            Step::Expire(limit) => drop(self.machine.expire_some(self.now, limit)),
            Step::Wait(time) => self.now = self.now.saturating_add(time).min(u64::MAX - 1),
        }
    }

    fn check(&mut self) {
        // Nothing is handed out but what was kept, once for each key; and without a bound all of that is.
        let mut served: Vec<_> = self
            .machine
            .served(self.now)
            .map(|(key, value)| (*key, *value.number))
            .collect();
        let now = self.now;
        let live = self.kept.iter().filter(|kept| now < kept.served_until);
        let mut expected: Vec<_> = live.map(|kept| (kept.key, kept.number)).collect();
        served.sort_unstable();
        expected.sort_unstable();
        if self.bounded {
            assert!(
                served.iter().all(|one| expected.contains(one)),
                "{served:?} of {expected:?}"
            );
            self.kept
                .retain(|kept| now >= kept.served_until || served.contains(&(kept.key, kept.number)));
        } else {
            assert_eq!(served, expected);
        }
        assert_eq!(self.machine.invalidated(), self.invalidated);
        // Each computation has its place until it ends, and no other has one.
        let busy = self.leads.iter().filter(|lead| !lead.lost).count();
        let latest = usize::from(self.machine.quick.key().is_some());
        assert_eq!(self.machine.under_way.len() + latest, busy);
        let waited_for = self
            .leads
            .iter()
            .filter(|lead| lead.lost && lead.flight.is_some())
            .count();
        assert_eq!(self.machine.detached.len(), waited_for);
        for lead in &self.leads {
            assert!(lead.lost || self.machine.holds(hash_of(lead.key)));
            let held = lead.flight.as_ref().map(Rc::strong_count);
            assert!(held.is_none_or(|held| held == 2), "held here and there");
        }
        let mut flights = 0;
        self.machine.traverse(|_| {}, |_| {}, |_| flights += 1);
        assert_eq!(flights, self.leads.iter().filter(|lead| lead.flight.is_some()).count());
    }

    /// Ends everything that is under way.
    fn finish(&mut self) {
        while !self.leads.is_empty() {
            self.land(0, None);
        }
        self.check();
        assert!(
            self.machine.quick.is_settled(),
            "a number is remembered that nobody will ask for"
        );
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn does_what_the_model_does(
        steps in prop::collection::vec(any_step(), 1..if cfg!(miri) { 30 } else { 200 }),
        max_entries in prop::option::of(0..6_usize),
    ) {
        let mut pair = Pair::new(max_entries);
        for step in &steps {
            pair.take(step);
            pair.check();
        }
        pair.finish();
    }
}

fn after(steps: &[Step]) -> Pair {
    let mut pair = Pair::new(None);
    for step in steps {
        pair.take(step);
        pair.check();
    }
    pair
}

#[test]
fn who_has_read_the_clock_before_computes_nothing_twice() {
    let mut pair = after(&[Step::Put(1, 10), Step::Wait(10), Step::Call(1, 0), Step::Refresh(1, 3)]);
    assert_eq!(pair.leads.len(), 1);
    pair.finish();
}

#[test]
fn a_loner_adds_nothing_beside_a_computation() {
    let mut pair = after(&[
        Step::Call(1, 0),
        Step::Withdraw(0),
        Step::CallSimply(1),
        Step::Add(0, 100),
    ]);
    pair.land(0, Some((100, 0, false)));
    pair.check();
    assert_eq!(pair.machine.len(), 1);
    pair.finish();
}
