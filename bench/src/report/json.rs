//! The figures as a list of `{scenario, pool, settings, metric, unit, median, min, max, runs}`. Times are in
//! nanoseconds.

use serde_json::{Value, json};

use crate::figures::{Figure, Sheet};

pub(crate) fn json(sheet: &Sheet) -> String {
    let list: Vec<Value> = sheet.figures.iter().map(entry).collect();
    format!("{:#}\n", Value::from(list))
}

fn entry(figure: &Figure) -> Value {
    json!({
        "scenario": figure.scenario.name(),
        "pool": figure.column.pool,
        "settings": figure.column.settings,
        "metric": figure.metric.name,
        "unit": figure.metric.unit.name(),
        "median": round(figure.median()),
        "min": round(figure.min()),
        "max": round(figure.max()),
        "runs": figure.values.len(),
    })
}

/// Three decimals are enough.
fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Column;
    use crate::scenarios::{Scenario, hit};

    #[test]
    fn an_entry_has_everything_that_its_reader_needs() {
        let mut sheet = Sheet::default();
        let column = Column { pool: "raw-sem", settings: "default" };
        for value in [120.00049, 118.0, 125.0] {
            sheet.record(Scenario::S1, column, hit::CYCLE, value);
        }
        let list: Value = serde_json::from_str(&json(&sheet)).unwrap();
        let expected = json!([{
            "scenario": "S1", "pool": "raw-sem", "settings": "default", "metric": "cycle",
            "unit": "ns", "median": 120.0, "min": 118.0, "max": 125.0, "runs": 3,
        }]);
        assert_eq!(list, expected);
    }
}
