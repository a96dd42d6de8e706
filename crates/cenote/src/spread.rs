//! How durations are spread: a histogram of atomics that the pool records into, and what it looked like at one moment, to
//! be asked for percentiles, added to others, or compared with an earlier moment (P-27).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::time::nanos;

const SUB: usize = 16;
const BUCKETS: usize = SUB * 61;

/// A histogram of durations: 16 buckets to each power of two, so a value is off by at most 1/16.
/// Recording is one relaxed atomic addition.
pub(crate) struct Histogram {
    buckets: Box<[AtomicU64]>,
    max: AtomicU64,
}

impl Histogram {
    pub(crate) fn new() -> Histogram {
        Histogram {
            buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(),
            max: AtomicU64::new(0),
        }
    }

    fn bucket(nanos: u64) -> usize {
        if nanos < SUB as u64 {
            return nanos as usize;
        }
        let exponent = nanos.ilog2() as usize;
        let sub = (nanos >> (exponent - 4)) as usize & (SUB - 1);
        (exponent - 3) * SUB + sub
    }

    /// The largest value of a bucket.
    fn upper(bucket: usize) -> u64 {
        if bucket < SUB {
            return bucket as u64;
        }
        let (exponent, sub) = (bucket / SUB + 3, (bucket % SUB) as u64);
        let low = (1u64 << exponent) + (sub << (exponent - 4));
        low + ((1u64 << (exponent - 4)) - 1)
    }

    /// The smallest value of a bucket.
    fn lower(bucket: usize) -> u64 {
        bucket.checked_sub(1).map_or(0, |before| Histogram::upper(before) + 1)
    }

    pub(crate) fn record(&self, value: Duration) {
        self.record_times(value, 1);
    }

    /// As so many values.
    pub(crate) fn record_times(&self, value: Duration, times: u64) {
        let nanos = nanos(value);
        self.buckets[Self::bucket(nanos)].fetch_add(times, Ordering::Relaxed);
        self.max.fetch_max(nanos, Ordering::Relaxed);
    }

    /// The distribution so far, with `zeros` more values of zero (hits are not recorded one by one).
    pub(crate) fn snapshot(&self, zeros: u64) -> Distribution {
        let mut counts: Vec<u64> = self.buckets.iter().map(|b| b.load(Ordering::Relaxed)).collect();
        counts[0] += zeros;
        Distribution { counts, max: self.max.load(Ordering::Relaxed) }
    }
}

/// How durations were spread, as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distribution {
    counts: Vec<u64>,
    max: u64,
}

impl Distribution {
    /// Number of values.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The value that a share of `quantile` (0 to 1) of all values does not exceed, at most 1/16 too
    /// high; zero if there are no values.
    pub fn quantile(&self, quantile: f64) -> Duration {
        let rank = ((self.count() as f64 * quantile).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, n) in self.counts.iter().enumerate() {
            seen += n;
            if seen >= rank {
                return Duration::from_nanos(Histogram::upper(bucket).min(self.max));
            }
        }
        Duration::from_nanos(self.max)
    }

