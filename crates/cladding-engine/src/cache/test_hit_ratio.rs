//! How often the table has what is asked for, against LRU on the same requests.
#![cfg(not(miri))] // A hundred thousand requests each.

use super::{Cause, Table};
use crate::random::{Random, SplitMix64};
use std::collections::{BTreeMap, HashMap};

const KEYS: usize = 10_000;
const REQUESTS: usize = 100_000;
const ENTRIES: usize = 500;

/// Requests for keys of Zipf's law with the exponent that is given.
fn zipf(exponent: f64) -> Vec<u64> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=KEYS)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    let mut random = SplitMix64::new(2023);
    (0..REQUESTS)
        .map(|_| {
            let point = random.unit() * sum;
            cumulative.partition_point(|&below| below < point) as u64
        })
        .collect()
}

fn hits_of_table(requests: &[u64]) -> usize {
    let mut table = Table::new(Some(ENTRIES), None);
    let mut hits = 0;
    for &key in requests {
        if table.find(key, 0, |&other| other == key).is_some() {
            hits += 1;
        } else {
            let _ = table.insert(key, key, (), 0);
        }
        assert!(table.len() <= ENTRIES);
    }
    let misses = requests.len() - hits;
    assert_eq!(table.evictions().of(Cause::Capacity), (misses - ENTRIES) as u64);
    assert_eq!(table.evictions().of(Cause::Expired), 0);
    hits
}

fn hits_of_lru(requests: &[u64]) -> usize {
    let mut last_use: HashMap<u64, usize> = HashMap::new();
    let mut by_use: BTreeMap<usize, u64> = BTreeMap::new();
    let mut hits = 0;
    for (time, &key) in requests.iter().enumerate() {
        if let Some(before) = last_use.insert(key, time) {
            hits += 1;
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

#[track_caller]
fn assert_better_by(requests: &[u64], points: f64) {
    let ratio = |hits: usize| 100.0 * hits as f64 / requests.len() as f64;
    let (table, lru) = (ratio(hits_of_table(requests)), ratio(hits_of_lru(requests)));
    println!("hit ratio: table {table:.1} %, LRU {lru:.1} %");
    assert!(table > lru + points, "table {table:.1} %, LRU {lru:.1} %");
}

#[test]
fn beats_lru_on_a_skewed_load() {
    assert_better_by(&zipf(1.0), 5.0);
}

#[test]
fn beats_lru_on_a_flat_load() {
    assert_better_by(&zipf(0.7), 4.0);
}

#[test]
fn a_scan_does_not_sweep_out_what_is_in_demand() {
    let mut requests = Vec::new();
    for (time, key) in zipf(1.0).into_iter().enumerate() {
        requests.push(key);
        // Every other request is for a key that never comes again.
        requests.push((KEYS + time) as u64);
    }
    assert_better_by(&requests, 5.0);
}
