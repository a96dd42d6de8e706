//! `cenote bench` on a server.

use std::process::{Command, Output};

use super::{blocking, server, sql};

async fn cenote(args: &[&str]) -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    // Built already where the whole workspace is tested.
    cargo.args(["run", "--quiet", "--package", "cenote-cli", "--", "bench", "--seconds", "1"]);
    cargo.args(args);
    blocking(move || cargo.output().unwrap()).await
}

// P-27, S
#[tokio::test]
async fn the_users_own_query_is_measured_and_what_cannot_be_is_told_in_a_sentence() {
    let server = server().await;
    let url = server.url();
    let base = ["--url", &url, "--size", "3", "--tasks", "20"];
    let ways: [(&[&str], &str); 2] = [
        (&[], "20 tasks, 3 connections, MySQL at "),
        (&["--no-pool"], "20 tasks without a pool, MySQL at "),
    ];
    let query = ["--sql", "SELECT COUNT(*) FROM seq_1_to_100"];
    for (way, headline) in ways {
        let output = cenote(&[&base[..], &query, way].concat()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(text.contains(headline) && text.contains("Errors       0"), "{text}");
        assert!(!text.contains(server.password()), "{text}");
        assert!(way.contains(&"--no-pool") || text.contains("3 opened, 3 closed"), "{text}");
    }
    let wrong = server.url_for("root", "hunter2", "cenote");
    for (args, says) in [
        (["--url", &wrong, "--size", "1"], "(1045): correct the user or the password"),
        (["--url", &url, "--sql", "SELEC 1"], "--sql: MySQL at "),
        (["--url", &url, "--sql", "SELECT ?"], "--sql: the query wants 1 parameter(s)"),
        (["--url", &url, "--sql", "SELECT 1; SELECT 2"], "--sql: MySQL at "),
        (["--url", &url, "--sql", " "], "--sql: the query is empty"),
    ] {
        let output = cenote(&args).await;
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(says), "{said}");
        assert!(said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
        assert!(!said.contains(server.password()), "{said}");
    }
    let output = cenote(&["--url", &url, "--share", "--size", "1"]).await;
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--share: MySQL answers one request at a time"), "{said}");
}

// P-11
#[tokio::test]
async fn the_servers_own_limits_are_asked_for_before_sizes_are_tried() {
    let server = server().await;
    // Of all sessions, and of those of a name.
    let url = server.url();
    sql(&server, "CREATE USER few IDENTIFIED BY 'hunter2' WITH MAX_USER_CONNECTIONS 5").await;
    let few = server.url_for("few", "hunter2", "");
    for (url, from, allows) in [(url, "max_connections", 151), (few, "max_user_connections", 5)] {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["run", "--quiet", "--package", "cenote-cli", "--", "size", "--json"]);
        cargo.args(["--seconds", "1", "--tasks", "8", "--reserve", "1", "--url", &url]);
        let output = blocking(move || cargo.output().unwrap()).await;
        let text = String::from_utf8(output.stdout).unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        let answer: serde_json::Value =
            serde_json::from_str(&text).unwrap_or_else(|_| panic!("{said}"));
        assert_eq!(
            (&answer["limit"]["from"], &answer["limit"]["allows"]),
            (&from.into(), &allows.into())
        );
        let sizes = answer["sizes"].as_array().unwrap();
        // One in reserve, and one for a goodbye that nobody answers.
        let most = if allows == 5 { 3 } else { 8 };
        assert_eq!(sizes.last().unwrap()["size"], most, "{answer}");
        assert!(answer["errors"] == 0 && !text.contains("hunter2"), "{answer}");
    }
}
