//! The soak, `tests/soak`: a program of its own, since what it measures is its process. Built as a release, so that the
//! load is a full one; the short form that the tests run has the debug assertions.

use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source};

#[derive(Args)]
pub(crate) struct Wishes {
    /// How long the load lasts
    #[arg(long, value_name = "N", default_value_t = 5)]
    minutes: u64,
    /// The same in seconds
    #[arg(long, value_name = "N", conflicts_with = "minutes")]
    seconds: Option<u64>,
    /// What the faults are drawn from; another one each time if it is not given
    #[arg(long, value_name = "SEED")]
    seed: Option<u64>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let seconds = wishes.seconds.unwrap_or(wishes.minutes * 60);
    let mut soak = Command::new(cargo());
    soak.args(["run", "--quiet", "--locked", "--release", "--package", "cenote-soak", "--"]);
    soak.args(["--seconds", &seconds.to_string()]).current_dir(source::root());
    if let Some(seed) = wishes.seed {
        soak.args(["--seed", &seed.to_string()]);
    }
    run_to_end(&mut soak)
}
