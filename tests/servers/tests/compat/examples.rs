//! The examples with connections of diesel-async and of sqlx.

use std::process::Command;

use super::{blocking, server};

async fn prints(example: &str, expected: &str) {
    let server = server().await;
    let mut cargo = Command::new(env!("CARGO"));
    // Built already beside the tests.
    cargo.args(["run", "--quiet", "--package", "cenote-server-tests", "--example", example, "--"]);
    cargo.arg(server.url());
    let output = blocking(move || cargo.output().unwrap()).await;
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text, expected, "{}", String::from_utf8_lossy(&output.stderr));
}

// P-1, P-16
#[tokio::test]
async fn diesel_takes_the_guard() {
    prints("diesel", "2 products\nnot sold: stock would be negative\n1 connection made\n").await;
}

// P-1, P-15, P-20
#[tokio::test]
async fn sqlx_takes_the_guard() {
    prints("sqlx", "2 products\nnot sold: 23514\n1 connection made, 1 closed\n").await;
}
