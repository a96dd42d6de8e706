//! The tables of `tests/conformance`, and whether what they name is there. `SOURCES.md` has a row for each
//! item of the five documents that the pool comes from, `README.md` one for each case that other pools are
//! tested with; `LESSONS.md` is judged [next door](crate::lessons):
//!
//! ```text
//! | 17 | a bound for the queue | P-6: `max_waiting` | `node_mysql.rs::queue_limit` |
//! | queue-limit | kept | P-6 | `node_mysql.rs::queue_limit`, `examples/node_mysql_pool` |
//! ```
//!
//! The last cell names the proof: a test, by its file and function, or an example that the examples' test runs.
//! A row of the first table may say instead which later part will have it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::promises::is_test_attribute;
use crate::source::{self, Source};
use crate::{Failure, Outcome, lessons};

const ITEMS: &str = "tests/conformance/SOURCES.md";
const CASES: &str = "tests/conformance/README.md";
const EXAMPLES_TEST: &str = "examples/tests/run.rs";

/// How many items each of the documents has.
const DOCUMENTS: &[(&str, usize)] =
    &[("000", 28), ("001", 26), ("002", 56), ("003", 30), ("004", 38)];

pub(crate) fn run() -> Outcome {
    let files = source::rust_files()?;
    let proofs = Proofs::of(&files);
    let mut tally = Tally::default();
    let mut wrong = judge_items(&source::read(Path::new(ITEMS))?, &proofs, &mut tally);
    wrong.extend(judge_cases(&source::read(Path::new(CASES))?, &proofs, &mut tally));
    let table = source::read(Path::new(lessons::TABLE))?;
    let (wrong_lessons, learned) = lessons::judge(&table, &proofs, &files);
    wrong.extend(wrong_lessons);
    if !wrong.is_empty() {
        return Err(Failure::Said(wrong));
    }
    let Tally { items, later, kept, differing, proofs } = tally;
    println!(
        "{items} items ({later} of them later), {kept} cases kept and {differing} that differ, proved by {} tests and examples",
        proofs.len()
    );
    let lessons::Lessons { held, later, not_ours } = learned;
    println!("{held} lessons held by tests, {later} later, {not_ours} not ours");
    Ok(())
}

#[derive(Default)]
struct Tally {
    items: usize,
    later: usize,
    kept: usize,
    differing: usize,
    proofs: BTreeSet<String>,
}

/// Everything that a row may name.
pub(crate) struct Proofs {
    /// The paths of the files that have a test of this name.
    tests: BTreeMap<String, Vec<String>>,
    /// The examples that are there and run by their test.
    examples: BTreeSet<String>,
}

impl Proofs {
    pub(crate) fn of(files: &[Source]) -> Proofs {
        let mut tests: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in files {
            for name in test_names(&file.text) {
                tests.entry(name.to_owned()).or_default().push(file.path.clone());
            }
        }
        let runner = files.iter().find(|file| file.path == EXAMPLES_TEST);
        let is_run = |name: &&str| {
            let program = format!("\"CARGO_BIN_EXE_{name}\"");
            runner.is_some_and(|file| file.text.contains(&program))
        };
        let programs = files.iter().filter_map(|file| {
            file.path.strip_prefix("examples/src/bin/").and_then(|name| name.strip_suffix(".rs"))
        });
        Proofs { tests, examples: programs.filter(is_run).map(str::to_owned).collect() }
    }

    pub(crate) fn has(&self, proof: &str) -> bool {
        if let Some(example) = proof.strip_prefix("examples/") {
            return self.examples.contains(example);
        }
        let Some((file, name)) = proof.split_once("::") else { return false };
        let Some(paths) = self.tests.get(name) else { return false };
        paths.iter().any(|path| is_at(path, file))
    }
}

/// Whether a path is meant by its last part, or its last parts.
pub(crate) fn is_at(path: &str, file: &str) -> bool {
    path.strip_suffix(file).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
}

/// The name of the function that begins in this line.
pub(crate) fn function(line: &str) -> Option<&str> {
    let function = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    function.split_once('(').map(|(name, _)| name)
}

/// The names of the test functions of a file.
fn test_names(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut is_next = false;
    for line in text.lines().map(str::trim) {
        is_next |= is_test_attribute(line);
        if let Some(name) = function(line) {
            if is_next {
                names.push(name);
            }
            is_next = false;
        }
    }
    names
}

