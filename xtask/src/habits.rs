//! The project's habits, as far as a script can see them: a file is one idea and seldom long, nothing is
//! left unfinished, no test is skipped or sleeps to wait for something, and no crate has `unsafe` in it without
//! saying why.

use crate::source::{self, Source};
use crate::{Failure, Outcome};

/// The most lines of a file that is not test code.
const LONGEST: usize = 450;

/// What must not be in any file, and why. In two halves, so that this file has none of it.
const NOWHERE: &[(&str, &str, &str)] = &[
    ("TO", "DO", "do it, or open an issue"),
    ("FIX", "ME", "fix it, or open an issue"),
    ("X", "XX", "say what is meant"),
    ("todo", "!(", "write the code"),
    ("unimplemented", "!(", "write the code"),
    ("#[ign", "ore", "a test that does not run holds nothing"),
];

/// What must not be in test code, and why.
const NOT_IN_TESTS: &[(&str, &str, &str)] = &[
    ("thread::", "sleep", "wait for a condition or use virtual time"),
    ("assert!", "(true)", "it cannot fail"),
];

/// What the root of a crate says.
const FORBIDDEN: &str = "#![forbid(unsafe_code)]";

pub(crate) fn run() -> Outcome {
    let files = source::rust_files()?;
    let mut wrong: Vec<String> = files.iter().flat_map(judge).collect();
    for manifest in source::manifests()? {
        wrong.extend(shares_lints(&manifest));
        let roots = files.iter().filter(|file| is_root(&manifest, &file.path));
        wrong.extend(roots.filter_map(without_a_word_on_unsafe));
    }
    if !wrong.is_empty() {
        return Err(Failure::Said(wrong));
    }
    println!("{} files keep the habits", files.len());
    Ok(())
}

/// Where a file breaks a habit.
fn judge(file: &Source) -> Vec<String> {
    let path = &file.path;
    let mut wrong = Vec::new();
    let lines = file.text.lines().count();
    if lines > LONGEST && !file.is_test() {
        wrong.push(format!(
            "{path} has {lines} lines, at most {LONGEST} are usual: a second idea wants a file of its own"
        ));
    }
    // Tests beside a module's code stand at its end.
    let mut in_tests = file.is_test();
    for (line, n) in file.text.lines().zip(1..) {
        in_tests |= line.trim() == "#[cfg(test)]";
        let tests_too = if in_tests { NOT_IN_TESTS } else { &[] };
        for (head, tail, why) in NOWHERE.iter().chain(tests_too) {
            if line.contains(&format!("{head}{tail}")) {
                wrong.push(format!("{path}:{n}: {head}{tail}: {why}"));
            }
        }
    }
    wrong
}

/// Whether cargo begins to compile a crate there. Tests are roots too, but the lint of the workspace watches them.
fn is_root(manifest: &Source, path: &str) -> bool {
    let folder = manifest.path.strip_suffix("Cargo.toml").unwrap_or_default();
    let Some(path) = path.strip_prefix(folder) else { return false };
    let by_habit = matches!(path, "src/lib.rs" | "src/main.rs" | "build.rs")
        || path.strip_prefix("src/bin/").is_some_and(|name| !name.contains('/'));
    by_habit || manifest.text.contains(&format!("\npath = \"{path}\""))
}

/// What is wrong with a root that neither forbids `unsafe` nor says why it, or one of its modules, cannot.
fn without_a_word_on_unsafe(root: &Source) -> Option<String> {
    let mut lines = root.text.lines();
    let expects = ["#![expect(unsafe_code, reason = \"", "#[expect(unsafe_code, reason = \""];
    let says =
        |line: &str| line == FORBIDDEN || expects.iter().any(|expects| line.starts_with(expects));
    (!lines.any(says)).then(|| {
        let path = &root.path;
        format!("{path} does not say {FORBIDDEN}, or with expect and a reason why it cannot")
    })
}

/// What is wrong with a crate that the workspace's lints do not reach, its tests among it.
fn shares_lints(manifest: &Source) -> Option<String> {
    let shares = manifest.text.contains("\n[lints]\nworkspace = true\n");
    let is_crate = manifest.text.contains("[package]");
    (is_crate && !shares).then(|| {
        format!(
            "{}: [lints] workspace = true is missing: nothing forbids its tests unsafe",
            manifest.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(path: &str, text: &str) -> Vec<String> {
        judge(&Source { path: path.to_owned(), text: text.to_owned() })
    }

    #[test]
    fn a_long_file_is_named_unless_it_is_test_code() {
        let long = "\n".repeat(LONGEST + 1);
        assert!(wrong("src/a.rs", &long)[0].starts_with("src/a.rs has 451 lines"));
        assert!(wrong("src/a.rs", &"\n".repeat(LONGEST)).is_empty());
        assert!(wrong("tests/a.rs", &long).is_empty());
    }

    #[test]
    fn unfinished_and_skipped_code_is_named_everywhere() {
        for (head, tail, why) in NOWHERE {
            let text = format!("fn a() {{}}\n    {head}{tail} …");
            let said = wrong("src/a.rs", &text);
            assert_eq!(said, [format!("src/a.rs:2: {head}{tail}: {why}")]);
        }
    }

    #[test]
    fn a_sleep_is_named_in_tests_only() {
        let sleep = ["std::thread::", "sleep(d);"].concat();
        assert!(wrong("src/a.rs", &sleep).is_empty());
        assert_eq!(wrong("tests/a.rs", &sleep).len(), 1);
        assert_eq!(wrong("src/a.rs", &format!("#[cfg(test)]\nmod tests {{\n{sleep}")).len(), 1);
    }

    fn file(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn roots_are_found_by_habit_and_by_the_manifest() {
        let manifest = file("a/Cargo.toml", "[lib]\npath = \"lib.rs\"\n");
        for path in ["a/lib.rs", "a/src/main.rs", "a/src/lib.rs", "a/src/bin/one.rs"] {
            assert!(is_root(&manifest, path), "{path}");
        }
        for path in ["b/lib.rs", "a/src/one.rs", "a/tests/one.rs", "a/src/bin/one/part.rs"] {
            assert!(!is_root(&manifest, path), "{path}");
        }
        assert!(is_root(&file("Cargo.toml", ""), "src/lib.rs"));
    }

    #[test]
    fn a_root_forbids_unsafe_or_says_why_not() {
        let said = |text: &str| without_a_word_on_unsafe(&file("src/lib.rs", text)).is_none();
        assert!(said("//! A crate.\n\n#![forbid(unsafe_code)]\n"));
        assert!(said("#![expect(unsafe_code, reason = \"an allocator\")]\n"));
        assert!(!said("#![expect(unsafe_code)]\n"));
        assert!(!said("// #![forbid(unsafe_code)]\n"));
    }

    #[test]
    fn a_crate_without_the_workspaces_lints_is_named() {
        assert!(shares_lints(&file("a/Cargo.toml", "[package]\nname = \"a\"\n")).is_some());
        assert!(shares_lints(&file("Cargo.toml", "[workspace]\n")).is_none());
        let shared = "[package]\nname = \"a\"\n\n[lints]\nworkspace = true\n";
        assert!(shares_lints(&file("a/Cargo.toml", shared)).is_none());
    }
}
