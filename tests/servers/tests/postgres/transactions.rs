//! Transactions as closures: committed or rolled back, whatever happens.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Pool};
use cenote_postgres::tokio_postgres::IsolationLevel;
use cenote_postgres::{Postgres, PostgresConnection, PostgresError, Transaction};
use cenote_server_tests::transactions::{self, Failed, Step, Transacts, beside};
use cenote_testkit::servers::postgres::Server;

use super::{Here, postgres, server, sql};

async fn table(server: &Arc<Server>) {
    sql(server, "CREATE TABLE item (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)").await;
}

async fn here() -> Here {
    let server = server().await;
    table(&server).await;
    Here(server)
}

async fn one(server: &Arc<Server>) -> Pool<Postgres> {
    table(server).await;
    Pool::builder(postgres(server)).max_size(1).build_ready().await.unwrap()
}

async fn items(server: &Arc<Server>) -> String {
    sql(server, "SELECT coalesce(string_agg(id::text, ',' ORDER BY id), '') FROM item").await
}

async fn insert(tx: &Transaction<'_>, id: i32) -> Result<u64, PostgresError> {
    tx.execute("INSERT INTO item VALUES ($1)", &[&id]).await
}

impl Transacts for Here {
    const KEEPS_WHAT_IT_STOPS: bool = true;

    async fn run(
        &self,
        conn: &mut PostgresConnection,
        limit: Duration,
        steps: &[Step<'_>],
    ) -> Result<(), Failed<PostgresError>> {
        let run = conn.transaction().timeout(limit).run(async |tx| {
            for step in steps {
                match *step {
                    Step::Insert(id) => assert_eq!(insert(tx, id).await?, 1),
                    Step::Fails => tx.batch_execute("INSERT INTO nothing VALUES (1)").await?,
                    Step::Slow => tx.batch_execute("SELECT pg_sleep(60)").await?,
                    step => beside(step, || self.0.freeze()).await?,
                }
            }
            Ok(())
        });
        run.await
    }

    async fn insert(conn: &mut PostgresConnection, id: i32) -> Result<(), PostgresError> {
        conn.execute("INSERT INTO item VALUES ($1)", &[&id]).await.map(drop)
    }

    fn is_open(conn: &PostgresConnection) -> bool {
        conn.in_transaction()
    }

    fn has_failed(error: &PostgresError) -> bool {
        error.code().is_some_and(|code| code.code() == "42P01")
    }

    fn timed_out(error: &PostgresError) -> Option<bool> {
        match error {
            PostgresError::TimedOut { committing, .. } => Some(*committing),
            _ => None,
        }
    }

    fn thaw(&self) {
        self.0.thaw();
    }

    async fn items(&self) -> String {
        items(&self.0).await
    }

    async fn open(&self) -> usize {
        let open = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'";
        sql(&self.0, open).await.parse().unwrap()
    }
}

// P-16
#[tokio::test]
async fn a_value_commits_and_an_error_rolls_back() {
    transactions::a_value_commits_and_an_error_rolls_back(here().await).await;
}

// P-16
#[tokio::test]
async fn nothing_is_committed_in_silence_after_a_failure() {
    let server = server().await;
    let pool = one(&server).await;
    let mut conn = pool.acquire().await.unwrap();
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        let _ = tx.batch_execute("SELECT 1 / 0").await;
        Ok::<(), PostgresError>(())
    });
    let error = run.await.unwrap_err();
    assert!(matches!(error, PostgresError::Aborted { .. }), "{error}");
    assert_eq!((error.fault(), items(&server).await.as_str()), (Fault::Query, ""));
    // A commit that fails, by a constraint that is looked at last.
    let run = conn.transaction().run(async |tx| {
        insert(tx, 1).await?;
        insert(tx, 1).await
    });
    assert_eq!(run.await.unwrap_err().code().unwrap().code(), "23505");
    // An error is told before the end of the answer has come, which says so: the next answer comes after it.
    conn.batch_execute("").await.unwrap();
    assert!(!conn.in_transaction());
    assert_eq!(items(&server).await, "");
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
        let run = builder.deferrable().run(async |tx| {
            let asked = "SELECT current_setting('transaction_isolation'), \
                current_setting('transaction_read_only'), current_setting('transaction_deferrable')";
            let row = tx.query_one(asked, &[]).await?;
            Ok::<[String; 3], PostgresError>([row.get(0), row.get(1), row.get(2)])
        });
        run.await.unwrap()
    });
    assert_eq!(task.await.unwrap(), ["serializable", "on", "on"]);
}
