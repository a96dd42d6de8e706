//! Successes and failures of the last seconds, in ten buckets.
//!
//! Successes are counted elsewhere, without a clock, and come in sums: such a sum is spread evenly over the time since
//! the last one. So a burst of failures after a long good time is judged by the last seconds, not by the long time.

use std::time::Duration;

use cenote::Time;

const BUCKETS: u64 = 10;

#[derive(Clone, Debug)]
pub(super) struct Window {
    width: Duration,
    buckets: [(f64, f64); BUCKETS as usize],
    /// The number of the newest bucket since the beginning of time.
    newest: u64,
    drained: Time,
}

impl Window {
    pub(super) fn new(length: Duration, now: Time) -> Window {
        let width = (length / BUCKETS as u32).max(Duration::from_millis(1));
        let mut window = Window { width, buckets: Default::default(), newest: 0, drained: now };
        window.newest = window.bucket(now);
        window
    }

    fn bucket(&self, at: Time) -> u64 {
        at.as_nanos() / u64::try_from(self.width.as_nanos()).unwrap_or(u64::MAX)
    }

    /// Empties what has become too old.
    fn advance(&mut self, now: Time) {
        let bucket = self.bucket(now);
        let passed = bucket.saturating_sub(self.newest).min(BUCKETS);
        for n in 0..passed {
            self.buckets[((bucket - n) % BUCKETS) as usize] = (0.0, 0.0);
        }
        self.newest = self.newest.max(bucket);
    }

    /// One failure, after so many successes since the last call.
    pub(super) fn failed(&mut self, successes: u64, now: Time) {
        self.succeeded(successes, now);
        self.buckets[(self.newest % BUCKETS) as usize].1 += 1.0;
    }

    /// So many successes since the last call.
    pub(super) fn succeeded(&mut self, successes: u64, now: Time) {
        self.advance(now);
        let from = self.bucket(self.drained).min(self.newest);
        let spread = self.newest - from + 1;
        for n in 0..spread.min(BUCKETS) {
            let bucket = &mut self.buckets[((self.newest - n) % BUCKETS) as usize];
            bucket.0 += successes as f64 / spread as f64;
        }
        self.drained = now;
    }

    /// Requests in the window, and the share of them that succeeded.
    pub(super) fn rate(&self) -> (f64, f64) {
        let sum = |sum: (f64, f64), b: &(f64, f64)| (sum.0 + b.0, sum.1 + b.1);
        let (good, bad) = self.buckets.iter().fold((0.0, 0.0), sum);
        let all = good + bad;
        (all, if all > 0.0 { good / all } else { 1.0 })
    }

    pub(super) fn clear(&mut self, now: Time) {
        *self = Window { buckets: Default::default(), drained: now, ..self.clone() };
        self.advance(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    // C-6
    #[test]
    fn what_is_too_old_does_not_count() {
        let mut window = Window::new(Duration::from_secs(10), at(0));
        for n in 0..10 {
            window.failed(0, at(n * 100));
        }
        assert_eq!(window.rate(), (10.0, 0.0));
        window.succeeded(10, at(5_000));
        let (all, rate) = window.rate();
        assert!((all - 20.0).abs() < 1e-9 && (rate - 0.5).abs() < 1e-9);
        window.succeeded(0, at(10_500));
        let (all, rate) = window.rate();
        assert!(all < 10.0 && rate > 0.99, "{all} {rate}");
        window.succeeded(0, at(3_600_000));
        assert_eq!(window.rate(), (0.0, 1.0), "a long rest empties it, however long");
    }

    // C-6
    #[test]
    fn a_long_good_time_does_not_hide_a_burst() {
        let mut window = Window::new(Duration::from_secs(10), at(0));
        // An hour with ten successes a second, then a second of failures.
        window.failed(36_000, at(3_600_000));
        for n in 1..200 {
            window.failed(0, at(3_600_000 + 5 * n));
        }
        let (_, rate) = window.rate();
        assert!(rate < 0.5, "{rate}");
    }
}
