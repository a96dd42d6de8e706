//! Requests that nobody waits for any more, and requests to stop them (P-16).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Waker};
use std::time::Duration;

use cenote::{Fault, FreeSlot, Pool, Pooled};
use cenote_mysql::{Mysql, MysqlError, SslMode};
use cenote_server_tests::given_up;
use tokio::time::{Instant, timeout};

use super::{counted, mysql, server, sql, until};

/// Statements of the test that run on the server.
const RUNNING: &str =
    "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'DO SLEEP(6%'";

async fn one(mysql: Mysql) -> Pool<Mysql> {
    Pool::builder(mysql).max_size(1).build_ready().await.unwrap()
}

// P-16
#[tokio::test]
async fn an_abandoned_request_is_stopped_and_its_answer_is_nobodys() {
    let server = server().await;
    sql(&server, "CREATE TABLE item (id int)").await;
    let pool = Pool::builder(mysql(&server)).max_size(1).free_slot(FreeSlot::WhenClosed);
    let pool = pool.build_ready().await.unwrap();
    for _ in 0..5 {
        let id = AtomicU32::new(0);
        let slow = pool.with(async |conn| {
            id.store(conn.id(), Ordering::Relaxed);
            conn.query_drop("BEGIN; INSERT INTO item VALUES (1)").await?;
            conn.query_drop("DO SLEEP(60)").await
        });
        let runs = until("running", || async { sql(&server, RUNNING).await == "1" });
        given_up(slow, runs).await;
        let mine = pool.with(async |conn| conn.query_first::<String, _>("SELECT 'mine'").await);
        assert_eq!(mine.await.unwrap().as_deref(), Some("mine"));
        // Its slot was free when the server had ended it.
        assert_eq!(sql(&server, RUNNING).await, "0");
        let session = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE ID =";
        assert_eq!(sql(&server, format!("{session} {}", id.into_inner())).await, "0");
    }
    assert_eq!(sql(&server, "SELECT COUNT(*) FROM item").await, "0");
    assert_eq!(pool.stats().counts.connected, 6);
}

// P-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whenever_a_request_is_given_up_the_next_answer_is_its_own() {
    let server = server().await;
    let pool = one(mysql(&server)).await;
    let rows = |turn: u64| {
        let rows = turn % 8 * 9 + 1;
        format!("SELECT {turn}, seq FROM seq_1_to_{rows} WHERE SLEEP(0.0001) = 0")
    };
    // As long as the longest takes on this machine, and less.
    let began = Instant::now();
    pool.acquire().await.unwrap().query::<(u64, u64), _>(rows(7)).await.unwrap();
    let mut whole = began.elapsed().max(Duration::from_millis(3));
    let (mut cut, mut turn) = (0, 0_u64);
    while turn < 150 || cut <= 20 {
        assert!(turn < 3000, "{cut} of {turn} were given up");
        if turn % 150 == 149 && cut <= 20 {
            // It was slower then.
            whole /= 2;
        }
        let mut conn = pool.acquire().await.unwrap();
        let rows = rows(turn);
        let patience = whole.mul_f64((turn * 37 % 3000) as f64 / 3000.0);
        if timeout(patience, conn.query::<(u64, u64), _>(rows)).await.is_err() {
            cut += 1;
            // The same borrower is refused, and does not get the rest of it.
            let refused = conn.query_first::<u64, _>("SELECT 7").await.unwrap_err();
            assert!(matches!(refused, MysqlError::Closed { abandoned: true, .. }), "{refused}");
        }
        drop(conn);
        let mut conn = pool.acquire().await.unwrap();
        for _ in 0..3 {
            let own = conn.exec_first::<u64, _, _>("SELECT ?", (turn,)).await.unwrap();
            assert_eq!(own, Some(turn));
        }
        turn += 1;
    }
    assert!(cut < turn, "{cut} of {turn} were given up");
    assert_eq!(pool.stats().counts.connected, cut + 1, "one for each, and no more");
}

