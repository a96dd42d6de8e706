//! Runs the examples and compares what they print, so that they stay true.

use std::process::Command;

#[track_caller]
fn prints(program: &str, expected: &str) {
    let output = Command::new(program).output().expect("the example was built beside this test");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
}

// P-1, P-9
#[test]
fn acquire() {
    prints(
        env!("CARGO_BIN_EXE_acquire"),
        "\
built:  running, size 0 of 4, using 0, available 0, waiting 0
lent:   running, size 1 of 4, using 1, available 0, waiting 0
back:   running, size 1 of 4, using 0, available 1, waiting 0
again:  connection 1, used 1 time before
result: 42, 1 connection made in all
",
    );
}

// P-8
#[test]
fn with() {
    prints(
        env!("CARGO_BIN_EXE_with"),
        "\
a value:   3 rows inserted
an error:  SQLite database \":memory:\": no such table: wrod
a timeout: cancelled true
after all: 3 words, 1 connection made, 0 closed
",
    );
}

// P-3, P-6, P-24, S
#[test]
fn timeouts_and_errors() {
    prints(
        env!("CARGO_BIN_EXE_timeouts_and_errors"),
        "\
config:    min_size is 5, but it must not exceed max_size, which is 4: raise max_size or lower min_size
timeout:   waited at least 20 ms: true; running, size 1 of 1, using 1, available 0, waiting 0
exhausted: pool \"small\": no idle connection right now (running, size 1 of 1, using 1, available 0, waiting 0)
full:      pool \"small\": the queue is full (running, size 1 of 1, using 1, available 0, waiting 0): raise max_waiting or max_size, or shed load
query:     SQLite database \":memory:\": near \"SELEC\": syntax error
connect:   pool \"nowhere\": cannot connect: SQLite database \"no/such/folder/app.db\": the folder \"no/such/folder\" does not exist: create it, or correct the path
           worth another try: false
closed:    pool \"small\" is closed
",
    );
}

// P-28
#[test]
fn session_setup() {
    prints(
        env!("CARGO_BIN_EXE_session_setup"),
        "\
ready:  running, size 2 of 2, using 0, available 2, waiting 0
lent:   a connection prepared for reports
lent:   a connection prepared for reports
failed: pool \"wrong\": cannot connect: SQLite database \":memory:\": near \"TABEL\": syntax error
kept:   0 connections
",
    );
}

// P-21
#[test]
fn graceful_shutdown() {
    prints(
        env!("CARGO_BIN_EXE_graceful_shutdown"),
        "\
in flight: running, size 1 of 4, using 1, available 0, waiting 0
newcomer:  pool \"app\" is draining and lends nothing new
response:  HTTP/1.1 200 OK: the answer is 42
drained:   0 closed, 0 failed, 0 still held
closed:    1 closed, 0 failed, 0 still held
at last:   closed, size 0 of 4, using 0, available 0, waiting 0
",
    );
}

// P-25, P-21
#[test]
fn threads() {
    prints(
        env!("CARGO_BIN_EXE_threads"),
        "\
inserted:  8 rows, at most 2 connections: true
after all: 8 rows
too late:  true
closed:    1 closed, 1 held
           acquired in Some(\"threads.rs\")
at last:   closed, size 0 of 2, using 0, available 0, waiting 0
",
    );
}
