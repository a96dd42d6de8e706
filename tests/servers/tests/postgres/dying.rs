//! Connections and servers that die.

use cenote::Fault;
use cenote_postgres::{PostgresConnection, PostgresError};
use cenote_server_tests::dying::{
    self, End, Mortal, killed_at_rest, whole_two_seconds_after_its_server,
};
use cenote_testkit::servers::postgres::Stop;

use super::{Here, pool, server, sql};

impl Mortal for Here {
    const FAULTS: &'static [Fault] = &[Fault::Host, Fault::Connection];
    const ENDS: &'static [End<Here>] = &[
        ("stopped", |here| here.0.stop(Stop::Fast).unwrap()),
        ("stopped at once", |here| here.0.stop(Stop::Immediate).unwrap()),
        ("stopped again", |here| here.0.stop(Stop::Fast).unwrap()),
    ];
    const ANSWERS_GOODBYES: bool = true;
    const NOTICES: bool = true;

    fn start_again(&self) {
        self.0.start_again().unwrap();
    }

    fn kill_all(&self) -> usize {
        let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
            WHERE application_name = 'pool'";
        self.0.run_sql(kill).unwrap().parse().unwrap()
    }

    async fn request(conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        conn.query_one("SELECT pg_sleep(0.002)::text", &[]).await.map(drop)
    }

    async fn quick(conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        conn.query_one("SELECT 1", &[]).await.map(drop)
    }

    async fn long(conn: &mut PostgresConnection) -> Result<(), PostgresError> {
        conn.query_one("SELECT pg_sleep(1)::text", &[]).await.map(drop)
    }
}

// P-19
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    killed_at_rest(Here(server().await)).await;
}

// P-13, P-18, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_whole_two_seconds_after_its_server() {
    whole_two_seconds_after_its_server(Here(server().await)).await;
}

// P-20
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_never_counts_more_than_max_size() {
    dying::never_more_than_max_size(Here(server().await)).await;
}

// P-14, P-18
#[tokio::test]
async fn the_reason_of_an_end_is_told_whoever_hears_it() {
    let server = server().await;
    let pool = pool(&server).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    let pid: i32 = conn.query_one("SELECT pg_backend_pid()", &[]).await.unwrap().get(0);
    sql(&server, format!("SELECT pg_terminate_backend({pid})")).await;
    // While it rests: the request that comes after it is told why.
    let error = loop {
        if let Err(error) = conn.query_one("SELECT 1", &[]).await {
            break error;
        }
    };
    assert_eq!((error.code().unwrap().code(), error.fault()), ("57P01", Fault::Host), "{error}");
    let again = conn.query_one("SELECT 1", &[]).await.unwrap_err();
    assert!(matches!(again, PostgresError::Closed { why: Some(_), .. }), "{again}");
    assert!(again.to_string().contains("has ended: terminating connection"), "{again}");
}
