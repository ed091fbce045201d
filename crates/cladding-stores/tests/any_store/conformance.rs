//! What every store must do, whatever it is made of: `conforms!(|| a store)` puts one through it.
//!
//! The store is given anew to each test and may hold what earlier tests left, so each uses a space of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use cladding_stores::{Begun, Key, Limit, Record, Store, Token};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::memory::Memory;
use super::{key, soon};

type Shared = Arc<dyn Store>;

const LEASE: Duration = Duration::from_secs(30);

/// A space that no other test uses, nor an earlier run.
fn space() -> Arc<str> {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    Arc::from(format!("test-{:032x}-{number}", Token::random().0))
}

fn get(store: &Shared, key: &Key) -> Option<Record> {
    let mut records = store.get(std::slice::from_ref(key), true, soon()).unwrap();
    assert_eq!(records.len(), 1);
    records.pop().unwrap()
}

fn body(store: &Shared, key: &Key) -> Option<Vec<u8>> {
    get(store, key).map(|record| record.body)
}

fn put(store: &Shared, key: &Key, body: &[u8]) {
    store.put(key, body, None, &[], soon()).unwrap();
}

fn lead(store: &Shared, key: &Key) -> Token {
    match store.begin(key, LEASE, None, soon()).unwrap() {
        Begun::Leads(token) => token,
        other => panic!("somebody leads or has led: {other:?}"),
    }
}

pub fn keeps_what_is_put(store: &Shared) {
    let space = space();
    for (digest, body) in [
        (0, Vec::new()),
        (u128::MAX, vec![0]),
        (1 << 64, (0..=255).collect()),
        (1, vec![7; 3 << 20]),
    ] {
        let key = key(&space, digest);
        assert_eq!(get(store, &key), None);
        put(store, &key, &body);
        let record = get(store, &key).unwrap();
        assert_eq!((record.body, record.left), (body, None));
    }
    let other = key(&format!("{space}x"), 1);
    assert_eq!(get(store, &other), None, "spaces are apart");
}

pub fn any_text_names_a_space(store: &Shared) {
    let mine = space();
    let spaces: Vec<Key> = ["", "a b", "{x}:*?[1]", "ä\0\n", "%7B", "p.q:f@1/<locals>"]
        .iter()
        .map(|name| key(&format!("{mine}{name}"), 1))
        .collect();
    for (number, key) in spaces.iter().enumerate() {
        put(store, key, &[number as u8]);
    }
    for (number, key) in spaces.iter().enumerate() {
        assert_eq!(body(store, key), Some(vec![number as u8]));
    }
    for key in &spaces {
        assert_eq!(store.clear(&key.space, soon()).unwrap(), 1, "{key:?}");
    }
}

pub fn many_at_once_come_in_order(store: &Shared) {
    let space = space();
    let keys: Vec<Key> = (0..100).map(|digest| key(&space, digest)).collect();
    for key in keys.iter().step_by(3) {
        put(store, key, &key.digest.to_be_bytes());
    }
    let records = store.get(&keys, false, soon()).unwrap();
    assert_eq!(records.len(), keys.len());
    for (key, record) in keys.iter().zip(records) {
        let expected = key.digest.is_multiple_of(3).then(|| key.digest.to_be_bytes().to_vec());
        assert_eq!(record.map(|record| record.body), expected);
    }
    assert_eq!(store.get(&[], true, soon()).unwrap(), []);
}

pub fn a_life_ends(store: &Shared) {
    let (short, long, never) = (key(&space(), 1), key(&space(), 2), key(&space(), 3));
    let hour = Duration::from_secs(3600);
    store
        .put(&short, b"short", Some(Duration::from_millis(80)), &[], soon())
        .unwrap();
    store.put(&long, b"long", Some(hour), &[], soon()).unwrap();
    store.put(&never, b"never", Some(Duration::MAX), &[], soon()).unwrap();
    let left = get(store, &long).unwrap().left.unwrap();
    assert!(left <= hour && left > hour.mul_f64(0.9), "{left:?}");
    let records = store.get(std::slice::from_ref(&long), false, soon()).unwrap();
    assert_eq!(records[0].as_ref().unwrap().left, None, "nobody has asked");
    while let Some(record) = get(store, &short) {
        assert!(record.left.unwrap() <= Duration::from_millis(80));
        thread::sleep(Duration::from_millis(5));
    }
    assert!(!store.remove(&short, soon()).unwrap());
    assert_eq!(body(store, &never), Some(b"never".to_vec()));
    // What is written anew has a new life.
    put(store, &long, b"for ever");
    assert_eq!(get(store, &long).unwrap().left, None);
}

