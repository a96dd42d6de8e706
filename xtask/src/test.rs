//! All tests with one command: documentation first, then everything else, so that the last lines are the
//! runner's own summary. cargo-nextest is used where it is installed; nothing needs it.
//!
//! Tests that need a server are in one crate, and those that need a browser in another. The programs are installed if they are
//! missing and the user may; else the command stops. `--no-servers` leaves both crates out, and says by name what did not run.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use clap::Args;

use crate::servers::{self, TESTS};
use crate::{Failure, Outcome, source};

#[derive(Args)]
pub(crate) struct Wishes {
    /// Leave out the tests that need a server or a browser, and list them
    #[arg(long)]
    pub(crate) no_servers: bool,
}

const DOCUMENTATION: &[&str] = &["test", "--workspace", "--doc"];
/// Shows all that fails, not only the first.
const WITH_NEXTEST: &[&str] = &["nextest", "run", "--workspace", "--no-fail-fast"];
const WITH_CARGO: &[&str] =
    &["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"];

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let (runner, everything_else) = if nextest_is_there() {
        ("cargo-nextest", WITH_NEXTEST)
    } else {
        ("cargo test (cargo-nextest is not installed, which is fine)", WITH_CARGO)
    };
    let without: &[&str] = if wishes.no_servers {
        let left_out = left_out()?;
        println!("{}", told(&left_out));
        &["--exclude", TESTS[0], "--exclude", TESTS[1]]
    } else {
        servers::install()?;
        &[]
    };
    println!("Tests of the documentation, with cargo test");
    cargo_run(&[DOCUMENTATION, without].concat())?;
    println!("All other tests, with {runner}");
    cargo_run(&[everything_else, without].concat())
}

/// The tests that need a server or a browser, by their names.
fn left_out() -> Result<Vec<String>, Failure> {
    let mut list = Command::new(cargo());
    let packages = TESTS.iter().flat_map(|tests| ["--package", tests]);
    list.args(["test", "--quiet"]).args(packages);
    list.args(["--", "--list", "--format", "terse"]);
    let output = list.current_dir(source::root()).stderr(Stdio::inherit()).output();
    let output = output.map_err(|error| Failure::one(format!("cargo cannot be run: {error}")))?;
    if !output.status.success() {
        return Err(Failure::one("the tests that need a server or a browser cannot be listed"));
    }
    Ok(names(&String::from_utf8_lossy(&output.stdout)))
}

fn names(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect()
}

fn told(left_out: &[String]) -> String {
    let names: String = left_out.iter().map(|name| format!("\n  {name}")).collect();
    format!(
        "Not run, since they need servers or a browser (--no-servers): {} tests of {}{names}",
        left_out.len(),
        TESTS.join(" and ")
    )
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

/// Becomes cargo, so that signals and the end are its own; where a process cannot, runs it.
pub(crate) fn run_instead(mut cargo: Command) -> Outcome {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let error = cargo.exec();
        Err(Failure::one(format!("cargo cannot be run: {error}")))
    }
    #[cfg(not(unix))]
    run_to_end(&mut cargo)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_run_is_named() {
        let names = names("a::one: test\n\n1 test, 0 benchmarks\nb: test\nc: benchmark\n");
        assert_eq!(
            told(&names),
            "Not run, since they need servers or a browser (--no-servers): 2 tests of cenote-server-tests and cenote-dashboard-tests\n  a::one\n  b"
        );
    }
}
