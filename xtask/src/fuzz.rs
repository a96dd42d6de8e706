//! The long form of the fuzzing: libFuzzer with the functions of `fuzz/src`, one program for each kind of source.
//! It tells by the code that an input reaches whether to go on from there; the compiler counts that with flags
//! that every toolchain has, so no nightly is needed, but libFuzzer is C++.
//!
//! What it finds stays in the target folder. The inputs in `fuzz/corpus` are chosen: see `fuzz/README.md`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use cenote::Options;
use clap::Args;

use crate::test::{cargo, run_to_end};
use crate::{Failure, Outcome, source, toolchain};

/// Counts the edges that an input takes, and shows libFuzzer what is compared with what.
const FLAGS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares";

/// Words that stand in sources besides the names of options.
const WORDS: [&str; 22] = [
    "pool_",
    "pool%5F",
    "CENOTE_",
    "sqlite:",
    "postgres://",
    "mysql://",
    "ssl_mode=",
    "sslmode=",
    "verify-full",
    "connect_timeout=",
    "mode=",
    "://",
    "unlimited",
    "never",
    "always",
    "if_idle_for ",
    "fail_first",
    "when_closed",
    "true",
    "min",
    "\\u00",
    "18446744073709551615",
];

#[derive(Args)]
pub(crate) struct Wishes {
    /// How long each kind of source is tried
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub(crate) seconds: u32,
    /// How many inputs of each kind are tried, instead of for a time: the same ones on every machine
    #[arg(long, value_name = "N", conflicts_with = "seconds")]
    pub(crate) runs: Option<u32>,
    /// The only kind of source
    #[arg(long, value_name = "NAME")]
    pub(crate) target: Option<String>,
    /// Where the random numbers begin; 0 is somewhere else each time
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u32,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let all = kinds()?;
    let chosen: Vec<String> = match &wishes.target {
        None => all,
        Some(name) if all.contains(name) => vec![name.clone()],
        Some(name) => {
            let all = all.join(", ");
            return Err(Failure::one(format!(
                "there is no fuzz target \"{name}\": there are {all}"
            )));
        }
    };
    let programs = build()?;
    let folder = toolchain::target("fuzz");
    let dictionary = folder.join("words.dict");
    fs::write(&dictionary, words()).map_err(|error| cannot(&dictionary, &error))?;
    let much = match wishes.runs {
        Some(runs) => format!("{runs} inputs"),
        None => format!("{} s", wishes.seconds),
    };
    println!("{much} for each of: {}", chosen.join(", "));
    let at_once = thread::available_parallelism().map_or(1, |cores| cores.get());
    let mut wrong = Vec::new();
    for some in chosen.chunks(at_once) {
        let started: Vec<Run<'_>> = some
            .iter()
            .map(|kind| Run::start(kind, &programs.join(kind), &folder, wishes))
            .collect::<Result<_, _>>()?;
        for run in started {
            wrong.extend(run.end()?);
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Failure::Said(wrong)) }
}

/// The kinds of sources: each has a folder of inputs.
fn kinds() -> Result<Vec<String>, Failure> {
    let folder = source::root().join("fuzz/corpus");
    let entries = folder.read_dir().map_err(|error| cannot(&folder, &error))?;
    let mut kinds: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    kinds.sort();
    Ok(kinds)
}

/// Builds the programs; returns the folder that has them.
fn build() -> Result<PathBuf, Failure> {
    let compiler = std::env::var_os("CXX").unwrap_or_else(|| "c++".into());
    let mut version = Command::new(compiler);
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    if !version.status().is_ok_and(|status| status.success()) {
        return Err(Failure::one(
            "libFuzzer is C++ and there is no compiler for it: install c++ (g++ or clang), or name yours in CXX",
        ));
    }
    let (host, folder) = (toolchain::host()?, toolchain::target("fuzz"));
    let mut build = Command::new(cargo());
    build.args(["build", "--quiet", "--locked", "--profile", "fuzz", "--package", "cenote-fuzz"]);
    build.args(["--features", "libfuzzer", "--bins", "--target", &host]);
    build.current_dir(source::root()).env("CARGO_TARGET_DIR", &folder);
    build.env("RUSTFLAGS", toolchain::flags(FLAGS));
    run_to_end(&mut build)?;
    Ok(folder.join(host).join("fuzz"))
}

