//! Transactions as closures: committed or rolled back, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Pool, Pooled};
use cenote_mysql::{IsolationLevel, Mysql, MysqlConnection, MysqlError, Transaction};
use cenote_server_tests::given_up;
use cenote_server_tests::transactions::{self, Failed, Step, Transacts, beside};
use cenote_testkit::servers::mariadb::Server;

use tokio::sync::Notify;

use super::{Here, mysql, server, sql, until};

const OPEN: &str = "SELECT COUNT(*) FROM information_schema.INNODB_TRX";

async fn table(server: &Arc<Server>) {
    sql(server, "CREATE TABLE item (id int PRIMARY KEY)").await;
}

async fn here() -> Here {
    let server = server().await;
    table(&server).await;
    Here::new(server)
}

async fn one(server: &Arc<Server>) -> Pool<Mysql> {
    table(server).await;
    Pool::builder(mysql(server)).max_size(1).build_ready().await.unwrap()
}

async fn items(server: &Arc<Server>) -> String {
    sql(server, "SELECT COALESCE(GROUP_CONCAT(id ORDER BY id), '') FROM item").await
}

async fn insert(tx: &mut Transaction<'_>, id: i32) -> Result<u64, MysqlError> {
    tx.exec_drop("INSERT INTO item VALUES (?)", (id,)).await?;
    Ok(tx.affected_rows())
}

impl Transacts for Here {
    const KEEPS_WHAT_IT_STOPS: bool = false;

    async fn run(
        &self,
        conn: &mut MysqlConnection,
        limit: Duration,
        steps: &[Step<'_>],
    ) -> Result<(), Failed<MysqlError>> {
        let run = conn.transaction().timeout(limit).run(async |tx| {
            for step in steps {
                match *step {
                    Step::Insert(id) => assert_eq!(insert(tx, id).await?, 1),
                    Step::Fails => tx.query_drop("SELECT * FROM nothing").await?,
                    Step::Slow => tx.query_drop("DO SLEEP(60)").await?,
                    step => beside(step, || self.server.freeze()).await?,
                }
            }
            Ok(())
        });
        run.await
    }

    async fn insert(conn: &mut MysqlConnection, id: i32) -> Result<(), MysqlError> {
        conn.exec_drop("INSERT INTO item VALUES (?)", (id,)).await
    }

    fn is_open(conn: &MysqlConnection) -> bool {
        conn.in_transaction()
    }

    fn has_failed(error: &MysqlError) -> bool {
        error.code() == Some(1146)
    }

    fn timed_out(error: &MysqlError) -> Option<bool> {
        match error {
            MysqlError::TimedOut { committing, .. } => Some(*committing),
            _ => None,
        }
    }

    fn thaw(&self) {
        self.server.thaw();
    }

    async fn items(&self) -> String {
        items(&self.server).await
    }

    async fn open(&self) -> usize {
        sql(&self.server, OPEN).await.parse().unwrap()
    }
}

// P-16
#[tokio::test]
async fn a_value_commits_and_an_error_rolls_back() {
    transactions::a_value_commits_and_an_error_rolls_back(here().await).await;
}

// P-16
#[tokio::test]
async fn a_statement_that_failed_has_undone_itself_only_and_the_closure_may_go_on() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    conn.transaction().run(async |tx| insert(tx, 1).await).await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 4).await?;
        assert_eq!(insert(tx, 1).await.unwrap_err().code(), Some(1062));
        insert(tx, 5).await
    });
    run.await.unwrap();
    assert_eq!(items(&server).await, "1,4,5");
}

