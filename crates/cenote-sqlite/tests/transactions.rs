//! Whether a borrower idles in a transaction: the pool counts such borrowers and names them.

use std::future::Future;
use std::sync::mpsc::channel;
use std::time::Duration;

use cenote::Pool;
use cenote_sqlite::Sqlite;

// P-30, P-26
#[tokio::test]
async fn a_borrower_that_idles_in_a_transaction_is_counted_and_named() {
    let pool = Pool::builder(Sqlite::memory()).max_size(1).build().unwrap();
    let idles = || pool.status().idle_in_transaction;
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(idles(), 0);
    conn.call(|db| db.execute_batch("BEGIN")).await.unwrap();
    assert_eq!(idles(), 1);

    // While a call runs nothing idles.
    let (go, wait) = channel::<()>();
    let (tell, began) = channel();
    let mut call = Box::pin(conn.call(move |_| {
        tell.send(()).unwrap();
        wait.recv().unwrap();
        Ok(())
    }));
    let polled = std::future::poll_fn(|cx| std::task::Poll::Ready(call.as_mut().poll(cx)));
    assert!(polled.await.is_pending());
    began.recv().unwrap();
    assert_eq!(idles(), 0);
    go.send(()).unwrap();
    call.await.unwrap();
    assert_eq!(idles(), 1);

    let report = pool.close(Duration::from_millis(1)).await;
    assert!(report.holders[0].in_transaction, "{report}");
    conn.call(|db| db.execute_batch("COMMIT")).await.unwrap();
}

// P-30, P-8
#[tokio::test]
async fn a_transaction_that_is_undone_at_release_is_nobodys() {
    let pool = Pool::builder(Sqlite::memory()).max_size(1).build().unwrap();
    pool.with(async |conn| conn.call(|db| db.execute_batch("BEGIN")).await).await.unwrap();
    let conn = pool.acquire().await.unwrap();
    assert_eq!(pool.status().idle_in_transaction, 0, "{}", pool.status());
    drop(conn);
}
