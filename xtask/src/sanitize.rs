//! What threads, C code and `unsafe` do, under the address sanitizer and the leak sanitizer in it: use after free,
//! use beyond an end, and what nobody owns at the end of a process. `cenote-sqlite`'s C code is compiled with the
//! same checks if the C compiler has them.
//!
//! The sanitizers are a nightly's flag, but every toolchain has what they need: RUSTC_BOOTSTRAP lets a stable one
//! take the flag too. The thread sanitizer is left out: it reports the standard library's own locks and channels
//! unless the library is built with it as well, which needs its source.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::test::{cargo, run_to_end};
use crate::{Failure, Outcome, source, toolchain};

const FLAG: &str = "-Zsanitizer=address";
/// In C code.
const C_FLAG: &str = "-fsanitize=address";

/// Tests of `cenote` with real threads, and the one with `unsafe` in it. Its unit tests come with them.
const OF_CENOTE: [&str; 6] = ["blocking", "chaos", "faces", "hits", "lane", "offload"];
/// Not these: long walks over all states without a thread; and a process that is meant to end with everything lent.
const NOT: [&str; 2] = [
    "core::tests::enumeration",
    "a_process_with_minimums_and_long_idle_times_exits_in_under_a_second",
];
/// Of the unit tests' random histories.
const HISTORIES: &str = "500";

pub(crate) fn run() -> Outcome {
    let folder = toolchain::target("sanitize");
    try_out(&folder)?;
    let host = toolchain::host()?;
    let mut tests = Command::new(cargo());
    tests.args(["test", "--locked", "--no-fail-fast", "--profile", "sanitize", "--target", &host]);
    tests.args(["--package", "cenote", "--package", "cenote-sqlite", "--lib"]);
    for test in OF_CENOTE.into_iter().map(str::to_owned).chain(of_sqlite()?) {
        tests.args(["--test", &test]);
    }
    tests.arg("--");
    for name in NOT {
        tests.args(["--skip", name]);
    }
    tests.current_dir(source::root()).env("CARGO_TARGET_DIR", &folder);
    tests.env("RUSTC_BOOTSTRAP", "1").env("RUSTFLAGS", toolchain::flags(FLAG));
    tests.env("CENOTE_HISTORIES", HISTORIES);
    if c_can_be_checked(&folder, &host) {
        tests.env(format!("CFLAGS_{}", host.replace('-', "_")), C_FLAG);
    } else {
        println!(
            "the C compiler has no address sanitizer that goes with Rust's: C code is not checked"
        );
    }
    run_to_end(&mut tests)
}

/// The names of all tests of `cenote-sqlite`.
fn of_sqlite() -> Result<Vec<String>, Failure> {
    let folder = source::root().join("crates/cenote-sqlite/tests");
    let entries = folder.read_dir().map_err(|error| cannot(&folder, &error))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().to_string_lossy().into_owned();
            name.strip_suffix(".rs").map(str::to_owned)
        })
        .collect();
    names.sort();
    Ok(names)
}

/// A program with two bugs, one at a time: what must be seen, before anything is said to be clean.
const PLANTED: &str = r#"
    fn main() {
        let byte = Box::into_raw(Box::new(1_u8));
        match std::env::args().nth(1).as_deref() {
            Some("leak") => println!("{}", byte.is_null()),
            Some("after") => {
                drop(unsafe { Box::from_raw(byte) });
                println!("{}", unsafe { byte.read_volatile() });
            }
            _ => drop(unsafe { Box::from_raw(byte) }),
        }
    }
"#;

/// Sees whether the toolchain has the sanitizer and whether this machine lets it work.
fn try_out(folder: &Path) -> Outcome {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, &error))?;
    let (text, program) = (folder.join("planted.rs"), folder.join("planted"));
    fs::write(&text, PLANTED).map_err(|error| cannot(&text, &error))?;
    let mut rustc = toolchain::rustc();
    rustc.args(["--edition", "2024", FLAG, "-o"]).arg(&program).arg(&text);
    let built = output(rustc.env("RUSTC_BOOTSTRAP", "1"))?;
    if !built.status.success() {
        return Err(Failure::one(format!(
            "this toolchain cannot build with the address sanitizer, as stable and nightly ones for Linux and macOS can: {}",
            first_line(&built)
        )));
    }
    for (bug, report) in
        [("none", ""), ("after", "heap-use-after-free"), ("leak", "detected memory leaks")]
    {
        let ran = output(Command::new(&program).arg(bug))?;
        judge(bug, report, ran.status.success(), &String::from_utf8_lossy(&ran.stderr))?;
    }
    Ok(())
}

