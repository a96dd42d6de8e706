//! Known bugs, put one at a time into a copy of the project: each file of `tests/planted` tells a bug, the
//! lines that make it, and the checks that must fail with it (`bug.rs`). So nobody has to believe that a check can fail.
//! The copy lies in the target folder; what it has compiled is used again.
//!
//! A check has failed if a test of it has: one that does not compile or finds no test proves nothing. The lines of a bug
//! must occur exactly once, so one whose place has changed is noticed and not passed by.

mod bug;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Instant;

use clap::Args;

use crate::test::{cargo, target};
use crate::{Failure, Outcome, source, toolchain};
use bug::{Bug, Check, POOL};

const BUGS: &str = "tests/planted";
/// Where each bug is told with what caught it.
const TABLE: &str = "tests/README.md";

/// What the crate is compiled for, if a check begins with one of these words.
const SCHEDULERS: [&str; 2] = ["loom", "shuttle"];

#[derive(Args)]
pub(crate) struct Wishes {
    /// Bugs to plant, by the names of their files in tests/planted; all of them if none is named
    #[arg(value_name = "BUG")]
    pub(crate) names: Vec<String>,
    /// So many of those that the core's unit tests catch: the state of the project's files says which
    #[arg(long, value_name = "N", conflicts_with = "names")]
    pub(crate) drawn: Option<usize>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let bugs = match wishes.drawn {
        Some(n) => draw(read_all()?, n, state()?),
        None => choose(read_all()?, &wishes.names).map_err(Failure::one)?,
    };
    let table = source::read(Path::new(TABLE))?;
    let untold = bugs.iter().filter(|bug| !table.contains(&format!("`{}`", bug.name)));
    let mut wrong: Vec<String> =
        untold.map(|bug| format!("{TABLE} does not tell of the bug `{}`", bug.name)).collect();
    let copy = Copy::make()?;
    let checks: BTreeSet<_> = bugs.iter().flat_map(|bug| &bug.checks).collect();
    for check in checks {
        copy.compile(check).map_err(Failure::one)?;
        let output = copy.check(check)?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            return Err(Failure::one(format!("without a bug, {check} fails:\n{said}")));
        }
    }
    for bug in &bugs {
        wrong.append(&mut copy.plant(bug)?);
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Said(wrong)) }
}

