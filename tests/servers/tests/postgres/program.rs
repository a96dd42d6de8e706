//! `cenote bench` on a server, and the driver's example.

use std::process::{Command, Output};

use super::{blocking, server, sql};

async fn cenote(args: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    // Built already where the whole workspace is tested.
    cargo.args(["run", "--quiet", "--package", "cenote-cli", "--", "bench", "--seconds", "1"]);
    cargo.args(args);
    blocking(move || cargo.output().unwrap()).await
}

// P-27
#[tokio::test]
async fn the_users_own_query_is_measured_with_and_without_sharing() {
    let server = server().await;
    let url = server.url();
    let base = ["--url", &url, "--size", "3", "--tasks", "20"];
    let ways: [(&[&str], &str); 3] = [
        (&[], "20 tasks, 3 connections, PostgreSQL at "),
        (&["--share"], "20 tasks, 3 shared connections, PostgreSQL at "),
        (&["--no-pool"], "20 tasks without a pool, PostgreSQL at "),
    ];
    for (way, headline) in ways {
        let output =
            cenote(&[&base[..], &["--sql", "SELECT count(*) FROM pg_class"], way].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(text.contains(headline) && text.contains("Errors       0"), "{text}");
        assert!(!text.contains(server.password()), "{text}");
        assert!(way.contains(&"--no-pool") || text.contains("3 opened, 3 closed"), "{text}");
    }
    assert_eq!(
        sql(&server, "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_class'").await,
        "0"
    );
}

// S
#[tokio::test]
async fn what_cannot_be_measured_is_told_in_a_sentence() {
    let server = server().await;
    let wrong = server.url_for("postgres", "hunter2", "postgres");
    let url = server.url();
    for (args, says) in [
        (["--url", &wrong, "--size", "1"], "(28P01): correct the user or the password"),
        (["--url", &url, "--sql", "SELEC 1"], "--sql: PostgreSQL at "),
        (["--url", &url, "--sql", "SELECT $1::int"], "--sql: the query wants 1 parameter(s)"),
        (["--url", &url, "--sql", "SELECT 1; SELECT 2"], "--sql: PostgreSQL at "),
        (["--url", &url, "--sql", " "], "--sql: the query is empty"),
    ] {
        let output = cenote(&args).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(says), "{said}");
        assert!(said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
        assert!(!said.contains(server.password()), "{said}");
    }
}

// C-19, P-16, P-32
#[tokio::test]
async fn the_example_says_what_it_does() {
    let server = server().await;
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "cenote-postgres", "--example", "transfer", "--"]);
    cargo.arg(server.url());
    let output = blocking(move || cargo.output().unwrap()).await;
    let text = String::from_utf8(output.stdout).unwrap();
    let expected = "\
refused with 23514
in time: false
a hundred readers saw 100 cents, on 4 connections at most
account 1: 70 cents
account 2: 30 cents
true
";
    assert_eq!(text, expected, "{}", String::from_utf8_lossy(&output.stderr));
}
