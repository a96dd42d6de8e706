//! The retry budget: second attempts may be a fifth of the first ones, and ten a second on top (C-9). Attempts that
//! multiply keep an outage alive; a budget lets the few through that help and stops the many that hurt.

use std::time::Duration;

use cenote::Time;

/// How many second attempts there may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RetryBudget {
    /// Part of the first attempts. Default 0.2.
    pub ratio: f64,
    /// So many a second, whatever the traffic. Default 10.
    pub per_second: f64,
}

impl Default for RetryBudget {
    fn default() -> RetryBudget {
        RetryBudget { ratio: 0.2, per_second: 10.0 }
    }
}

impl RetryBudget {
    /// No second attempt at all (PoolCluster's `canRetry: false`).
    pub const NONE: RetryBudget = RetryBudget { ratio: 0.0, per_second: 0.0 };
}

const SLOTS: u64 = 10;

/// What was attempted and what was spent in the last ten seconds.
#[derive(Debug)]
pub(crate) struct Purse {
    budget: RetryBudget,
    /// (first attempts, second attempts) of a second.
    slots: [(u64, u64); SLOTS as usize],
    newest: u64,
    /// The count of first attempts when it was last looked at.
    seen: u64,
}

impl Purse {
    pub(crate) fn new(budget: RetryBudget) -> Purse {
        Purse { budget, slots: [(0, 0); SLOTS as usize], newest: 0, seen: 0 }
    }

    /// Whether one more second attempt may be made; then it is counted. `attempts`: all first attempts so far.
    pub(crate) fn spend(&mut self, attempts: u64, now: Time) -> bool {
        let second = now.as_nanos() / Duration::from_secs(1).as_nanos() as u64;
        let passed = second.saturating_sub(self.newest);
        for n in 0..passed.min(SLOTS) {
            self.slots[((second - n) % SLOTS) as usize] = (0, 0);
        }
        self.newest = self.newest.max(second);
        let slot = (self.newest % SLOTS) as usize;
        // Spread over the time since the last look: an hour without a second attempt earns no hour's worth of them.
        let fresh = attempts.saturating_sub(self.seen);
        let each = fresh / (passed + 1);
        for n in 0..(passed + 1).min(SLOTS) {
            self.slots[((self.newest - n) % SLOTS) as usize].0 += each;
        }
        self.slots[slot].0 += fresh % (passed + 1);
        self.seen = self.seen.max(attempts);
        let add = |sum: (u64, u64), slot: &(u64, u64)| (sum.0 + slot.0, sum.1 + slot.1);
        let (first, spent) = self.slots.iter().fold((0, 0), add);
        let allowed = self.budget.ratio * first as f64 + self.budget.per_second * SLOTS as f64;
        let granted = ((spent + 1) as f64) <= allowed;
        if granted {
            self.slots[slot].1 += 1;
        }
        granted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> Time {
        Time::ZERO + Duration::from_secs(secs)
    }

    // C-9
    #[test]
    fn a_fifth_of_the_attempts_and_ten_a_second() {
        let mut purse = Purse::new(RetryBudget::default());
        let granted = (0..1000).filter(|_| purse.spend(1000, at(0))).count();
        assert_eq!(granted, 200 + 100);
        // It is forgotten after ten seconds, spent and earned alike.
        assert!(!purse.spend(1000, at(9)));
        let granted = (0..1000).filter(|_| purse.spend(1000, at(10))).count();
        assert_eq!(granted, 100);
    }

    // C-9
    #[test]
    fn a_long_good_time_earns_no_storm_of_second_attempts() {
        let mut purse = Purse::new(RetryBudget::default());
        // An hour with a thousand attempts a second, then everything fails.
        let granted = (0..10_000).filter(|_| purse.spend(3_600_000, at(3_599))).count();
        assert_eq!(granted, 2_000 + 100);
        // What came in the seconds that are remembered counts, each where it belongs.
        let granted = (0..10_000).filter(|_| purse.spend(3_620_000, at(3_619))).count();
        assert_eq!(granted, 1_905 + 100);
    }

    // C-9
    #[test]
    fn none_is_none() {
        let mut purse = Purse::new(RetryBudget::NONE);
        assert!(!purse.spend(1_000_000, at(1)));
    }
}
