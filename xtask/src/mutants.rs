//! The mutation check: cargo-mutants changes the core in a thousand small ways, and some test must fail with
//! each. What survives the core's own quick tests, in a crate of its own ([`alone`]), meets all tests of the pool's crate;
//! what survives those too must stand in `tests/mutants.txt` with a reason, by its function and not by its line, which
//! moves.
//!
//! One file of the core after the other, so that results come early and a bounded time can end the run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::Args;

use crate::test::{cargo, target};
use crate::{Failure, Outcome, alone, source};

const CORE: &str = "crates/cenote/src/core/";
/// The same in the crate that is the core alone.
const ALONE: &str = "src/core/";
/// Mutants that may live, each with its reason.
const KEPT: &str = "tests/mutants.txt";
/// The checker of the invariants is no part of the pool: a mutant of it shows how much the tests lean on
/// it, not whether they hold the pool.
const CHECKER: &str = "check.rs";

#[derive(Args)]
pub(crate) struct Wishes {
    /// Begin no further file after this time
    #[arg(long, value_name = "N", default_value_t = 240)]
    pub(crate) minutes: u64,
    /// The only file of the core to change, such as gate.rs
    #[arg(long, value_name = "NAME")]
    pub(crate) file: Option<String>,
    /// One part of many of each file's mutants, such as 1/4
    #[arg(long, value_name = "K/N")]
    pub(crate) shard: Option<String>,
}

