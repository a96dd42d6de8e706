//! `cenote bench` on a server, and the driver's example.

use std::process::Command;

use cenote_server_tests::program::{measures, refuses};

use super::{blocking, server, sql, until};

// P-27
#[tokio::test]
async fn the_users_own_query_is_measured_with_and_without_sharing() {
    let server = server().await;
    let url = server.url();
    let ways: [(&[&str], &str); 3] = [
        (&[], "20 tasks, 3 connections, PostgreSQL at "),
        (&["--share"], "20 tasks, 3 shared connections, PostgreSQL at "),
        (&["--no-pool"], "20 tasks without a pool, PostgreSQL at "),
    ];
    let base = ["--url", &url, "--sql", "SELECT count(*) FROM pg_class"];
    measures(&base, &ways, server.password()).await;
    // Who has no pool waits for no goodbye.
    let left = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_class'";
    until("all are gone", || async { sql(&server, left).await == "0" }).await;
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
        refuses(&args, says, &["hunter2", server.password()]).await;
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
