//! The torture table: the cases in which connection pools are known to break, run on Cenote and, with the feature
//! `peers`, on seven others. Rows are cases, columns are pools, a cell says whether the rule held and what was seen.
//! The README beside this crate says how each pool was set and how to read the table.
//!
//! Without the feature it has one column, Cenote's, and the workspace's tests run the same cases on a paused clock.

#![forbid(unsafe_code)]

mod cases;
mod cell;
mod finding;
mod pools;
mod script;
mod subject;
mod table;
#[cfg(test)]
mod tests;
mod versions;
mod world;

use std::process::ExitCode;
use std::thread;

use crate::cases::Case;
use crate::pools::Pool;
use crate::table::Cell;

const USAGE: &str = "usage: cargo xtask torture [--json FILE]";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => run(None),
        ["--json", file] => run(Some(file)),
        [cell::FLAG, case, pool] => cell::serve(case, pool),
        _ => {
            eprintln!("{USAGE}");
            ExitCode::from(2)
        }
    }
}

/// Runs a case on every pool: on some at the same time, since most of a case is waiting; but one by one where a
/// case keeps the machine busy.
fn run_row(case: Case) -> Vec<Cell> {
    let judge = |pool: &'static Pool| {
        let ours = pool.package == pools::ALL[0].package;
        let finding = cell::judge(case, pool, ours);
        Cell { case, pool, version: versions::of(pool.package), finding }
    };
    let at_once =
        if case.is_busy() { 1 } else { thread::available_parallelism().map_or(1, usize::from) };
    let together = |pools: &'static [Pool]| {
        thread::scope(|scope| {
            let running: Vec<_> =
                pools.iter().map(|pool| scope.spawn(move || judge(pool))).collect();
            let cell = |judge: thread::ScopedJoinHandle<'_, Cell>| {
                judge.join().expect("a cell's panic is its finding")
            };
            running.into_iter().map(cell).collect::<Vec<_>>()
        })
    };
    pools::ALL.chunks(at_once).flat_map(together).collect()
}

/// Runs every cell and prints the table. Fails if Cenote, the first column, breaks a rule.
fn run(json: Option<&str>) -> ExitCode {
    let mut cells = Vec::new();
    for (row, case) in Case::ALL.into_iter().enumerate() {
        eprintln!("{} of {}: {}", row + 1, Case::ALL.len(), case.rule());
        cells.extend(run_row(case));
    }
    print!("{}", table::text(&cells));
    if let Some(file) = json {
        if let Err(error) = std::fs::write(file, table::json(&cells)) {
            eprintln!("{file} cannot be written: {error}");
            return ExitCode::FAILURE;
        }
    }
    match table::broken(&cells, pools::ALL[0].package) {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}