pub fn one_leads_and_others_find_what_it_kept(store: &Shared) {
    let key = key(&space(), 1);
    let token = lead(store, &key);
    match store.begin(&key, LEASE, None, soon()).unwrap() {
        Begun::Busy(left) => assert!(left <= LEASE && left > Duration::ZERO),
        other => panic!("{other:?}"),
    }
    assert!(store.finish(&key, token, b"result", Some(LEASE), &[], soon()).unwrap());
    match store.begin(&key, LEASE, None, soon()).unwrap() {
        Begun::Found(record) => assert_eq!((record.body, record.writer), (b"result".to_vec(), token)),
        other => panic!("{other:?}"),
    }
    assert!(
        !store.finish(&key, token, b"again", None, &[], soon()).unwrap(),
        "a lease ends once"
    );
    assert_eq!(body(store, &key), Some(b"result".to_vec()));
}

pub fn an_old_record_is_replaced_by_one(store: &Shared) {
    let key = key(&space(), 1);
    put(store, &key, b"old");
    let old = get(store, &key).unwrap().writer;
    let Begun::Leads(token) = store.begin(&key, LEASE, Some(old), soon()).unwrap() else {
        panic!("it is to be replaced")
    };
    assert!(matches!(
        store.begin(&key, LEASE, Some(old), soon()).unwrap(),
        Begun::Busy(_)
    ));
    assert!(matches!(
        store.begin(&key, LEASE, None, soon()).unwrap(),
        Begun::Found(_)
    ));
    assert_eq!(body(store, &key), Some(b"old".to_vec()), "served meanwhile");
    assert!(store.finish(&key, token, b"new", None, &[], soon()).unwrap());
    match store.begin(&key, LEASE, Some(old), soon()).unwrap() {
        Begun::Found(record) => assert_eq!(record.body, b"new"),
        other => panic!("{other:?}"),
    }
}

