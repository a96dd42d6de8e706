//! The torture table: a program of its own, since it pulls in seven other pools. `torture/README.md` says what it
//! shows.

use std::process::Command;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source};

/// `args` go to the program. A file among them is meant from where the user stands, so the project is named and not
/// gone to.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let mut torture = Command::new(cargo());
    torture.args([
        "run",
        "--quiet",
        "--locked",
        "--profile",
        "torture",
        "--package",
        "cenote-torture",
    ]);
    torture.args(["--features", "peers", "--manifest-path"]).arg(source::root().join("Cargo.toml"));
    run_to_end(torture.arg("--").args(args))
}
