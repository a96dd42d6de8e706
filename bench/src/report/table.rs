//! The tables, in Markdown: one for each scenario, rows are pools, a cell has the median, the spread and how Cenote's
//! median compares; and the targets.

use std::fmt::Write;

use crate::figures::{Column, Figure, Metric, Sheet, Unit};
use crate::pools::{NONE, OURS};
use crate::scenarios::Scenario;
use crate::targets::{self, Target, Value, Verdict};

/// All scenarios that were measured, then the targets.
pub(crate) fn text(sheet: &Sheet) -> String {
    let mut text = String::new();
    for scenario in measured(sheet) {
        let _ = write!(text, "{}: {}\n\n", scenario.name(), scenario.what());
        text += &of_scenario(sheet, scenario);
        text += "\n";
    }
    text += "Targets\n\n";
    text + &of_targets(sheet)
}

/// The scenarios that have figures, in their order.
pub(crate) fn measured(sheet: &Sheet) -> Vec<Scenario> {
    let has_figures =
        |&scenario: &Scenario| sheet.figures.iter().any(|figure| figure.scenario == scenario);
    Scenario::ALL.into_iter().filter(has_figures).collect()
}

/// Rows are pools; where only Cenote is measured, rows are metrics.
pub(crate) fn of_scenario(sheet: &Sheet, scenario: Scenario) -> String {
    let figures: Vec<&Figure> =
        sheet.figures.iter().filter(|figure| figure.scenario == scenario).collect();
    let mut metrics: Vec<Metric> = Vec::new();
    let mut columns: Vec<Column> = Vec::new();
    for figure in &figures {
        if !metrics.contains(&figure.metric) {
            metrics.push(figure.metric);
        }
        if !columns.contains(&figure.column) {
            columns.push(figure.column);
        }
    }
    if columns.len() == 1 {
        return alone(&figures);
    }
    let mut text = String::from("| pool | settings |");
    let scales: Vec<Scale> = metrics.iter().map(|metric| Scale::of(*metric, &figures)).collect();
    for (metric, scale) in metrics.iter().zip(&scales) {
        let _ = write!(text, " {}{} |", metric.name, scale.unit(metric.unit));
    }
    text += "\n|---|---|";
    text += &"---|".repeat(metrics.len());
    text += "\n";
    for column in &columns {
        let _ = write!(text, "| {} | {} |", column.pool, column.settings);
        for (metric, scale) in metrics.iter().zip(&scales) {
            let cell = |figure: &Figure| cell(figure, sheet, *scale);
            let found = sheet.find(scenario, column.pool, column.settings, metric.name);
            let _ = write!(text, " {} |", found.map_or_else(|| "–".to_owned(), cell));
        }
        text += "\n";
    }
    text
}

fn alone(figures: &[&Figure]) -> String {
    let mut text = String::from("| metric | median [spread] |\n|---|---|\n");
    for figure in figures {
        let unit = Scale::Plain.unit(figure.metric.unit);
        let spread = spread(figure, Scale::Plain);
        let _ = writeln!(text, "| {}{unit} | {spread} |", figure.metric.name);
    }
    text
}

/// In what a column is told.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Plain,
    /// Milliseconds instead of nanoseconds.
    Milli,
}

impl Scale {
    /// Milliseconds, where no pool takes less than one.
    fn of(metric: Metric, figures: &[&Figure]) -> Scale {
        let of_pools = figures.iter().filter(|one| one.metric == metric && one.column.pool != NONE);
        let least = of_pools.map(|one| one.median()).fold(f64::INFINITY, f64::min);
        match metric.unit == Unit::Ns && least >= 1e6 && least.is_finite() {
            true => Scale::Milli,
            false => Scale::Plain,
        }
    }

    fn unit(self, unit: Unit) -> &'static str {
        match (unit, self) {
            (Unit::Ns, Scale::Plain) => ", ns",
            (Unit::Ns, Scale::Milli) => ", ms",
            (Unit::Bytes, _) => ", bytes",
            (Unit::Instructions | Unit::Allocations | Unit::Count, _) => "",
        }
    }

    fn number(self, unit: Unit, value: f64) -> String {
        match self {
            Scale::Plain => number(unit, value),
            Scale::Milli => number(unit, value / 1e6),
        }
    }
}

/// The median with its spread, and Cenote's over it.
fn cell(figure: &Figure, sheet: &Sheet, scale: Scale) -> String {
    let Figure { scenario, metric, .. } = figure;
    let ours = sheet.find(*scenario, OURS, scenario.judged().name(), metric.name);
    let told = spread(figure, scale);
    match ours {
        Some(ours) if has_ratio(figure) => {
            format!("{told} ({})", ratio(ours.over(figure)))
        }
        _ => told,
    }
}

/// Not against ourselves; and against no pool only where it does the same work. Numbers of connections are not
/// twice as good for being half as many.
fn has_ratio(figure: &Figure) -> bool {
    let is_peer = match figure.column.pool {
        OURS => false,
        NONE => matches!(figure.scenario, Scenario::S0 | Scenario::S7 | Scenario::S8),
        _ => true,
    };
    let unit = figure.metric.unit;
    is_peer && matches!(unit, Unit::Ns | Unit::Instructions | Unit::Bytes) && figure.median() > 0.0
}

/// With two decimals as long as they mean something.
fn ratio(ratio: f64) -> String {
    match ratio < 100.0 {
        true => format!("{ratio:.2}×"),
        false => format!("{}×", number(Unit::Count, ratio)),
    }
}

