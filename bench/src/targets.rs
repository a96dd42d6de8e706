//! The targets, as a table: which figure, against what, and how far. A target that is missed says by what factor;
//! one that was not measured says so, and counts as neither.

use crate::figures::{Metric, Sheet, Unit};
use crate::pools::{NONE, OURS};
use crate::scenarios::{
    Scenario, crowd, growth, hit, making, postgres, queue, roomy, spike, threads,
};
use crate::scenarios::{timeouts, two_threads};
use crate::subject::Tuning;

/// A figure of ours and what it is held against.
pub(crate) struct Target {
    pub(crate) scenario: Scenario,
    pub(crate) metric: Metric,
    pub(crate) tuning: Tuning,
    pub(crate) value: Value,
    pub(crate) limit: Limit,
    pub(crate) stretch: bool,
    /// Why the limit lies where it does, as far as it is known to be missed.
    pub(crate) why: &'static str,
}

/// How the value comes from figures.
#[derive(Clone, Copy)]
pub(crate) enum Value {
    /// The median of ours.
    Plain,
    /// The least of ours: where the machine can only add.
    Least,
    /// Ours over another pool's.
    Times(&'static str),
    /// Another pool's over ours: how much faster we are.
    Faster(&'static str),
    /// Ours less that of no pool.
    BeyondNone,
    /// Another pool's over that of one of our further rows.
    RowFaster(&'static str, &'static str),
    /// Ours over our own at another size.
    OverOwn(Metric),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
    /// Not farther from 1 than this share, either way.
    Same(f64),
}

/// What came of a target.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Verdict {
    Met,
    /// By this factor.
    Missed(f64),
    NotMeasured,
}

impl Limit {
    fn judge(self, value: f64) -> Verdict {
        // Off by a factor where that means something, by the number where the limit is zero.
        let (is_met, factor) = match self {
            Limit::AtMost(0.0) => (value <= 0.0, value),
            Limit::AtMost(limit) => (value <= limit, value / limit),
            Limit::AtLeast(limit) => (value >= limit, limit / value),
            Limit::Same(share) => {
                let off = value.max(1.0 / value);
                (off <= 1.0 + share, off / (1.0 + share))
            }
        };
        match is_met {
            true => Verdict::Met,
            false => Verdict::Missed(factor),
        }
    }
}

impl Target {
    /// The value and what it means.
    pub(crate) fn judge(&self, sheet: &Sheet) -> (Option<f64>, Verdict) {
        match self.value(sheet) {
            Some(value) if value.is_finite() => (Some(value), self.limit.judge(value)),
            _ => (None, Verdict::NotMeasured),
        }
    }

    fn value(&self, sheet: &Sheet) -> Option<f64> {
        let name = self.metric.name;
        let find = |pool, metric| {
            let tuned = sheet.find(self.scenario, pool, self.tuning_of(pool).name(), metric);
            // A pool that has nothing to tune has its defaults only.
            tuned.or_else(|| sheet.find(self.scenario, pool, Tuning::Default.name(), metric))
        };
        let ours = find(OURS, name)?;
        let other = |pool| find(pool, name);
        Some(match self.value {
            Value::Plain => ours.median(),
            Value::Least => ours.min(),
            Value::Times(pool) => ours.over(other(pool)?),
            Value::Faster(pool) => other(pool)?.over(ours),
            Value::BeyondNone => ours.median() - other(NONE)?.median(),
            Value::RowFaster(row, pool) => other(pool)?.over(other(row)?),
            Value::OverOwn(metric) => ours.over(find(OURS, metric.name)?),
        })
    }

    /// Peers are held against us at their best.
    fn tuning_of(&self, pool: &str) -> Tuning {
        if pool == OURS { self.tuning } else { Tuning::Tuned }
    }

    /// What is asked, in words.
    pub(crate) fn asks(&self) -> String {
        let number = |n: f64| match self.value {
            Value::Plain | Value::Least | Value::BeyondNone if self.metric.unit == Unit::Ns => {
                format!("{} ms", n / 1e6)
            }
            Value::Plain | Value::Least | Value::BeyondNone => format!("{n}"),
            _ => format!("{n} ×"),
        };
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("≤ {}", number(limit)),
            Limit::AtLeast(limit) => format!("≥ {}", number(limit)),
            Limit::Same(share) => format!("± {} %", share * 100.0),
        };
        let against = match self.value {
            Value::Plain | Value::Least => String::new(),
            Value::Times(pool) => format!(" {pool}'s"),
            Value::Faster(pool) => format!(" as fast as {pool}"),
            Value::BeyondNone => " beyond no pool".to_owned(),
            Value::RowFaster(row, pool) => format!(" as fast as {pool}, by {row}"),
            Value::OverOwn(metric) => format!(" of \"{}\"", metric.name),
        };
        let settings = match self.tuning {
            Tuning::Default => "",
            Tuning::Tuned => " (tuned)",
            Tuning::Watched => " (watched)",
        };
        format!("{}{settings} {limit}{against}", self.metric.name)
    }
}

