//! Connections and servers that die.

use std::time::Duration;

use cenote::{Fault, Pool, Pooled};
use cenote_mysql::{MysqlConnection, MysqlError};
use cenote_server_tests::dying::{
    End, Mortal, killed_at_rest, never_more_than_max_size, whole_two_seconds_after_its_server,
};

use super::{Here, counted, mysql, pool, server, sql, until};

impl Mortal for Here {
    const FAULTS: &'static [Fault] = &[Fault::Host, Fault::Connection];
    const ENDS: &'static [End<Here>] =
        &[("stopped", |here| here.server.stop().unwrap()), ("killed", |here| here.server.kill())];
    const ANSWERS_GOODBYES: bool = false;
    const NOTICES: bool = false;

    fn start_again(&self) {
        self.server.start_again().unwrap();
    }

    fn kill_all(&self) -> usize {
        let known: Vec<u32> = self.ids.lock().unwrap().iter().copied().collect();
        // Those that have ended already are unknown.
        known.iter().filter(|id| self.server.run_sql(&format!("KILL {id}")).is_ok()).count()
    }

    async fn request(conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        conn.query_drop("DO SLEEP(0.002)").await
    }

    async fn quick(conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        conn.query_drop("SELECT 1").await
    }

    /// Not `SLEEP`: several that are killed at a time hold each other up, in this server. Somebody has the lock.
    async fn long(conn: &mut MysqlConnection) -> Result<(), MysqlError> {
        conn.query_drop("DO GET_LOCK('held', 60)").await
    }
}

// P-19, P-15
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_while_they_rest_are_never_lent() {
    killed_at_rest(Here::new(server().await)).await;
}

// P-13, P-18, P-3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_whole_two_seconds_after_its_server() {
    whole_two_seconds_after_its_server(Here::new(server().await)).await;
}

// P-20, P-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_counts_no_more_than_max_size_where_requests_are_given_up() {
    let server = server().await;
    let holds = Pool::builder(mysql(&server)).max_size(1).build().unwrap();
    let mut holds = Pooled::detach(holds.acquire().await.unwrap());
    holds.query_drop("DO GET_LOCK('held', 0)").await.unwrap();
    let pool = never_more_than_max_size(Here::new(server.clone())).await;
    assert_eq!(pool.stats().counts.close_failures, 0);
    pool.close(Duration::from_secs(5)).await;
    drop(holds);
    until("gone", || async { counted(&server).await == 0 }).await;
}

// P-14, P-18
#[tokio::test]
async fn an_end_is_told_and_the_connection_is_not_lent_again() {
    let server = server().await;
    let pool = pool(&server).max_size(1).build().unwrap();
    // In the middle of a request, and between two.
    for request in ["SELECT SLEEP(60) FROM seq_1_to_9", "SELECT 1"] {
        let mut conn = pool.acquire().await.unwrap();
        let id = conn.id();
        let kill = async {
            let running =
                "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE STATE = 'User sleep'";
            let sleeps = request.contains("SLEEP");
            until("running", || async { !sleeps || sql(&server, running).await == "1" }).await;
            sql(&server, format!("KILL {id}")).await;
        };
        let error = if request.contains("SLEEP") {
            tokio::join!(conn.query_drop(request), kill).0.unwrap_err()
        } else {
            kill.await;
            conn.query_drop(request).await.unwrap_err()
        };
        let fault = error.fault();
        assert!([Fault::Connection, Fault::Timeout].contains(&fault), "{request}: {error}");
        // Whatever it was told, there is nothing behind it any more.
        let again = conn.query_drop("SELECT 1").await.unwrap_err();
        assert_eq!(again.fault(), Fault::Connection, "{request}: {again}");
        drop(conn);
        let mut conn = pool.acquire().await.unwrap();
        conn.query_drop("SELECT 1").await.unwrap();
        assert_ne!(conn.id(), id);
    }
}
