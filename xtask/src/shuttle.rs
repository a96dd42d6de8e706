//! The pool on a scheduler that tries many orders of its threads: the tests of `crates/cenote/src/schedules`. The whole
//! crate has to be compiled for them, so they have a target folder of their own and no other test run has them.

use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source, toolchain};

#[derive(Args)]
pub(crate) struct Wishes {
    /// For each test: so many schedules drawn step by step, and so many by priorities
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) iterations: u64,
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The only test to run
    #[arg(long, value_name = "NAME")]
    pub(crate) test: Option<String>,
    /// The only schedule to run it in, as its failure printed it
    #[arg(long, value_name = "TEXT", requires = "test")]
    pub(crate) schedule: Option<String>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let Wishes { iterations, seed, test, schedule } = wishes;
    let mut shuttle = Command::new(cargo());
    shuttle.args(["test", "--quiet", "--locked", "--package", "cenote", "--lib"]);
    shuttle.current_dir(source::root()).env("CARGO_TARGET_DIR", toolchain::target("shuttle"));
    shuttle.env("RUSTFLAGS", toolchain::flags("--cfg cenote_shuttle"));
    shuttle.env("CENOTE_ITERATIONS", iterations.to_string()).env("CENOTE_SEED", seed.to_string());
    match schedule {
        Some(schedule) => {
            println!("one schedule");
            shuttle.env("CENOTE_SCHEDULE", schedule);
        }
        None => println!("{} schedules for each test, with seed {seed}", 2 * iterations),
    }
    let only = test.as_ref().map(|test| format!("schedules::tests::{test}"));
    shuttle.arg("--").arg(only.as_deref().unwrap_or("schedules::"));
    run_to_end(&mut shuttle)
}