/// Whether the bug was reported, or a program without one was not.
fn judge(bug: &str, report: &str, passed: bool, said: &str) -> Outcome {
    if said.contains("LeakSanitizer has encountered a fatal error") {
        return Err(Failure::one(
            "the leak sanitizer must stop its own process to look at it, and may not: allow ptrace (in a container --cap-add SYS_PTRACE)",
        ));
    }
    match passed == report.is_empty() && said.contains(report) {
        true => Ok(()),
        false => Err(Failure::one(format!(
            "the sanitizers do not work here: a program with the planted bug \"{bug}\" {} with {said:?}",
            if passed { "passed" } else { "failed" }
        ))),
    }
}

/// Whether C code with the compiler's checks goes with Rust's runtime of them: C code that reads beyond an end is
/// called from Rust and reported.
fn c_can_be_checked(folder: &Path, host: &str) -> bool {
    let attempt = || -> Option<bool> {
        let path = |name: &str| -> PathBuf { folder.join(name) };
        let c = "int planted(int i) { volatile int a[4] = {0}; return a[i]; }";
        fs::write(path("planted.c"), c).ok()?;
        let text = "unsafe extern \"C\" { fn planted(i: i32) -> i32; }
            fn main() {
                let i = std::env::args().nth(1).unwrap().parse().unwrap();
                println!(\"{}\", unsafe { planted(i) });
            }";
        fs::write(path("planted_c.rs"), text).ok()?;
        let mut cc = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
        cc.args([C_FLAG, "-c", "-o"]).arg(path("planted.o")).arg(path("planted.c"));
        let mut rustc = toolchain::rustc();
        rustc.args(["--edition", "2024", FLAG, "--target", host]).env("RUSTC_BOOTSTRAP", "1");
        rustc.arg("-o").arg(path("planted_c")).arg(path("planted_c.rs"));
        rustc.arg(format!("-Clink-arg={}", path("planted.o").display()));
        if !output(&mut cc).ok()?.status.success() || !output(&mut rustc).ok()?.status.success() {
            return Some(false);
        }
        let within = output(Command::new(path("planted_c")).arg("3")).ok()?;
        let beyond = output(Command::new(path("planted_c")).arg("4")).ok()?;
        let said = String::from_utf8_lossy(&beyond.stderr).into_owned();
        Some(within.status.success() && said.contains("stack-buffer-overflow"))
    };
    attempt().unwrap_or(false)
}

fn output(command: &mut Command) -> Result<Output, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    command.output().map_err(|error| Failure::one(format!("{name} cannot be run: {error}")))
}

fn first_line(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or("it says nothing").to_owned()
}

fn cannot(path: &Path, error: &std::io::Error) -> Failure {
    Failure::one(format!("{} cannot be used: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(bug: &str, report: &str, passed: bool, said: &str) -> String {
        match judge(bug, report, passed, said) {
            Err(Failure::Said(sentences)) => sentences.join("\n"),
            _ => String::new(),
        }
    }

    #[test]
    fn a_sanitizer_that_sees_nothing_or_ghosts_is_not_believed() {
        assert!(judge("none", "", true, "").is_ok());
        assert!(judge("leak", "leaks", false, "detected leaks").is_ok());
        assert!(refused("leak", "leaks", true, "").contains("planted bug \"leak\" passed"));
        assert!(refused("none", "", false, "leaks").contains("\"none\" failed with \"leaks\""));
        assert!(refused("leak", "leaks", false, "another error").contains("do not work here"));
    }

    #[test]
    fn a_container_without_ptrace_is_named() {
        let said = "==1==LeakSanitizer has encountered a fatal error.";
        assert!(refused("none", "", false, said).contains("SYS_PTRACE"));
    }

    #[test]
    fn the_tests_that_are_run_are_there() {
        assert!(of_sqlite().is_ok_and(|names| names.iter().any(|name| name == "abandoned")));
        for test in OF_CENOTE {
            let path = source::root().join("crates/cenote/tests").join(test);
            assert!(
                path.with_extension("rs").is_file() || path.join("main.rs").is_file(),
                "{test}"
            );
        }
    }
}
