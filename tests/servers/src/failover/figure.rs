//! Figures and their bounds: of one run, of several, as a table and as JSON. Less is always better, so a bound is the
//! most that a figure may be.

use std::fmt;

use serde_json::{Value, json};

/// What one run found.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Measured {
    what: &'static str,
    unit: &'static str,
    value: f64,
    /// The most that any run may have.
    bound: f64,
    /// The most that the median of the runs may be, if that is less.
    typical: Option<f64>,
}

impl Measured {
    pub(crate) fn count(what: &'static str, n: usize, bound: usize) -> Measured {
        Measured { what, unit: "", value: n as f64, bound: bound as f64, typical: None }
    }

    pub(crate) fn new(what: &'static str, unit: &'static str, value: f64, bound: f64) -> Measured {
        Measured { what, unit, value, bound, typical: None }
    }

    pub(crate) fn typically(mut self, bound: f64) -> Measured {
        self.typical = Some(bound);
        self
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Measured { what, unit, value, bound, .. } = self;
        write!(f, "{what}: {} {unit} (at most {})", shown(*value), shown(*bound))
    }
}

/// All runs of all cases, in the order in which they came.
#[derive(Default)]
pub(crate) struct Figures(Vec<(Case, Vec<Measured>)>);

/// A kind of server, and what is done to it.
type Case = (&'static str, &'static str);

/// A line of the table.
#[derive(Debug, PartialEq)]
pub(crate) struct Row {
    case: Case,
    figure: String,
    unit: &'static str,
    value: f64,
    bound: f64,
}

impl Row {
    pub(crate) fn holds(&self) -> bool {
        self.value <= self.bound
    }
}

impl Figures {
    pub(crate) fn add(
        &mut self,
        server: &'static str,
        case: &'static str,
        measured: Vec<Measured>,
    ) {
        let case = (server, case);
        for one in measured {
            let known =
                |(of, all): &&mut (_, Vec<Measured>)| *of == case && all[0].what == one.what;
            match self.0.iter_mut().find(known) {
                Some((_, all)) => all.push(one),
                None => self.0.push((case, vec![one])),
            }
        }
    }

    /// The run that is furthest beyond its bound, or nearest to it, stands for all; where the median has a bound of its
    /// own it is a row of its own.
    pub(crate) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        for &(case, ref all) in &self.0 {
            let Some(worst) =
                all.iter().max_by(|a, b| (a.value - a.bound).total_cmp(&(b.value - b.bound)))
            else {
                continue;
            };
            let row =
                |figure: String, value, bound| Row { case, figure, unit: worst.unit, value, bound };
            if let Some(typical) = worst.typical.filter(|_| all.len() > 1) {
                let median = median(all.iter().map(|one| one.value).collect());
                rows.push(row(format!("{}, median", worst.what), median, typical));
            }
            let figure = match all.len() {
                1 => worst.what.to_owned(),
                runs => format!("{}, worst of {runs}", worst.what),
            };
            rows.push(row(figure, worst.value, worst.bound));
        }
        rows
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

fn shown(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut table =
        "| server | case | figure | value | bound | holds |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let with_unit = |value| format!("{} {}", shown(value), row.unit).trim_end().to_owned();
        table += &format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            row.case.0,
            row.case.1,
            row.figure,
            with_unit(row.value),
            with_unit(row.bound),
            if row.holds() { "yes" } else { "**no**" }
        );
    }
    table
}

pub(crate) fn json(rows: &[Row]) -> String {
    let one = |row: &Row| {
        json!({
            "server": row.case.0,
            "case": row.case.1,
            "figure": row.figure,
            "unit": row.unit,
            "value": row.value,
            "bound": row.bound,
            "holds": row.holds(),
        })
    };
    format!("{:#}\n", Value::Array(rows.iter().map(one).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_run_that_is_furthest_beyond_its_bound_stands_for_all() {
        let mut figures = Figures::default();
        for (failed, lent) in [(3, 5), (2, 1), (0, 0)] {
            figures.add("redis", "primary", vec![Measured::count("failed", failed, lent)]);
        }
        let rows = figures.rows();
        assert_eq!((rows.len(), rows[0].value, rows[0].bound), (1, 2.0, 1.0));
        assert!(!rows[0].holds());
        assert!(
            table(&rows).ends_with("| redis | primary | failed, worst of 3 | 2 | 1 | **no** |\n")
        );
        assert!(json(&rows).contains("\"holds\": false"));
    }

    #[test]
    fn a_median_has_a_bound_and_a_row_of_its_own() {
        let mut figures = Figures::default();
        for value in [100.0, 1900.0, 510.0] {
            figures.add(
                "redis",
                "a",
                vec![Measured::new("first", "ms", value, 2000.0).typically(500.0)],
            );
        }
        let rows = figures.rows();
        let seen: Vec<_> = rows.iter().map(|row| (row.value, row.bound, row.holds())).collect();
        assert_eq!(seen, [(510.0, 500.0, false), (1900.0, 2000.0, true)]);
    }
}
