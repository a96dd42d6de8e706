//! Known bugs, put one at a time into a copy of the project: each file of `tests/planted` tells a bug, the
//! lines that make it, and the checks that must fail with it. So nobody has to believe that a check can fail.
//! The copy lies in the target folder; what it has compiled is used again.
//!
//! A file is a sentence about the bug, a line `caught by: ARGUMENTS OF CARGO TEST` for each check, and
//! pieces of code: `--- PATH`, the lines as they are, `+++`, the lines with the bug. The first lines
//! must occur exactly once, so a bug whose place has changed is noticed and not passed by.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use clap::Args;

use crate::test::{cargo, target};
use crate::{Failure, Outcome, source};

const BUGS: &str = "tests/planted";
/// Where each bug is told with what caught it.
const TABLE: &str = "tests/README.md";

#[derive(Args)]
pub(crate) struct Wishes {
    /// Bugs to plant, by the names of their files in tests/planted; all of them if none is named
    #[arg(value_name = "BUG")]
    pub(crate) names: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Bug {
    name: String,
    what: String,
    /// Words for `cargo test --package cenote`, the target first.
    checks: Vec<Vec<String>>,
    pieces: Vec<Piece>,
}

/// Lines of a file, and what stands there with the bug.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    path: String,
    sound: String,
    broken: String,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let bugs = choose(read_all()?, &wishes.names).map_err(Failure::one)?;
    let table = source::read(Path::new(TABLE))?;
    let untold = bugs.iter().filter(|bug| !table.contains(&format!("`{}`", bug.name)));
    let mut wrong: Vec<String> =
        untold.map(|bug| format!("{TABLE} does not tell of the bug `{}`", bug.name)).collect();
    let copy = Copy::make()?;
    let checks: BTreeSet<_> = bugs.iter().flat_map(|bug| &bug.checks).collect();
    for check in checks {
        copy.compile(check).map_err(Failure::one)?;
        if let Err(output) = copy.check(check)? {
            let said = String::from_utf8_lossy(&output.stdout);
            let words = check.join(" ");
            return Err(Failure::one(format!("without a bug, {words} fails:\n{said}")));
        }
    }
    for bug in &bugs {
        match copy.plant(bug)? {
            Ok(()) => println!("{}: caught by {}", bug.name, told(&bug.checks)),
            Err(mut sentences) => wrong.append(&mut sentences),
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Said(wrong)) }
}

fn told(checks: &[Vec<String>]) -> String {
    let checks: Vec<String> = checks.iter().map(|words| words.join(" ")).collect();
    checks.join(" and ")
}

fn read_all() -> Result<Vec<Bug>, Failure> {
    let files = source::paths()?.into_iter().filter(|path| path.starts_with(BUGS));
    files
        .map(|path| {
            let text = source::read(Path::new(&path))?;
            let name = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy();
            read(&name, &text).map_err(|why| Failure::one(format!("{path}: {why}")))
        })
        .collect()
}

fn choose(bugs: Vec<Bug>, names: &[String]) -> Result<Vec<Bug>, String> {
    if let Some(name) = names.iter().find(|name| !bugs.iter().any(|bug| bug.name == **name)) {
        let known: Vec<&str> = bugs.iter().map(|bug| bug.name.as_str()).collect();
        return Err(format!("{BUGS} has no bug \"{name}\"; it has {}", known.join(", ")));
    }
    Ok(bugs.into_iter().filter(|bug| names.is_empty() || names.contains(&bug.name)).collect())
}

fn read(name: &str, text: &str) -> Result<Bug, String> {
    let (head, pieces) = text.split_once("--- ").ok_or("it has no line \"--- PATH\"")?;
    let mut checks = Vec::new();
    let mut what = Vec::new();
    for line in head.lines() {
        match line.strip_prefix("caught by: ") {
            Some(words) => checks.push(words.split_whitespace().map(str::to_owned).collect()),
            None => what.push(line.trim()),
        }
    }
    if checks.is_empty() {
        return Err("it has no line \"caught by: ARGUMENTS\"".to_owned());
    }
    let pieces = pieces.split("\n--- ").map(piece).collect::<Result<_, _>>()?;
    let what = what.join(" ").trim().to_owned();
    Ok(Bug { name: name.to_owned(), what, checks, pieces })
}

fn piece(text: &str) -> Result<Piece, String> {
    let (path, lines) = text.split_once('\n').ok_or("nothing follows a path")?;
    let (sound, broken) =
        lines.split_once("+++\n").ok_or_else(|| format!("{path} has no line \"+++\""))?;
    // The last piece ends with the file, the others before the next "---".
    let broken = broken.trim_end_matches('\n').to_owned() + "\n";
    Ok(Piece { path: path.to_owned(), sound: sound.to_owned(), broken })
}

impl Piece {
    /// The file's text with the bug.
    fn put_into(&self, text: &str) -> Result<String, String> {
        match text.matches(&self.sound).count() {
            1 => Ok(text.replacen(&self.sound, &self.broken, 1)),
            n => Err(format!("its lines occur {n} times in {}, once is expected", self.path)),
        }
    }
}

/// A copy of the project that may be broken.
struct Copy {
    root: PathBuf,
}

impl Copy {
    fn make() -> Result<Copy, Failure> {
        let copy = Copy { root: target().join("planted") };
        for path in source::paths()? {
            let text = fs::read(source::root().join(&path));
            let text = text.map_err(|error| unreadable(&path, &error))?;
            copy.write(&path, &text)?;
        }
        Ok(copy)
    }

