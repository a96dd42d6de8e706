//! The third table of `tests/conformance`: what pools of other languages learned. Each lesson about one pool names tests
//! that carry its number in a comment above them; each other one says which later part will have it, or why it is
//! none of ours.
//!
//! ```text
//! | 5 | whatever frees a slot wakes somebody | P-5 | `counterexamples.rs::destroying_a_lent_one_serves_the_waiter` |
//! | 14 | an old report of a role may come late | claims are ordered by epoch | later: cluster (C-11) |
//!
//! // P-5, P-9
//! // lesson 5
//! #[test]
//! fn destroying_a_lent_one_serves_the_waiter() {
//! ```

use std::collections::BTreeMap;

use crate::conformance::{Proofs, cells, function, is_at, named};
use crate::promises::is_test_attribute;
use crate::source::Source;

pub(crate) const TABLE: &str = "tests/conformance/LESSONS.md";

/// How many there are.
const LESSONS: usize = 31;

/// What the table came to.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Lessons {
    pub(crate) held: usize,
    pub(crate) later: usize,
    pub(crate) not_ours: usize,
}

/// A test that carries a lesson's number.
#[derive(Debug, PartialEq)]
struct Carrier {
    path: String,
    name: String,
}

impl Carrier {
    fn is(&self, proof: &str) -> bool {
        proof
            .split_once("::")
            .is_some_and(|(file, name)| name == self.name && is_at(&self.path, file))
    }
}

/// The tests that carry each number.
fn carriers(files: &[Source]) -> BTreeMap<usize, Vec<Carrier>> {
    let mut all: BTreeMap<usize, Vec<Carrier>> = BTreeMap::new();
    for file in files {
        let mut above = Vec::new();
        let mut is_test = false;
        for line in file.text.lines().map(str::trim) {
            if let Some(comment) = line.strip_prefix("//") {
                above.extend(numbers(comment));
            } else if line.starts_with("#[") {
                is_test |= is_test_attribute(line);
            } else {
                let numbers = std::mem::take(&mut above);
                if let Some(name) = function(line).filter(|_| is_test) {
                    let carrier = || Carrier { path: file.path.clone(), name: name.to_owned() };
                    numbers.into_iter().for_each(|n| all.entry(n).or_default().push(carrier()));
                }
                is_test = false;
            }
        }
    }
    all
}

/// The numbers of a comment that is nothing but "lesson 3" or "lesson 3, 17".
fn numbers(comment: &str) -> Vec<usize> {
    let Some(list) = comment.trim().strip_prefix("lesson ") else { return Vec::new() };
    list.split(", ").map(str::parse).collect::<Result<_, _>>().unwrap_or_default()
}