/// A dictionary for libFuzzer: what it would have to guess letter by letter.
fn words() -> String {
    let names = Options::reference().iter().map(|info| info.name);
    let capitals = names.clone().map(str::to_ascii_uppercase);
    let words = names.chain(WORDS).map(str::to_owned).chain(capitals);
    words.map(|word| format!("\"{}\"\n", word.replace('\\', "\\\\"))).collect()
}

/// A program at work.
struct Run<'a> {
    kind: &'a str,
    child: Child,
    /// What it says.
    log: PathBuf,
}

impl<'a> Run<'a> {
    fn start(
        kind: &'a str,
        program: &Path,
        folder: &Path,
        wishes: &Wishes,
    ) -> Result<Run<'a>, Failure> {
        // It adds to the first folder of inputs and only reads the second.
        let found = folder.join("corpus").join(kind);
        fs::create_dir_all(&found).map_err(|error| cannot(&found, &error))?;
        let log = folder.join(format!("{kind}.log"));
        let file = File::create(&log).map_err(|error| cannot(&log, &error))?;
        let mut fuzz = Command::new(program);
        fuzz.arg(&found).arg(source::root().join("fuzz/corpus").join(kind));
        fuzz.arg(match wishes.runs {
            Some(runs) => format!("-runs={runs}"),
            None => format!("-max_total_time={}", wishes.seconds),
        });
        fuzz.arg(format!("-seed={}", wishes.seed));
        fuzz.args(["-max_len=1023", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=1"]);
        fuzz.arg(format!("-dict={}", folder.join("words.dict").display()));
        fuzz.arg(format!("-artifact_prefix={}/{kind}-", folder.display()));
        fuzz.stdout(Stdio::null()).stderr(file).env("RUST_BACKTRACE", "0");
        let child = fuzz.spawn().map_err(|error| cannot(program, &error))?;
        Ok(Run { kind, child, log })
    }

    /// Waits for its end; says what it found, if anything.
    fn end(mut self) -> Result<Option<String>, Failure> {
        let status = self.child.wait().map_err(|error| cannot(&self.log, &error))?;
        let log = fs::read(&self.log).map_err(|error| cannot(&self.log, &error))?;
        let log = String::from_utf8_lossy(&log);
        if status.success() {
            let done = log.lines().rfind(|line| line.contains("DONE")).unwrap_or_default();
            println!("{}: {}", self.kind, done.trim());
            return Ok(None);
        }
        eprint!("{log}");
        Ok(Some(failed(self.kind, &log)))
    }
}

/// The sentence about an input that fails.
fn failed(kind: &str, log: &str) -> String {
    let saved = log.lines().rev().find_map(|line| line.split_once("Test unit written to "));
    match saved {
        Some((_, input)) => format!(
            "{kind} fails with the input {input}: copy it into fuzz/corpus/{kind}, and cargo test -p cenote-fuzz fails with it too"
        ),
        None => format!("{kind} has ended without a result: see what it said above"),
    }
}

fn cannot(path: &Path, error: &io::Error) -> Failure {
    Failure::one(format!("{} cannot be used: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_source_has_inputs_and_a_program() {
        let kinds = kinds().unwrap_or_default();
        assert!(kinds.len() > 4);
        for kind in kinds {
            let program = source::root().join(format!("fuzz/fuzz_targets/{kind}.rs"));
            assert!(program.is_file(), "{}", program.display());
        }
    }

    #[test]
    fn the_dictionary_has_every_option_both_ways() {
        let words = words();
        for info in Options::reference() {
            assert!(words.contains(&format!("\"{}\"\n", info.name)));
            assert!(words.contains(&format!("\"{}\"\n", info.name.to_uppercase())));
        }
        assert!(words.contains("\"\\\\u00\"\n"), "a backslash is written twice");
    }

    #[test]
    fn an_input_that_fails_is_named() {
        let log = "thread panicked\nartifact_prefix='a'; Test unit written to t/url-crash-1\nBase64: eA==\n";
        assert!(failed("url", log).contains("input t/url-crash-1: copy it into fuzz/corpus/url,"));
        assert!(failed("url", "").contains("without a result"));
    }
}
