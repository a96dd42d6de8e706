//! The guide's promises and the tests that hold them. `book/src/promises.md` lists rules, each as
//! `- **P-1** …`; a test names the rules it holds in a comment between it and whatever stands above:
//!
//! ```text
//! // P-5, P-23
//! #[tokio::test]
//! async fn a_cancelled_waiter_gets_nothing() {
//! ```
//!
//! A promise without a test fails the check, and so does a test of a promise that nobody made.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::source::{self, Source};
use crate::{Failure, Outcome};

const PROMISES: &str = "book/src/promises.md";

pub(crate) fn run() -> Outcome {
    let promised = match listed(&source::read(Path::new(PROMISES))?) {
        Ok(promised) => promised,
        Err(wrong) => return Err(Failure::Said(wrong)),
    };
    let files = source::rust_files()?;
    let held = held(&files);
    let wrong = compare(&promised, &held);
    if !wrong.is_empty() {
        return Err(Failure::Said(wrong));
    }
    let tests: BTreeSet<&str> = held.values().flatten().map(String::as_str).collect();
    println!("{} promises, held by {} tests", promised.len(), tests.len());
    Ok(())
}

/// A rule's id: a section's letter and a number, or the letter of a section that has none.
fn is_id(word: &str) -> bool {
    match word.split_once('-') {
        Some((section, number)) => {
            ["P", "C", "D"].contains(&section)
                && !number.is_empty()
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        None => ["S", "F"].contains(&word),
    }
}

/// The ids of the list, or what is wrong with it.
fn listed(text: &str) -> Result<BTreeSet<String>, Vec<String>> {
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for (line, n) in text.lines().zip(1..) {
        let Some((id, _)) = line.strip_prefix("- **").and_then(|rest| rest.split_once("**")) else {
            continue;
        };
        if !is_id(id) {
            wrong.push(format!("{PROMISES}:{n}: \"{id}\" is no rule's id, as P-1, C-19 or S are"));
        } else if !ids.insert(id.to_owned()) {
            wrong.push(format!("{PROMISES}:{n}: {id} is listed twice"));
        }
    }
    if ids.is_empty() {
        wrong.push(format!(
            "{PROMISES} lists no rule: one is a line that begins with \"- **P-1**\""
        ));
    }
    if wrong.is_empty() { Ok(ids) } else { Err(wrong) }
}

/// The ids that tests carry, each with the places of these tests.
fn held(files: &[Source]) -> BTreeMap<String, Vec<String>> {
    let mut held: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in files {
        // The ids of the comments and attributes just passed.
        let mut above = BTreeSet::new();
        for (line, n) in file.text.lines().zip(1..) {
            let line = line.trim();
            if let Some(comment) = line.strip_prefix("//") {
                above.extend(ids(comment));
            } else if is_test_attribute(line) {
                for id in std::mem::take(&mut above) {
                    held.entry(id.to_owned()).or_default().push(format!("{}:{n}", file.path));
                }
            } else if !line.starts_with("#[") {
                above.clear();
            }
        }
    }
    held
}

/// The ids that a comment begins with; what follows them must be set apart, so that a sentence that
/// speaks of a rule is not taken for a test's claim to hold it.
fn ids(comment: &str) -> Vec<&str> {
    let mut ids = Vec::new();
    let mut rest = comment.trim();
    loop {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-').unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if !is_id(word) {
            return Vec::new();
        }
        ids.push(word);
        match after.strip_prefix(", ") {
            Some(more) => rest = more,
            None if after.is_empty()
                || after.starts_with([':', ';'])
                || after.starts_with(" (") =>
            {
                return ids;
            }
            None => return Vec::new(),
        }
    }
}

/// `#[test]`, `#[tokio::test]`, `#[tokio::test(start_paused = true)]` and the like.
pub(crate) fn is_test_attribute(line: &str) -> bool {
    let Some(attribute) = line.strip_prefix("#[") else { return false };
    let path = attribute.split([']', '(']).next().unwrap_or_default();
    path == "test" || path.ends_with("::test")
}