/// How often each mutation of a function lives.
type Survivors = BTreeMap<String, usize>;

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    if !is_there() {
        return Err(Failure::one(
            "cargo-mutants is not installed: cargo install cargo-mutants --locked",
        ));
    }
    let kept = read(&source::read(Path::new(KEPT))?).map_err(Failure::one)?;
    let began = Instant::now();
    let mut wrong = Vec::new();
    for file in files(wishes.file.as_deref())? {
        if began.elapsed() > Duration::from_secs(60 * wishes.minutes) {
            return Err(Failure::one(format!("the time is over before {file}")));
        }
        println!("== {file}");
        let alive = survivors(&file, wishes.shard.as_deref(), &kept)?;
        let (new, gone) = compare(&alive, &kept, &file);
        wrong.extend(new.iter().map(|name| format!("nobody notices: {name}")));
        if wishes.shard.is_none() {
            gone.iter().for_each(|name| println!("{KEPT} has one that lives no longer: {name}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Said(wrong)) }
}

fn is_there() -> bool {
    let mut version = Command::new(cargo());
    version.args(["mutants", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// The core's files that are changed.
fn files(only: Option<&str>) -> Result<Vec<String>, Failure> {
    let paths = source::paths()?.into_iter();
    let mut files: Vec<String> = paths
        .filter_map(|path| path.strip_prefix(CORE).map(str::to_owned))
        .filter(|file| !file.contains('/') && file != CHECKER)
        .collect();
    if let Some(only) = only {
        files.retain(|file| file == only);
        if files.is_empty() {
            return Err(Failure::one(format!("{CORE} has no file \"{only}\" that is changed")));
        }
    }
    Ok(files)
}

/// The mutants of a file that no test notices, as cargo-mutants names them.
fn survivors(file: &str, shard: Option<&str>, kept: &Survivors) -> Result<Vec<String>, Failure> {
    let mut first = vec!["--file".to_owned(), format!("{ALONE}{file}")];
    first.extend(shard.into_iter().flat_map(|shard| ["--shard".to_owned(), shard.to_owned()]));
    let alive = mutate(Place::Alone, file, &first)?;
    // Whom the list knows already need not meet the tests that take long.
    let count = count(&alive);
    let known = |name: &String| kept.get(&short(name)).copied() >= count.get(&short(name)).copied();
    let (mut left, unknown): (Vec<String>, Vec<String>) = alive.into_iter().partition(known);
    if !unknown.is_empty() {
        let mut again = vec!["--file".to_owned(), format!("{CORE}{file}")];
        for name in &unknown {
            let name = name.strip_prefix(ALONE).unwrap_or(name);
            again.extend(["--re".to_owned(), format!("^{}$", escape(&format!("{CORE}{name}")))]);
        }
        left.extend(mutate(Place::InThePool, &format!("{file}.pool"), &again)?);
    }
    Ok(left)
}

/// Where mutants live.
#[derive(Clone, Copy)]
enum Place {
    /// With the core's own tests, but for the walk over all states of a small pool, and fewer histories.
    Alone,
    /// With all tests of the crate.
    InThePool,
}

/// Runs cargo-mutants; what it writes goes to a folder of this name.
fn mutate(place: Place, name: &str, wishes: &[String]) -> Result<Vec<String>, Failure> {
    let folder = target().join("mutants").join(name);
    let said = |error: std::io::Error| Failure::one(format!("{}: {error}", folder.display()));
    fs::create_dir_all(&folder).map_err(said)?;
    // A mutant that never ends may fill the memory before its time is over.
    let mut mutants = Command::new("sh");
    mutants.args(["-c", "ulimit -v 8000000; exec \"$@\"", "sh"]).arg(cargo());
    mutants.args(["mutants", "--no-config", "--no-shuffle", "--colors", "never"]);
    mutants.arg("--output").arg(&folder).args(wishes);
    mutants.env("CENOTE_SEEDS", "200").env("RUST_BACKTRACE", "0");
    match place {
        Place::Alone => {
            mutants.current_dir(alone::write()?).arg("--in-place");
            mutants.args(["--", "--lib", "core::", "--", "--skip", "enumeration"]);
            mutants.env("CENOTE_HISTORIES", "300");
        }
        Place::InThePool => {
            mutants.current_dir(source::root()).args(["--package", "cenote"]);
            mutants.args(["--", "--lib", "--tests"]);
            mutants.env("CENOTE_HISTORIES", "2000");
            // Not in the copy, which goes after each file: what it has compiled is used again.
            mutants.env("CARGO_TARGET_DIR", target().join("mutants/build"));
            mutants.env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_PROFILE_DEV_LTO", "off");
        }
    }
    let status = mutants.status();
    let status = status.map_err(|error| Failure::one(format!("sh cannot be run: {error}")))?;
    // 2: some live; 3: some ran out of time, so they were noticed.
    match status.code() {
        Some(0 | 2 | 3) => lines(folder.join("mutants.out/missed.txt")),
        _ => Err(Failure::one(format!("cargo-mutants failed; see {}", folder.display()))),
    }
}

fn lines(path: PathBuf) -> Result<Vec<String>, Failure> {
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::one(format!("{} cannot be read: {error}", path.display())))?;
    Ok(text.lines().map(str::to_owned).collect())
}

/// The list: a mutant on a line of its own, its reason indented below. What stands there twice may live
/// twice.
fn read(text: &str) -> Result<Survivors, String> {
    let mut kept = Survivors::new();
    let mut lines = text.lines().filter(|line| !line.starts_with('#')).peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() || line.starts_with(' ') {
            continue;
        }
        if !lines.peek().is_some_and(|next| next.starts_with(' ')) {
            return Err(format!("{KEPT}: \"{line}\" has no reason below it"));
        }
        *kept.entry(line.to_owned()).or_default() += 1;
    }
    Ok(kept)
}

fn count(names: &[String]) -> Survivors {
    let mut count = Survivors::new();
    names.iter().for_each(|name| *count.entry(short(name)).or_default() += 1);
    count
}

/// Without the folder, the line and the column.
fn short(name: &str) -> String {
    let name = name.strip_prefix(CORE).or_else(|| name.strip_prefix(ALONE)).unwrap_or(name);
    match *name.splitn(4, ':').collect::<Vec<_>>() {
        [file, _, _, what] => format!("{file}:{what}"),
        _ => name.to_owned(),
    }
}

/// Who lives and is not in the list, and who is in the list and lives no longer.
fn compare(alive: &[String], kept: &Survivors, file: &str) -> (Vec<String>, Vec<String>) {
    let count = count(alive);
    let kept_here = |name: &str| kept.get(name).copied().unwrap_or(0);
    let new = alive.iter().filter(|name| count[&short(name)] > kept_here(&short(name)));
    let of_file = kept.iter().filter(|(name, _)| name.starts_with(&format!("{file}:")));
    let gone = of_file.filter(|&(name, n)| count.get(name).copied().unwrap_or(0) < *n);
    (new.cloned().collect(), gone.map(|(name, _)| name.clone()).collect())
}

/// As a pattern that only this text matches.
fn escape(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || " :_/<>=&!-".contains(c);
    text.chars().map(|c| if plain(c) { c.to_string() } else { format!("\\{c}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALIVE: &str = "crates/cenote/src/core/gate.rs:130:24: replace > with >= in Gate::plan";

    #[test]
    fn a_survivor_is_known_by_its_function_and_not_by_its_line() {
        assert_eq!(short(ALIVE), "gate.rs: replace > with >= in Gate::plan");
        assert_eq!(short(ALIVE.strip_prefix("crates/cenote/").unwrap()), short(ALIVE));
        let cast = "crates/cenote/src/core/a.rs:1:2: replace A::b -> C::D with ()";
        assert_eq!(short(cast), "a.rs: replace A::b -> C::D with ()");
    }

    #[test]
    fn who_is_not_in_the_list_is_new_and_who_lives_no_longer_is_told() {
        let kept = read("# why\ngate.rs: replace > with >= in Gate::plan\n    a\n").unwrap();
        let alive = |n| vec![ALIVE.to_owned(); n];
        assert_eq!(compare(&alive(1), &kept, "gate.rs"), (vec![], vec![]));
        assert_eq!(compare(&alive(2), &kept, "gate.rs").0.len(), 2, "one of them is new");
        let gone = compare(&[], &kept, "gate.rs").1;
        assert_eq!(gone, ["gate.rs: replace > with >= in Gate::plan"]);
        assert_eq!(compare(&[], &kept, "queue.rs"), (vec![], vec![]));
    }

    #[test]
    fn a_survivor_without_a_reason_is_not_excused() {
        let said = read("gate.rs: replace a\ngate.rs: replace b\n  because\n").unwrap_err();
        assert_eq!(said, "tests/mutants.txt: \"gate.rs: replace a\" has no reason below it");
    }

    #[test]
    fn the_list_names_files_of_the_core() {
        let kept = read(&source::read(Path::new(KEPT)).unwrap_or_default()).unwrap();
        let files = files(None).unwrap_or_default();
        assert!(files.len() >= 10 && !files.contains(&CHECKER.to_owned()));
        for name in kept.keys() {
            let file = name.split(':').next().unwrap_or_default();
            assert!(files.iter().any(|known| known == file), "{name}");
        }
    }

    #[test]
    fn a_name_becomes_a_pattern_for_itself() {
        assert_eq!(
            escape("a.rs:1:2: replace + with () in B"),
            "a\\.rs:1:2: replace \\+ with \\(\\) in B"
        );
    }
}