// P-16
#[tokio::test]
async fn nothing_is_committed_apart_from_a_transaction_that_is_over() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    // Committed by a statement that does so by itself.
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        tx.query_drop("CREATE TABLE other (id int)").await?;
        let refused = insert(tx, 2).await.unwrap_err();
        assert!(matches!(refused, MysqlError::Aborted { .. }), "{refused}");
        Ok::<(), MysqlError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::Aborted { .. }), "{error}");
    assert_eq!((error.fault(), items(&server).await.as_str()), (Fault::Query, "1"));
    // Rolled back to end a deadlock. What came after it would stand alone.
    sql(&server, "INSERT INTO item VALUES (10), (11)").await;
    let mut other = Pooled::detach(super::pool(&server).build().unwrap().acquire().await.unwrap());
    other.query_drop("BEGIN; UPDATE item SET id = id WHERE id = 11").await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 3).await?;
        tx.query_drop("SELECT * FROM item WHERE id = 10 FOR UPDATE").await?;
        // The other has changed more, so this one is chosen.
        let more = "INSERT INTO item SELECT seq FROM seq_100_to_199; SELECT * FROM item WHERE id = 10 FOR UPDATE";
        let other = tokio::spawn(async move { (other.query_drop(more).await, other) });
        let waits = "SELECT COUNT(*) FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'";
        until("the other waits", || async { sql(&server, waits).await == "1" }).await;
        let error = tx.query_drop("SELECT * FROM item WHERE id = 11 FOR UPDATE").await.unwrap_err();
        assert_eq!(error.code(), Some(1213), "{error}");
        assert!(error.to_string().contains("run the transaction again"), "{error}");
        let refused = insert(tx, 4).await.unwrap_err();
        assert!(matches!(refused, MysqlError::Aborted { .. }), "{refused}");
        let (done, mut other) = other.await.unwrap();
        done.unwrap();
        other.query_drop("ROLLBACK").await.unwrap();
        Ok::<(), MysqlError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, MysqlError::Aborted { .. }), "{error}");
    assert_eq!(items(&server).await, "1,10,11");
    // The connection is as good as before.
    conn.transaction().run(async |tx| insert(tx, 5).await).await.unwrap();
    assert_eq!(items(&server).await, "1,5,10,11");
}

// P-16
#[tokio::test]
async fn a_transaction_that_takes_too_long_is_rolled_back_in_time() {
    transactions::rolled_back_in_time(here().await).await;
}

// P-16
#[tokio::test]
async fn a_dropped_transaction_is_over_for_what_comes_next() {
    transactions::over_for_what_comes_next(here().await).await;
}

// P-16
#[tokio::test]
async fn a_dropped_transaction_is_over_without_a_reset_too_and_the_connection_stays() {
    let server = server().await;
    let pool = one(&server).await;
    let none = Pool::builder(mysql(&server).reset(cenote_mysql::Reset::None)).max_size(1);
    for pool in [pool, none.build().unwrap()] {
        let mut left = pool.acquire().await.unwrap();
        let so_far = Notify::new();
        let run = left.transaction().run(async |tx| {
            insert(tx, 3).await?;
            so_far.notify_one();
            std::future::pending::<Result<(), MysqlError>>().await
        });
        given_up(run, so_far.notified()).await;
        drop(left);
        let mut conn = pool.acquire().await.unwrap();
        conn.query_drop("DO 1").await.unwrap();
        assert!(!conn.in_transaction());
        assert_eq!((items(&server).await.as_str(), pool.stats().counts.connected), ("", 1));
    }
}

// P-16
#[tokio::test]
async fn a_rollback_or_a_commit_that_fails_costs_the_connection() {
    transactions::what_nobody_confirms_costs_the_connection(here().await).await;
}

// P-16
#[tokio::test]
async fn a_transaction_begins_as_it_is_described_and_is_send() {
    let server = server().await;
    let pool = one(&server).await;
    let task = tokio::spawn(async move {
        let mut conn = pool.acquire().await.unwrap();
        let builder = conn.transaction().isolation(IsolationLevel::Serializable).read_only();
        let run = builder.consistent_snapshot().run(async |tx| {
            let asked = "SELECT trx_isolation_level FROM information_schema.INNODB_TRX \
                WHERE trx_mysql_thread_id = CONNECTION_ID()";
            let level = tx.query_first::<String, _>(asked).await?;
            let refused = insert(tx, 1).await.unwrap_err();
            Ok::<_, MysqlError>((level, refused.code(), refused.fault()))
        });
        run.await.unwrap()
    });
    let (level, code, fault) = task.await.unwrap();
    assert_eq!((level.as_deref(), code, fault), (Some("SERIALIZABLE"), Some(1792), Fault::Role));
}
