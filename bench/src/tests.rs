//! Each scenario once, in a tiny form, for Cenote and for the loops without a pool: so that the bench can be run when
//! it is wanted. What the figures are is not judged here, only that they are there.

use crate::figures::Sheet;
use crate::pools::{self, NONE, OURS};
use crate::scenarios::{Scale, Scenario, Trial, spike};
use crate::subject::Tuning;
use crate::{Wishes, targets};

/// Runs it for Cenote with both kinds of settings, and without a pool.
fn run(scenario: Scenario) -> Sheet {
    let mut sheet = Sheet::default();
    for name in [OURS, NONE] {
        let pool = pools::find(name).unwrap();
        if !(pool.has_part)(scenario) {
            continue;
        }
        for &tuning in pool.tunings {
            let trial = Trial { scenario, pool: name, tuning, scale: Scale::TINY, run: 0 };
            (pool.measure)(&trial, &mut sheet);
        }
    }
    sheet
}

/// Every figure of ours that a target names is there, and is a number.
fn assert_measured(scenario: Scenario) {
    let sheet = run(scenario);
    let named = targets::ALL.iter().filter(|target| target.scenario == scenario);
    for target in named.filter(|target| target.metric.name != "instructions") {
        let settings = target.tuning.name();
        // What takes ten thousand connections is not made in a tiny run.
        let tiny = ["hit, size 10,000", "cancel, 100,000 wait"].contains(&target.metric.name);
        let figure = sheet.find(scenario, OURS, settings, target.metric.name);
        assert!(tiny || figure.is_some(), "{} {}", scenario.name(), target.metric.name);
    }
    assert!(!sheet.figures.is_empty());
    for figure in &sheet.figures {
        assert!(figure.median().is_finite(), "{figure:?}");
    }
}

#[test]
fn s0_runs() {
    assert_measured(Scenario::S0);
}

#[test]
fn s1_runs() {
    assert_measured(Scenario::S1);
}

#[test]
fn s2_runs() {
    assert_measured(Scenario::S2);
}

#[test]
fn s3_runs() {
    assert_measured(Scenario::S3);
}

#[test]
fn s4_runs() {
    assert_measured(Scenario::S4);
}

#[test]
fn s5_runs() {
    assert_measured(Scenario::S5);
}

#[test]
fn s6_runs() {
    assert_measured(Scenario::S6);
}

#[test]
fn s7_runs() {
    assert_measured(Scenario::S7);
}

#[test]
fn s9_runs() {
    assert_measured(Scenario::S9);
}

#[test]
fn s10_runs() {
    assert_measured(Scenario::S10);
}

// P-2
#[test]
fn a_hit_allocates_nothing() {
    let sheet = run(Scenario::S1);
    for tuning in [Tuning::Default, Tuning::Tuned] {
        let figure = sheet.find(Scenario::S1, OURS, tuning.name(), "allocations").unwrap();
        assert_eq!(figure.values, [0.0], "{}", tuning.name());
    }
}

// P-13
#[test]
fn an_empty_pool_of_64_connects_in_seven_rounds() {
    assert_eq!(spike::rounds(), 7);
}

#[test]
fn a_command_line_is_read() {
    let read = |line: &str| Wishes::read(&line.split_whitespace().collect::<Vec<_>>());
    let all = Wishes {
        quick: true,
        only: Some(Scenario::S1),
        json: Some("a.json".to_owned()),
        pages: false,
    };
    assert_eq!(read("--quick --only s1 --json a.json"), Ok(all));
    assert_eq!(read(""), Ok(Wishes::default()));
    let unknown = read("--only S11").unwrap_err();
    assert!(unknown.starts_with("there is no scenario \"S11\": choose one of S0, S1"), "{unknown}");
    for line in ["--only", "--json", "--fast", "S1"] {
        assert!(read(line).unwrap_err().starts_with("usage:"), "{line}");
    }
}
