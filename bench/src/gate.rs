//! The gate: what a hit and a cycle through the queue cost in instructions and allocations, against the figures that are
//! kept in `bench/gate.txt`. A tenth more instructions fail, and so does any other number of allocations. Times are
//! not gated: they say more about the machine.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::instructions;
use crate::pools::OURS;
use crate::pools::cenote::Cenote;
use crate::report::pages::today;
use crate::scenarios::{Scale, Scenario, Trial, hit, queue};
use crate::subject::Tuning;

pub(crate) const FILE: &str = "bench/gate.txt";

/// What is gated: a hit by default settings, and while it is watched; the queue without and with deadlines.
const ROWS: [(Scenario, Tuning); 4] = [
    (Scenario::S1, Tuning::Default),
    (Scenario::S1, Tuning::Watched),
    (Scenario::S4, Tuning::Tuned),
    (Scenario::S4, Tuning::Default),
];

/// How much more it may be.
const MORE: f64 = 0.1;

/// The cost of one cycle.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Cost {
    instructions: f64,
    allocations: f64,
}

/// Counts, and holds it against what is kept; or keeps it.
pub(crate) fn run(root: &Path, keep: bool) -> Result<(), Vec<String>> {
    if !instructions::can_be_counted() {
        return Err(vec![instructions::MISSING.to_owned()]);
    }
    let mut counted = Vec::new();
    for (scenario, tuning) in ROWS {
        counted.push((scenario, tuning, count(scenario, tuning).map_err(|why| vec![why])?));
    }
    let path = root.join(FILE);
    if keep {
        let text = written(&counted, &today());
        return fs::write(path, &text)
            .map(|()| print!("{FILE} is now:\n{text}"))
            .map_err(|error| vec![format!("{FILE} cannot be written: {error}")]);
    }
    let text = fs::read_to_string(path)
        .map_err(|error| vec![format!("{FILE} cannot be read: {error}; make it with {REFRESH}")])?;
    let wrong: Vec<String> = counted
        .iter()
        .filter_map(|&(scenario, tuning, cost)| {
            let judged = judge(scenario, tuning, cost, kept(&text, scenario, tuning));
            match judged {
                Ok(line) => {
                    println!("{line}");
                    None
                }
                Err(line) => Some(line),
            }
        })
        .collect();
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

const REFRESH: &str = "cargo xtask bench --gate --write";

fn count(scenario: Scenario, tuning: Tuning) -> Result<Cost, String> {
    let trial = Trial { scenario, pool: OURS, tuning, scale: Scale::QUICK, run: 0 };
    let allocations = match scenario {
        Scenario::S1 => hit::allocations::<Cenote>(&trial),
        _ => queue::allocations::<Cenote>(&trial),
    };
    Ok(Cost { instructions: instructions::count(&trial)?, allocations })
}

fn judge(
    scenario: Scenario,
    tuning: Tuning,
    cost: Cost,
    kept: Option<Cost>,
) -> Result<String, String> {
    let what = format!("{} {}", scenario.name(), tuning.name());
    let Some(kept) = kept else {
        return Err(format!("{FILE} has no figures for {what}: make them with {REFRESH}"));
    };
    let most = kept.instructions * (1.0 + MORE);
    let Cost { instructions, allocations } = cost;
    if instructions > most {
        return Err(format!(
            "{what}: {instructions:.0} instructions a cycle, at most {most:.0} are allowed ({:.0} and a tenth): find what \
             became slower, or, if it is worth it, say so by {REFRESH}",
            kept.instructions
        ));
    }
    if allocations != kept.allocations {
        return Err(format!(
            "{what}: {allocations} allocations a cycle, {} are kept in {FILE}: find what changed, or say that it is meant by \
             {REFRESH}",
            kept.allocations
        ));
    }
    Ok(format!(
        "{what}: {instructions:.0} instructions of at most {most:.0}, {allocations} allocations"
    ))
}

fn written(counted: &[(Scenario, Tuning, Cost)], date: &str) -> String {
    let mut text = String::from(
        "# What one cycle of the pool costs: scenario, settings, instructions, allocations. A tenth more instructions fail, and\n\
         # any other number of allocations. Made by: cargo xtask bench --gate --write\n",
    );
    let _ = writeln!(text, "# {date}");
    for (scenario, tuning, cost) in counted {
        let Cost { instructions, allocations } = cost;
        let (scenario, tuning) = (scenario.name(), tuning.name());
        let _ = writeln!(text, "{scenario} {tuning} {instructions:.0} {allocations}");
    }
    text
}

fn kept(text: &str, scenario: Scenario, tuning: Tuning) -> Option<Cost> {
    let cost = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [name, settings, instructions, allocations] = words[..] else { return None };
        let is_it = name == scenario.name() && settings == tuning.name();
        let read = |word: &str| word.parse().ok();
        is_it.then_some(Cost { instructions: read(instructions)?, allocations: read(allocations)? })
    };
    text.lines().find_map(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: Cost = Cost { instructions: 600.0, allocations: 0.0 };

    fn judged(instructions: f64, allocations: f64) -> Result<String, String> {
        let cost = Cost { instructions, allocations };
        judge(Scenario::S1, Tuning::Default, cost, Some(KEPT))
    }

    #[test]
    fn a_tenth_more_instructions_pass_and_no_more() {
        assert!(judged(660.0, 0.0).is_ok());
        assert!(judged(100.0, 0.0).is_ok());
        let wrong = judged(661.0, 0.0).unwrap_err();
        assert!(wrong.contains("661 instructions a cycle, at most 660"), "{wrong}");
    }

    #[test]
    fn allocations_are_exact() {
        let wrong = judged(600.0, 0.001).unwrap_err();
        assert!(wrong.contains("0.001 allocations a cycle, 0 are kept"), "{wrong}");
    }

    #[test]
    fn what_is_kept_is_what_was_written() {
        let rows = [(Scenario::S1, Tuning::Default, KEPT)];
        let text = written(&rows, "2026-11-20");
        assert_eq!(kept(&text, Scenario::S1, Tuning::Default), Some(KEPT));
        assert_eq!(kept(&text, Scenario::S4, Tuning::Default), None);
        let missing = judge(Scenario::S4, Tuning::Tuned, KEPT, None).unwrap_err();
        assert!(missing.contains("has no figures for S4 tuned"), "{missing}");
    }

    #[test]
    fn the_projects_file_has_a_figure_for_each_row() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
        let text = fs::read_to_string(root.join(FILE)).unwrap();
        for (scenario, tuning) in ROWS {
            assert!(
                kept(&text, scenario, tuning).is_some(),
                "{} {}",
                scenario.name(),
                tuning.name()
            );
        }
    }
}
