//! The project's habits, as far as a script can see them: a file is one idea and seldom long, nothing is
//! left unfinished, and no test is skipped or sleeps to wait for something.

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

pub(crate) fn run() -> Outcome {
    let files = source::rust_files()?;
    let wrong: Vec<String> = files.iter().flat_map(judge).collect();
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
}
