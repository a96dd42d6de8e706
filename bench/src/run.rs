//! One run of the command: the scenarios one after the other, and in each the pools take turns, so that whatever the
//! machine does meanwhile meets them all.

use std::time::Instant;

use crate::figures::Sheet;
use crate::instructions;
use crate::pools::{self, OURS, Pool};
use crate::scenarios::{Scale, Scenario, Trial};
use crate::subject::Tuning;

/// Measures these scenarios; says on standard error where it is.
pub(crate) fn run(scenarios: &[Scenario], scale: Scale) -> Sheet {
    let mut sheet = Sheet::default();
    for &scenario in scenarios {
        let began = Instant::now();
        measure(scenario, scale, &mut sheet);
        eprintln!("{:>3}: {} ({:.0?})", scenario.name(), scenario.what(), began.elapsed());
    }
    sheet
}

/// All pools, so many times.
fn measure(scenario: Scenario, scale: Scale, sheet: &mut Sheet) {
    let columns = columns(scenario);
    for run in 0..scale.runs {
        // Nobody always comes after the same one.
        let (late, early) = columns.split_at(run * 3 % columns.len().max(1));
        for &(pool, tuning) in early.iter().chain(late) {
            let trial = Trial { scenario, pool: pool.name, tuning, scale, run };
            (pool.measure)(&trial, sheet);
        }
    }
}

/// Counts instructions where the scenario has some to count; in a quick run of those pools only that targets name.
pub(crate) fn count(scenarios: &[Scenario], quick: bool, sheet: &mut Sheet) {
    let counted = scenarios.iter().copied().filter(|&one| instructions::metric(one).is_some());
    let counted: Vec<Scenario> = counted.collect();
    if counted.is_empty() {
        return;
    }
    if !instructions::can_be_counted() {
        eprintln!("{}", instructions::MISSING);
        return;
    }
    for scenario in counted {
        let began = Instant::now();
        let mut columns = columns(scenario);
        columns.retain(|(pool, _)| {
            let is_named = [OURS, "raw-sem", "deadpool"].contains(&pool.name);
            let is_for_threads = scenario == Scenario::S4 && pool.name == "r2d2";
            (is_named || !quick) && !is_for_threads
        });
        instructions::measure(scenario, &columns, sheet);
        eprintln!("{:>3}: instructions ({:.0?})", scenario.name(), began.elapsed());
    }
}

/// Who takes part, and how it is set.
pub(crate) fn columns(scenario: Scenario) -> Vec<(&'static Pool, Tuning)> {
    let part = pools::ALL.iter().filter(|pool| (pool.has_part)(scenario));
    part.flat_map(|pool| pool.tunings.iter().map(move |&tuning| (pool, tuning))).collect()
}
