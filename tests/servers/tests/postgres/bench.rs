//! The bench's rows of PostgreSQL can be measured. What they are is not judged here.

use std::process::Command;

use super::blocking;

// P-2
#[tokio::test]
async fn the_benchs_rows_of_a_server_are_there() {
    let mut cargo = Command::new(env!("CARGO"));
    // Built already where the whole workspace is tested.
    cargo.args(["run", "--quiet", "--package", "cenote-bench", "--", "--quick", "--only", "S8"]);
    let output = blocking(move || cargo.output().unwrap()).await;
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let rows = ["cenote", "cenote, Rollback", "cenote, DiscardAll", "cenote, shared", "none"];
    for row in rows {
        let row = format!("| {row} | default | ");
        let found = table.lines().find(|line| line.starts_with(&row));
        let found = found.unwrap_or_else(|| panic!("{row}: {table}"));
        assert_eq!((found.matches(" [").count(), found.matches('–').count()), (9, 9), "{found}");
    }
}
