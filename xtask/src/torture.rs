//! The torture table: a program of its own, since it pulls in seven other pools. `torture/README.md` says what it
//! shows.

use std::path::PathBuf;
use std::process::Command;

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Outcome, source};

#[derive(Args)]
pub(crate) struct Wishes {
    /// Write the table there as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The file is meant from where the user stands, so the project is named and not gone to.
pub(crate) fn run(wishes: &Wishes) -> Outcome {
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
    torture.arg("--");
    if let Some(file) = &wishes.json {
        torture.arg("--json").arg(file);
    }
    run_to_end(&mut torture)
}
