//! generic-pool, for something that is no database: worker processes that take long to start. Its options are a
//! preset; its factory's `create`, `validate` and `destroy` are a manager's `connect`, `check` and `close`.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once. That it ends at
//! all is the last thing to see: the pool still keeps its minimum then, and generic-pool would run for ever.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{CloseReason, Error, Fault, Level, Manager, Order, Pool, Pooled, Preset};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// A worker process, simulated.
struct Worker {
    number: u64,
    crashed: bool,
}

/// The factory.
#[derive(Clone, Default)]
struct Workers {
    started: Arc<AtomicU64>,
    /// Why the next `create` fails, if it does.
    fails: Arc<Mutex<Option<WorkerError>>>,
}

#[derive(Debug)]
enum WorkerError {
    NoProgram,
    OutOfMemory,
    Crashed(u64),
}

impl fmt::Display for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WorkerError::NoProgram => f.write_str("there is no program \"worker\""),
            WorkerError::OutOfMemory => f.write_str("no memory for another worker"),
            WorkerError::Crashed(number) => write!(f, "worker {number} has crashed"),
        }
    }
}

impl StdError for WorkerError {}

impl Manager for Workers {
    type Connection = Worker;
    type Error = WorkerError;

    /// Their `create`.
    async fn connect(&self) -> Result<Worker, WorkerError> {
        sleep(Duration::from_millis(200)).await;
        if let Some(error) = self.fails.lock().unwrap().take() {
            return Err(error);
        }
        let number = self.started.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Worker { number, crashed: false })
    }

    /// Their `validate`, or `validateAsync`: there is one, and it may wait.
    async fn check(&self, worker: &mut Worker) -> Result<(), WorkerError> {
        sleep(Duration::from_millis(1)).await;
        if worker.crashed { Err(WorkerError::Crashed(worker.number)) } else { Ok(()) }
    }

    /// Their `destroy`: gently, it may finish what it is at.
    async fn close(&self, _worker: Worker) -> Result<(), WorkerError> {
        sleep(Duration::from_millis(50)).await;
        Ok(())
    }

    fn classify(&self, error: &WorkerError) -> Fault {
        match error {
            WorkerError::NoProgram => Fault::Permanent,
            WorkerError::OutOfMemory => Fault::Host,
            WorkerError::Crashed(_) => Fault::Connection,
        }
    }
}

/// Their log's four levels.
fn their_level(level: Level) -> &'static str {
    match level {
        Level::Trace => "verbose",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn StdError>> {
    // { name: 'workers', min: 2, max: 3, priorityRange: 3, log: fn }
    let log = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&log);
    let workers = Workers::default();
    let pool = Pool::builder(workers.clone())
        .preset(Preset::GenericPool)
        .name("workers")
        .min_size(2)
        .max_size(3)
        .priorities(3)
        .log_with(move |level, line| lines.lock().unwrap().push((level, line.to_owned())))
        .build_ready()
        .await?;
    println!("min:        {}", pool.status());

    create_fails(&pool).await?;
    validate(&pool).await?;
    order(&pool).await?;
    priorities(&pool).await?;
    end(&pool).await?;

    println!("log:");
    for level in [Level::Trace, Level::Info, Level::Warn, Level::Error] {
        let log = log.lock().unwrap();
        let first = log.iter().find(|(of, _)| *of == level).map_or("", |(_, line)| line);
        println!("  {:7} {first}", their_level(level));
    }

    // Not drained, not closed, a minimum to keep, two workers on their way: the program ends all the same.
    let _forgotten = Pool::builder(workers)
        .preset(Preset::GenericPool)
        .name("forgotten")
        .max_size(2)
        .min_size(2)
        .build()?;
    sleep(Duration::from_millis(100)).await;
    println!("end");
    Ok(())
}

/// The first who waits gets the error of `create`, whoever caused it; the next gets the next try. Retrying behind
/// the callers' backs, which is our own default, is `OnConnectError::Retry`.
async fn create_fails(pool: &Pool<Workers>) -> Result<(), Box<dyn StdError>> {
    let both = pool.acquire_many(2).await?;
    let fails = |error| *pool.manager().fails.lock().unwrap() = Some(error);
    fails(WorkerError::OutOfMemory);
    let (first, second) = tokio::join!(pool.acquire(), pool.acquire());
    println!("create:     first:  {}", first.unwrap_err());
    println!("            second: worker {}", second?.number);

    Pooled::discard(pool.acquire().await?);
    fails(WorkerError::NoProgram);
    println!("            third:  {}", pool.acquire().await.unwrap_err());
    println!("            {} failed", pool.stats().counts.connect_failures.total());
    drop(both);
    Ok(())
}

/// A worker that crashed while it rested is found when it is to be lent; the caller gets another.
async fn validate(pool: &Pool<Workers>) -> Result<(), Box<dyn StdError>> {
    let mut all = pool.acquire_many(2).await?;
    println!("validate:   worker {} crashes", all[0].number);
    all[0].crashed = true;
    drop(all);
    println!("            lent: worker {}", pool.acquire().await?.number);
    let closes = pool.stats().counts.closes;
    println!("            destroyed: {}", closes.get(CloseReason::TestFailed));
    // The minimum is restored in the background, after errors of `create` too; there not until somebody waits.
    sleep(Duration::from_secs(1)).await;
    println!("            {}", pool.status());
    Ok(())
}

/// `returnToHead`: false lends whoever has rested longest, true whoever came back last.
async fn order(pool: &Pool<Workers>) -> Result<(), Box<dyn StdError>> {
    for order in [Order::Fifo, Order::Lifo] {
        pool.reconfigure(|options| options.order = order)?;
        let mut numbers = Vec::new();
        for _ in 0..4 {
            numbers.push(pool.acquire().await?.number);
        }
        println!(
            "{:12}{order}: workers {numbers:?}",
            if order == Order::Fifo { "order:" } else { "" }
        );
    }
    Ok(())
}

/// `acquire(callback, priority)`: 0 is the most urgent, as there.
async fn priorities(pool: &Pool<Workers>) -> Result<(), Box<dyn StdError>> {
    let mut all = pool.acquire_many(3).await?;
    let mut tasks = JoinSet::new();
    for (name, priority) in [("low", 2), ("low", 2), ("normal", 1), ("urgent", 0)] {
        let pool = pool.clone();
        tasks.spawn(async move { pool.acquire().priority(priority).await.map(|_| name) });
        sleep(Duration::from_millis(1)).await;
    }
    all.pop();
    let mut served = Vec::new();
    while let Some(name) = tasks.join_next().await {
        served.push(name??);
    }
    println!("priorities: {served:?}");
    Ok(())
}

/// `pool.drain(() => pool.destroyAllNow())`. There a drain asks ten times a second, and a worker that is never given
/// back keeps it asking for ever; here it has a deadline, and then it tells who has it.
async fn end(pool: &Pool<Workers>) -> Result<(), Box<dyn StdError>> {
    let held = pool.acquire().await?;
    let drained = pool.drain(Duration::from_secs(5));
    // Their message: "pool is draining and cannot accept work".
    let error = pool.acquire().await.unwrap_err();
    assert!(matches!(error, Error::Draining { .. }));
    println!("drain:      {error}");
    drop(held);
    println!("            {}", drained.await);
    println!("destroy:    {}", pool.close_now().await);
    println!("            {}", pool.status());
    Ok(())
}