    /// Leaves alone what is so already: cargo would compile it again.
    fn write(&self, path: &str, text: &[u8]) -> Outcome {
        let to = self.root.join(path);
        if fs::read(&to).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let folder = to.parent().expect("a file lies in a folder");
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&to, text))
            .map_err(|error| Failure::one(format!("{} cannot be written: {error}", to.display())))
    }

    /// Plants a bug, looks whether each of its checks fails, and takes it out again.
    fn plant(&self, bug: &Bug) -> Result<Result<(), Vec<String>>, Failure> {
        let mut wrong = Vec::new();
        for piece in &bug.pieces {
            let text = source::read(Path::new(&piece.path))?;
            match piece.put_into(&text) {
                Ok(text) => self.write(&piece.path, text.as_bytes())?,
                Err(why) => wrong.push(format!("{BUGS}/{}.txt: {why}", bug.name)),
            }
        }
        if wrong.is_empty() {
            for check in &bug.checks {
                let words = check.join(" ");
                if let Err(why) = self.compile(check) {
                    wrong.push(format!("{}: {why}", bug.name));
                } else if self.check(check)?.is_ok() {
                    wrong.push(format!("{} is not caught by {words}: {}", bug.name, bug.what));
                }
            }
        }
        for piece in &bug.pieces {
            let text = source::read(Path::new(&piece.path))?;
            self.write(&piece.path, text.as_bytes())?;
        }
        Ok(if wrong.is_empty() { Ok(()) } else { Err(wrong) })
    }

    /// A bug that does not compile proves nothing.
    fn compile(&self, check: &[String]) -> Result<(), String> {
        let output = self.cargo(check, true)?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("it does not compile:\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    /// The check's output if it fails.
    fn check(&self, check: &[String]) -> Result<Result<(), Output>, Failure> {
        let output = self.cargo(check, false).map_err(Failure::one)?;
        Ok(if output.status.success() { Ok(()) } else { Err(output) })
    }

    fn cargo(&self, check: &[String], only_compile: bool) -> Result<Output, String> {
        let mut test = Command::new(cargo());
        test.current_dir(&self.root).env("CARGO_TARGET_DIR", target());
        test.args(["test", "--quiet", "--locked", "--package", "cenote"]).args(check);
        if only_compile {
            test.arg("--no-run");
        }
        // Enough for a bug that is there; without backtraces, which cost more than the tests.
        test.env("CENOTE_HISTORIES", "2000").env("CENOTE_SEEDS", "200");
        test.env("RUST_BACKTRACE", "0");
        test.output().map_err(|error| format!("cargo cannot be run: {error}"))
    }
}

fn unreadable(path: &str, error: &std::io::Error) -> Failure {
    Failure::one(format!("{path} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "Two borrowers of one connection.\n\ncaught by: --lib core::tests\ncaught by: \
                        --test many\n\n--- a/b.rs\n    sound();\n+++\n    broken();\n\n--- c.rs\nx\n+++\n";

    #[test]
    fn a_bug_is_a_sentence_its_checks_and_pieces_of_code() {
        let bug = read("double-lend", FILE).unwrap();
        assert_eq!(bug.what, "Two borrowers of one connection.");
        assert_eq!(bug.checks, [["--lib", "core::tests"], ["--test", "many"]]);
        let [first, second] = &bug.pieces[..] else { panic!("{:?}", bug.pieces) };
        assert_eq!((first.path.as_str(), first.sound.as_str()), ("a/b.rs", "    sound();\n"));
        assert_eq!(first.broken, "    broken();\n");
        assert_eq!((second.path.as_str(), second.broken.as_str()), ("c.rs", "\n"));
    }

    #[test]
    fn what_a_file_lacks_is_named() {
        let wrong = |text| read("x", text).unwrap_err();
        assert_eq!(wrong("caught by: --lib"), "it has no line \"--- PATH\"");
        assert_eq!(wrong("--- a.rs\nx\n+++\ny\n"), "it has no line \"caught by: ARGUMENTS\"");
        assert_eq!(wrong("caught by: --lib\n--- a.rs\nx\n"), "a.rs has no line \"+++\"");
    }

    #[test]
    fn a_bug_whose_place_has_changed_is_noticed() {
        let bug = read("double-lend", FILE).unwrap();
        let put = |text| bug.pieces[0].put_into(text);
        assert_eq!(put("{\n    sound();\n}\n"), Ok("{\n    broken();\n}\n".to_owned()));
        assert!(put("{\n    other();\n}\n").unwrap_err().contains("occur 0 times in a/b.rs"));
        assert!(put("    sound();\n    sound();\n").unwrap_err().contains("occur 2 times"));
    }

    #[test]
    fn every_bug_of_the_project_finds_its_place_and_is_told() {
        let bugs = read_all().unwrap_or_default();
        assert!(bugs.len() >= 8, "only {} bugs were read", bugs.len());
        let table = source::read(Path::new(TABLE)).unwrap_or_default();
        for bug in bugs {
            assert!(table.contains(&format!("`{}`", bug.name)), "{TABLE} forgets {}", bug.name);
            for piece in &bug.pieces {
                let text = source::read(Path::new(&piece.path)).unwrap_or_default();
                piece.put_into(&text).unwrap_or_else(|why| panic!("{}: {why}", bug.name));
            }
        }
    }

    #[test]
    fn an_unknown_bug_is_named_with_the_known_ones() {
        let bugs = vec![read("double-lend", FILE).unwrap()];
        let said = choose(bugs, &["double".to_owned()]).unwrap_err();
        assert_eq!(said, "tests/planted has no bug \"double\"; it has double-lend");
    }
}
