//! Which waits are measured (P-27).

use std::sync::atomic::{AtomicU64, Ordering};

/// Which waits are measured: reading the clock costs as much as a turn in the queue. The first ones of each tick of
/// the pool's clock all are, so a pool with less traffic measures each; beyond that one in [`Sample::EVERY`] is, and
/// stands for as many. Approximate where several threads count at once.
pub(crate) struct Sample {
    seen: AtomicU64,
}

impl Sample {
    const EACH: u64 = 64;
    const EVERY: u64 = 16;

    pub(crate) fn new() -> Sample {
        Sample { seen: AtomicU64::new(0) }
    }

    /// A new tick.
    pub(crate) fn begin(&self) {
        self.seen.store(0, Ordering::Relaxed);
    }

    /// For how many waits the next one stands; 0 if it is not measured.
    #[inline]
    pub(crate) fn draw(&self) -> u64 {
        let seen = self.seen.load(Ordering::Relaxed);
        self.seen.store(seen + 1, Ordering::Relaxed);
        match seen {
            0..Self::EACH => 1,
            n if n % Self::EVERY == 0 => Self::EVERY,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::stats::Histogram;

    // P-27
    #[test]
    fn the_first_waits_of_a_tick_are_all_measured_and_then_one_stands_for_sixteen() {
        let sample = Sample::new();
        let draw = |n: u64| -> Vec<u64> { (0..n).map(|_| sample.draw()).collect() };
        assert_eq!(draw(64), vec![1; 64]);
        let more = draw(1600);
        assert_eq!(
            (more.iter().sum::<u64>(), more.iter().filter(|&&n| n > 0).count()),
            (1600, 100)
        );
        sample.begin();
        assert_eq!(draw(64), vec![1; 64]);
        let histogram = Histogram::new();
        histogram.record_times(Duration::from_secs(1), 16);
        assert_eq!(histogram.snapshot(0).count(), 16);
    }
}