    /// The largest value, exactly; of a [difference](Distribution::since) at most 1/16 too high.
    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.max)
    }

    /// Number of values that do not exceed this one. Values are told apart by 1/16, so those just above it may be
    /// among them.
    pub fn at_most(&self, value: Duration) -> u64 {
        self.counts[..=Histogram::bucket(nanos(value))].iter().sum()
    }

    /// All values together, at most 1/32 off.
    pub fn sum(&self) -> Duration {
        let value = |(bucket, n): (usize, &u64)| {
            let (low, high) = (Histogram::lower(bucket), Histogram::upper(bucket).min(self.max));
            (low as f64 + high.max(low) as f64) / 2.0 * *n as f64
        };
        Duration::from_nanos(self.counts.iter().enumerate().map(value).sum::<f64>() as u64)
    }

    /// These values and those of `other`, such as of several pools.
    #[must_use]
    pub fn and(mut self, other: &Distribution) -> Distribution {
        self.counts.iter_mut().zip(&other.counts).for_each(|(mine, theirs)| *mine += theirs);
        self.max = self.max.max(other.max);
        self
    }

    /// The values that came after `earlier`, an older distribution of the same pool: for percentiles of the last second
    /// rather than of a whole life (P-27).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let before = pool.stats().wait;
    /// drop(pool.acquire().await.unwrap());
    /// let lately = pool.stats().wait.since(&before);
    /// assert_eq!(lately.count(), 1);
    /// # }
    /// ```
    #[must_use]
    pub fn since(&self, earlier: &Distribution) -> Distribution {
        let fewer = |(now, then): (&u64, &u64)| now.saturating_sub(*then);
        let counts: Vec<u64> = self.counts.iter().zip(&earlier.counts).map(fewer).collect();
        let last = counts.iter().rposition(|n| *n > 0);
        let max = match last {
            None => 0,
            Some(_) if self.max > earlier.max => self.max,
            Some(bucket) => Histogram::upper(bucket).min(self.max),
        };
        Distribution { counts, max }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-27
    #[test]
    fn quantiles_are_right_within_a_sixteenth() {
        let histogram = Histogram::new();
        for micros in 1..=10_000u64 {
            histogram.record(Duration::from_micros(micros));
        }
        let spread = histogram.snapshot(0);
        assert_eq!(spread.count(), 10_000);
        assert_eq!(spread.max(), Duration::from_millis(10));
        for (quantile, exact) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.001, 10.0)] {
            let got = spread.quantile(quantile).as_nanos() as f64 / 1000.0;
            assert!((exact..=exact * (1.0 + 1.0 / 16.0)).contains(&got), "{quantile}: {got}");
        }
    }

    #[test]
    fn every_duration_has_a_bucket_that_holds_it() {
        for shift in 0..64 {
            for nanos in [1u64 << shift, (1u64 << shift) - 1, (1u64 << shift) | (1 << (shift / 2))]
            {
                let bucket = Histogram::bucket(nanos);
                assert!(bucket < BUCKETS, "{nanos}");
                assert!(nanos <= Histogram::upper(bucket));
                assert!(bucket == 0 || nanos > Histogram::upper(bucket - 1));
            }
        }
    }

    #[test]
    fn hits_count_as_waits_of_zero() {
        let histogram = Histogram::new();
        histogram.record(Duration::from_secs(1));
        let spread = histogram.snapshot(99);
        assert_eq!(spread.quantile(0.5), Duration::ZERO);
        assert_eq!(spread.quantile(1.0), Duration::from_secs(1));
    }
    // P-27
    #[test]
    fn what_came_since_is_told_without_what_was_before() {
        let (histogram, second) = (Histogram::new(), Duration::from_secs(1));
        (0..100).for_each(|_| histogram.record(second));
        let before = histogram.snapshot(10);
        assert_eq!(before.since(&before).count(), 0);
        assert_eq!(before.since(&before).quantile(0.99), Duration::ZERO);
        (1..=100).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        let lately = histogram.snapshot(110).since(&before);
        assert_eq!(lately.count(), 200);
        assert_eq!(lately.quantile(0.5), Duration::ZERO);
        let (p99, max) = (lately.quantile(0.99), lately.max());
        for (value, exact) in [(p99, 98.0), (max, 100.0)] {
            let ms = value.as_secs_f64() * 1e3;
            assert!((exact..=exact * (1.0 + 1.0 / 16.0)).contains(&ms), "{value:?}");
        }
        histogram.record(2 * second);
        assert_eq!(histogram.snapshot(110).since(&before).max(), 2 * second, "exact if it is new");
    }

    // P-27
    #[test]
    fn a_sum_is_right_within_a_thirtysecond_and_values_are_counted_up_to_a_bound() {
        let histogram = Histogram::new();
        (1..=1000).for_each(|ms| histogram.record(Duration::from_millis(ms)));
        let spread = histogram.snapshot(7);
        let sum = spread.sum().as_secs_f64();
        assert!((sum - 500.5).abs() < 500.5 / 32.0, "{sum}");
        assert_eq!(spread.at_most(Duration::ZERO), 7);
        let half = spread.at_most(Duration::from_millis(500));
        assert!((507..=507 + 500 / 16).contains(&half), "{half}");
        assert_eq!(spread.at_most(Duration::MAX), 1007);
    }
}
