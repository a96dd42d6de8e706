//! Connections and servers that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{CloseReason, Error, Fault, FreeSlot, Manager, Pool, Pooled, TestOnAcquire};
use tokio::time::{Instant, sleep, timeout};

use crate::{Connection, Failure, Subject, blocking, until};

/// A way in which a server ends, and its name. It may block.
pub type End<S> = (&'static str, fn(&S));

/// A server that can end, and so can each of its connections.
pub trait Mortal: Subject {
    /// What an error may be if the connection has ended under it.
    const FAULTS: &'static [Fault];
    /// How the server ends, one after the other. It is started again after each.
    const ENDS: &'static [End<Self>];
    /// Whether the server is known to have left when a goodbye is over. If not, only what is given up in the middle of a
    /// request can be counted to the letter.
    const ANSWERS_GOODBYES: bool;

    /// Whether the driver notices by itself that a connection which rests has ended.
    const NOTICES: bool;

    /// Starts the server again. It blocks.
    fn start_again(&self);

    /// Ends all connections of the pool under test, on the server, and says how many. It blocks.
    fn kill_all(&self) -> usize;

    /// A request that takes the server some milliseconds.
    fn request(
        conn: &mut Connection<Self>,
    ) -> impl Future<Output = Result<(), Failure<Self>>> + Send;

    /// A request that is answered at once.
    fn quick(conn: &mut Connection<Self>)
    -> impl Future<Output = Result<(), Failure<Self>>> + Send;

    /// A request that would take the server a second at least.
    fn long(conn: &mut Connection<Self>) -> impl Future<Output = Result<(), Failure<Self>>> + Send;
}

/// P-19, P-15: connections killed while they rest are never lent. Where the driver notices by itself nobody tests them,
/// and they are found at last though nobody asks; where it does not, the test finds them.
///
/// # Panics
/// If one is lent, or rests for ever.
pub async fn killed_at_rest<S: Mortal>(subject: S) {
    const SIZE: usize = 4;
    const ROUNDS: u64 = 5;
    let test = if S::NOTICES { TestOnAcquire::Never } else { TestOnAcquire::Always };
    let subject = Arc::new(subject);
    let direct = Pool::builder(subject.watcher()).max_size(1).build().unwrap();
    let counted = async || subject.count(&mut *direct.acquire().await.unwrap()).await;
    let kill_all = async || {
        until("all are counted", || async { counted().await == SIZE }).await;
        let killed = Arc::clone(&subject);
        assert_eq!(blocking(move || killed.kill_all()).await, SIZE);
    };
    // Nothing is found but by who takes it, and nothing replaced that nobody has asked for.
    let pool = subject.pool(subject.address()).max_size(SIZE).test_on_acquire(test);
    let pool = pool.upkeep_interval(Duration::from_secs(60)).build().unwrap();
    let lent = async || {
        for mut conn in pool.acquire_many(SIZE).await.unwrap() {
            S::quick(&mut conn).await.unwrap();
        }
    };
    let unaware = || {
        let mut unaware = 0;
        drop(pool.clear_where(|conn| {
            unaware += usize::from(!pool.manager().is_closed(conn));
            false
        }));
        unaware
    };
    for _ in 0..ROUNDS {
        lent().await;
        kill_all().await;
        until("they have ended", || async { counted().await == 0 }).await;
        // News of it come to the driver. To the pool, nobody brings them.
        until("the driver knows", || async { !S::NOTICES || unaware() == 0 }).await;
        lent().await;
    }
    let tests_failed = if S::NOTICES { 0 } else { ROUNDS * SIZE as u64 };
    assert_eq!(pool.stats().counts.tests_failed, tests_failed);
    pool.close(Duration::from_secs(5)).await;
    if !S::NOTICES {
        return;
    }

    let pool = subject.pool(subject.address()).max_size(SIZE).min_size(SIZE).test_on_acquire(test);
    let pool = pool.upkeep_interval(Duration::from_millis(100)).build_ready().await.unwrap();
    kill_all().await;
    until("found and replaced", || async {
        pool.stats().counts.closes.get(CloseReason::Died) == SIZE as u64
            && pool.status().available == SIZE
    })
    .await;
    assert_eq!(pool.stats().counts.acquired, 0);
}

/// What borrowers have seen of a server that dies.
struct Load<S: Mortal> {
    pool: Pool<S::Manager>,
    over: AtomicBool,
    done: AtomicU64,
    failed: AtomicU64,
    late: AtomicU64,
    timed_out: AtomicU64,
}

/// How long a borrower waits for a connection: longer than any server takes to come back.
const DEADLINE: Duration = Duration::from_secs(30);

impl<S: Mortal> Load<S> {
    /// Until it is over, one request after the other: some of them are under way at any moment.
    async fn run(self: Arc<Self>) {
        while !self.over.load(Ordering::Relaxed) {
            let asked = Instant::now();
            let acquired = self.pool.acquire().await;
            if asked.elapsed() > DEADLINE + Duration::from_secs(1) {
                self.late.fetch_add(1, Ordering::Relaxed);
            }
            match acquired {
                Ok(mut conn) => match S::request(&mut conn).await {
                    Ok(()) => self.done.fetch_add(1, Ordering::Relaxed),
                    Err(error) => {
                        let fault = self.pool.manager().classify(&error);
                        assert!(S::FAULTS.contains(&fault), "{fault:?}: {error}");
                        self.failed.fetch_add(1, Ordering::Relaxed)
                    }
                },
                Err(Error::Timeout { .. }) => self.timed_out.fetch_add(1, Ordering::Relaxed),
                Err(error) => panic!("{error}"),
            };
        }
    }
}

/// P-13, P-18, P-3: a pool under load is whole two seconds after its server is back, however that ended; each connection
/// costs one error at the most, and nobody waits in vain.
///
/// # Panics
/// If it is not so.
pub async fn whole_two_seconds_after_its_server<S: Mortal>(subject: S) {
    const SIZE: usize = 8;
    let subject = Arc::new(subject);
    let pool = subject.pool(subject.address()).max_size(SIZE).min_size(SIZE);
    let pool = pool.acquire_timeout(DEADLINE).build_ready().await.unwrap();
    let load = Arc::new(Load::<S> {
        pool: pool.clone(),
        over: AtomicBool::new(false),
        done: AtomicU64::new(0),
        failed: AtomicU64::new(0),
        late: AtomicU64::new(0),
        timed_out: AtomicU64::new(0),
    });
    let tasks: Vec<_> = (0..24).map(|_| tokio::spawn(Arc::clone(&load).run())).collect();
    for (how, end) in S::ENDS {
        let done = load.done.load(Ordering::Relaxed);
        until("busy", || async { load.done.load(Ordering::Relaxed) > done + 200 }).await;
        let failed = load.failed.load(Ordering::Relaxed);
        let ended = Arc::clone(&subject);
        blocking(move || end(&ended)).await;
        // Long enough for the pool to grow patient.
        sleep(Duration::from_secs(2)).await;
        let started = Arc::clone(&subject);
        blocking(move || started.start_again()).await;
        let back = Instant::now();
        until("whole", || async {
            let status = pool.status();
            status.available + status.using == SIZE
        })
        .await;
        let took = back.elapsed();
        assert!(took < Duration::from_secs(2), "{how}: whole after {took:?}");
        let errors = load.failed.load(Ordering::Relaxed) - failed;
        assert!(errors <= SIZE as u64, "{how}: {errors} errors for {SIZE} connections");
        println!("{how}: whole after {took:?}, {errors} errors");
    }
    load.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(load.late.load(Ordering::Relaxed), 0, "nobody waited past the deadline");
    assert_eq!(load.timed_out.load(Ordering::Relaxed), 0, "nor up to it");
}

/// P-20, P-16: the server never counts more than `max_size`, though connections are given up in the middle of requests and
/// closed after a few. Returns the pool, which nobody uses any more.
///
/// # Panics
/// If it does.
pub async fn never_more_than_max_size<S: Mortal>(subject: S) -> Pool<S::Manager> {
    const SIZE: usize = 4;
    let pool = subject.pool(subject.address()).max_size(SIZE).free_slot(FreeSlot::WhenClosed);
    let pool = if S::ANSWERS_GOODBYES { pool.max_uses(3) } else { pool };
    let pool = pool.build().unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let tasks: Vec<_> = (0..16)
        .map(|turn| {
            let (pool, over) = (pool.clone(), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let mut conn = pool.acquire().await.unwrap();
                    if turn % 4 == 0 {
                        // Closed while something runs.
                        _ = timeout(Duration::from_millis(3), S::long(&mut conn)).await;
                        if S::ANSWERS_GOODBYES {
                            Pooled::discard(conn);
                        }
                    } else {
                        S::quick(&mut conn).await.unwrap();
                    }
                }
            })
        })
        .collect();
    // On a connection of its own, counted by the server itself: for two seconds, and until there was enough to count.
    let direct = Pool::builder(subject.watcher()).max_size(1).build().unwrap();
    let mut watcher = direct.acquire().await.unwrap();
    let (mut most, began) = (0, Instant::now());
    loop {
        let there = subject.count(&mut watcher).await;
        assert!(there <= SIZE, "{there} on the server");
        most = most.max(there);
        let (lasted, connected) = (began.elapsed(), pool.stats().counts.connected);
        if lasted > Duration::from_secs(2) && connected > 50 && most == SIZE {
            break;
        }
        let busy = lasted < Duration::from_secs(30);
        assert!(busy, "{most} at once, {connected} connected: not enough to judge by");
    }
    drop(watcher);
    over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    direct.close(Duration::from_secs(5)).await;
    pool
}
