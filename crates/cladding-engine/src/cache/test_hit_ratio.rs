//! How often the table has what is asked for, against LRU on the same requests.
//!
//! `cargo test --release -p cladding-engine hit_ratio -- --nocapture` prints the figures of `docs/policies/cache_result.md`.
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

fn hits_of_table(requests: &[u64], counted: usize) -> usize {
    let mut table = Table::new(Some(ENTRIES), None);
    let (mut hits, mut misses) = (0, 0);
    for (time, &key) in requests.iter().enumerate() {
        if table.find(key, 0, |&other| other == key).is_some() {
            hits += usize::from(time >= requests.len() - counted);
        } else {
            misses += 1;
            let _ = table.insert(key, key, (), 0, Life::ENDLESS);
        }
        assert!(table.len() <= ENTRIES);
    }
    assert_eq!(table.evictions().of(Cause::Capacity), (misses - ENTRIES) as u64);
    assert_eq!(table.evictions().of(Cause::Expired), 0);
    hits
}

fn hits_of_lru(requests: &[u64], counted: usize) -> usize {
    let mut last_use: HashMap<u64, usize> = HashMap::new();
    let mut by_use: BTreeMap<usize, u64> = BTreeMap::new();
    let mut hits = 0;
    for (time, &key) in requests.iter().enumerate() {
        if let Some(before) = last_use.insert(key, time) {
            hits += usize::from(time >= requests.len() - counted);
            by_use.remove(&before);
        } else if last_use.len() > ENTRIES
            && let Some((_, oldest)) = by_use.pop_first()
        {
            last_use.remove(&oldest);
        }
        by_use.insert(time, key);
    }
    hits
}

/// The hit ratios in percent, of the table and of LRU, once the cache is warm.
fn ratios(load: &str, requests: impl Iterator<Item = u64>) -> (f64, f64) {
    let requests: Vec<u64> = requests.take(REQUESTS).collect();
    let counted = REQUESTS * 3 / 4;
    let percent = |hits: usize| 100.0 * hits as f64 / counted as f64;
    let table = percent(hits_of_table(&requests, counted));
    let lru = percent(hits_of_lru(&requests, counted));
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
    let mut zipf = zipf();
    let requests = (0_u64..).map(move |time| {
        if time % 15_000 < 10_000 {
            zipf.next().unwrap_or_default()
        } else {
            KEYS as u64 + time
        }
    });
    let (table, lru) = ratios("Zipf with scans", requests);
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
