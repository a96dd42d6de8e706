//! Shedding before the server has to: while a server turns connects away because it has too many clients, a part of
//! the callers is turned away here, so that those it can serve are served in time (C-15).
//!
//! The rule is the adaptive throttle of "Site Reliability Engineering" (Google, chapter 21): of `requests` so far and
//! `accepts` among them, the next is refused with the probability (requests − K × accepts) / (requests + 1). With K = 2
//! a server that takes more than half of what it is asked for is not held back at all.

use std::time::Duration;

use cenote::Time;

/// How fast the past is forgotten: after this time, half of it.
const MEMORY: Duration = Duration::from_secs(15);

/// Requests that had to wait for a node, and those of them that it accepted.
#[derive(Debug)]
pub(crate) struct Throttle {
    k: f64,
    requests: f64,
    accepts: f64,
    at: Time,
}

impl Throttle {
    pub(crate) fn new(k: f64) -> Throttle {
        Throttle { k, requests: 0.0, accepts: 0.0, at: Time::ZERO }
    }

    fn forget(&mut self, now: Time) {
        let age = now.since(self.at).as_secs_f64() / MEMORY.as_secs_f64();
        let kept = 0.5_f64.powf(age);
        (self.requests, self.accepts, self.at) = (self.requests * kept, self.accepts * kept, now);
    }

    /// The probability that the next one is refused.
    pub(crate) fn refusal(&self) -> f64 {
        ((self.requests - self.k * self.accepts) / (self.requests + 1.0)).max(0.0)
    }

    /// One more asks; false: it is refused. Who is refused counts as asking too.
    pub(crate) fn admit(&mut self, draw: f64, now: Time) -> bool {
        self.forget(now);
        let admitted = draw >= self.refusal();
        self.requests += 1.0;
        admitted
    }

    /// One was served.
    pub(crate) fn accepted(&mut self, now: Time) {
        self.forget(now);
        self.accepts += 1.0;
    }

    /// Whether so little is left of the past that nothing follows from it.
    pub(crate) fn is_forgotten(&mut self, now: Time) -> bool {
        self.forget(now);
        self.requests < 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Duration::from_millis(ms)
    }

    // C-15
    #[test]
    fn who_accepts_half_is_not_held_back_and_who_accepts_nothing_is_left_alone() {
        let (mut half, mut nothing) = (Throttle::new(2.0), Throttle::new(2.0));
        let mut admitted = 0;
        for n in 0..1000 {
            assert!(half.admit(0.01, at(n)), "request {n}");
            if n % 2 == 0 {
                half.accepted(at(n));
            }
            admitted += u32::from(nothing.admit(0.5, at(n)));
        }
        assert!(half.refusal() < 0.01, "{}", half.refusal());
        assert!(nothing.refusal() > 0.99, "{}", nothing.refusal());
        assert!(admitted < 5, "{admitted}");
    }

    // C-15
    #[test]
    fn it_forgets() {
        let mut throttle = Throttle::new(2.0);
        for _ in 0..100 {
            throttle.admit(1.0, at(0));
        }
        assert!(!throttle.is_forgotten(at(15_000)));
        assert!(throttle.is_forgotten(at(150_000)));
    }
}
