//! The program `cenote`, on servers of tests.

use std::process::{Command, Output};

use crate::blocking;

/// Runs `cenote` with these arguments.
///
/// # Panics
/// If it cannot be run at all.
pub async fn cenote(args: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    // Built already where the whole workspace is tested.
    cargo.args(["run", "--quiet", "--package", "cenote-cli", "--"]).args(args);
    blocking(move || cargo.output().unwrap()).await
}

/// What it says when it goes well, without any of these words.
///
/// # Panics
/// If it does not go well, or says such a word.
pub async fn says(args: &[&str], secrets: &[&str]) -> String {
    let output = cenote(args).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(secrets.iter().all(|secret| !text.contains(secret)), "{text}");
    text
}

/// Measures for a second with `cenote bench` and these arguments, and with those of each way; every report has its
/// headline, no error, and no password in it.
///
/// # Panics
/// If one has not.
pub async fn measures(base: &[&str], ways: &[(&[&str], &str)], password: &str) {
    for (way, headline) in ways {
        let args =
            [&["bench", "--seconds", "1", "--size", "3", "--tasks", "20"], base, way].concat();
        let text = says(&args, &[password]).await;
        assert!(text.contains(headline) && text.contains("Errors       0"), "{text}");
        assert!(way.contains(&"--no-pool") || text.contains("3 opened, 3 closed"), "{text}");
    }
}

/// What `cenote bench` cannot measure it says in one sentence, which has these words and no password.
///
/// # Panics
/// If it does not.
pub async fn refuses(args: &[&str], says: &str, secrets: &[&str]) {
    let output = cenote(&[&["bench", "--seconds", "1"], args].concat()).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains(says), "{said}");
    assert!(said.lines().count() == 1, "{said}");
    assert!(secrets.iter().all(|secret| !said.contains(secret)), "{said}");
}
