//! `cenote bench` on a server.

use cenote_server_tests::program::{measures, refuses, says};

use super::{server, sql};

// P-27, S
#[tokio::test]
async fn the_users_own_query_is_measured_and_what_cannot_be_is_told_in_a_sentence() {
    let server = server().await;
    let url = server.url();
    let ways: [(&[&str], &str); 2] = [
        (&[], "20 tasks, 3 connections, MySQL at "),
        (&["--no-pool"], "20 tasks without a pool, MySQL at "),
    ];
    let base = ["--url", &url, "--sql", "SELECT COUNT(*) FROM seq_1_to_100"];
    measures(&base, &ways, server.password()).await;
    let wrong = server.url_for("root", "hunter2", "cenote");
    for (args, says) in [
        (["--url", &wrong, "--size", "1"], "(1045): correct the user or the password"),
        (["--url", &url, "--sql", "SELEC 1"], "--sql: MySQL at "),
        (["--url", &url, "--sql", "SELECT ?"], "--sql: the query wants 1 parameter(s)"),
        (["--url", &url, "--sql", "SELECT 1; SELECT 2"], "--sql: MySQL at "),
        (["--url", &url, "--sql", " "], "--sql: the query is empty"),
    ] {
        refuses(&args, says, &["hunter2", server.password()]).await;
    }
    let share = ["--url", &url, "--share", "--size", "1"];
    refuses(&share, "--share: MySQL answers one request at a time", &[server.password()]).await;
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
        let args = ["size", "--json", "--seconds", "1", "--tasks", "8", "--reserve", "1"];
        let secrets = ["hunter2", server.password()];
        let text = says(&[&args[..], &["--url", &url]].concat(), &secrets).await;
        let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            (&answer["limit"]["from"], &answer["limit"]["allows"]),
            (&from.into(), &allows.into())
        );
        let sizes = answer["sizes"].as_array().unwrap();
        // One in reserve, and one for a goodbye that nobody answers.
        let most = if allows == 5 { 3 } else { 8 };
        assert_eq!(sizes.last().unwrap()["size"], most, "{answer}");
        assert_eq!(answer["errors"], 0, "{answer}");
    }
}