/// What is wrong with the table, and what it came to.
pub(crate) fn judge(text: &str, proofs: &Proofs, files: &[Source]) -> (Vec<String>, Lessons) {
    let mut carriers = carriers(files);
    let (mut wrong, mut tally, mut listed) = (Vec::new(), Lessons::default(), Vec::new());
    for (line, n) in text.lines().zip(1..) {
        let Some(cells) = cells(line) else { continue };
        let Ok(number) = cells[0].parse::<usize>() else { continue };
        let place = format!("{TABLE}:{n}: lesson {number}");
        let [_, lesson, how, proof] = cells[..] else {
            wrong.push(format!("{place} has {} cells, not 4", cells.len()));
            continue;
        };
        listed.push(number);
        if lesson.is_empty() || how.is_empty() {
            wrong.push(format!("{place} does not say what it is and how the pool has it"));
        }
        let carriers = carriers.remove(&number).unwrap_or_default();
        let excused = |word| proof.strip_prefix(word).is_some_and(|why: &str| !why.is_empty());
        let named = match (excused("later: "), excused("not ours: ")) {
            (false, false) => named(proof),
            (later, not_ours) => {
                tally.later += usize::from(later);
                tally.not_ours += usize::from(not_ours);
                Vec::new()
            }
        };
        if named.is_empty() && !excused("later: ") && !excused("not ours: ") {
            wrong.push(format!("{place} names no test, and is neither later nor \"not ours\""));
        }
        tally.held += usize::from(!named.is_empty());
        for proof in &named {
            if !proofs.has(proof) {
                wrong.push(format!("{place}: {proof} is no test, as file.rs::its_name"));
            } else if !carriers.iter().any(|carrier| carrier.is(proof)) {
                wrong.push(format!("{place}: write \"// lesson {number}\" above {proof}"));
            }
        }
        let unnamed =
            carriers.iter().filter(|carrier| !named.iter().any(|proof| carrier.is(proof)));
        wrong.extend(unnamed.map(|Carrier { path, name }| {
            format!("{place}: {path}::{name} carries the number and is not named")
        }));
    }
    if !listed.iter().copied().eq(1..=LESSONS) {
        wrong.push(format!(
            "{TABLE} has the lessons {listed:?}, they should be 1 to {LESSONS} in order"
        ));
    }
    for (number, carriers) in carriers {
        let Carrier { path, name } = &carriers[0];
        wrong.push(format!("{path}::{name} carries lesson {number}, which is not listed"));
    }
    (wrong, tally)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(above: &str) -> [Source; 1] {
        let text = ["// P-1", above, "#[test]", "fn it_holds() {", "}"].join("\n");
        [Source { path: "crates/cenote/tests/lending.rs".to_owned(), text }]
    }

    /// The table with every lesson, of which the third is this row.
    fn table(third: &str) -> String {
        let row = |n: usize| match n {
            3 => third.to_owned(),
            n => format!("| {n} | a | b | later: cluster |"),
        };
        (1..=LESSONS).map(row).collect::<Vec<_>>().join("\n")
    }

    fn wrong(third: &str, above: &str) -> Vec<String> {
        let files = files(above);
        judge(&table(third), &Proofs::of(&files), &files).0
    }

    const ROW: &str = "| 3 | a | P-1 | `lending.rs::it_holds` |";

    #[test]
    fn a_lesson_and_its_test_know_each_other() {
        assert_eq!(wrong(ROW, "// lesson 3"), [""; 0]);
        assert!(wrong(ROW, "// lesson 30, 3")[0].contains("lesson 30: crates"));
        assert!(
            wrong(ROW, "// nothing")[0]
                .ends_with("write \"// lesson 3\" above lending.rs::it_holds")
        );
        assert!(wrong(ROW, "// a lesson 3")[0].contains("write \"// lesson 3\""));
        let gone = "| 3 | a | P-1 | `lending.rs::gone` |";
        assert!(wrong(gone, "// nothing")[0].contains("lending.rs::gone is no test"));
        let later = "| 3 | a | b | later: cluster |";
        assert!(
            wrong(later, "// lesson 3")[0]
                .ends_with("it_holds carries the number and is not named")
        );
        assert!(
            wrong(later, "// lesson 32")[0].ends_with("carries lesson 32, which is not listed")
        );
    }

    #[test]
    fn a_lesson_without_a_test_says_why() {
        assert_eq!(wrong("| 3 | a | b | not ours: it is about proxies |", ""), [""; 0]);
        assert!(wrong("| 3 | a | b | not ours: |", "")[0].contains("names no test"));
        assert!(wrong("| 3 | a | b | perhaps |", "")[0].contains("names no test"));
        assert!(wrong("| 3 | a |  | later: c |", "")[0].contains("does not say"));
        assert!(wrong("| 3 | a |", "")[0].contains("has 2 cells"));
        assert!(wrong("", "")[0].contains("should be 1 to 31 in order"));
    }

    #[test]
    fn lessons_are_counted() {
        let files = files("// lesson 3");
        let (_, tally) = judge(&table(ROW), &Proofs::of(&files), &files);
        assert_eq!(tally, Lessons { held: 1, later: 30, not_ours: 0 });
    }
}
