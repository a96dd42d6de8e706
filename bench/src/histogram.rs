//! Durations of many waits, from many threads: 32 steps to each doubling, so a quantile is right to 3 %.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const STEPS: u64 = 32;
const BUCKETS: usize = 60 * STEPS as usize;

pub(crate) struct Histogram(Box<[AtomicU64]>);

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram((0..BUCKETS).map(|_| AtomicU64::new(0)).collect())
    }

    pub(crate) fn record(&self, took: Duration) {
        let ns = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0[bucket(ns)].fetch_add(1, Ordering::Relaxed);
    }

    /// In nanoseconds, the upper end of its step; zero without values.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let counts: Vec<u64> = self.0.iter().map(|n| n.load(Ordering::Relaxed)).collect();
        let all: u64 = counts.iter().sum();
        let rank = ((all as f64) * share).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (n, count) in counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return upper_end(n) as f64;
            }
        }
        0.0
    }
}

/// Below 32 each value has its own; then the position of the highest bit and the five bits after it.
fn bucket(ns: u64) -> usize {
    if ns < STEPS {
        return ns as usize;
    }
    let shift = ns.ilog2() - STEPS.ilog2();
    let n = u64::from(shift + 1) * STEPS + ((ns >> shift) - STEPS);
    (n as usize).min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    let shift = bucket / STEPS - 1;
    ((STEPS + bucket % STEPS + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_three_percent() {
        let all = Histogram::new();
        assert_eq!(all.quantile(0.5), 0.0);
        for n in 1..=100_000 {
            all.record(Duration::from_nanos(n));
        }
        for (share, exact) in [(0.5, 50_000.0), (0.99, 99_000.0), (0.999, 99_900.0)] {
            let told = all.quantile(share);
            assert!((exact..exact * 1.032).contains(&told), "{share}: {told}");
        }
    }

    #[test]
    fn every_duration_has_a_bucket_that_holds_it() {
        for ns in (0..70).map(|bit| 1_u64.checked_shl(bit).unwrap_or(u64::MAX)) {
            for ns in [ns.saturating_sub(1), ns, ns.saturating_add(1)] {
                let n = bucket(ns);
                assert!(n == BUCKETS - 1 || upper_end(n) >= ns, "{ns}");
                assert!(n == 0 || upper_end(n - 1) < ns, "{ns}");
            }
        }
    }
}
