//! How often the table has what is asked for, against LRU on the same requests.
//!
//! `cargo test --release -p cladding-engine hit_ratio -- --nocapture` prints the figures of `docs/policies/cache_result.md`;
//! with `--include-ignored` also those of its drawing, which `make figures` draws.
#![cfg(not(miri))] // Some hundred thousand requests each.

use super::{Cause, Life, Table};
use crate::random::{Random, SplitMix64};
use std::collections::{BTreeMap, HashMap};

const KEYS: usize = 100_000;
const ENTRIES: usize = 5_000;
const REQUESTS: usize = if cfg!(debug_assertions) { 400_000 } else { 3_000_000 };

/// Requests for keys of Zipf's law with the exponent 1.
fn zipf() -> impl Iterator<Item = u64> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += 1.0 / rank as f64;
            sum
        })
        .collect();
    let mut random = SplitMix64::new(2023);
    std::iter::repeat_with(move || {
        let point = random.unit() * sum;
        cumulative.partition_point(|&below| below < point) as u64
    })
}

/// Zipf's law for so many requests, then as many keys that never come again, and so on.
fn zipf_with_scans(calm: u64, scan: u64) -> impl Iterator<Item = u64> {
    let mut zipf = zipf();
    (0_u64..).map(move |time| {
        if time % (calm + scan) < calm {
            zipf.next().unwrap_or_default()
        } else {
            KEYS as u64 + time
        }
    })
}

/// New keys all the time, each of which comes three times more within the next 8,000 requests, and then never again.
fn bursts() -> impl Iterator<Item = u64> {
    let mut random = SplitMix64::new(7);
    let mut due: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    (1_u64..).map(move |time| {
        // Late, where several are due at one time.
        if let Some(mut first) = due.first_entry().filter(|first| *first.key() <= time) {
            let key = first.get_mut().pop().unwrap_or_default();
            if first.get().is_empty() {
                first.remove();
            }
            return key;
        }
        for _ in 0..3 {
            let later = time + 1 + (random.unit() * 8_000.0) as u64;
            due.entry(later).or_default().push(time);
        }
        time
    })
}

fn hits_of_table(entries: usize, requests: &[u64], counted: usize) -> usize {
    let mut table = Table::new(Some(entries), None);
    let (mut hits, mut misses) = (0, 0);
    for (time, &key) in requests.iter().enumerate() {
        if table.find(key, 0, |&other| other == key).is_some() {
            hits += usize::from(time >= requests.len() - counted);
        } else {
            misses += 1;
            let _ = table.insert(key, key, (), 0, Life::ENDLESS);
        }
        assert!(table.len() <= entries);
    }
    assert_eq!(table.evictions().of(Cause::Capacity), (misses - entries) as u64);
    assert_eq!(table.evictions().of(Cause::Expired), 0);
    hits
}

fn hits_of_lru(entries: usize, requests: &[u64], counted: usize) -> usize {
    let mut last_use: HashMap<u64, usize> = HashMap::new();
    let mut by_use: BTreeMap<usize, u64> = BTreeMap::new();
    let mut hits = 0;
    for (time, &key) in requests.iter().enumerate() {
        if let Some(before) = last_use.insert(key, time) {
            hits += usize::from(time >= requests.len() - counted);
            by_use.remove(&before);
        } else if last_use.len() > entries
            && let Some((_, oldest)) = by_use.pop_first()
        {
            last_use.remove(&oldest);
        }
        by_use.insert(time, key);
    }
    hits
}

/// The hit ratios in percent, of the table and of LRU, once the cache is warm.
fn ratios_with(entries: usize, requests: &[u64]) -> (f64, f64) {
    let counted = requests.len() * 3 / 4;
    let percent = |hits: usize| 100.0 * hits as f64 / counted as f64;
    let table = percent(hits_of_table(entries, requests, counted));
    let lru = percent(hits_of_lru(entries, requests, counted));
    (table, lru)
}

fn ratios(load: &str, requests: impl Iterator<Item = u64>) -> (f64, f64) {
    let requests: Vec<u64> = requests.take(REQUESTS).collect();
    let (table, lru) = ratios_with(ENTRIES, &requests);
    println!("hit ratio, {load}: table {table:.1} %, LRU {lru:.1} %");
    (table, lru)
}

#[test]
fn comes_near_the_best_on_a_load_that_stays() {
    let (table, lru) = ratios("Zipf", zipf());
    assert!(table >= if cfg!(debug_assertions) { 72.5 } else { 73.0 } && table > lru + 5.0);
}

#[test]
fn a_scan_does_not_sweep_out_what_is_in_demand() {
    let (table, lru) = ratios("Zipf with scans", zipf_with_scans(10_000, 5_000));
    // Fewer requests leave less time after the cache is warm.
    assert!(table >= if cfg!(debug_assertions) { 47.5 } else { 48.0 } && table > lru + 9.0);
}

#[test]
fn follows_a_hot_set_that_drifts() {
    let moving = zipf().zip(0_u64..).map(|(key, time)| key + time / 20_000 * 200);
    let (table, lru) = ratios("hot set drifts", moving);
    assert!(table > lru + 3.0);
}

#[test]
fn follows_a_hot_set_that_jumps() {
    let moving = zipf().zip(0_u64..).map(|(key, time)| key + time / 50_000 * 5_000);
    let (table, lru) = ratios("hot set jumps", moving);
    assert!(table >= lru);
}

#[test]
fn follows_a_hot_set_that_jumps_all_the_time() {
    let moving = zipf().zip(0_u64..).map(|(key, time)| key + time / 5_000 * 5_000);
    let (table, lru) = ratios("hot set jumps all the time", moving);
    // It takes some ten thousand misses to see that.
    assert!(table > lru - if cfg!(debug_assertions) { 4.0 } else { 1.0 });
}

#[test]
fn keeps_what_just_came_where_nothing_else_is_in_demand() {
    let (table, lru) = ratios("bursts", bursts());
    assert!(table > lru - 1.0);
}

#[test]
fn finds_back_to_a_load_that_stays() {
    let (mut calm, mut busy) = (zipf(), bursts());
    let alternating = (0_u64..).map(move |time| {
        let key = if time / 50_000 % 2 == 0 {
            calm.next()
        } else {
            busy.next().map(|key| key + 1_000_000)
        };
        key.unwrap_or_default()
    });
    let (table, lru) = ratios("Zipf and bursts in turns", alternating);
    assert!(table > lru - 1.0);
}

#[test]
#[ignore = "for the drawing: takes half a minute"]
fn at_every_size() {
    // The harmonic numbers: how often one of the first so many keys is asked for.
    let first = |keys: usize| (1..=keys).map(|rank| 1.0 / rank as f64).sum::<f64>();
    let loads: [(&str, f64, Vec<u64>); 2] = [
        ("Zipf", 1.0, zipf().take(REQUESTS).collect()),
        (
            "Zipf with scans",
            2.0 / 3.0,
            zipf_with_scans(10_000, 5_000).take(REQUESTS).collect(),
        ),
    ];
    for (load, share, requests) in loads {
        for entries in [500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000] {
            let (table, lru) = ratios_with(entries, &requests);
            let best = 100.0 * share * first(entries) / first(KEYS);
            println!("figure, {load}, {entries}: table {table:.1} %, LRU {lru:.1} %, best {best:.1} %");
        }
    }
}