// P-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canceller_stops_a_request_of_its_own_loan_only() {
    let server = server().await;
    let pool = one(mysql(&server)).await;
    let mut conn = pool.acquire().await.unwrap();
    let canceller = conn.canceller();
    let task = tokio::spawn(async move {
        // Its answer would be an early 1: MariaDB's SLEEP is no error when it is stopped alone.
        let error = conn.query_drop("SELECT SLEEP(60) FROM seq_1_to_9").await.unwrap_err();
        (conn, error)
    });
    let running = RUNNING.replace("DO SLEEP(6", "SELECT SLEEP(6");
    until("running", || async { sql(&server, &*running).await == "1" }).await;
    assert!(canceller.cancel().await.unwrap());
    let (conn, error) = task.await.unwrap();
    assert_eq!((error.code(), error.fault()), (Some(1317), Fault::Timeout));
    drop(conn);
    // The loan is over.
    let mut conn = pool.acquire().await.unwrap();
    let asked = tokio::join!(conn.query_drop("DO SLEEP(0.2)"), canceller.cancel());
    assert!(asked.0.is_ok() && !asked.1.unwrap());
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-16
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_cancel_hits_the_next_borrower() {
    let server = server().await;
    let pool = one(mysql(&server)).await;
    for turn in 0..60 {
        let mut conn = pool.acquire().await.unwrap();
        let canceller = conn.canceller();
        let cancel = tokio::spawn(async move { canceller.cancel().await });
        match turn % 3 {
            0 => drop(conn.query_drop("SELECT 1").await),
            // The connection is given back when the server has been told, and found nothing to stop.
            1 => assert!(cancel.await.unwrap().unwrap()),
            _ => {}
        }
        drop(conn);
        let mut conn = pool.acquire().await.unwrap();
        let began = Instant::now();
        conn.query_drop("SELECT SLEEP(0.01) FROM seq_1_to_1").await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(10));
        for _ in 0..3 {
            conn.query_drop("SELECT 2").await.unwrap();
        }
    }
    assert_eq!(pool.stats().counts.connected, 1);
    // One whose end nobody saw may still come: that connection goes.
    let conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let canceller = conn.canceller();
    let mut cancel = Box::pin(async move { canceller.cancel().await });
    assert!(cancel.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(cancel);
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

// P-16
#[tokio::test]
async fn a_cancel_that_is_held_up_does_not_hit_the_next_borrower() {
    let server = server().await;
    let pool = one(mysql(&server)).await;
    for _ in 0..3 {
        let conn = pool.acquire().await.unwrap();
        let canceller = conn.canceller();
        // The server takes the request and does not look at it yet.
        server.freeze();
        let mut cancel = Box::pin(async move { canceller.cancel().await });
        assert!(pin!(&mut cancel).poll(&mut Context::from_waker(Waker::noop())).is_pending());
        let cancel = tokio::spawn(cancel);
        drop(conn);
        let waiting = pool.clone();
        let next = tokio::spawn(async move {
            let mut conn = waiting.acquire().await.unwrap();
            conn.query_drop("SELECT SLEEP(0.2) FROM seq_1_to_1").await
        });
        until("asked for", || async { pool.status().waiting > 0 }).await;
        server.thaw();
        next.await.unwrap().unwrap();
        assert!(cancel.await.unwrap().unwrap());
    }
    assert_eq!(pool.stats().counts.connected, 1);
}

// P-16
#[tokio::test]
async fn one_who_leaves_without_the_pool_is_stopped_too() {
    let server = server().await;
    let pool = one(mysql(&server)).await;
    let mut conn = Pooled::detach(pool.acquire().await.unwrap());
    let runs = until("running", || async { sql(&server, RUNNING).await == "1" });
    given_up(conn.query_drop("DO SLEEP(60)"), runs).await;
    assert_eq!(sql(&server, RUNNING).await, "1");
    drop(conn);
    until("stopped", || async { sql(&server, RUNNING).await == "0" }).await;
    let pool = Arc::new(pool);
    pool.close(Duration::from_secs(5)).await;
    until("gone", || async { counted(&server).await == 0 }).await;
}

/// A door behind which the first guest meets one server, and everybody after it the other.
async fn door(first: std::net::SocketAddr, then: std::net::SocketAddr) -> std::net::SocketAddr {
    use tokio::net::{TcpListener, TcpStream};
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let mut behind = first;
        loop {
            let (mut guest, _) = listener.accept().await.unwrap();
            let mut host = TcpStream::connect(behind).await.unwrap();
            behind = then;
            tokio::spawn(async move {
                _ = tokio::io::copy_bidirectional(&mut guest, &mut host).await;
            });
        }
    });
    address
}

// P-16
#[tokio::test]
async fn nobody_is_stopped_on_another_server() {
    let (ours, other) = tokio::join!(server(), server());
    let address = door(ours.address(), other.address()).await;
    // A first attempt with TLS would be the first guest.
    let through = Mysql::from_url(&ours.url_through(address)).unwrap().ssl_mode(SslMode::Disabled);
    let conn = Pooled::detach(one(through).await.acquire().await.unwrap());
    // Somebody on the other server has the same number.
    let other_pool = Pool::builder(mysql(&other)).max_size(1).build().unwrap();
    let mut theirs = other_pool.acquire().await.unwrap();
    while theirs.id() < conn.id() {
        Pooled::discard(theirs);
        theirs = other_pool.acquire().await.unwrap();
    }
    let error = conn.canceller().cancel().await.unwrap_err();
    assert!(error.to_string().contains("came to another server"), "{error}");
    theirs.query_drop("SELECT SLEEP(0.05) FROM seq_1_to_1").await.unwrap();
}
