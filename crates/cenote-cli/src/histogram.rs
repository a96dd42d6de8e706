//! How long things took, where no pool tells it.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// So many samples are kept; a long run keeps every second, every fourth and so on.
const MOST: usize = 1 << 20;

#[derive(Default)]
pub(crate) struct Durations(Mutex<Samples>);

#[derive(Default)]
struct Samples {
    values: Vec<Duration>,
    /// Every 2^n-th value is kept.
    thinned: u32,
    count: u64,
    max: Duration,
}

impl Durations {
    fn lock(&self) -> MutexGuard<'_, Samples> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn record(&self, value: Duration) {
        let mut samples = self.lock();
        samples.max = samples.max.max(value);
        if samples.count.is_multiple_of(1 << samples.thinned) {
            samples.values.push(value);
        }
        samples.count += 1;
        if samples.values.len() == MOST {
            let mut keep = false;
            samples.values.retain(|_| {
                keep = !keep;
                keep
            });
            samples.thinned += 1;
        }
    }

    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    pub(crate) fn spread(&self) -> Spread {
        self.lock().spread()
    }

    /// The spread so far; it begins anew.
    pub(crate) fn take(&self) -> Spread {
        let samples = std::mem::take(&mut *self.lock());
        samples.spread()
    }
}

impl Samples {
    fn spread(&self) -> Spread {
        let mut values = self.values.clone();
        values.sort_unstable();
        let at = |share: f64| {
            let rank = (values.len() as f64 * share).ceil() as usize;
            values.get(rank.max(1) - 1).copied().unwrap_or_default()
        };
        Spread { p50: at(0.5), p99: at(0.99), max: self.max }
    }
}

/// What people want to know of many durations.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Spread {
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) max: Duration,
}

impl From<&cenote::Distribution> for Spread {
    fn from(all: &cenote::Distribution) -> Spread {
        Spread { p50: all.quantile(0.5), p99: all.quantile(0.99), max: all.max() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_told_from_sorted_values() {
        let durations = Durations::default();
        assert_eq!(durations.spread(), Spread::default());
        for millis in (1..=100).rev() {
            durations.record(Duration::from_millis(millis));
        }
        let Spread { p50, p99, max } = durations.spread();
        assert_eq!([p50, p99, max].map(|d| d.as_millis()), [50, 99, 100]);
    }

    #[test]
    fn a_long_run_keeps_a_fair_sample() {
        let durations = Durations::default();
        let n = 3 * MOST as u64;
        for value in 0..n {
            durations.record(Duration::from_nanos(value));
        }
        assert_eq!(durations.count(), n);
        assert!(durations.lock().values.len() < MOST);
        let Spread { p50, max, .. } = durations.spread();
        assert_eq!(max, Duration::from_nanos(n - 1));
        assert!(p50.abs_diff(Duration::from_nanos(n / 2)) < Duration::from_nanos(n / 1000));
    }
}
