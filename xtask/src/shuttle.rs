//! The pool on a scheduler that tries many orders of its threads: the tests of `crates/cenote/src/schedules`. The whole
//! crate has to be compiled for them, so they have a target folder of their own and no other test run has them.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::test::{cargo, run_to_end};
use crate::{Failure, Outcome, source};

#[derive(Debug, PartialEq, Eq)]
struct Wishes<'a> {
    /// For each test: so many schedules drawn step by step, and so many by priorities.
    iterations: u64,
    seed: u64,
    /// The only test to run.
    test: Option<&'a str>,
    /// The only schedule to run it in, as its failure printed it.
    schedule: Option<&'a str>,
}

/// `args`: `--iterations N`, `--seed S`, `--test NAME`, `--schedule TEXT`, in any order.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let Wishes { iterations, seed, test, schedule } = read(args).map_err(Failure::one)?;
    let mut shuttle = Command::new(cargo());
    shuttle.args(["test", "--quiet", "--locked", "--package", "cenote", "--lib"]);
    shuttle.current_dir(source::root()).env("CARGO_TARGET_DIR", target());
    shuttle.env("RUSTFLAGS", flags(std::env::var_os("RUSTFLAGS")));
    shuttle.env("CENOTE_ITERATIONS", iterations.to_string()).env("CENOTE_SEED", seed.to_string());
    match schedule {
        Some(schedule) => {
            println!("one schedule");
            shuttle.env("CENOTE_SCHEDULE", schedule);
        }
        None => println!("{} schedules for each test, with seed {seed}", 2 * iterations),
    }
    let only = test.map(|test| format!("schedules::tests::{test}"));
    shuttle.arg("--").arg(only.as_deref().unwrap_or("schedules::"));
    run_to_end(&mut shuttle)
}

/// Beside what the other commands build: these flags would make them build everything again.
fn target() -> PathBuf {
    let usual = std::env::var_os("CARGO_TARGET_DIR");
    usual.map_or_else(|| source::root().join("target"), PathBuf::from).join("shuttle")
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

fn read<'a>(args: &[&'a str]) -> Result<Wishes<'a>, String> {
    let mut wishes = Wishes { iterations: 500, seed: 0, test: None, schedule: None };
    let mut args = args.iter();
    while let Some(&name) = args.next() {
        let mut next = |what| args.next().copied().ok_or(format!("{name} wants {what} after it"));
        let number =
            |text: &str| text.parse().map_err(|_| format!("{name} wants a number, not \"{text}\""));
        match name {
            "--iterations" => wishes.iterations = number(next("a number")?)?,
            "--seed" => wishes.seed = number(next("a number")?)?,
            "--test" => wishes.test = Some(next("a test's name")?),
            "--schedule" => wishes.schedule = Some(next("a schedule")?),
            _ => {
                return Err(format!(
                    "shuttle knows --iterations N, --seed S, --test NAME and --schedule TEXT, not \"{name}\""
                ));
            }
        }
    }
    if wishes.schedule.is_some() && wishes.test.is_none() {
        return Err("--schedule belongs to one test: name it with --test".to_owned());
    }
    Ok(wishes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_read_and_have_defaults() {
        let usual = Wishes { iterations: 500, seed: 0, test: None, schedule: None };
        assert_eq!(read(&[]), Ok(usual));
        let numbers = Wishes { iterations: 5, seed: 7, test: None, schedule: None };
        assert_eq!(read(&["--seed", "7", "--iterations", "5"]), Ok(numbers));
        let one = read(&["--test", "a_close", "--schedule", "91"]).unwrap();
        assert_eq!((one.test, one.schedule), (Some("a_close"), Some("91")));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let wrong = |args| read(args).unwrap_err();
        assert_eq!(wrong(&["--seed"]), "--seed wants a number after it");
        assert_eq!(wrong(&["--seed", "x"]), "--seed wants a number, not \"x\"");
        assert!(wrong(&["--tests", "a"]).ends_with("not \"--tests\""));
        assert_eq!(
            wrong(&["--schedule", "91"]),
            "--schedule belongs to one test: name it with --test"
        );
    }

    #[test]
    fn the_callers_flags_are_kept() {
        assert_eq!(flags(None), "--cfg cenote_shuttle");
        assert_eq!(flags(Some("-D warnings".into())), "-D warnings --cfg cenote_shuttle");
    }
}
