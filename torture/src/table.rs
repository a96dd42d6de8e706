//! The table as text, in Markdown, so that it can be pasted; and as JSON.

use serde_json::json;

use crate::cases::Case;
use crate::finding::{Finding, Verdict};
use crate::pools::Pool;

/// What came of one case on one pool.
pub(crate) struct Cell {
    pub(crate) case: Case,
    pub(crate) pool: &'static Pool,
    pub(crate) version: String,
    pub(crate) finding: Finding,
}

/// Rows are cases, columns are pools.
pub(crate) fn text(cells: &[Cell]) -> String {
    let mut text = String::from("| case |");
    let first = Case::ALL[0];
    let columns = || cells.iter().filter(|cell| cell.case == first);
    for cell in columns() {
        text += &format!(" {} {} |", cell.pool.name, cell.version);
    }
    text += "\n|---|";
    text += &"---|".repeat(columns().count());
    text += "\n";
    for case in Case::ALL {
        text += &format!("| {} |", case.rule());
        for cell in cells.iter().filter(|cell| cell.case == case) {
            let Finding { verdict, seen } = &cell.finding;
            let verdict = match verdict {
                Verdict::Breaks => format!("**{}**", verdict.name()),
                _ => verdict.name().to_owned(),
            };
            text += &format!(" {verdict} ({}) |", seen.replace('|', "/"));
        }
        text += "\n";
    }
    text
}

/// A list of `{case, pool, version, verdict, seen}`.
pub(crate) fn json(cells: &[Cell]) -> String {
    let entry = |cell: &Cell| {
        json!({
            "case": cell.case.rule(),
            "pool": cell.pool.name,
            "version": cell.version,
            "verdict": cell.finding.verdict.name(),
            "seen": cell.finding.seen,
        })
    };
    let list: Vec<_> = cells.iter().map(entry).collect();
    format!("{:#}\n", serde_json::Value::from(list))
}

/// How many rules a pool breaks.
pub(crate) fn broken(cells: &[Cell], package: &str) -> usize {
    let breaks =
        |cell: &&Cell| cell.pool.package == package && cell.finding.verdict == Verdict::Breaks;
    cells.iter().filter(breaks).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pools;

    fn cells(ours: &Finding) -> Vec<Cell> {
        let cell = |case| Cell {
            case,
            pool: &pools::ALL[0],
            version: "1.2.3".to_owned(),
            finding: ours.clone(),
        };
        Case::ALL.into_iter().map(cell).collect()
    }

    #[test]
    fn every_row_of_the_table_has_its_cells() {
        let text = text(&cells(&Finding::breaks("1 | 2")));
        assert_eq!(text.lines().count(), 2 + Case::ALL.len());
        for line in text.lines() {
            assert_eq!(line.matches('|').count(), 3, "{line}");
        }
        assert!(text.contains("| case | Cenote 1.2.3 |"), "{text}");
        assert!(text.contains(" **breaks** (1 / 2) |"), "{text}");
    }

    #[test]
    fn json_has_one_entry_for_each_cell() {
        let json = json(&cells(&Finding::holds("1 at once")));
        let list: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(list.as_array().unwrap().len(), Case::ALL.len());
        assert_eq!(list[0]["pool"], "Cenote");
        assert_eq!(list[0]["version"], "1.2.3");
        assert_eq!(list[0]["verdict"], "holds");
        assert_eq!(list[0]["seen"], "1 at once");
    }

    #[test]
    fn breaks_are_counted_for_one_pool() {
        assert_eq!(broken(&cells(&Finding::breaks("so")), "cenote"), Case::ALL.len());
        assert_eq!(broken(&cells(&Finding::breaks("so")), "another"), 0);
        assert_eq!(broken(&cells(&Finding::not_applicable("so")), "cenote"), 0);
    }
}