fn read_all() -> Result<Vec<Bug>, Failure> {
    let files = source::paths()?.into_iter().filter(|path| path.starts_with(BUGS));
    files
        .map(|path| {
            let text = source::read(Path::new(&path))?;
            let name = Path::new(&path).file_stem().unwrap_or_default().to_string_lossy();
            Bug::read(&name, &text).map_err(|why| Failure::one(format!("{path}: {why}")))
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

/// So many of the quick ones. The same state draws the same ones again, and each takes its turn as the project changes.
fn draw(bugs: Vec<Bug>, n: usize, state: u64) -> Vec<Bug> {
    let mut quick: Vec<Bug> = bugs.into_iter().filter(Bug::is_quick).collect();
    quick.sort_by_key(|bug| hash(state, bug.name.as_bytes()));
    quick.truncate(n);
    quick
}

/// A number that follows from all files of the project.
fn state() -> Result<u64, Failure> {
    source::paths()?.into_iter().try_fold(START, |state, path| {
        let text =
            fs::read(source::root().join(&path)).map_err(|error| unreadable(&path, &error))?;
        Ok(hash(hash(state, path.as_bytes()), &text))
    })
}

const START: u64 = 0xcbf2_9ce4_8422_2325;

/// FNV-1a, and then the upper bits, which have seen most, on the lower ones.
fn hash(start: u64, bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    let hash = bytes.iter().fold(start, step);
    hash ^ (hash >> 32)
}

/// The tests that failed, as the runner tells them one by one: a panic inside a panic ends it before it can list them.
fn failed(stdout: &str) -> Vec<&str> {
    stdout.lines().filter_map(|line| line.strip_suffix(" --- FAILED")).collect()
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

    /// Plants a bug, looks whether each of its checks fails, and takes it out again. Returns what is wrong.
    fn plant(&self, bug: &Bug) -> Result<Vec<String>, Failure> {
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
                match self.is_caught(check)? {
                    Ok(how) => println!("{}: caught by {check}: {how}", bug.name),
                    Err(why) => wrong.push(format!("{}: {check} {why}: {}", bug.name, bug.what)),
                }
            }
        }
        for piece in &bug.pieces {
            let text = source::read(Path::new(&piece.path))?;
            self.write(&piece.path, text.as_bytes())?;
        }
        Ok(wrong)
    }

    /// By which test and how quickly, or why not.
    fn is_caught(&self, check: &Check) -> Result<Result<String, String>, Failure> {
        if let Err(why) = self.compile(check) {
            return Ok(Err(why));
        }
        let began = Instant::now();
        let output = self.check(check)?;
        let took = began.elapsed().as_secs_f64();
        let stdout = String::from_utf8_lossy(&output.stdout);
        Ok(match (&failed(&stdout)[..], output.status.success()) {
            (_, true) => Err("does not catch it".to_owned()),
            ([], false) => {
                let stderr = String::from_utf8_lossy(&output.stderr);
                Err(format!("ended without a test that failed:\n{stdout}{stderr}"))
            }
            ([first], false) => Ok(format!("{first}, {took:.1} s")),
            ([first, more @ ..], false) => {
                Ok(format!("{first} and {} more, {took:.1} s", more.len()))
            }
        })
    }

    /// A bug that does not compile proves nothing.
    fn compile(&self, check: &Check) -> Result<(), String> {
        let output = self.cargo(check, true)?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("does not compile:\n{}", String::from_utf8_lossy(&output.stderr)))
    }

    fn check(&self, check: &Check) -> Result<Output, Failure> {
        self.cargo(check, false).map_err(Failure::one)
    }

    fn cargo(&self, check: &Check, only_compile: bool) -> Result<Output, String> {
        let Check { package, words } = check;
        let mut test = Command::new(cargo());
        test.current_dir(&self.root).args(["test", "--quiet", "--locked", "--package", package]);
        if package != POOL {
            // What is compiled anew for each bug costs more than its tests, but for the pool's, which walk many states.
            test.args(["--config", &format!("profile.dev.package.{package}.opt-level=0")]);
        }
        match words.split_first() {
            Some((scheduler, rest)) if SCHEDULERS.contains(&scheduler.as_str()) => {
                test.env("CARGO_TARGET_DIR", toolchain::target(scheduler));
                test.env("RUSTFLAGS", toolchain::flags(&format!("--cfg cenote_{scheduler}")));
                test.arg("--lib").args(rest)
            }
            _ => test.env("CARGO_TARGET_DIR", target()).args(words),
        };
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
    use super::bug::tests::FILE;
    use super::*;

    #[test]
    fn every_bug_of_the_project_finds_its_place_and_is_told() {
        let bugs = read_all().unwrap_or_default();
        assert!(bugs.len() >= 8, "only {} bugs were read", bugs.len());
        let table = source::read(Path::new(TABLE)).unwrap_or_default();
        for bug in bugs {
            assert!(table.contains(&format!("`{}`", bug.name)), "{TABLE} forgets {}", bug.name);
            for Check { package, .. } in &bug.checks {
                let manifest = source::root().join(format!("crates/{package}/Cargo.toml"));
                assert!(manifest.exists(), "{}: there is no crate \"{package}\"", bug.name);
            }
            for piece in &bug.pieces {
                let text = source::read(Path::new(&piece.path)).unwrap_or_default();
                piece.put_into(&text).unwrap_or_else(|why| panic!("{}: {why}", bug.name));
            }
        }
    }

    #[test]
    fn an_unknown_bug_is_named_with_the_known_ones() {
        let bugs = vec![Bug::read("double-lend", FILE).unwrap()];
        let said = choose(bugs, &["double".to_owned()]).unwrap_err();
        assert_eq!(said, "tests/planted has no bug \"double\"; it has double-lend");
    }

    #[test]
    fn a_state_draws_the_same_quick_bugs_again_and_every_one_takes_its_turn() {
        let bugs = read_all().unwrap_or_default();
        let drawn = |state| -> Vec<String> {
            draw(bugs.clone(), 3, state).into_iter().map(|bug| bug.name).collect()
        };
        assert_eq!(drawn(7), drawn(7));
        let quick = bugs.iter().filter(|bug| bug.is_quick()).count();
        assert!(quick > 8, "only {quick} are quick");
        let all: BTreeSet<String> = (0..200).flat_map(drawn).collect();
        assert_eq!(all.len(), quick);
    }

    #[test]
    fn the_tests_that_failed_are_told_though_the_runner_died_of_them() {
        let said = "running 3 tests\n.\na::b --- FAILED\nc --- FAILED\n";
        assert_eq!(failed(said), ["a::b", "c"]);
        let list = "\nfailures:\n\n---- a::b stdout ----\n\nfailures:\n    a::b\n    c\n";
        assert_eq!(failed(&format!("{said}{list}")), ["a::b", "c"]);
        assert_eq!(failed("error: test failed\n"), Vec::<&str>::new());
    }
}
