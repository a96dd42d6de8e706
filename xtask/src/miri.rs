//! The core and the small concurrent pieces under miri, which sees undefined behaviour, data races and leaks that
//! no machine shows. It is slow, so the histories are few; and it is a nightly's, so CI does not run it.

use std::process::{Command, Stdio};

use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Failure, Outcome, source, toolchain};

/// Walks over all states: hours under miri, and the histories reach the same code.
const TOO_LONG: &str = "core::tests::enumeration";

#[derive(Args)]
pub(crate) struct Wishes {
    /// Random histories of the core
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub(crate) histories: u32,
    /// The only tests to run: those whose names have this in them
    #[arg(long, value_name = "NAME")]
    pub(crate) test: Option<String>,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let mut version = Command::new(cargo());
    version.args(["miri", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status().is_ok_and(|status| status.success()) {
        return Err(Failure::one(
            "miri is not installed for this toolchain: run `rustup +nightly component add miri`, then `cargo +nightly xtask miri`",
        ));
    }
    let mut miri = Command::new(cargo());
    miri.args(["miri", "test", "--locked", "--package", "cenote", "--lib"]);
    miri.current_dir(source::root()).env("CARGO_TARGET_DIR", toolchain::target("miri"));
    miri.env("CENOTE_HISTORIES", wishes.histories.to_string());
    // Threads that sleep and wake use the system's clock.
    let flags = std::env::var("MIRIFLAGS").unwrap_or_default();
    miri.env("MIRIFLAGS", format!("{flags} -Zmiri-disable-isolation"));
    miri.arg("--").args(&wishes.test).args(["--skip", TOO_LONG]);
    run_to_end(&mut miri)
}
