//! How long to wait before something that failed is tried again: longer each time, up to a bound, and never all at once.

use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(5);

/// Counts failures.
#[derive(Debug)]
pub(crate) struct Wait {
    failures: u32,
    chance: u64,
}

impl Wait {
    pub(crate) fn new(seed: u64) -> Wait {
        Wait { failures: 0, chance: seed }
    }

    /// It went well.
    pub(crate) fn reset(&mut self) {
        self.failures = 0;
    }

    /// It failed once more: for how long to wait, at least half of what doubles each time.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(10)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        // Knuth's numbers for a generator of this kind; its upper bits are the good ones.
        self.chance = self
            .chance
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let share = f64::from((self.chance >> 40) as u32) / f64::from(1_u32 << 24);
        whole.mul_f64(0.5 + share / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-1
    #[test]
    fn waits_double_up_to_a_bound_are_drawn_and_begin_again() {
        let mut wait = Wait::new(7);
        let bounds = [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000, 5_000];
        for whole in bounds {
            let drawn = wait.next().as_millis();
            assert!((whole / 2..=whole).contains(&drawn), "{drawn} of {whole}");
        }
        (0..100).for_each(|_| assert!(wait.next() <= LONGEST));
        wait.reset();
        assert!(wait.next() <= FIRST);
        let first = |seed| Wait::new(seed).next();
        assert!((1..20).any(|seed| first(seed) != first(0)), "two programs do not wait alike");
    }
}
