//! All tests with one command: documentation first, then everything else, so that the last lines are the
//! runner's own summary. cargo-nextest is used where it is installed; nothing needs it.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::{Failure, Outcome, source};

/// Shows all that fails, not only the first.
const WITH_NEXTEST: &[&str] = &["nextest", "run", "--workspace", "--no-fail-fast"];
const WITH_CARGO: &[&str] =
    &["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];

pub(crate) fn run() -> Outcome {
    let (runner, everything_else) = if nextest_is_there() {
        ("cargo-nextest", WITH_NEXTEST)
    } else {
        ("cargo test (cargo-nextest is not installed, which is fine)", WITH_CARGO)
    };
    println!("Tests of the documentation, with cargo test");
    cargo_run(&["test", "--workspace", "--doc"])?;
    println!("All other tests, with {runner}");
    cargo_run(everything_else)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Where cargo puts what it builds here.
pub(crate) fn target() -> PathBuf {
    let folder = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    source::root().join(folder)
}

fn nextest_is_there() -> bool {
    let mut version = Command::new(cargo());
    version.args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

fn cargo_run(args: &[&str]) -> Outcome {
    run_to_end(Command::new(cargo()).args(args).current_dir(source::root()))
}

/// Runs cargo; its code is ours.
pub(crate) fn run_to_end(cargo: &mut Command) -> Outcome {
    let status = cargo.status();
    let status = status.map_err(|error| Failure::one(format!("cargo cannot be run: {error}")))?;
    match status.code() {
        Some(0) => Ok(()),
        // A code beyond a byte cannot be passed on, and a signal has none.
        code => Err(Failure::Code(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))),
    }
}
