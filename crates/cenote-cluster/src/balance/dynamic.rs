//! Dynamic weight, as the lecture defines it (C-5): every success adds a little to a node's weight, every failure takes
//! a lot; at the edge the node takes a short rest, and when it has nothing left a long one. Its share is its weight of
//! the sum of all.
//!
//! The lecture gives no numbers but the 60 to start from. +1, −10, 0 to 100, three failures in a row for a rest of 1 s
//! and 60 s at zero are those that people use with it; all can be changed. Zero is not for ever: after the long rest one
//! request may try, then the weight begins again at `restart`.
//!
//! It settles where about one request in eleven fails, so it tells a broken node from a good one, not a slow one from a
//! fast one. [`LeastLoaded`](super::LeastLoaded) does better; the guide has the measurements.

use std::time::Duration;

use super::{Balance, Pick, Seat, draw_by};

/// In proportion to the nodes' scores.
#[derive(Clone, Copy, Debug, Default)]
pub struct DynamicWeight {
    /// How scores are kept.
    pub scoring: Scoring,
}

impl Balance for DynamicWeight {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        draw_by(among, pick.random(), |seat| {
            (f64::from(seat.score()) * 100.0 * seat.share()).round() as u64
        })
    }

    fn scoring(&self) -> Option<Scoring> {
        Some(self.scoring)
    }
}

/// How scores are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scoring {
    /// The weight at the start. Default 60.
    pub initial: u32,
    /// What a success adds. Default 1.
    pub up: u32,
    /// What a failure takes. Default 10.
    pub down: u32,
    /// The highest weight. Default 100.
    pub most: u32,
    /// So many failures in a row are the edge. Default 3.
    pub streak: u32,
    /// The rest at the edge. Default 1 s.
    pub short_rest: Duration,
    /// The rest at weight 0. Default 60 s.
    pub long_rest: Duration,
    /// The weight after the long rest. Default 10.
    pub restart: u32,
}

impl Default for Scoring {
    fn default() -> Scoring {
        Scoring {
            initial: 60,
            up: 1,
            down: 10,
            most: 100,
            streak: 3,
            short_rest: Duration::from_secs(1),
            long_rest: Duration::from_secs(60),
            restart: 10,
        }
    }
}

/// What follows from a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing but a lower weight.
    GoOn,
    /// A short rest; then it goes on where it was.
    Rest(Duration),
    /// A long rest; then one request may try.
    Dead(Duration),
}

/// The score of one node: outcomes in, weight and verdicts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Score {
    scoring: Scoring,
    weight: u32,
    failures: u32,
}

impl Score {
    /// A node of which nothing is known.
    pub fn new(scoring: Scoring) -> Score {
        Score { scoring, weight: scoring.initial, failures: 0 }
    }

    /// The weight now.
    pub fn weight(&self) -> u32 {
        self.weight
    }

    /// It served a request.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.weight = self.weight.saturating_add(self.scoring.up).min(self.scoring.most);
    }

    /// It failed a request.
    pub fn failed(&mut self) -> Verdict {
        self.weight = self.weight.saturating_sub(self.scoring.down);
        self.failures += 1;
        if self.weight == 0 {
            self.failures = 0;
            self.weight = self.scoring.restart.max(1);
            return Verdict::Dead(self.scoring.long_rest);
        }
        if self.failures >= self.scoring.streak {
            self.failures = 0;
            return Verdict::Rest(self.scoring.short_rest);
        }
        Verdict::GoOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-5
    #[test]
    fn from_60_it_falls_to_0_in_six_failures_with_a_short_rest_on_the_way() {
        let mut score = Score::new(Scoring::default());
        let rest = Verdict::Rest(Duration::from_secs(1));
        let verdicts: Vec<_> = (0..5).map(|_| score.failed()).collect();
        assert_eq!(verdicts, [Verdict::GoOn, Verdict::GoOn, rest, Verdict::GoOn, Verdict::GoOn]);
        assert_eq!(score.weight(), 10);
        assert_eq!(score.failed(), Verdict::Dead(Duration::from_secs(60)));
        assert_eq!(score.weight(), 10, "0 is not for ever: it begins again low");
    }

    // C-5
    #[test]
    fn a_success_ends_a_streak_and_the_weight_stays_in_its_range() {
        let mut score = Score::new(Scoring::default());
        for _ in 0..10 {
            assert_eq!(score.failed(), Verdict::GoOn);
            assert_eq!(score.failed(), Verdict::GoOn);
            for _ in 0..30 {
                score.succeeded();
            }
        }
        for _ in 0..1000 {
            score.succeeded();
        }
        assert_eq!(score.weight(), 100);
    }
}
