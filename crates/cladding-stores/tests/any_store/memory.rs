//! A store that is as simple as can be: what others are compared with, and, at will, one that fails.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use cladding_stores::{Begun, Key, Limit, Record, Store, Token, Trouble, Watcher};

#[derive(Default)]
pub struct Memory {
    state: Mutex<State>,
    opened: Condvar,
    /// How often it was called, and with how many keys it was asked for records.
    pub calls: AtomicU64,
    pub renewals: AtomicU64,
    pub batches: Mutex<Vec<usize>>,
    /// What is written, in order.
    pub written: Mutex<Vec<Vec<u8>>>,
}

#[derive(Default)]
struct State {
    records: HashMap<Key, Kept>,
    leases: HashMap<Key, (Token, Instant)>,
    trouble: Option<Trouble>,
    panics: bool,
    /// Whoever calls waits.
    shut: bool,
}

struct Kept {
    body: Vec<u8>,
    writer: Token,
    until: Option<Instant>,
    tags: BTreeSet<String>,
}

impl Memory {
    /// From now on operations fail so.
    pub fn fail(&self, trouble: Option<Trouble>) {
        self.state.lock().unwrap().trouble = trouble;
    }

    pub fn panic_at_calls(&self, panics: bool) {
        self.state.lock().unwrap().panics = panics;
    }

    /// From now on, operations wait until this is undone.
    pub fn shut(&self, shut: bool) {
        self.state.lock().unwrap().shut = shut;
        self.opened.notify_all();
    }

    pub fn lose_leases(&self) {
        self.state.lock().unwrap().leases.clear();
    }

    fn at<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, Trouble> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        let mut state = self
            .opened
            .wait_while(self.state.lock().unwrap(), |state| state.shut)
            .unwrap();
        if state.panics {
            drop(state);
            panic!("as it was told to");
        }
        if let Some(trouble) = &state.trouble {
            return Err(trouble.clone());
        }
        let now = Instant::now();
        state
            .records
            .retain(|_, kept| kept.until.is_none_or(|until| until > now));
        state.leases.retain(|_, (_, until)| *until > now);
        Ok(work(&mut state))
    }
}

impl State {
    fn write(&mut self, key: &Key, body: &[u8], writer: Token, life: Option<Duration>, tags: &[Box<str>]) {
        self.leases.remove(key);
        let until = life.and_then(|life| Instant::now().checked_add(life));
        let kept = Kept {
            body: body.to_vec(),
            writer,
            until,
            tags: tags.iter().map(ToString::to_string).collect(),
        };
        self.records.insert(key.clone(), kept);
    }

    fn read(&self, key: &Key, lives: bool) -> Option<Record> {
        self.records.get(key).map(|kept| Record {
            body: kept.body.clone(),
            writer: kept.writer,
            left: kept
                .until
                .filter(|_| lives)
                .map(|until| until.saturating_duration_since(Instant::now())),
        })
    }

    fn remove(&mut self, space: &str, goes: impl Fn(&Kept) -> bool) -> u64 {
        self.leases.retain(|key, _| *key.space != *space);
        let before = self.records.len();
        self.records.retain(|key, kept| *key.space != *space || !goes(kept));
        (before - self.records.len()) as u64
    }
}

impl Store for Memory {
    fn get(&self, keys: &[Key], lives: bool, _: Limit) -> Result<Vec<Option<Record>>, Trouble> {
        self.batches.lock().unwrap().push(keys.len());
        self.at(|state| keys.iter().map(|key| state.read(key, lives)).collect())
    }

    fn begin(&self, key: &Key, lease: Duration, old: Option<Token>, _: Limit) -> Result<Begun, Trouble> {
        self.at(|state| {
            if let Some(record) = state.read(key, true).filter(|record| Some(record.writer) != old) {
                return Begun::Found(record);
            }
            if let Some((_, until)) = state.leases.get(key) {
                return Begun::Busy(until.saturating_duration_since(Instant::now()));
            }
            let token = Token::random();
            state.leases.insert(key.clone(), (token, Instant::now() + lease));
            Begun::Leads(token)
        })
    }

    fn renew(&self, held: &[(Key, Token)], lease: Duration, _: Limit) -> Result<Vec<bool>, Trouble> {
        let renewed = self.at(|state| {
            let renew = |(key, token): &(Key, Token)| match state.leases.get_mut(key) {
                Some((holder, until)) if holder == token => {
                    *until = Instant::now() + lease;
                    true
                }
                _ => false,
            };
            held.iter().map(renew).collect()
        });
        self.renewals.fetch_add(held.len() as u64, Ordering::SeqCst);
        renewed
    }

    fn finish(
        &self,
        key: &Key,
        token: Token,
        body: &[u8],
        life: Option<Duration>,
        tags: &[Box<str>],
        _: Limit,
    ) -> Result<bool, Trouble> {
        self.at(|state| {
            let held = state.leases.get(key).is_some_and(|(holder, _)| *holder == token);
            if held {
                state.write(key, body, token, life, tags);
            }
            held
        })
    }

    fn release(&self, key: &Key, token: Token, _: Limit) -> Result<(), Trouble> {
        self.at(|state| {
            if state.leases.get(key).is_some_and(|(holder, _)| *holder == token) {
                state.leases.remove(key);
            }
        })
    }

    fn put(&self, key: &Key, body: &[u8], life: Option<Duration>, tags: &[Box<str>], _: Limit) -> Result<(), Trouble> {
        self.at(|state| {
            self.written.lock().unwrap().push(body.to_vec());
            state.write(key, body, Token::random(), life, tags);
        })
    }

    fn remove(&self, key: &Key, _: Limit) -> Result<bool, Trouble> {
        self.at(|state| {
            state.leases.remove(key);
            state.records.remove(key).is_some()
        })
    }

    fn remove_tagged(&self, space: &Arc<str>, tag: &str, _: Limit) -> Result<u64, Trouble> {
        self.at(|state| state.remove(space, |kept| kept.tags.contains(tag)))
    }

    fn clear(&self, space: &Arc<str>, _: Limit) -> Result<u64, Trouble> {
        self.at(|state| state.remove(space, |_| true))
    }

    fn watch(&self, _: &Arc<str>, _: &Arc<dyn Watcher>) -> bool {
        false
    }

    fn forked(&self) {}
}
