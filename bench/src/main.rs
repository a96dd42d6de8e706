//! What a pool costs: the scenarios of the guide's page on speed, run on Cenote and, with the feature `peers`, on six
//! other pools and three bare mechanisms, side by side. `cargo xtask bench` is how it is run; `bench/README.md` says how
//! each pool is set.

#![expect(unsafe_code, reason = "the allocator that counts")]

mod allocations;
mod figures;
mod gate;
mod histogram;
mod instructions;
mod load;
mod pools;
mod processor;
mod report;
mod run;
mod scenarios;
mod subject;
mod targets;
#[cfg(test)]
mod tests;
mod versions;
mod why;

use std::path::Path;
use std::process::ExitCode;

use crate::report::{json, pages, table};
use crate::scenarios::{Scale, Scenario};

const USAGE: &str = "usage: cargo xtask bench [--quick] [--only SCENARIO] [--json FILE] [--pages] [--gate [--write]]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match command(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            for sentence in wrong {
                eprintln!("{sentence}");
            }
            ExitCode::FAILURE
        }
    }
}

fn command(args: &[String]) -> Result<(), Vec<String>> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    match args[..] {
        [instructions::FLAG, scenario, pool, tuning, n] => {
            instructions::serve(scenario, pool, tuning, n).map_err(|why| vec![why])
        }
        ["--gate"] => gate::run(&root, false),
        ["--gate", "--write"] => gate::run(&root, true),
        _ => {
            measure(&Wishes::read(&args).map_err(|why| vec![why])?, &root).map_err(|why| vec![why])
        }
    }
}

/// What a run is asked for.
#[derive(Debug, Default, PartialEq)]
struct Wishes {
    quick: bool,
    only: Option<Scenario>,
    json: Option<String>,
    pages: bool,
}

impl Wishes {
    fn read(args: &[&str]) -> Result<Wishes, String> {
        let mut wishes = Wishes::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match (*arg, args.as_slice().first()) {
                ("--quick", _) => wishes.quick = true,
                ("--pages", _) => wishes.pages = true,
                ("--only", Some(name)) => {
                    wishes.only = Some(Scenario::find(name).ok_or_else(|| unknown(name))?);
                    args.next();
                }
                ("--json", Some(file)) => {
                    wishes.json = Some((*file).to_owned());
                    args.next();
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        Ok(wishes)
    }
}

/// One sentence about a scenario that there is not.
fn unknown(name: &str) -> String {
    let all: Vec<&str> = Scenario::ALL.into_iter().map(Scenario::name).collect();
    format!("there is no scenario \"{name}\": choose one of {}", all.join(", "))
}

fn measure(wishes: &Wishes, root: &Path) -> Result<(), String> {
    let scenarios = wishes.only.map_or(Scenario::ALL.to_vec(), |only| vec![only]);
    let scale = if wishes.quick { Scale::QUICK } else { Scale::FULL };
    let mut sheet = run::run(&scenarios, scale);
    run::count(&scenarios, wishes.quick, &mut sheet);
    print!("{}", table::text(&sheet));
    if let Some(file) = &wishes.json {
        std::fs::write(file, json::json(&sheet))
            .map_err(|error| format!("{file} cannot be written: {error}"))?;
    }
    if wishes.pages {
        for name in pages::write(root, &sheet)? {
            eprintln!("{name} is written");
        }
    }
    Ok(())
}
