//! A bug as a file tells it: a sentence, the checks that must fail with it, and the lines that make it.
//!
//! ```text
//! A node whose requests fail is ejected after one of them.
//!
//! crate: cenote-cluster
//! caught by: --lib health
//! caught by: --features file --test discovery safety
//!
//! --- crates/cenote-cluster/src/health/mod.rs
//! the lines as they are
//! +++
//! the lines with the bug
//! ```
//!
//! The crate is the one whose tests are run; without that line it is the pool's. Behind `caught by:` stand arguments of
//! cargo test, or `loom NAME`, `shuttle NAME` for a test that wants a scheduler.

use std::fmt;

/// Whose tests are run if a file names no crate.
pub(super) const POOL: &str = "cenote";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Bug {
    pub(super) name: String,
    pub(super) what: String,
    pub(super) checks: Vec<Check>,
    pub(super) pieces: Vec<Piece>,
}

/// Tests that must fail.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Check {
    pub(super) package: String,
    /// Words for cargo test, or a scheduler and its test.
    pub(super) words: Vec<String>,
}

/// Lines of a file, and what stands there with the bug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) path: String,
    pub(super) sound: String,
    pub(super) broken: String,
}

impl Bug {
    pub(super) fn read(name: &str, text: &str) -> Result<Bug, String> {
        let (head, pieces) = text.split_once("--- ").ok_or("it has no line \"--- PATH\"")?;
        let (mut package, mut checks, mut what) = (POOL, Vec::new(), Vec::new());
        for line in head.lines() {
            if let Some(words) = line.strip_prefix("caught by: ") {
                checks.push(words.split_whitespace().map(str::to_owned).collect());
            } else if let Some(name) = line.strip_prefix("crate: ") {
                package = name.trim();
            } else {
                what.push(line.trim());
            }
        }
        if checks.is_empty() {
            return Err("it has no line \"caught by: ARGUMENTS\"".to_owned());
        }
        let check = |words| Check { package: package.to_owned(), words };
        Ok(Bug {
            name: name.to_owned(),
            what: what.join(" ").trim().to_owned(),
            checks: checks.into_iter().map(check).collect(),
            pieces: pieces.split("\n--- ").map(Piece::read).collect::<Result<_, _>>()?,
        })
    }

    /// Whether the core's unit tests are all that it takes: one program, which the core's other bugs take too. The walks
    /// over all states take longer than the rest.
    pub(super) fn is_quick(&self) -> bool {
        let is_of_core = |check: &Check| {
            let Check { package, words } = check;
            let [target, filter] = &words[..] else { return false };
            let quick = filter.starts_with("core::tests") && !filter.contains("enumeration");
            package == POOL && target == "--lib" && quick
        };
        self.checks.iter().all(is_of_core)
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.package, self.words.join(" "))
    }
}

impl Piece {
    fn read(text: &str) -> Result<Piece, String> {
        let (path, lines) = text.split_once('\n').ok_or("nothing follows a path")?;
        let (sound, broken) =
            lines.split_once("+++\n").ok_or_else(|| format!("{path} has no line \"+++\""))?;
        // The last piece ends with the file, the others before the next "---".
        let broken = broken.trim_end_matches('\n').to_owned() + "\n";
        Ok(Piece { path: path.to_owned(), sound: sound.to_owned(), broken })
    }

    /// The file's text with the bug.
    pub(super) fn put_into(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.sound).count() {
            1 => Ok(text.replacen(&self.sound, &self.broken, 1)),
            n => Err(format!("its lines occur {n} times in {}, once is expected", self.path)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::plant) const FILE: &str = "Two borrowers of one connection.\n\ncaught by: --lib core::tests\ncaught by: \
                        --test many\n\n--- a/b.rs\n    sound();\n+++\n    broken();\n\n--- c.rs\nx\n+++\n";

    #[test]
    fn a_bug_is_a_sentence_its_checks_and_pieces_of_code() {
        let bug = Bug::read("double-lend", FILE).unwrap();
        assert_eq!(bug.what, "Two borrowers of one connection.");
        let told: Vec<String> = bug.checks.iter().map(Check::to_string).collect();
        assert_eq!(told, ["cenote --lib core::tests", "cenote --test many"]);
        let [first, second] = &bug.pieces[..] else { panic!("{:?}", bug.pieces) };
        assert_eq!((first.path.as_str(), first.sound.as_str()), ("a/b.rs", "    sound();\n"));
        assert_eq!(first.broken, "    broken();\n");
        assert_eq!((second.path.as_str(), second.broken.as_str()), ("c.rs", "\n"));
    }

    #[test]
    fn a_crate_that_is_named_is_the_one_whose_tests_run_wherever_the_line_stands() {
        for text in [
            "Why.\ncrate: cenote-etcd\ncaught by: --lib wait\n--- a.rs\nx\n+++\ny\n",
            "Why.\ncaught by: --lib wait\ncrate: cenote-etcd\n--- a.rs\nx\n+++\ny\n",
        ] {
            let bug = Bug::read("hammer", text).unwrap();
            assert_eq!((bug.what.as_str(), bug.checks.len()), ("Why.", 1));
            assert_eq!(bug.checks[0].package, "cenote-etcd");
            assert_eq!(bug.checks[0].words, ["--lib", "wait"]);
        }
    }

    #[test]
    fn what_takes_more_than_the_cores_unit_tests_is_not_quick() {
        let quick =
            |head: &str| Bug::read("x", &format!("{head}\n--- a\nx\n+++\ny\n")).unwrap().is_quick();
        assert!(quick("caught by: --lib core::tests::histories"));
        assert!(quick(
            "caught by: --lib core::tests::histories\ncaught by: --lib core::tests::gate"
        ));
        assert!(!quick("caught by: --lib core::tests::histories\ncaught by: --test pool limits::"));
        assert!(!quick("caught by: --lib core::tests::enumeration::every_state"));
        assert!(!quick("caught by: loom permutations::lane"));
        assert!(!quick("crate: cenote-cluster\ncaught by: --lib core::tests"));
    }

    #[test]
    fn what_a_file_lacks_is_named() {
        let wrong = |text| Bug::read("x", text).unwrap_err();
        assert_eq!(wrong("caught by: --lib"), "it has no line \"--- PATH\"");
        assert_eq!(wrong("--- a.rs\nx\n+++\ny\n"), "it has no line \"caught by: ARGUMENTS\"");
        assert_eq!(wrong("caught by: --lib\n--- a.rs\nx\n"), "a.rs has no line \"+++\"");
    }

    #[test]
    fn a_bug_whose_place_has_changed_is_noticed() {
        let bug = Bug::read("double-lend", FILE).unwrap();
        let put = |text| bug.pieces[0].put_into(text);
        assert_eq!(put("{\n    sound();\n}\n"), Ok("{\n    broken();\n}\n".to_owned()));
        assert!(put("{\n    other();\n}\n").unwrap_err().contains("occur 0 times in a/b.rs"));
        assert!(put("    sound();\n    sound();\n").unwrap_err().contains("occur 2 times"));
    }
}
