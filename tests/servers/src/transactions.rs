//! Transactions as closures: committed or rolled back, whatever happens. Each story is told in [`Step`]s, which a driver
//! carries out in its own words, on a table `item` of numbers that is empty when it begins.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use cenote::{Fault, Manager, Pool, Pooled};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::{Connection, Failure, Subject, given_up, until};

/// What a closure does, one after the other. Then it ends well.
#[derive(Clone, Copy, Debug)]
pub enum Step<'a> {
    /// Inserts this number.
    Insert(i32),
    /// Asks for a table that there is not, and ends with the driver's error.
    Fails,
    /// Asks for what keeps the server busy for a minute.
    Slow,
    /// Says that it has come so far, and waits for ever, between two requests.
    Waits(&'a Notify),
    /// Panics.
    Panics,
    /// Stops the server where it is: nothing is answered from here on.
    Freezes,
    /// Ends with an error of its own.
    GivesUp,
}

/// How a transaction failed.
#[derive(Debug)]
pub enum Failed<E> {
    /// With an error of the driver's.
    Driver(E),
    /// With the closure's own.
    GaveUp,
}

impl<E> From<E> for Failed<E> {
    fn from(error: E) -> Failed<E> {
        Failed::Driver(error)
    }
}

/// Carries out the steps that need no driver.
///
/// # Errors
/// If it gives up.
///
/// # Panics
/// If that is the step, or if it needs a driver.
pub async fn beside<E>(step: Step<'_>, freeze: impl Fn()) -> Result<(), Failed<E>> {
    match step {
        Step::Waits(so_far) => {
            so_far.notify_one();
            std::future::pending().await
        }
        Step::Panics => panic!("in the middle of it"),
        Step::Freezes => freeze(),
        Step::GivesUp => return Err(Failed::GaveUp),
        Step::Insert(_) | Step::Fails | Step::Slow => panic!("{step:?} is the driver's"),
    }
    Ok(())
}

/// A server with transactions, and the table.
pub trait Transacts: Subject {
    /// Whether a connection is kept if a request on it was stopped in the middle. If not, its end stops the request.
    const KEEPS_WHAT_IT_STOPS: bool;