fn compare(promised: &BTreeSet<String>, held: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let untested = promised.iter().filter(|id| !held.contains_key(*id)).map(|id| {
        format!(
            "{id} is promised, but no test carries it: write \"// {id}\" above the one that does"
        )
    });
    let unlisted = held.iter().filter(|(id, _)| !promised.contains(*id)).map(|(id, places)| {
        format!("{}: this test holds {id}, which {PROMISES} does not list", places[0])
    });
    untested.chain(unlisted).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Line by line, so that the check does not take these for tests of its own.
    fn file(lines: &[&str]) -> [Source; 1] {
        [Source { path: "a.rs".to_owned(), text: lines.join("\n") }]
    }

    fn held_ids(lines: &[&str]) -> Vec<String> {
        held(&file(lines)).into_keys().collect()
    }

    fn promised(ids: &[&str]) -> BTreeSet<String> {
        ids.iter().map(|id| (*id).to_owned()).collect()
    }

    #[test]
    fn the_list_is_read() {
        let text =
            "# Promises\n\n- **P-1** A guard.\n- **S** Errors.\n  It goes on.\n- **C-19** Lend.";
        assert_eq!(listed(text), Ok(promised(&["P-1", "S", "C-19"])));
    }

    #[test]
    fn a_list_that_is_wrong_is_refused() {
        let wrong = |text| listed(text).unwrap_err().join("\n");
        assert!(wrong("- **P1** A guard.").contains("promises.md:1: \"P1\" is no rule's id"));
        assert!(wrong("- **P-1** a\n- **P-1** b").contains("promises.md:2: P-1 is listed twice"));
        assert!(wrong("nothing").contains("lists no rule"));
    }

    #[test]
    fn a_test_carries_the_ids_above_it() {
        assert_eq!(held_ids(&["// P-5, P-23", "#[test]"]), ["P-23", "P-5"]);
        assert_eq!(held_ids(&["    // P-5", "    #[tokio::test]"]), ["P-5"]);
        assert_eq!(held_ids(&["// S", "#[tokio::test(start_paused = true)]"]), ["S"]);
        assert_eq!(held_ids(&["// C-19 (a pool)", "#[test]"]), ["C-19"]);
        assert_eq!(held_ids(&["// P-5: the lesson", "// goes on", "#[test]"]), ["P-5"]);
        assert_eq!(held_ids(&["// P-5", "#[should_panic]", "#[test]"]), ["P-5"]);
    }

    #[test]
    fn what_only_speaks_of_a_rule_holds_none() {
        assert!(held_ids(&["// P-5 is held elsewhere", "#[test]"]).is_empty());
        assert!(held_ids(&["// see P-5", "#[test]"]).is_empty());
        assert!(held_ids(&["// P-5", "", "#[test]"]).is_empty());
        assert!(held_ids(&["// P-5", "fn helper() {}", "#[test]"]).is_empty());
        assert!(held_ids(&["// P-5", "fn no_test() {}"]).is_empty());
        assert!(held_ids(&["// P-5", "// #[test]"]).is_empty());
        assert!(held_ids(&["// P-5", "#[cfg(test)]"]).is_empty());
    }

    #[test]
    fn one_comment_counts_for_one_test() {
        let held = held(&file(&["// P-5", "#[test]", "fn a() {}", "#[test]", "fn b() {}"]));
        assert_eq!(held["P-5"], ["a.rs:2"]);
    }

    #[test]
    fn a_promise_without_a_test_is_named() {
        let held = held(&file(&["// P-1", "#[test]"]));
        assert!(compare(&promised(&["P-1"]), &held).is_empty());
        let wrong = compare(&promised(&["P-1", "P-2"]), &held);
        assert_eq!(
            wrong,
            ["P-2 is promised, but no test carries it: write \"// P-2\" above the one that does"]
        );
    }

    #[test]
    fn a_test_of_a_rule_that_nobody_promised_is_named() {
        let held = held(&file(&["// P-1, P-99", "#[test]"]));
        let wrong = compare(&promised(&["P-1"]), &held);
        assert_eq!(
            wrong,
            ["a.rs:2: this test holds P-99, which book/src/promises.md does not list"]
        );
    }
}
