//! Peak EWMA: whoever answered fastest lately, slow answers counting at once and being forgotten slowly. The time is
//! that of requests (`with`, or [`Cluster::timed`](crate::Cluster::timed)), not of loans: a borrower that thinks while
//! it holds a connection says nothing about the server. A node that fails fast looks fast, so failures count too.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cenote::Time;

use super::least::cheapest;
use super::{Balance, Pick, Seat};

/// How long a peak is remembered: after this time half of it is left.
const MEMORY: Duration = Duration::from_secs(10);
/// What a node costs of which nothing is known but that somebody waits for its first answer.
const UNKNOWN: f64 = 1e15;

/// The smallest (latency × (load + 1)) / (weight × success rate⁴).
#[derive(Clone, Copy, Debug, Default)]
pub struct PeakEwma;

impl Balance for PeakEwma {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        let now = pick.now();
        let cost = |seat: Seat<'_>| {
            let (latency, success) = seat.latency().read(now);
            let weight = seat.effective_weight().max(f64::MIN_POSITIVE);
            match (latency, seat.load()) {
                (None, 0) => 0.0,
                (None, load) => UNKNOWN * load as f64 / weight,
                (Some(nanos), load) => nanos * (load + 1) as f64 / (weight * success.powi(4)),
            }
        };
        cheapest(among, pick, cost)
    }

    fn times(&self) -> bool {
        true
    }
}

/// What is remembered of one node: three numbers. Threads that meet may lose one another's update; the next request
/// brings another.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    /// Nanoseconds, as the bits of an `f64`; 0 until the first answer.
    nanos: AtomicU64,
    /// When that was written.
    at: AtomicU64,
    /// The smoothed share of failures, as the bits of an `f64`.
    failing: AtomicU64,
}

impl Latency {
    pub(crate) fn record(&self, took: Duration, failed: bool, now: Time) {
        let took = (took.as_nanos() as f64).max(1.0);
        let nanos = match self.read(now).0 {
            // Straight to the peak; down by what time has passed.
            Some(before) if took <= before => {
                let kept = self.kept(now);
                before * kept + took * (1.0 - kept)
            }
            _ => took,
        };
        self.nanos.store(nanos.to_bits(), Ordering::Relaxed);
        self.at.store(now.as_nanos(), Ordering::Relaxed);
        let failing = f64::from_bits(self.failing.load(Ordering::Relaxed));
        let failing = failing * 0.98 + if failed { 0.02 } else { 0.0 };
        self.failing.store(failing.to_bits(), Ordering::Relaxed);
    }

    /// How much of what was written is left now.
    fn kept(&self, now: Time) -> f64 {
        let age = now.as_nanos().saturating_sub(self.at.load(Ordering::Relaxed)) as f64;
        let memory = MEMORY.as_nanos() as f64;
        memory / (memory + age)
    }

    /// The latency, if anything is known, and the share of successes. Reading forgets too, so that a node that had one
    /// bad moment and got nothing since is tried again.
    pub(crate) fn read(&self, now: Time) -> (Option<f64>, f64) {
        let nanos = f64::from_bits(self.nanos.load(Ordering::Relaxed));
        let failing = f64::from_bits(self.failing.load(Ordering::Relaxed));
        let kept = self.kept(now);
        ((nanos > 0.0).then_some(nanos * kept), (1.0 - failing * kept).max(0.01))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    // C-3
    #[test]
    fn a_peak_counts_at_once_and_is_forgotten_slowly() {
        let latency = Latency::default();
        assert_eq!(latency.read(at(0)), (None, 1.0));
        latency.record(Duration::from_millis(1), false, at(0));
        latency.record(Duration::from_millis(100), false, at(1));
        assert_eq!(latency.read(at(1)).0, Some(1e8));
        latency.record(Duration::from_millis(1), false, at(2));
        let soon = latency.read(at(2)).0.unwrap();
        assert!(soon > 9.9e7, "one good answer does not make up for it: {soon}");
        let later = latency.read(at(30_002)).0.unwrap();
        assert!(later < soon / 3.9, "it is forgotten without traffic too: {later}");
    }

    // C-3
    #[test]
    fn failures_lower_the_success_rate() {
        let latency = Latency::default();
        for n in 0..100 {
            latency.record(Duration::from_micros(500), true, at(n));
        }
        let (_, success) = latency.read(at(100));
        assert!(success < 0.2, "{success}");
    }
}
