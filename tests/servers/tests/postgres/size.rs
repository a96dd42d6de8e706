//! `cenote size` on a server that is shared: by its own count there are never more connections than the limit leaves.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote_testkit::servers::postgres::Server;
use serde_json::Value;

use super::{blocking, server, sql, until};

/// Runs it beside a session that counts all the time, and says how many others that has seen at most.
async fn size(server: &Arc<Server>, args: &[&str], url: &str) -> (Value, u64) {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["run", "--quiet", "--package", "cenote-cli", "--", "size", "--json", "--url", url]);
    let mut child = cargo.args(args).stdout(Stdio::piped()).spawn().unwrap();
    let (client, connection) =
        tokio_postgres::connect(&server.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let (began, mut most) = (Instant::now(), 0);
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(300), "it has not ended");
        let count = "SELECT count(*) FROM pg_stat_activity \
                     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
        let count: i64 = client.query_one(count, &[]).await.unwrap().get(0);
        most = most.max(u64::try_from(count).unwrap());
    }
    let output = blocking(move || child.wait_with_output().unwrap()).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(!text.contains(server.password()), "{text}");
    (serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}")), most)
}

fn largest(answer: &Value) -> u64 {
    let sizes = answer["sizes"].as_array().unwrap().iter();
    sizes.filter_map(|point| point["size"].as_u64()).max().unwrap()
}

// P-11
#[tokio::test]
async fn the_servers_own_limit_is_asked_for_and_never_exceeded() {
    let server = server().await;
    let allows: u64 = sql(&server, "SHOW max_connections").await.parse().unwrap();
    let kept: u64 = sql(&server, "SHOW superuser_reserved_connections").await.parse().unwrap();
    // All that is left, less the session that counts.
    let reserve = (allows - kept - 7).to_string();
    let args = ["--seconds", "2", "--reserve", &reserve];
    let (answer, most) = size(&server, &args, &server.url()).await;
    let limit = &answer["limit"];
    assert_eq!(limit["from"], "max_connections", "{answer}");
    assert_eq!(
        (limit["allows"].as_u64(), limit["for_superusers"].as_u64()),
        (Some(allows), Some(kept))
    );
    let left = limit["left"].as_u64().unwrap();
    assert_eq!(left, allows - kept - limit["in_use"].as_u64().unwrap());
    assert_eq!(answer["errors"], 0, "{answer}");
    assert!((4..=7).contains(&largest(&answer)), "{answer}");
    assert!(most >= largest(&answer) && most <= 7, "{most} at once: {answer}");
    let last = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'";
    // But for the one that asks. Ours says goodbye without waiting.
    until("all are closed", || async { sql(&server, last).await == "1" }).await;
}

// P-11
#[tokio::test]
async fn the_limit_of_a_role_counts_too() {
    let server = server().await;
    sql(&server, "CREATE ROLE few LOGIN PASSWORD 'hunter2' CONNECTION LIMIT 4").await;
    let url = server.url_for("few", "hunter2", "postgres");
    let args = ["--seconds", "1", "--processes", "2", "--sql", "SELECT count(*) FROM pg_class"];
    let (answer, _) = size(&server, &args, &url).await;
    assert_eq!(answer["limit"]["from"], "the role's connection limit", "{answer}");
    assert_eq!((largest(&answer), answer["share"].as_u64()), (4, Some(2)), "{answer}");
    assert!(answer["max_size"].is_null() || answer["max_size"].as_u64() <= Some(2), "{answer}");
    assert!(!answer.to_string().contains("hunter2"));
}
