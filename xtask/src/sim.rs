//! More lives in the simulator than the tests have time for: `crates/cenote/tests/pool/life.rs` with other seeds.

use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source};

#[derive(Args)]
pub(crate) struct Wishes {
    /// How many lives
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    pub(crate) seeds: u64,
    /// The seed of the first
    #[arg(long, value_name = "SEED", default_value_t = 0)]
    pub(crate) from: u64,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let Wishes { seeds, from } = wishes;
    println!("{seeds} lives, from seed {from} on");
    let mut lives = Command::new(cargo());
    lives
        .args(["test", "--package", "cenote", "--test", "pool", "life::"])
        .current_dir(source::root());
    lives.env("CENOTE_SEEDS", seeds.to_string()).env("CENOTE_FROM", from.to_string());
    run_to_end(&mut lives)
}
