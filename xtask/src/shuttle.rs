//! The pool on a scheduler that tries many orders of its threads: the tests of `crates/cenote/src/schedules`. The whole
//! crate has to be compiled for them, so they have a target folder of their own and no other test run has them.

use std::ffi::OsString;
use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end, target};
use crate::{Outcome, source};

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
    // Beside what the other commands build: these flags would make them build everything again.
    shuttle.current_dir(source::root()).env("CARGO_TARGET_DIR", target().join("shuttle"));
    shuttle.env("RUSTFLAGS", flags(std::env::var_os("RUSTFLAGS")));
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

/// The caller's flags, and ours.
fn flags(usual: Option<OsString>) -> OsString {
    let mut flags = usual.unwrap_or_default();
    if !flags.is_empty() {
        flags.push(" ");
    }
    flags.push("--cfg cenote_shuttle");
    flags
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_callers_flags_are_kept() {
        assert_eq!(flags(None), "--cfg cenote_shuttle");
        assert_eq!(flags(Some("-D warnings".into())), "-D warnings --cfg cenote_shuttle");
    }
}
