//! What a pool costs, beside others: a program of its own, since it pulls in six other pools. `bench/README.md` says
//! how each is set, the guide's page on speed how to read the tables.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source};

/// The scenarios; the program knows them too, but not before it is built. A test holds the two lists together.
const SCENARIOS: [&str; 11] = ["S0", "S1", "S2", "S3", "S4", "S5", "S6", "S7", "S8", "S9", "S10"];

#[derive(Args)]
pub(crate) struct Wishes {
    /// Shorter and fewer runs: for a look, not for a table
    #[arg(long)]
    quick: bool,
    /// One scenario only: S0 to S10
    #[arg(long, value_name = "SCENARIO", value_parser = scenario)]
    only: Option<String>,
    /// Write the figures there as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Write them into the guide and the README
    #[arg(long)]
    pages: bool,
    /// Only count instructions and allocations, and compare them with bench/gate.txt; needs valgrind
    #[arg(long, conflicts_with_all = ["quick", "only", "json", "pages"])]
    gate: bool,
    /// Keep what was counted as the gate's new figures
    #[arg(long, requires = "gate")]
    write: bool,
}

fn scenario(name: &str) -> Result<String, String> {
    let known = SCENARIOS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    known
        .map(str::to_owned)
        .ok_or_else(|| format!("there is no such scenario, choose one of {}", SCENARIOS.join(", ")))
}

/// The gate builds none of the peers. Files are meant from where the user stands, so the project is named and not
/// gone to.
pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let mut bench = Command::new(cargo());
    bench.args(["run", "--quiet", "--locked", "--profile", "bench-peers"]);
    bench.args(["--package", "cenote-bench", "--manifest-path"]);
    bench.arg(source::root().join("Cargo.toml"));
    if !wishes.gate {
        bench.args(["--features", "peers"]);
    }
    bench.arg("--");
    for (flag, is_wished) in [
        ("--quick", wishes.quick),
        ("--pages", wishes.pages),
        ("--gate", wishes.gate),
        ("--write", wishes.write),
    ] {
        if is_wished {
            bench.arg(flag);
        }
    }
    if let Some(only) = &wishes.only {
        bench.args(["--only", only]);
    }
    if let Some(file) = &wishes.json {
        bench.arg("--json").arg(file);
    }
    run_to_end(&mut bench)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scenarios_are_those_of_the_program() {
        let source = source::root().join("bench/src/scenarios/mod.rs");
        let text = std::fs::read_to_string(source).unwrap();
        let (_, list) = text.split_once("pub(crate) enum Scenario {").unwrap();
        let (list, _) = list.split_once('}').unwrap();
        let names: Vec<&str> =
            list.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
        assert_eq!(names, SCENARIOS);
    }

    #[test]
    fn a_scenario_is_found_however_it_is_written() {
        assert_eq!(scenario("s10").as_deref(), Ok("S10"));
        let said = scenario("S11").unwrap_err();
        assert_eq!(
            said,
            "there is no such scenario, choose one of S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10"
        );
    }
}