/// The cells of a table's row; none for a line that is no row, or rules a table off.
pub(crate) fn cells(line: &str) -> Option<Vec<&str>> {
    let row = line.strip_prefix('|')?.strip_suffix('|')?;
    let is_rule = row.chars().all(|c| matches!(c, '|' | '-' | ':' | ' '));
    (!is_rule).then(|| row.split('|').map(str::trim).collect())
}

/// What a cell names in backticks.
pub(crate) fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Why a row's last cell proves nothing, if so.
fn judge_proof(place: &str, cell: &str, proofs: &Proofs, tally: &mut Tally) -> Vec<String> {
    let named = named(cell);
    if named.is_empty() {
        return vec![format!("{place} names no test and no example")];
    }
    let mut wrong = Vec::new();
    for proof in named {
        if proofs.has(proof) {
            tally.proofs.insert(proof.to_owned());
        } else {
            let what = match proof.starts_with("examples/") {
                true => "no example that examples/tests/run.rs runs",
                false => "no test, as file.rs::its_name",
            };
            wrong.push(format!("{place}: {proof} is {what}"));
        }
    }
    wrong
}

fn judge_items(text: &str, proofs: &Proofs, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut numbers: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut document = "";
    for (line, n) in text.lines().zip(1..) {
        if let Some(title) = line.strip_prefix("## ") {
            document = title.split(' ').next().unwrap_or_default();
        }
        let Some(cells) = cells(line) else { continue };
        let Ok(number) = cells[0].parse() else { continue };
        let place = format!("{ITEMS}:{n}: item {number} of {document}");
        let [_, item, held, proof] = cells[..] else {
            wrong.push(format!("{place} has {} cells, not 4", cells.len()));
            continue;
        };
        numbers.entry(document).or_default().push(number);
        tally.items += 1;
        if item.is_empty() || held.is_empty() {
            wrong.push(format!("{place} does not say what it is and how the pool has it"));
        }
        match proof.strip_prefix("later: ") {
            Some(part) if !part.is_empty() => tally.later += 1,
            _ => wrong.extend(judge_proof(&place, proof, proofs, tally)),
        }
    }
    for (document, most) in DOCUMENTS {
        let found = numbers.remove(document).unwrap_or_default();
        if !found.iter().copied().eq(1..=*most) {
            wrong.push(format!(
                "{ITEMS}: {document} has the items {found:?}, they should be 1 to {most} in order"
            ));
        }
    }
    let unknown =
        numbers.into_keys().map(|name| format!("{ITEMS}: there is no document \"{name}\""));
    wrong.extend(unknown);
    wrong
}

