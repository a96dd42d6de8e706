//! Runs the examples and compares what they print, so that they stay true.

use std::process::Command;
use std::time::{Duration, Instant};

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
full:      pool \"small\": no connection is free and max_waiting is 0 (running, size 1 of 1, using 1, available 0, waiting 0): raise max_size, or let callers wait
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

// P-26, C-17, P-22
#[test]
fn admin() {
    prints(
        env!("CARGO_BIN_EXE_admin"),
        "\
status:  app, size 1 of 4, a page of 200
without: 401 {\"error\":\"this needs the token: send it as Bearer in the header Authorization\"}
with:    200 {\"done\":\"pool \\\"app\\\": max_size was 4 and is 8; running, size 1 of 8, using 0, available 1, waiting 0\"}
ready:   200 ready
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

// P-5, P-6, P-24, P-28, P-29, P-30
#[test]
fn node_mysql_pool() {
    prints(
        env!("CARGO_BIN_EXE_node_mysql_pool"),
        "\
errors
  theirs: No connections available.
  ours:   pool \"no wait\": no connection is free and max_waiting is 0 (running, size 10 of 10, using 10, available 0, waiting 0): raise max_size, or let callers wait
  theirs: Queue limit reached.
  ours:   pool \"short\": as many callers wait as max_waiting allows, which is 1 (running, size 1 of 1, using 1, available 0, waiting 1): raise it or max_size, or shed load
  theirs: Pool is closed.
  ours:   pool \"short\" is closed
events
  getConnection all 0, free 0
  enqueue       all 1, free 0
  connection    all 1, free 0
  acquire       all 1, free 0
  the session is set up: UTC
  getConnection all 1, free 0
  enqueue       all 1, free 0
  getConnection all 1, free 0
  enqueue       all 1, free 0
  getConnection all 1, free 0
  enqueue       all 1, free 0
  release       all 1, free 0
  getConnection all 1, free 0
  newcomer: pool \"app\": no idle connection right now (running, size 1 of 1, using 0, available 0, waiting 3, testing 1)
  acquire       all 1, free 0
  first: connection 1
  release       all 1, free 0
  acquire       all 1, free 0
  second: connection 1
  release       all 1, free 0
  acquire       all 1, free 0
  third: connection 1
  release       all 1, free 1
  getConnection all 1, free 1
  enqueue       all 1, free 0
  acquire       all 1, free 0
  release       all 1, free 1
leak
  early return: SQLite database \":memory:\": near \"nothing\": syntax error
                running, size 1 of 1, using 0, available 1, waiting 0
  leaked: acquired in node_mysql_pool.rs, the right line: true
  leak_returned: acquired in node_mysql_pool.rs, the right line: true
",
    );
}

// P-4, P-7, P-14, P-15, P-21, P-24, P-29, P-33
#[test]
fn generic_pool() {
    let began = Instant::now();
    prints(
        env!("CARGO_BIN_EXE_generic_pool"),
        "\
min:        running, size 2 of 3, using 0, available 2, waiting 0
create:     first:  pool \"workers\": cannot connect: no memory for another worker
            second: worker 3
            third:  pool \"workers\": cannot connect: there is no program \"worker\"
            2 failed
validate:   worker 1 crashes
            lent: worker 2
            destroyed: 1
            running, size 2 of 3, using 0, available 2, waiting 0
order:      fifo: workers [2, 4, 2, 4]
            lifo: workers [4, 4, 4, 4]
priorities: [\"urgent\", \"normal\", \"low\", \"low\"]
drain:      pool \"workers\" is draining and lends nothing new
            0 closed, 0 failed, 0 still held
destroy:    3 closed, 0 failed, 0 still held
            closed, size 0 of 3, using 0, available 0, waiting 0
log:
  verbose pool \"workers\", connection 1: connecting
  info    pool \"workers\": created
  warn    pool \"workers\", connection 3: connect failed after 200.0ms (host): no memory for another worker
  error   pool \"workers\", connection 5: connect failed after 200.0ms (permanent): there is no program \"worker\"
end
",
    );
    // All its sleeps are virtual, and the pool that it leaves open keeps no process alive: with generic-pool's
    // timers it would not end at all.
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

// P-24, P-26, P-27, P-29
#[test]
fn sequelize_monitoring() {
    prints(
        env!("CARGO_BIN_EXE_sequelize_monitoring"),
        "\
at most 45; size 0, available 0, using 0, waiting 0
  acquire 1: acquire_succeeded, took 20ms
size 1, available 0, using 1, waiting 0
size 1, available 1, using 0, waiting 0
  acquire 2: acquire_succeeded, took 0ns
size 45, available 0, using 45, waiting 2
  acquire 5: acquire_failed, took 10ms
  acquire 4: acquire_succeeded, took 15ms
served: true, gave up: true
6 acquires, 2 without a wait; the longest wait was 20ms
size 45, available 45, using 0, waiting 0
write: size 1, available 0, using 1, waiting 0
read:  size 2, available 0, using 2, waiting 0
all:   size 3, available 0, using 3, waiting 0
",
    );
}

// P-3, P-14, P-27, P-30
#[test]
fn acquire_timeout_causes() {
    prints(
        env!("CARGO_BIN_EXE_acquire_timeout_causes"),
        "\
a hundred requests at once
  40 served, 60 timed out; the first of them:
  pool \"app\": no connection within 1.0s (running, size 2 of 2, using 2, available 0, waiting 59)
  cause 1, the pool is too small: 60 wait for 2, a use takes 50ms
two transactions that wait for a slow service
  pool \"app\": no connection within 1.0s (running, size 2 of 2, using 2, available 0, waiting 0, idle in transaction 2)
  cause 2, 2 of 2 idle in a transaction
a cache that keeps connections
  pool \"app\": no connection within 1.0s (running, size 2 of 2, using 2, available 0, waiting 0)
  cause 3, a connection is never given back: acquired in acquire_timeout_causes.rs
  2 reports, each names the right line: true
a server that is away
  pool \"app\": no connection within 1.0s (running, size 0 of 2, using 0, available 0, waiting 0); the last connect failed: connection refused
  cause 4, the server cannot be reached: connection refused
a server that takes 3 s for a login
  pool \"app\": no connection within 1.0s (running, size 1 of 2, using 0, available 0, waiting 0, connecting 1)
  cause 4, the server is slow to connect
  3 s later: running, size 1 of 2, using 0, available 1, waiting 0
",
    );
}

// P-3, P-4
#[test]
fn priorities() {
    prints(
        env!("CARGO_BIN_EXE_priorities"),
        "\
levels:
  running, size 1 of 1, using 1, available 0, waiting 6
  health
  web 1
  web 2
  batch 1
  batch 2
  batch 3
strict:
  batch, 30ms of patience: pool \"app\": no connection within 30.0ms (running, size 1 of 1, using 1, available 0, waiting 2)
  batch, the pool's 30 s: served after 50ms
a level that does not exist counts as the last:
  1 such call
",
    );
}

// P-10, P-32
#[test]
fn sharing() {
    prints(
        env!("CARGO_BIN_EXE_sharing"),
        "\
meanwhile: running, size 2 of 2, using 2, available 0, waiting 0, sharers 100
answered:  100 of 100 by connections {1, 2} after 15ms
two:       running, size 2 of 2, using 1, available 1, waiting 1, sharers 1
           got 2; running, size 2 of 2, using 2, available 0, waiting 0
queue:     running, size 1 of 1, using 1, available 0, waiting 2, sharers 2
alone:     running, size 1 of 1, using 1, available 0, waiting 1
late:      running, size 1 of 1, using 1, available 0, waiting 0, sharers 1
",
    );
}

// P-12, P-14, P-18, S
#[test]
fn rotating_password() {
    prints(
        env!("CARGO_BIN_EXE_rotating_password"),
        "\
at first:  running, size 2 of 2, using 1, available 1, waiting 0
rotated:   1 closed, 0 failed, 0 still held
           running, size 1 of 2, using 1, available 0, waiting 0
at last:   running, size 1 of 2, using 0, available 1, waiting 0
           closed: [(Cleared, 2)]
wrong:     pool \"app\": cannot connect: the server does not accept the password of user \"app\"
           after 5ms of 30s; worth another try: false
healed:    running, size 2 of 2, using 1, available 1, waiting 0
           within the longest pause between two tries: true
log:       50 events, a password in one of them: false
",
    );
}

// P-31
#[test]
fn prometheus() {
    prints(
        env!("CARGO_BIN_EXE_prometheus"),
        "\
# pool \"orders\": no connection within 500.0ms (running, size 2 of 2, using 2, available 0, waiting 0)
# pool \"reports\": cannot connect: scripted permanent error in connect
db_client_connection_count{db_client_connection_pool_name=\"orders\",db_client_connection_state=\"idle\"} 1
db_client_connection_count{db_client_connection_pool_name=\"orders\",db_client_connection_state=\"used\"} 1
db_client_connection_max{db_client_connection_pool_name=\"orders\"} 2
db_client_connection_timeouts{db_client_connection_pool_name=\"orders\"} 1
db_client_connection_wait_time_bucket{db_client_connection_pool_name=\"orders\",le=\"+Inf\"} 3
db_client_connection_wait_time_bucket{db_client_connection_pool_name=\"orders\",le=\"0.001\"} 0
db_client_connection_wait_time_bucket{db_client_connection_pool_name=\"orders\",le=\"0.01\"} 0
db_client_connection_wait_time_bucket{db_client_connection_pool_name=\"orders\",le=\"0.1\"} 2
db_client_connection_wait_time_bucket{db_client_connection_pool_name=\"orders\",le=\"1\"} 3
db_client_connection_wait_time_count{db_client_connection_pool_name=\"orders\"} 3
db_client_connection_wait_time_sum{db_client_connection_pool_name=\"orders\"} 0.54
db_client_connection_use_time_sum{db_client_connection_pool_name=\"orders\"} 0.5
cenote_acquires{db_client_connection_pool_name=\"orders\",outcome=\"ok\"} 2
cenote_acquires{db_client_connection_pool_name=\"orders\",outcome=\"timeout\"} 1
cenote_connects{db_client_connection_pool_name=\"reports\",outcome=\"permanent\"} 1
",
    );
}

// C-2, C-3, C-18, C-19
#[test]
fn sequelize_replication() {
    prints(
        env!("CARGO_BIN_EXE_sequelize_replication"),
        "\
primary connects to db-1:5432
r1 connects to db-2:5432
r2 connects to db-3:5432
SELECT: r1 (replica)
SELECT: r2 (replica)
SELECT: r1 (replica)
useMaster: primary (primary)
INSERT: primary (primary)
sequelize:primary:primary: at most 5
sequelize:replica:r1: at most 2
sequelize:replica:r2: at most 2
one function
  reads from r2 (replica), writes to primary (primary)
  reads from a single pool (the only one), writes to a single pool (the only one)
while it drains: cluster \"sequelize\" is draining and lends nothing new
drained: 0 closed, 0 failed, 0 still held
closed: 3 closed, 0 failed, 0 still held
after: cluster \"sequelize\" is closed
",
    );
}

// C-3, C-6, C-10, C-17
#[test]
fn pool_cluster() {
    prints(
        env!("CARGO_BIN_EXE_pool_cluster"),
        "\
add
  event: cluster \"cluster\", node \"MASTER\": added
  event: cluster \"cluster\", node \"SLAVE1\": added
  event: cluster \"cluster\", node \"SLAVE2\": added
  twice: node \"MASTER\" is in the cluster already: give each node a key of its own, or update it
  event: cluster \"cluster\", node \"MASTER\": online
  event: cluster \"cluster\", node \"SLAVE1\": online
  event: cluster \"cluster\", node \"SLAVE2\": online
of(pattern, selector)
  of(SLAVE*, RR):     SLAVE1 SLAVE2 SLAVE1 SLAVE2
  of(*, RANDOM):      MASTER SLAVE2 SLAVE1 MASTER MASTER SLAVE1
  of(*, ORDER):       MASTER MASTER MASTER
  of(SLAVE2):         SLAVE2 SLAVE2
  POOL_NOEXIST:       cluster \"cluster\": no node is any node named \"NOBODY\": add one, or correct the route
five errors in a row
  event: cluster \"cluster\", node \"MASTER\": ejected for 2.0s
  the next one:       SLAVE1
  POOL_NONEONLINE:    cluster \"cluster\": any node named \"MASTER\" is wanted, and none is online; MASTER is out for its errors
when the time is over
  event: cluster \"cluster\", node \"MASTER\": recovered
  five at once:       MASTER SLAVE1 SLAVE1 SLAVE1 SLAVE1
  and then:           MASTER MASTER MASTER
a node that cannot be reached
  event: cluster \"cluster\", node \"MASTER\": offline: scripted host error in connect
  the others serve:   SLAVE1 SLAVE1
  event: cluster \"cluster\", node \"MASTER\": online
  and it is back:     MASTER MASTER
remove by pattern
  event: cluster \"cluster\", node \"SLAVE1\": removed
  event: cluster \"cluster\", node \"SLAVE2\": removed
  2 removed, 5 closed, 0 failed, 0 still held
  left:               MASTER MASTER
end: 1 closed, 0 failed, 0 still held
after it: the cluster is closed and takes no nodes
",
    );
}

// D-1, D-2, D-3
#[test]
fn lecture_discovery() {
    prints(
        env!("CARGO_BIN_EXE_lecture_discovery"),
        "\
1. the file's digest, each second
  loaded: s1:1 s2:2
  written again, two looks later: 1 update in all
  s3 is added: s1:1 s2:2 s3:5, served by s1 s2 s3
  s1 has another weight: s1:4 s2:2 s3:5, connects 0
  a mistake changes nothing: s1:4 s2:2 s3:5
  line 1: node \"s1\" has no address: give it one
2. a callback of the configuration centre
  called for s1 and s2: served by s1 s2
  called for s3: served by s1 s2 s3
  s1 is gone: served by s2 s3
",
    );
}

// C-4, C-5, C-6, C-15
#[test]
fn lecture() {
    prints(
        env!("CARGO_BIN_EXE_lecture"),
        "\
Init, GetConnection, FreeConnection
  after Init: 6 connections
  taken: 1, free: 5
  put back: 6 free
probe, reconnect, replace, or down
  alive: connection 1 of s1
  dead, reconnected and replaced: connection 2 of s1
  dead, and the reconnect fails: s1 is down, s2 serves
  up again: s1 serves
static weights 1, 2, 5, two connections each
  1 to 16: s1 s1 s2 s2 s2 s2 s3 s3 s3 s3 s3 s3 s3 s3 s3 s3
  shares in percent: 13 : 26 : 62
dynamic weights
  event: cluster \"cluster\", node \"s1\": added
  event: cluster \"cluster\", node \"s2\": added
  event: cluster \"cluster\", node \"s3\": added
  event: cluster \"cluster\", node \"s1\": online
  event: cluster \"cluster\", node \"s2\": online
  event: cluster \"cluster\", node \"s3\": online
  60, 60, 60: 34 : 33 : 32
  100, 60, 40: 50 : 30 : 20
at the edge a small breath, when dead a big one
  event: cluster \"cluster\", node \"s3\": ejected for 1.0s
  overload of one moves its load: 60 : 40 : 0
  event: cluster \"cluster\", node \"s3\": recovered
  event: cluster \"cluster\", node \"s3\": ejected for 60.0s
overload of all sheds
  after 0ns: cluster \"cluster\": every node has more to do than it can: shed load, or add nodes
",
    );
}

// C-16
#[test]
fn sharding() {
    prints(
        env!("CARGO_BIN_EXE_sharding"),
        "\
customer 1: reads from blue-replica, writes to blue-primary
customer 2: reads from red-replica, writes to red-primary
customer 3: reads from blue-replica, writes to blue-primary
the same shard, the same connection: 1
three groups: blue 3328, green 3237, red 3435
four groups:  blue 2496, green 2426, red 2610, yellow 2468
moved: 2468 of 10000, to old groups: 0; at most 1.2 / 4 of them: true
by a rule of one's own: blue-primary
",
    );
}
