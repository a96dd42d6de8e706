//! The small pieces that threads meet in, in every order: the tests of `crates/cenote/src/permutations`.

use clap::Args;

use crate::Outcome;
use crate::scheduled::Scheduled;

const LOOM: Scheduled = Scheduled { name: "loom", tests: "permutations" };

#[derive(Args)]
pub(crate) struct Wishes {
    /// How often a thread may be stopped where it could have gone on; each one more takes several times as long
    #[arg(long, value_name = "N", default_value_t = 3)]
    pub(crate) preemptions: usize,
    /// The only piece to test, or the only test of one: "crew", "crew::NAME"
    #[arg(long, value_name = "NAME")]
    pub(crate) test: Option<String>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let Wishes { preemptions, test } = wishes;
    println!("every order with at most {preemptions} preemptions");
    LOOM.run(test.as_deref(), &[("LOOM_MAX_PREEMPTIONS", preemptions.to_string())])
}