fn judge_cases(text: &str, proofs: &Proofs, tally: &mut Tally) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut are_cases = false;
    for (line, n) in text.lines().zip(1..) {
        let Some(cells) = cells(line) else {
            are_cases &= line.starts_with('|');
            continue;
        };
        if cells[0] == "case" {
            are_cases = true;
            continue;
        }
        if !are_cases {
            continue;
        }
        let place = format!("{CASES}:{n}: {}", cells[0]);
        let [_, verdict, how, proof] = cells[..] else {
            wrong.push(format!("{place} has {} cells, not 4", cells.len()));
            continue;
        };
        match verdict {
            "kept" => tally.kept += 1,
            "differs" if !["P-", "C-", "D-"].iter().any(|id| how.starts_with(id)) => {
                wrong
                    .push(format!("{place} differs, but the rule that says so is not named first"));
            }
            "differs" => tally.differing += 1,
            _ => wrong.push(format!("{place} is \"{verdict}\", neither kept nor differs")),
        }
        wrong.extend(judge_proof(&place, proof, proofs, tally));
    }
    if tally.kept == 0 {
        wrong.push(format!("{CASES} lists no case"));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    fn proofs() -> Proofs {
        // Line by line, so that the check does not take these for tests of its own.
        let test = ["// P-1", "#[test]", "fn it_holds() {", "    helper();", "}"].join("\n");
        Proofs::of(&[
            file("crates/cenote/tests/faces/lending.rs", &test),
            file("examples/src/bin/acquire.rs", "fn main() {}"),
            file("examples/src/bin/forgotten.rs", "fn main() {}"),
            file(EXAMPLES_TEST, "env!(\"CARGO_BIN_EXE_acquire\")"),
        ])
    }

    fn items(text: &str) -> Vec<String> {
        let wrong = judge_items(text, &proofs(), &mut Tally::default());
        wrong.into_iter().filter(|sentence| !sentence.contains("should be 1 to")).collect()
    }

    fn cases(text: &str) -> Vec<String> {
        let kept = "| case | verdict | how | proof |\n|---|---|---|---|\n| a | kept | P-1 | `lending.rs::it_holds` |\n";
        judge_cases(&format!("{kept}{text}"), &proofs(), &mut Tally::default())
    }

    #[test]
    fn only_functions_with_a_test_attribute_are_tests() {
        let text = [
            "fn helper() {}",
            "#[tokio::test(start_paused = true)]",
            "// why",
            "async fn a() {",
            "fn b() {}",
        ];
        assert_eq!(test_names(&text.join("\n")), ["a"]);
        assert!(test_names("#[cfg(test)]\nfn a() {}").is_empty());
    }

    #[test]
    fn a_proof_is_a_test_by_its_file_and_name_or_an_example_that_is_run() {
        let proofs = proofs();
        assert!(proofs.has("lending.rs::it_holds") && proofs.has("faces/lending.rs::it_holds"));
        assert!(!proofs.has("ending.rs::it_holds"), "lending.rs is another file");
        assert!(!proofs.has("lending.rs::helper") && !proofs.has("it_holds"));
        assert!(proofs.has("examples/acquire"));
        assert!(!proofs.has("examples/forgotten"), "nobody runs it");
        assert!(!proofs.has("examples/none"));
    }

    #[test]
    fn an_item_needs_a_proof_or_the_part_that_will_have_it() {
        let row = |proof: &str| format!("## 000 a\n\n| 1 | an item | P-1 | {proof} |");
        assert!(items(&row("`lending.rs::it_holds`")).is_empty());
        assert!(items(&row("later: cluster (C-2)")).is_empty());
        assert_eq!(
            items(&row("")),
            [format!("{ITEMS}:3: item 1 of 000 names no test and no example")]
        );
        assert!(items(&row("later: "))[0].contains("names no test"));
        assert!(
            items(&row("`lending.rs::gone`"))[0]
                .ends_with("lending.rs::gone is no test, as file.rs::its_name")
        );
        assert!(items(&row("`examples/gone`"))[0].contains("no example that"));
        assert!(items("## 000 a\n| 1 | an item |")[0].contains("has 2 cells, not 4"));
        assert!(items("## 009 a\n| 1 | a | b | later: c |")[0].contains("no document \"009\""));
    }

    #[test]
    fn every_item_of_every_document_is_there_once_and_in_order() {
        let page = |left_out: usize| {
            let mut page = String::new();
            for (document, most) in DOCUMENTS {
                page +=
                    &format!("## {document} a\n\n| # | item | how | proof |\n|---|---|---|---|\n");
                for n in (1..=*most).filter(|n| *n != left_out) {
                    page += &format!("| {n} | a | b | later: c |\n");
                }
            }
            page
        };
        let mut tally = Tally::default();
        assert!(judge_items(&page(0), &proofs(), &mut tally).is_empty());
        assert_eq!((tally.items, tally.later), (178, 178));
        let wrong = judge_items(&page(30), &proofs(), &mut Tally::default());
        assert_eq!(wrong.len(), 3, "the documents of thirty items and more: {wrong:?}");
        assert!(wrong[0].contains("002 has the items") && wrong[0].ends_with("1 to 56 in order"));
    }

    #[test]
    fn a_case_is_kept_or_differs_by_a_rule_and_is_proved() {
        assert!(cases("| b | differs | P-9: ours | `lending.rs::it_holds` |").is_empty());
        assert!(
            cases("| b | differs | ours | `lending.rs::it_holds` |")[0]
                .contains("is not named first")
        );
        assert!(cases("| b | maybe | P-9 | `lending.rs::it_holds` |")[0].contains("is \"maybe\""));
        assert!(cases("| b | kept | P-9 | a test |")[0].contains("names no test"));
        assert!(cases("| b | kept |")[0].contains("has 2 cells"));
        assert!(cases("\n| another | table |\n|---|---|\n| with | rows |").is_empty());
        assert!(judge_cases("", &proofs(), &mut Tally::default())[0].contains("lists no case"));
    }
}
