//! `cenote bench` on a server.

use cenote_server_tests::program::{measures, refuses, says};

use super::{counted, run, server, until};

// P-27
#[tokio::test]
async fn the_users_own_command_is_measured_with_and_without_sharing() {
    let server = server().await;
    run(&server, "SET stock 7").await;
    let url = format!("{}?client_name=pool", server.url());
    let ways: [(&[&str], &str); 3] = [
        (&[], "20 tasks, 3 connections, Redis at "),
        (&["--share"], "20 tasks, 3 shared connections, Redis at "),
        (&["--no-pool"], "20 tasks without a pool, Redis at "),
    ];
    measures(&["--url", &url, "--sql", "GET stock"], &ways, server.password()).await;
    // Who has no pool waits for no goodbye.
    until("all are gone", || async { counted(&server).await == 0 }).await;
}

// S
#[tokio::test]
async fn what_cannot_be_measured_is_told_in_a_sentence() {
    let server = server().await;
    let wrong = server.url_for("default", "hunter2", 0);
    let url = server.url();
    let cases: [(&[&str], &str); 6] = [
        (&["--url", &wrong, "--size", "1"], "(WRONGPASS): correct the user or the password"),
        (&["--url", "redis://me:hunter2@127.0.0.1/x"], "the database in the URL is no number"),
        (&["--url", &url, "--sql", "NOTHING hunter2"], "--sql: Redis: unknown command 'NOTHING'"),
        (&["--url", &url, "--sql", "MONITOR"], "--sql: Redis: MONITOR was not sent, since"),
        (&["--url", &url, "--sql", "MULTI", "--share"], "--sql: Redis: MULTI was not sent, since"),
        (&["--url", &url, "--sql", " "], "--sql: the query is empty"),
    ];
    for (args, says) in cases {
        refuses(args, says, &["hunter2", server.password()]).await;
    }
}

// P-11
#[tokio::test]
async fn the_servers_own_limit_is_asked_for_before_sizes_are_tried() {
    let server = server().await;
    let url = server.url();
    let args = ["size", "--json", "--seconds", "1", "--tasks", "4", "--reserve", "10"];
    let text = says(&[&args[..], &["--url", &url]].concat(), &[server.password()]).await;
    let answer: serde_json::Value = serde_json::from_str(&text).unwrap();
    let limit = &answer["limit"];
    assert_eq!(
        (&limit["from"], &limit["allows"]),
        (&"maxclients".into(), &1000.into()),
        "{answer}"
    );
    let in_use = limit["in_use"].as_u64().unwrap();
    assert_eq!(answer["share"], 1000 - in_use - 10, "{answer}");
    let last = answer["sizes"].as_array().unwrap().last().unwrap();
    assert_eq!((&answer["errors"], &last["size"]), (&0.into(), &4.into()), "{answer}");
}