const fn target(scenario: Scenario, metric: Metric, value: Value, limit: Limit) -> Target {
    Target { scenario, metric, tuning: scenario.judged(), value, limit, stretch: false, why: "" }
}

const fn stretch(scenario: Scenario, metric: Metric, value: Value, limit: Limit) -> Target {
    Target { stretch: true, ..target(scenario, metric, value, limit) }
}

const fn tuned(target: Target) -> Target {
    Target { tuning: Tuning::Tuned, ..target }
}

const fn because(target: Target, why: &'static str) -> Target {
    Target { why, ..target }
}

/// All of them, in the order of the scenarios.
pub(crate) const ALL: &[Target] = {
    use crate::why;
    use Limit::{AtLeast, AtMost, Same};
    use Scenario::{S1, S2, S3, S4, S5, S6, S7, S8, S9, S10};
    use Value::{BeyondNone, Faster, Least, OverOwn, Plain, RowFaster, Times};
    &[
        target(S1, hit::CYCLE, Times("raw-sem"), AtMost(0.5)),
        target(S1, hit::CYCLE, Faster("deadpool"), AtLeast(5.0)),
        target(S1, hit::CYCLE, Faster("bb8"), AtLeast(4.0)),
        because(target(S1, hit::INSTRUCTIONS, Plain, AtMost(260.0)), why::SERVED),
        target(S1, hit::ALLOCATIONS, Plain, AtMost(0.0)),
        because(stretch(S1, hit::CYCLE, Times("raw-sem"), AtMost(0.3)), why::HIT),
        because(stretch(S1, hit::INSTRUCTIONS, Plain, AtMost(150.0)), why::HIT),
        target(S2, two_threads::CYCLE, Faster("raw-sem"), AtLeast(1.3)),
        because(stretch(S2, two_threads::CYCLE, Faster("raw-sem"), AtLeast(3.0)), why::TOP),
        target(S3, roomy::CYCLE, Faster("raw-sem"), AtLeast(1.0)),
        because(stretch(S3, roomy::CYCLE, Faster("raw-sem"), AtLeast(2.0)), why::ROOMY),
        because(target(S4, queue::CYCLE, Faster("raw-sem"), AtLeast(1.2)), why::TURN),
        target(S4, queue::P999, Times("raw-sem"), AtMost(1.0)),
        target(S4, queue::TURNS, Plain, AtLeast(98.0)),
        because(target(S4, queue::INSTRUCTIONS, Plain, AtMost(1250.0)), why::TURN),
        target(S4, queue::ALLOCATIONS, Plain, AtMost(0.0)),
        target(S5, crowd::MEMORY, BeyondNone, AtMost(700.0)),
        because(target(S5, crowd::P99, Times("raw-sem"), AtMost(1.0)), why::CROWD),
        target(S5, crowd::STARVED, Plain, AtMost(0.0)),
        target(S6, spike::ROUNDS, Plain, AtMost(7.0)),
        tuned(target(S6, making::COLD, Plain, AtMost(8e6))),
        target(S6, making::RACE, Plain, AtMost(3e6)),
        target(S6, making::RACE_CONNECTS, Plain, AtMost(1.0)),
        target(S6, spike::SPIKE, Plain, AtMost(7.0)),
        target(S6, spike::SPIKE_SIM, Plain, AtMost(7.0)),
        because(target(S7, timeouts::OWN, Times(NONE), AtMost(1.3)), why::LEAVING),
        because(target(S7, timeouts::AROUND, Times(NONE), AtMost(1.3)), why::LEAVING),
        target(S7, timeouts::STORM, OverOwn(timeouts::SMALL_STORM), AtMost(1.3)),
        because(target(S8, postgres::QUERY[0], Faster(NONE), AtLeast(0.97)), why::SERVER),
        because(target(S8, postgres::QUERY[1], Faster(NONE), AtLeast(0.97)), why::SERVER),
        because(target(S8, postgres::QUERY[2], Faster(NONE), AtLeast(0.97)), why::SERVER),
        because(target(S8, postgres::P99[0], Times("deadpool"), AtMost(1.0)), why::SERVER),
        because(target(S8, postgres::P99[1], Times("deadpool"), AtMost(1.0)), why::SERVER),
        because(target(S8, postgres::P99[2], Times("deadpool"), AtMost(1.0)), why::SERVER),
        target(S8, postgres::QUERY[0], RowFaster(postgres::SHARED, NONE), AtLeast(2.0)),
        target(S8, postgres::QUERY[1], RowFaster(postgres::SHARED, NONE), AtLeast(1.7)),
        target(S9, growth::HITS[3].1, OverOwn(growth::HITS[0].1), Same(0.2)),
        target(S9, growth::CANCELS[4].1, OverOwn(growth::CANCELS[0].1), Same(0.2)),
        target(S9, growth::UPKEEP, Least, AtMost(1e6)),
        target(S9, growth::RETIRE, Least, AtMost(1e6)),
        target(S9, growth::CLEAR, Least, AtMost(1e6)),
        target(S10, threads::HIT, Faster("r2d2"), AtLeast(1.3)),
        because(target(S10, threads::QUEUE, Faster("r2d2"), AtLeast(1.3)), why::THREADS),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Column;

    const CYCLE: Metric = hit::CYCLE;

    fn sheet(values: &[(&'static str, Tuning, f64)]) -> Sheet {
        let mut sheet = Sheet::default();
        for &(pool, tuning, value) in values {
            let column = Column { pool, settings: tuning.name() };
            sheet.record(Scenario::S1, column, CYCLE, value);
        }
        sheet
    }

    fn judge(value: Value, limit: Limit, sheet: &Sheet) -> (Option<f64>, Verdict) {
        target(Scenario::S1, CYCLE, value, limit).judge(sheet)
    }

    #[test]
    fn a_ratio_is_ours_over_theirs_and_a_miss_says_its_factor() {
        let sheet = sheet(&[(OURS, Tuning::Default, 30.0), ("raw-sem", Tuning::Default, 50.0)]);
        let times = Value::Times("raw-sem");
        assert_eq!(judge(times, Limit::AtMost(0.6), &sheet), (Some(0.6), Verdict::Met));
        assert_eq!(judge(times, Limit::AtMost(0.3), &sheet).1, Verdict::Missed(2.0));
        let faster = Value::Faster("raw-sem");
        assert_eq!(judge(faster, Limit::AtLeast(1.5), &sheet).1, Verdict::Met);
        let Verdict::Missed(factor) = judge(faster, Limit::AtLeast(5.0), &sheet).1 else {
            panic!("it is not 5 times as fast")
        };
        assert!((factor - 3.0).abs() < 1e-9, "{factor}");
    }

    #[test]
    fn peers_are_taken_at_their_best() {
        let sheet = sheet(&[
            (OURS, Tuning::Default, 10.0),
            (OURS, Tuning::Tuned, 1.0),
            ("bb8", Tuning::Default, 100.0),
            ("bb8", Tuning::Tuned, 50.0),
        ]);
        let (value, _) = judge(Value::Faster("bb8"), Limit::AtLeast(1.0), &sheet);
        assert_eq!(value, Some(5.0));
    }

    #[test]
    fn what_was_not_measured_is_neither_met_nor_missed() {
        let sheet = sheet(&[(OURS, Tuning::Default, 30.0)]);
        let judged = judge(Value::Times("raw-sem"), Limit::AtMost(1.0), &sheet);
        assert_eq!(judged, (None, Verdict::NotMeasured));
    }

    #[test]
    fn no_allocation_means_none_at_all() {
        assert_eq!(Limit::AtMost(0.0).judge(0.0), Verdict::Met);
        assert_eq!(Limit::AtMost(0.0).judge(0.001), Verdict::Missed(0.001));
    }

    #[test]
    fn the_same_is_meant_in_both_directions() {
        for (value, met) in [(1.0, true), (1.19, true), (0.84, true), (1.21, false), (0.8, false)] {
            assert_eq!(Limit::Same(0.2).judge(value) == Verdict::Met, met, "{value}");
        }
    }

    #[test]
    fn a_target_is_told_in_words() {
        let asks = |n: usize| ALL[n].asks();
        assert_eq!(asks(0), "cycle ≤ 0.5 × raw-sem's");
        assert_eq!(asks(1), "cycle ≥ 5 × as fast as deadpool");
        assert_eq!(asks(3), "instructions ≤ 260");
        let cold = ALL.iter().find(|target| target.metric == making::COLD).unwrap();
        assert_eq!(cold.asks(), "cold start: all 64 served (tuned) ≤ 8 ms");
    }
}