    /// A transaction of these steps, within this limit.
    fn run(
        &self,
        conn: &mut Connection<Self>,
        limit: Duration,
        steps: &[Step<'_>],
    ) -> impl Future<Output = Result<(), Failed<Failure<Self>>>> + Send;

    /// A statement without a transaction that inserts this number.
    fn insert(
        conn: &mut Connection<Self>,
        id: i32,
    ) -> impl Future<Output = Result<(), Failure<Self>>> + Send;

    /// Whether the driver knows of an open transaction.
    fn is_open(conn: &Connection<Self>) -> bool;

    /// Whether it is the error of [`Step::Fails`].
    fn has_failed(error: &Failure<Self>) -> bool;

    /// Whether the limit was met, and if so whether the commit was under way.
    fn timed_out(error: &Failure<Self>) -> Option<bool>;

    /// Lets a server that is stopped where it is go on.
    fn thaw(&self);

    /// The numbers in order, with commas, as somebody else sees them.
    fn items(&self) -> impl Future<Output = String> + Send;

    /// How many transactions are open, by the server's word.
    fn open(&self) -> impl Future<Output = usize> + Send;
}

/// Longer than anything takes that is to end by itself.
const LONG: Duration = Duration::from_secs(20);

async fn one<S: Transacts>(subject: &S) -> Pool<S::Manager> {
    subject.pool(subject.address()).max_size(1).build_ready().await.unwrap()
}

/// The driver's error of a transaction that failed.
fn driver<E: std::error::Error>(outcome: Result<(), Failed<E>>) -> E {
    match outcome {
        Err(Failed::Driver(error)) => error,
        outcome => panic!("an error of the driver's, not: {outcome:?}"),
    }
}

/// Runs it, and does not wait for ever for one that has lost its limit.
async fn run<S: Transacts>(
    subject: &S,
    conn: &mut Connection<S>,
    limit: Duration,
    steps: &[Step<'_>],
) -> Result<(), Failed<Failure<S>>> {
    timeout(limit + LONG, subject.run(conn, limit, steps)).await.expect("it has a limit")
}

async fn rolled_back<S: Transacts>(subject: &S, items: &str) {
    until("rolled back", || async { subject.items().await == items }).await;
    until("no open transaction", || async { subject.open().await == 0 }).await;
}

/// P-16: a closure that ends well commits, and one that ends with an error rolls back, whoever's that is. The connection
/// is as good as before.
///
/// # Panics
/// If it is not so.
pub async fn a_value_commits_and_an_error_rolls_back<S: Transacts>(subject: S) {
    let pool = one(&subject).await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    run(&subject, &mut conn, LONG, &[Step::Insert(1)]).await.unwrap();
    let failed = run(&subject, &mut conn, LONG, &[Step::Insert(2), Step::Fails]).await;
    assert!(S::has_failed(&driver(failed)));
    assert_eq!(subject.items().await, "1");
    let gave_up = run(&subject, &mut conn, LONG, &[Step::Insert(3), Step::GivesUp]).await;
    assert!(matches!(gave_up, Err(Failed::GaveUp)), "{gave_up:?}");
    assert_eq!(subject.items().await, "1");
    drop(conn);
    assert_eq!(Pooled::id(&pool.acquire().await.unwrap()), id);
}

/// P-16: a transaction that takes too long is rolled back in time, and what it has asked for is stopped.
///
/// # Panics
/// If it is not so.
pub async fn rolled_back_in_time<S: Transacts>(subject: S) {
    let pool = one(&subject).await;
    let limit = Duration::from_secs(1);
    // Between two requests, and in the middle of one.
    let so_far = Notify::new();
    for (last, kept) in [(Step::Waits(&so_far), true), (Step::Slow, S::KEEPS_WHAT_IT_STOPS)] {
        let mut conn = pool.acquire().await.unwrap();
        let id = Pooled::id(&conn);
        let began = Instant::now();
        let error = driver(run(&subject, &mut conn, limit, &[Step::Insert(1), last]).await);
        assert_eq!(S::timed_out(&error), Some(false), "{error}");
        assert_eq!(pool.manager().classify(&error), Fault::Timeout, "{error}");
        assert!(began.elapsed() < limit * 3, "{last:?}: {:?}", began.elapsed());
        drop(conn);
        // The next borrower has nothing of it.
        let conn = pool.acquire().await.unwrap();
        assert_eq!(Pooled::id(&conn) == id, kept, "{last:?}");
        assert!(!S::is_open(&conn), "{last:?}");
        if kept {
            assert_eq!(subject.items().await, "", "{last:?}");
        }
        rolled_back(&subject, "").await;
        assert!(began.elapsed() < LONG, "{last:?}: it was stopped on the server");
    }
}

/// P-16: a transaction that is dropped is over for what comes next: for the same borrower, for the next one, if it was
/// dropped at its first step, and by a panic.
///
/// # Panics
/// If it is not so.
pub async fn over_for_what_comes_next<S: Transacts>(subject: S) {
    let subject = Arc::new(subject);
    let pool = one(&*subject).await;
    let mut conn = pool.acquire().await.unwrap();
    let so_far = Notify::new();
    let steps = [Step::Insert(1), Step::Waits(&so_far)];
    given_up(subject.run(&mut conn, LONG, &steps), so_far.notified()).await;
    // The same borrower goes on.
    S::insert(&mut conn, 2).await.unwrap();
    assert!(!S::is_open(&conn));
    assert_eq!(subject.items().await, "2");
    // Dropped at its first step, when nobody knows whether it has begun.
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    {
        let run = pin!(subject.run(&mut conn, LONG, &[Step::Insert(3)]));
        assert!(run.poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(conn);
    let mut conn = pool.acquire().await.unwrap();
    S::insert(&mut conn, 4).await.unwrap();
    drop(conn);
    assert_eq!(subject.items().await, "2,4");
    let mut conn = pool.acquire().await.unwrap();
    let panics = Arc::clone(&subject);
    let task =
        tokio::spawn(
            async move { panics.run(&mut conn, LONG, &[Step::Insert(5), Step::Panics]).await },
        );
    assert!(task.await.unwrap_err().is_panic());
    rolled_back(&*subject, "2,4").await;
}

/// P-16: a rollback or a commit that nobody confirms costs the connection. The closure's error stays the closure's own;
/// of a commit that nobody confirms, nobody says whether it took place.
///
/// # Panics
/// If it is not so.
pub async fn what_nobody_confirms_costs_the_connection<S: Transacts>(subject: S) {
    let pool = one(&subject).await;
    // Time enough for what comes before it.
    let limit = Duration::from_secs(1);
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let steps = [Step::Insert(1), Step::Freezes, Step::GivesUp];
    let gave_up = run(&subject, &mut conn, limit, &steps).await;
    assert!(matches!(gave_up, Err(Failed::GaveUp)), "{gave_up:?}");
    subject.thaw();
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
    rolled_back(&subject, "").await;
    let mut conn = pool.acquire().await.unwrap();
    let id = Pooled::id(&conn);
    let error = driver(run(&subject, &mut conn, limit, &[Step::Insert(7), Step::Freezes]).await);
    assert_eq!(S::timed_out(&error), Some(true), "{error}");
    subject.thaw();
    drop(conn);
    assert_ne!(Pooled::id(&pool.acquire().await.unwrap()), id);
}
