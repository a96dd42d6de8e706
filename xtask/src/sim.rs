//! More lives in the simulator than the tests have time for: `crates/cenote/tests/life.rs` with other seeds.

use std::process::Command;

use crate::test::cargo;
use crate::{Failure, Outcome, source};

/// `args`: `--seeds N` and `--from S`, in any order; both have defaults.
pub(crate) fn run(args: &[&str]) -> Outcome {
    let (seeds, from) = read(args).map_err(Failure::one)?;
    println!("{seeds} lives, from seed {from} on");
    let mut lives = Command::new(cargo());
    lives.args(["test", "--package", "cenote", "--test", "life"]).current_dir(source::root());
    lives.env("CENOTE_SEEDS", seeds.to_string()).env("CENOTE_FROM", from.to_string());
    let status =
        lives.status().map_err(|error| Failure::one(format!("cargo cannot be run: {error}")))?;
    if status.success() { Ok(()) } else { Err(Failure::Code(1)) }
}

fn read(args: &[&str]) -> Result<(u64, u64), String> {
    let (mut seeds, mut from) = (20_000, 0);
    let mut args = args.iter();
    while let Some(&name) = args.next() {
        let target = match name {
            "--seeds" => &mut seeds,
            "--from" => &mut from,
            _ => return Err(format!("sim knows --seeds N and --from S, not \"{name}\"")),
        };
        let text = args.next().ok_or_else(|| format!("{name} wants a number after it"))?;
        *target = text.parse().map_err(|_| format!("{name} wants a number, not \"{text}\""))?;
    }
    Ok((seeds, from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_and_have_defaults() {
        assert_eq!(read(&[]), Ok((20_000, 0)));
        assert_eq!(read(&["--from", "7", "--seeds", "1"]), Ok((1, 7)));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(
            read(&["--seed"]),
            Err("sim knows --seeds N and --from S, not \"--seed\"".into())
        );
        assert_eq!(read(&["--seeds"]), Err("--seeds wants a number after it".into()));
        assert_eq!(read(&["--from", "x"]), Err("--from wants a number, not \"x\"".into()));
    }
}
