//! How many crates the pool pulls in with its default features. Each is argued for in ARCHITECTURE.md;
//! this keeps their number small.

use std::collections::BTreeSet;
use std::process::Command;

use crate::{Failure, Outcome, source};

/// The most crates, the pool's own included.
const LIMIT: usize = 10;

pub(crate) fn run() -> Outcome {
    let mut tree = Command::new(crate::test::cargo());
    tree.args(["tree", "--edges", "normal", "--package", "cenote", "--prefix", "none"]);
    let output = tree.current_dir(source::root()).output();
    let output =
        output.map_err(|error| Failure::one(format!("cargo tree cannot be run: {error}")))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        return Err(Failure::one(format!("cargo tree failed: {}", why.trim())));
    }
    let listed = String::from_utf8_lossy(&output.stdout).into_owned();
    println!("{}", judge(&crates(&listed)).map_err(Failure::one)?);
    Ok(())
}

/// The crates of a tree, each once: name and version.
fn crates(tree: &str) -> BTreeSet<String> {
    let name_and_version = |line: &str| {
        let mut words = line.split_whitespace();
        Some(format!("{} {}", words.next()?, words.next()?))
    };
    tree.lines().filter_map(name_and_version).collect()
}

fn judge(crates: &BTreeSet<String>) -> Result<String, String> {
    let names = crates.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let n = crates.len();
    match n {
        0 => Err("cargo tree lists no crate, not even the pool's own".to_owned()),
        1..=LIMIT => Ok(format!("{n} crates of at most {LIMIT}: {names}")),
        _ => Err(format!("cenote pulls in {n} crates, at most {LIMIT} are allowed: {names}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_needed_twice_counts_once() {
        let tree = "cenote v0.1.0 (/here)\ntokio v1.47.0\npin v0.2.1\npin v0.2.1 (*)\n";
        assert_eq!(crates(tree).len(), 3);
    }

    #[test]
    fn two_versions_of_a_crate_count_twice() {
        assert_eq!(crates("a v1.0.0\na v2.0.0\n").len(), 2);
    }

    #[test]
    fn too_many_crates_are_refused_by_name() {
        let some = |n| (0..n).map(|i| format!("crate{i} v1.0.0")).collect::<BTreeSet<_>>();
        assert!(judge(&some(LIMIT)).is_ok());
        let refused = judge(&some(LIMIT + 1)).unwrap_err();
        assert!(refused.starts_with("cenote pulls in 11 crates"), "{refused}");
        assert!(refused.contains("crate10 v1.0.0"), "{refused}");
        assert!(judge(&some(0)).is_err());
    }
}
