//! Running the program.

use std::process::{Command, Output};

use serde_json::Value;

pub(crate) fn cenote() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cenote"))
}

pub(crate) fn run(args: &[&str]) -> Output {
    cenote().args(args).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// The last line, which must be all that there is.
pub(crate) fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{}", stderr(output));
    assert_eq!(stderr(output), "");
    let text = stdout(output);
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

/// A whole number of the figures.
pub(crate) fn number(figures: &Value, key: &str) -> u64 {
    figures[key].as_u64().unwrap_or_else(|| panic!("{key} of {figures}"))
}

/// That a spread is one: p50 ≤ p99 ≤ max.
pub(crate) fn check_spread(spread: &Value) {
    let [p50, p99, max] = ["p50", "p99", "max"].map(|key| spread[key].as_f64().unwrap());
    assert!(0.0 <= p50 && p50 <= p99 && p99 <= max && max < 60e6, "{spread}");
}
