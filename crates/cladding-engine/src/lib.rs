/*!
The algorithms of cladding: schedules, budgets, breakers, cache tables, memory probes, histograms and scan kernels.

A decorator that retries, caches, guards, validates or measures has a part that is the same in every language:
when to try again, which entry leaves a full cache, how much memory is in use, where a duration is counted. This
crate is that part. The Python package and whatever other faces there are bind to it; it does not know of them.

# What is here

| module | what it answers |
| --- | --- |
| [`retry`] | how long to wait before the next attempt |
| [`budget`] | whether there may be a retry beside all the others |
| [`breaker`] | whether a call may run at all, after so many have failed |
| [`cache`] | which result is under this key, and which leaves when the table is full or the result too old |
| [`memory`] | how much memory is in use, against the limit that would get the process killed |
| [`metrics`] | how often, how long, which errors, and all of it as Prometheus text |
| [`scan`] | smallest, largest, NaN and infinities of an array, in one pass |
| [`clock`], [`random`] | time and chance, for those who have to supply them |
| [`limit`] | when a call may begin, and whether one more may be under way |
| [`lock`] | what shared states are kept in |
| [`waiters`] | who is to be woken when something is there |
| [`error`] | the one error of a wrong configuration |

# Example

A function that fails at times, retried under a schedule, its results kept for a minute, its calls counted. No
time passes while this runs: the clock is moved by hand.

```
use cladding_engine::cache::{Life, Table};
use cladding_engine::clock::{Clock, ManualClock};
use cladding_engine::metrics::{Counter, Histogram};
use cladding_engine::random::SplitMix64;
use cladding_engine::retry::{Backoff, Jitter};

let clock = ManualClock::new(0);
let mut random = SplitMix64::new(42);
let backoff = Backoff::new(0.1, 2.0, 30.0, Jitter::Full)?;
let mut results = Table::new(Some(10_000), None);
let (calls, latency) = (Counter::new(), Histogram::new());

let mut call = |key: u64, fails: u32| {
    calls.add_shared(1);
    let begun = clock.now();
    if let Some((_, value)) = results.find(key, begun, |&other| other == key) {
        return *value;
    }
    for retry in 0..fails {
        let seconds = backoff.delay(retry, 0.0, &mut random);
        clock.advance((seconds * 1e9) as u64);
    }
    let value = key * 2;
    let removed = results.insert(key, key, value, clock.now(), Life::until(clock.now() + 60_000_000_000));
    drop(removed);
    latency.record_shared(clock.now() - begun);
    value
};

assert_eq!(call(21, 2), 42); // Fails twice, waits twice.
assert_eq!(call(21, 0), 42); // Kept.
assert_eq!((calls.get(), latency.count()), (2, 1));
assert!(latency.quantile(1.0).unwrap() <= 0.1 + 0.2);
# Ok::<(), cladding_engine::error::ConfigError>(())
```

# What it does not do

* It asks no clock and rolls no dice. Times come as `now: u64`, nanoseconds of one monotonic clock; chance comes as
  a [`random::Random`]. Tests need no sleeping, and a face can read the time once for a whole stack.
* It does not wait, log, lock around your calls, or start threads. It says how long; how to wait is the
  caller's choice.
* It runs no code of yours while it is borrowed, but for a closure you hand to it in that very call. Keys and
  values that leave a table are given back, to be dropped where nothing is held.
* It contains no `unsafe`. Where a kernel is to run on wider registers, the caller's build says so.
* It is no general-purpose crate: there is what cladding needs, and an interface changes when cladding does.
*/

#![forbid(unsafe_code)]

pub mod breaker;
pub mod budget;
pub mod cache;
pub mod clock;
pub mod digest;
pub mod error;
pub mod limit;
pub mod lock;
pub mod memory;
pub mod metrics;
pub mod random;
pub mod retry;
pub mod scan;
pub mod waiters;
mod window;

#[cfg(test)]
mod test_support;
