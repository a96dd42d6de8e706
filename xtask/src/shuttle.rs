//! The pool on a scheduler that tries many orders of its threads: the tests of `crates/cenote/src/schedules`.

use clap::Args;

use crate::Outcome;
use crate::scheduled::Scheduled;

const SHUTTLE: Scheduled = Scheduled { name: "shuttle", tests: "schedules" };

#[derive(Args)]
pub(crate) struct Wishes {
    /// For each test: so many schedules drawn step by step, and so many by priorities
    #[arg(long, value_name = "N", default_value_t = 500)]
    pub(crate) iterations: u64,
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// The only file of tests, or the only test: "tests", "tests::NAME"
    #[arg(long, value_name = "NAME")]
    pub(crate) test: Option<String>,
    /// The only schedule to run it in, as its failure printed it
    #[arg(long, value_name = "TEXT", requires = "test")]
    pub(crate) schedule: Option<String>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let Wishes { iterations, seed, test, schedule } = wishes;
    let mut variables =
        vec![("CENOTE_ITERATIONS", iterations.to_string()), ("CENOTE_SEED", seed.to_string())];
    match schedule {
        Some(schedule) => {
            println!("one schedule");
            variables.push(("CENOTE_SCHEDULE", schedule.clone()));
        }
        None => println!("{} schedules for each test, with seed {seed}", 2 * iterations),
    }
    SHUTTLE.run(test.as_deref(), &variables)
}
