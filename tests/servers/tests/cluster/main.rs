//! A cluster over real servers, in the short form: each case of the program behind `cargo xtask failover` once, those of
//! one kind of server side by side. Its own bounds decide.

use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn keeps_its_bounds(server: &str) {
    let folder = std::env::temp_dir();
    let begin = |case: &'static str| {
        let json =
            folder.join(format!("cenote-failover-{}-{server}-{case}.json", std::process::id()));
        let mut failover = Command::new(env!("CARGO_BIN_EXE_cenote-failover"));
        failover.args(["--runs", "1", "--events", "--server", server, "--only", case, "--json"]);
        failover.arg(&json).stdout(Stdio::piped()).stderr(Stdio::piped());
        (case, json, failover.spawn().unwrap())
    };
    for (case, json, failover) in ["primary", "standby", "lag"].map(begin) {
        let Output { status, stdout, stderr } = failover.wait_with_output().unwrap();
        let told = [stdout, stderr].map(|text| String::from_utf8(text).unwrap()).concat();
        let rows = std::fs::read_to_string(&json).unwrap_or_default();
        _ = std::fs::remove_file(&json);
        assert!(status.success(), "{case}: {told}");
        assert_eq!(told.lines().last(), Some("verdict: every bound holds"), "{told}");
        let rows: Vec<Value> = serde_json::from_str(&rows).unwrap();
        let fields = ["figure", "unit", "value", "bound"];
        assert!(rows.len() >= 6, "{rows:?}");
        for row in rows {
            assert_eq!((&row["case"], &row["holds"]), (&case.into(), &true.into()), "{row}");
            assert_eq!(row["server"], server);
            assert!(fields.iter().all(|field| !row[field].is_null()), "{row}");
        }
    }
}

// C-6, C-9, C-11, C-12, C-13
#[test]
fn a_cluster_keeps_its_bounds_when_servers_die_fall_behind_and_come_back() {
    keeps_its_bounds("postgres");
}

// C-6, C-9, C-11, C-12, C-13
#[test]
fn a_cluster_of_mariadb_servers_keeps_the_same_bounds() {
    keeps_its_bounds("mariadb");
}

// C-6, C-9, C-11, C-12, C-13
#[test]
fn a_cluster_of_redis_servers_keeps_the_same_bounds() {
    keeps_its_bounds("redis");
}
