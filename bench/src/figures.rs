//! What was measured: one figure for each scenario, pool, settings and metric, with the value of every run.

use crate::scenarios::Scenario;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Nanoseconds: of time, or of the processor's time.
    Ns,
    Instructions,
    Bytes,
    Allocations,
    /// Connections, connects, tasks, turns: the metric says what.
    Count,
}

impl Unit {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Unit::Ns => "ns",
            Unit::Instructions => "instructions",
            Unit::Bytes => "bytes",
            Unit::Allocations => "allocations",
            Unit::Count => "count",
        }
    }
}

/// Something that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) unit: Unit,
}

impl Metric {
    pub(crate) const fn new(name: &'static str, unit: Unit) -> Metric {
        Metric { name, unit }
    }
}

/// Whose figure it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) pool: &'static str,
    pub(crate) settings: &'static str,
}

/// The values of one metric, in the order of the runs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Figure {
    pub(crate) scenario: Scenario,
    pub(crate) column: Column,
    pub(crate) metric: Metric,
    pub(crate) values: Vec<f64>,
}

impl Figure {
    /// The middle value; of an even number, the mean of the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        median(self.values.clone())
    }

    /// This one over the other: the middle one of the ratios of each run, since whatever else the machine did then met
    /// both. Where the one has not as many runs as the other, the ratio of the medians.
    pub(crate) fn over(&self, other: &Figure) -> f64 {
        if self.values.len() != other.values.len() {
            return self.median() / other.median();
        }
        median(self.values.iter().zip(&other.values).map(|(ours, theirs)| ours / theirs).collect())
    }

    pub(crate) fn min(&self) -> f64 {
        self.values.iter().copied().fold(f64::INFINITY, f64::min)
    }

    pub(crate) fn max(&self) -> f64 {
        self.values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }
}

/// All figures of a run of the program, in the order in which they came.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    pub(crate) figures: Vec<Figure>,
}

impl Sheet {
    pub(crate) fn record(
        &mut self,
        scenario: Scenario,
        column: Column,
        metric: Metric,
        value: f64,
    ) {
        let same = |figure: &&mut Figure| {
            figure.scenario == scenario && figure.column == column && figure.metric == metric
        };
        match self.figures.iter_mut().find(same) {
            Some(figure) => figure.values.push(value),
            None => self.figures.push(Figure { scenario, column, metric, values: vec![value] }),
        }
    }

    pub(crate) fn find(
        &self,
        scenario: Scenario,
        pool: &str,
        settings: &str,
        metric: &str,
    ) -> Option<&Figure> {
        self.figures.iter().find(|figure| {
            figure.scenario == scenario
                && figure.column.pool == pool
                && figure.column.settings == settings
                && figure.metric.name == metric
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n % 2 {
        _ if n == 0 => f64::NAN,
        0 => f64::midpoint(values[n / 2 - 1], values[n / 2]),
        _ => values[n / 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CYCLE: Metric = Metric::new("cycle", Unit::Ns);

    fn figure(values: &[f64]) -> Figure {
        let mut sheet = Sheet::default();
        for &value in values {
            sheet.record(Scenario::S1, Column { pool: "a", settings: "default" }, CYCLE, value);
        }
        sheet.figures.pop().unwrap()
    }

    #[test]
    fn the_median_does_not_care_about_order_or_outliers() {
        assert_eq!(figure(&[9000.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(figure(&[4.0, 1.0, 2.0, 100.0]).median(), 3.0);
        assert_eq!(figure(&[7.0]).median(), 7.0);
    }

    #[test]
    fn the_spread_is_the_least_and_the_most() {
        let figure = figure(&[3.0, 1.0, 2.0]);
        assert_eq!((figure.min(), figure.max()), (1.0, 3.0));
    }

    #[test]
    fn a_ratio_is_that_of_the_runs_where_they_can_be_paired() {
        // The machine became three times as slow, and both with it.
        let (ours, theirs) = (figure(&[1.0, 3.0, 3.0]), figure(&[2.0, 2.0, 6.0]));
        assert_eq!(ours.over(&theirs), 0.5);
        assert_eq!(ours.over(&figure(&[2.0, 2.0])), 1.5);
    }

    #[test]
    fn runs_of_the_same_thing_are_one_figure() {
        let mut sheet = Sheet::default();
        let column = |pool| Column { pool, settings: "default" };
        for pool in ["a", "b", "a"] {
            sheet.record(Scenario::S1, column(pool), CYCLE, 1.0);
        }
        sheet.record(Scenario::S2, column("a"), CYCLE, 1.0);
        assert_eq!(sheet.figures.len(), 3);
        let found = sheet.find(Scenario::S1, "a", "default", "cycle").unwrap();
        assert_eq!(found.values.len(), 2);
        assert!(sheet.find(Scenario::S1, "a", "tuned", "cycle").is_none());
    }
}