pub fn a_lease_ends_in_its_time_unless_renewed(store: &Shared) {
    let (lost, kept) = (key(&space(), 1), key(&space(), 2));
    let short = Duration::from_millis(150);
    let begin = |key: &Key| match store.begin(key, short, None, soon()).unwrap() {
        Begun::Leads(token) => token,
        other => panic!("{other:?}"),
    };
    let (first, holder) = (begin(&lost), begin(&kept));
    let renewed = store
        .renew(
            &[(kept.clone(), holder), (lost.clone(), Token::random())],
            LEASE,
            soon(),
        )
        .unwrap();
    assert_eq!(renewed, [true, false]);
    let second = loop {
        match store.begin(&lost, LEASE, None, soon()).unwrap() {
            Begun::Leads(token) => break token,
            Begun::Busy(left) => assert!(left <= short),
            Begun::Found(record) => panic!("{record:?}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    assert_ne!(first, second);
    assert_eq!(store.renew(&[(lost.clone(), first)], LEASE, soon()).unwrap(), [false]);
    store.release(&lost, first, soon()).unwrap();
    assert!(
        !store.finish(&lost, first, b"too late", None, &[], soon()).unwrap(),
        "the slow one must not overwrite"
    );
    assert!(store.finish(&lost, second, b"in time", None, &[], soon()).unwrap());
    assert_eq!(body(store, &lost), Some(b"in time".to_vec()));
    assert!(matches!(
        store.begin(&kept, LEASE, None, soon()).unwrap(),
        Begun::Busy(_)
    ));
}

type End = fn(&Shared, &Key);

pub fn what_ends_a_lease_lets_nothing_be_kept(store: &Shared) {
    let space = space();
    let tag: Box<str> = "tag".into();
    let ends: [(&str, bool, End); 5] = [
        ("put", true, |store, key| put(store, key, b"put")),
        ("remove", false, |store, key| {
            assert!(!store.remove(key, soon()).unwrap());
        }),
        ("remove_tagged", false, |store, key| {
            store.remove_tagged(&key.space, "another", soon()).unwrap();
        }),
        ("clear", false, |store, key| {
            store.clear(&key.space, soon()).unwrap();
        }),
        ("release", false, |_, _| {}),
    ];
    for (number, (name, written, end)) in ends.into_iter().enumerate() {
        let key = key(&space, number as u128);
        let token = lead(store, &key);
        end(store, &key);
        if name == "release" {
            store.release(&key, token, soon()).unwrap();
        }
        let kept = store
            .finish(&key, token, b"stale", None, std::slice::from_ref(&tag), soon())
            .unwrap();
        assert!(!kept, "after {name}");
        assert_eq!(body(store, &key), written.then(|| b"put".to_vec()), "after {name}");
        if !written {
            lead(store, &key);
        }
    }
}

pub fn tags_lead_to_records(store: &Shared) {
    let (mine, other) = (space(), space());
    let tags = |names: &[&str]| -> Vec<Box<str>> { names.iter().map(|&name| Box::from(name)).collect() };
    let keys: Vec<Key> = (0..6).map(|digest| key(&mine, digest)).collect();
    for (key, names) in keys
        .iter()
        .zip([&["a"][..], &["b"], &["a", "b", "a"], &[], &["a"], &["ä\0{}*", "a"]])
    {
        store.put(key, b"x", None, &tags(names), soon()).unwrap();
    }
    let elsewhere = key(&other, 0);
    store.put(&elsewhere, b"x", None, &tags(&["a"]), soon()).unwrap();
    // What is written anew has the tags it is written with.
    let token = {
        let old = get(store, &keys[4]).unwrap().writer;
        match store.begin(&keys[4], LEASE, Some(old), soon()).unwrap() {
            Begun::Leads(token) => token,
            other => panic!("{other:?}"),
        }
    };
    assert!(
        store
            .finish(&keys[4], token, b"y", None, &tags(&["c"]), soon())
            .unwrap()
    );
    assert_eq!(store.remove_tagged(&mine, "ä\0{}*", soon()).unwrap(), 1);
    assert_eq!(store.remove_tagged(&mine, "a", soon()).unwrap(), 2);
    assert_eq!(store.remove_tagged(&mine, "a", soon()).unwrap(), 0);
    let there: Vec<bool> = keys.iter().map(|key| get(store, key).is_some()).collect();
    assert_eq!(there, [false, true, false, true, true, false]);
    assert!(get(store, &elsewhere).is_some());
    assert_eq!(store.remove_tagged(&mine, "c", soon()).unwrap(), 1);
    assert_eq!(store.clear(&mine, soon()).unwrap(), 2);
    assert_eq!(store.clear(&mine, soon()).unwrap(), 0);
    assert_eq!(store.clear(&other, soon()).unwrap(), 1);
}

pub fn a_large_space_is_cleared(store: &Shared) {
    let space = space();
    let tags: [Box<str>; 1] = ["all".into()];
    for digest in 0..1500 {
        store.put(&key(&space, digest), b"x", None, &tags, soon()).unwrap();
    }
    assert_eq!(store.remove_tagged(&space, "all", soon()).unwrap(), 1500);
    for digest in 0..1500 {
        put(store, &key(&space, digest), b"x");
    }
    assert_eq!(store.clear(&space, soon()).unwrap(), 1500);
    assert_eq!(get(store, &key(&space, 7)), None);
}

pub fn of_many_threads_one_leads(store: &Shared) {
    let key = key(&space(), 1);
    let leaders: Vec<Token> = thread::scope(|scope| {
        let threads: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| store.begin(&key, LEASE, None, soon()).unwrap()))
            .collect();
        threads
            .into_iter()
            .filter_map(|thread| match thread.join().unwrap() {
                Begun::Leads(token) => Some(token),
                Begun::Busy(_) => None,
                Begun::Found(record) => panic!("{record:?}"),
            })
            .collect()
    });
    assert_eq!(leaders.len(), 1);
    assert!(store.finish(&key, leaders[0], b"x", None, &[], soon()).unwrap());
}

pub fn a_limit_that_is_over_is_kept(store: &Shared) {
    let key = key(&space(), 1);
    let over = Limit::within(Duration::ZERO);
    assert!(store.get(std::slice::from_ref(&key), false, over).is_err());
    assert!(store.put(&key, b"x", None, &[], over).is_err());
    assert!(store.begin(&key, LEASE, None, over).is_err());
}

#[derive(Clone, Debug)]
enum Step {
    Get(u8),
    Begin { key: u8, old: bool },
    Finish { key: u8, tags: Vec<u8>, expired: bool },
    FinishWithAnother(u8),
    Release(u8),
    Renew(u8),
    Put { key: u8, tags: Vec<u8>, expired: bool },
    Remove(u8),
    RemoveTagged(u8),
    Clear(bool),
}

fn step() -> impl Strategy<Value = Step> {
    let key = 0_u8..6;
    let tags = || prop::collection::vec(0_u8..3, 0..3);
    let expired = || prop::bool::weighted(0.15);
    prop_oneof![
        3 => key.clone().prop_map(Step::Get),
        4 => (key.clone(), any::<bool>()).prop_map(|(key, old)| Step::Begin { key, old }),
        4 => (key.clone(), tags(), expired()).prop_map(|(key, tags, expired)| Step::Finish { key, tags, expired }),
        1 => key.clone().prop_map(Step::FinishWithAnother),
        1 => key.clone().prop_map(Step::Release),
        1 => key.clone().prop_map(Step::Renew),
        3 => (key.clone(), tags(), expired()).prop_map(|(key, tags, expired)| Step::Put { key, tags, expired }),
        1 => key.prop_map(Step::Remove),
        1 => (0_u8..3).prop_map(Step::RemoveTagged),
        1 => any::<bool>().prop_map(Step::Clear),
    ]
}

/// Any order of operations gives what it gives with the simple model.
pub fn does_as_the_model(store: &Shared) {
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let steps = prop::collection::vec(step(), 1..60);
    runner
        .run(&steps, |steps| {
            let model: Shared = Arc::new(Memory::default());
            let spaces = [space(), space()];
            let mut pair = Pair {
                stores: [store, &model],
                tokens: [HashMap::new(), HashMap::new()],
                spaces,
            };
            for (number, step) in steps.iter().enumerate() {
                let [real, expected] = pair.both(step, number);
                prop_assert_eq!(real, expected, "step {} of {:?}", number, &steps);
            }
            for space in &pair.spaces {
                store.clear(space, soon()).unwrap();
            }
            Ok(())
        })
        .unwrap();
}

struct Pair<'a> {
    stores: [&'a Shared; 2],
    /// The leases that each was given.
    tokens: [HashMap<u8, Token>; 2],
    spaces: [Arc<str>; 2],
}

impl Pair<'_> {
    /// What a step gives on either store, as text without tokens and times.
    fn both(&mut self, step: &Step, number: usize) -> [String; 2] {
        std::array::from_fn(|which| self.one(which, step, number))
    }

    fn key(&self, number: u8) -> Key {
        key(&self.spaces[usize::from(number % 2)], u128::from(number))
    }

    fn one(&mut self, which: usize, step: &Step, number: usize) -> String {
        let store = self.stores[which];
        let body = number.to_be_bytes();
        let life = |expired: bool| {
            if expired {
                Some(Duration::ZERO)
            } else if number.is_multiple_of(2) {
                Some(LEASE)
            } else {
                None
            }
        };
        let names = |tags: &[u8]| -> Vec<Box<str>> { tags.iter().map(|tag| format!("tag{tag}").into()).collect() };
        match step {
            Step::Get(number) => {
                let record = get(store, &self.key(*number));
                format!("{:?}", record.map(|record| (record.body, record.left.is_some())))
            }
            Step::Begin { key, old } => {
                let name = self.key(*key);
                let old = if *old {
                    get(store, &name).map(|record| record.writer)
                } else {
                    None
                };
                match store.begin(&name, LEASE, old, soon()).unwrap() {
                    Begun::Leads(token) => {
                        self.tokens[which].insert(*key, token);
                        "leads".to_owned()
                    }
                    Begun::Busy(_) => "busy".to_owned(),
                    Begun::Found(record) => format!("found {:?}", record.body),
                }
            }
            Step::Finish { key, tags, expired } => {
                let token = self.tokens[which].get(key).copied().unwrap_or(Token(1));
                let kept = store.finish(&self.key(*key), token, &body, life(*expired), &names(tags), soon());
                format!("{kept:?}")
            }
            Step::FinishWithAnother(key) => {
                let kept = store.finish(&self.key(*key), Token::random(), &body, None, &[], soon());
                format!("{kept:?}")
            }
            Step::Release(key) => {
                let token = self.tokens[which].get(key).copied().unwrap_or(Token(1));
                format!("{:?}", store.release(&self.key(*key), token, soon()))
            }
            Step::Renew(key) => {
                let token = self.tokens[which].get(key).copied().unwrap_or(Token(1));
                format!("{:?}", store.renew(&[(self.key(*key), token)], LEASE, soon()))
            }
            Step::Put { key, tags, expired } => {
                let done = store.put(&self.key(*key), &body, life(*expired), &names(tags), soon());
                format!("{done:?}")
            }
            Step::Remove(key) => format!("{:?}", store.remove(&self.key(*key), soon())),
            Step::RemoveTagged(tag) => {
                let counts: Vec<_> = self
                    .spaces
                    .iter()
                    .map(|space| store.remove_tagged(space, &format!("tag{tag}"), soon()))
                    .collect();
                format!("{counts:?}")
            }
            Step::Clear(which) => format!("{:?}", store.clear(&self.spaces[usize::from(*which)], soon())),
        }
    }
}

/// Makes a test of each rule for the store that an expression gives.
#[macro_export]
macro_rules! conforms {
    ($make:expr) => {
        $crate::conforms! { $make;
            keeps_what_is_put any_text_names_a_space many_at_once_come_in_order a_life_ends
            one_leads_and_others_find_what_it_kept an_old_record_is_replaced_by_one
            a_lease_ends_in_its_time_unless_renewed what_ends_a_lease_lets_nothing_be_kept tags_lead_to_records
            a_large_space_is_cleared of_many_threads_one_leads a_limit_that_is_over_is_kept does_as_the_model
        }
    };
    ($make:expr; $($rule:ident)*) => {
        $(
            #[test]
            fn $rule() {
                // What the store lives in is dropped after it.
                let (store, _home) = $make();
                $crate::any_store::conformance::$rule(&store);
            }
        )*
    };
}