fn spread(figure: &Figure, scale: Scale) -> String {
    let (median, min, max) = (figure.median(), figure.min(), figure.max());
    let number = |value| scale.number(figure.metric.unit, value);
    match min < max {
        true => format!("{} [{}–{}]", number(median), number(min), number(max)),
        false => number(median),
    }
}

/// As many digits as mean something; thousands apart.
pub(crate) fn number(unit: Unit, value: f64) -> String {
    let decimals = match unit {
        Unit::Allocations if value.fract() != 0.0 => 2,
        Unit::Ns if value < 1000.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (n, digit) in whole.chars().enumerate() {
        if n > 0 && (whole.len() - n) % 3 == 0 && whole.as_bytes()[n - 1] != b'-' {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// The targets of the scenarios that were measured.
pub(crate) fn of_targets(sheet: &Sheet) -> String {
    let measured = measured(sheet);
    let mut text = String::from("| scenario | target | value | |\n|---|---|---|---|\n");
    for target in targets::ALL.iter().filter(|target| measured.contains(&target.scenario)) {
        let (value, verdict) = target.judge(sheet);
        let value = value.map_or_else(|| "–".to_owned(), |value| told(target, value));
        let stretch = if target.stretch { "stretch: " } else { "" };
        let verdict = match verdict {
            Verdict::Met => "met".to_owned(),
            Verdict::Missed(factor) if target.why.is_empty() => {
                format!("**missed** by {factor:.2} ×")
            }
            Verdict::Missed(factor) => format!("**missed** by {factor:.2} ×: {}", target.why),
            Verdict::NotMeasured => "not counted".to_owned(),
        };
        let name = target.scenario.name();
        let _ = writeln!(text, "| {name} | {stretch}{} | {value} | {verdict} |", target.asks());
    }
    text
}

fn told(target: &Target, value: f64) -> String {
    match target.value {
        Value::Plain | Value::Least | Value::BeyondNone if target.metric.unit == Unit::Ns => {
            format!("{:.2} ms", value / 1e6)
        }
        Value::Plain | Value::Least | Value::BeyondNone => number(target.metric.unit, value),
        _ => format!("{value:.2} ×"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenarios::hit;

    fn sheet() -> Sheet {
        let mut sheet = Sheet::default();
        for (pool, settings, values) in [
            (OURS, "default", [60.0, 62.0, 61.0]),
            (OURS, "tuned", [50.0, 50.0, 50.0]),
            ("raw-sem", "default", [120.0, 124.0, 122.0]),
        ] {
            for value in values {
                sheet.record(Scenario::S1, Column { pool, settings }, hit::CYCLE, value);
            }
        }
        let column = Column { pool: OURS, settings: "default" };
        sheet.record(Scenario::S1, column, hit::INSTRUCTIONS, 1234.0);
        sheet
    }

    #[test]
    fn a_cell_has_the_median_the_spread_and_the_ratio() {
        let text = of_scenario(&sheet(), Scenario::S1);
        let expected = "\
| pool | settings | cycle, ns | instructions |
|---|---|---|---|
| cenote | default | 61.0 [60.0–62.0] | 1,234 |
| cenote | tuned | 50.0 | – |
| raw-sem | default | 122.0 [120.0–124.0] (0.50×) | – |
";
        assert_eq!(text, expected);
    }

    #[test]
    fn only_what_was_measured_has_a_table() {
        let text = text(&sheet());
        assert!(text.starts_with("S1: one task"), "{text}");
        assert!(!text.contains("S2"), "{text}");
    }

    #[test]
    fn a_missed_target_says_by_how_much_and_a_met_one_that_it_is() {
        let text = of_targets(&sheet());
        assert!(text.contains("| S1 | cycle ≤ 0.5 × raw-sem's | 0.50 × | met |"), "{text}");
        let missed = "| S1 | instructions ≤ 260 | 1,234 | **missed** by 4.75 ×: it was 251";
        assert!(text.contains(missed), "{text}");
        assert!(text.contains("| **missed** by 8.23 ×: most of a hit"), "and why: {text}");
        let unknown = "| S1 | cycle ≥ 4 × as fast as bb8 | – | not counted |";
        assert!(text.contains(unknown), "{text}");
    }

    #[test]
    fn a_column_without_a_short_time_is_told_in_milliseconds() {
        let mut sheet = Sheet::default();
        for (pool, value) in [(OURS, 43e6), ("raw-sem", 6.25e6), (NONE, 25.0)] {
            let column = Column { pool, settings: "default" };
            sheet.record(Scenario::S1, column, hit::CYCLE, value);
        }
        let text = of_scenario(&sheet, Scenario::S1);
        assert!(text.starts_with("| pool | settings | cycle, ms |"), "{text}");
        assert!(text.contains("| raw-sem | default | 6.2 (6.88×) |"), "{text}");
        assert!(text.contains("| none | default | 0.0 |"), "{text}");
    }

    #[test]
    fn a_large_ratio_has_no_decimals() {
        assert_eq!([ratio(0.5), ratio(99.0), ratio(65_879.12)], ["0.50×", "99.00×", "65,879×"]);
    }

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        for (unit, value, text) in [
            (Unit::Ns, 61.04, "61.0"),
            (Unit::Ns, 6_360_000.4, "6,360,000"),
            (Unit::Count, 64.0, "64"),
            (Unit::Allocations, 0.0, "0"),
            (Unit::Allocations, 2.5, "2.50"),
            (Unit::Bytes, 123_456.0, "123,456"),
        ] {
            assert_eq!(number(unit, value), text);
        }
    }
}
