//! What Sequelize's guide says about sizing and watching a pool, here: the largest pool that is safe, the four
//! properties, how long each acquire takes, by observers that come and go while the pool runs, and with replication
//! the properties of the write pool and of the read pools.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::collections::HashMap;
use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use cenote::{Event, EventKind, Manager, Node, Pool, Preset, Role, Status, Subject};
use cenote_cluster::Cluster;
use cenote_testkit::{Script, Step};
use tokio::time::{Instant, sleep};

/// The guide's rule: what the server allows, less what others need, shared by the processes that each have a
/// pool. More than that, and a process is refused connections that its pool thinks it may have.
const fn share(server_allows: usize, others_need: usize, processes: usize) -> usize {
    (server_allows - others_need) / processes
}

/// Sequelize's names.
fn properties<M: Manager>(pool: &Pool<M>) -> String {
    four(pool.status())
}

fn four(status: Status) -> String {
    format!(
        "size {}, available {}, using {}, waiting {}",
        status.size, status.available, status.using, status.waiting
    )
}

/// The guide keeps the beginning of each acquire in a `WeakMap` whose key is the options object that both hooks
/// get. The key here is the acquire's ticket, which all events of one acquire have.
fn stopwatch() -> impl Fn(&Event<'_>) + Send + Sync + 'static {
    let began = Mutex::new(HashMap::new());
    move |event| {
        let Subject::Acquire(ticket) = event.subject() else { return };
        let mut began = began.lock().unwrap();
        match event.kind() {
            // Their beforePoolAcquire.
            EventKind::AcquireStarted { .. } => {
                began.insert(ticket, Instant::now());
            }
            // Their afterPoolAcquire. Without the other, those that fail would stay in the map.
            EventKind::AcquireSucceeded { .. } | EventKind::AcquireFailed { .. } => {
                let took = began.remove(&ticket).map(|began| began.elapsed());
                let outcome = event.kind().name();
                println!("  acquire {ticket}: {outcome}, took {:?}", took.unwrap_or_default());
            }
            _ => {}
        }
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    // PostgreSQL allows 100, we keep 10 for administrators and scripts, and two processes run.
    let max = share(100, 10, 2);
    let server = Script::new();
    server.connect_always(Step::Slow(Duration::from_millis(20)));
    let pool =
        Pool::builder(server).preset(Preset::SequelizePool).name("app").max_size(max).build()?;
    println!("at most {}; {}", pool.status().max, properties(&pool));

    let subscription = pool.observe(stopwatch());
    let conn = pool.acquire().await?;
    println!("{}", properties(&pool));
    drop(conn);
    println!("{}", properties(&pool));
    drop(pool.acquire().await?);

    // All of them lent, and two callers wait.
    drop(subscription);
    let mut all = pool.acquire_many(max).await?;
    let subscription = pool.observe(stopwatch());
    let (served, gave_up, ()) =
        tokio::join!(pool.acquire(), pool.acquire().timeout(Duration::from_millis(10)), async {
            sleep(Duration::from_millis(5)).await;
            println!("{}", properties(&pool));
            sleep(Duration::from_millis(10)).await;
            all.pop();
        });
    println!("served: {}, gave up: {}", served.is_ok(), gave_up.is_err());
    drop((all, served));

    // Nobody listens any more.
    drop(subscription);
    drop(pool.acquire().await?);

    // The guide has no word for it, but who asks for the mean may ask for the tail: the pool keeps the waits of
    // all acquires, watched or not.
    let stats = pool.stats();
    println!(
        "{} acquires, {} without a wait; the longest wait was {:?}",
        stats.wait.count(),
        stats.counts.hits,
        stats.wait.max()
    );
    println!("{}", properties(&pool));
    replication().await
}

/// Their `sequelize.pool.write` and `sequelize.pool.read`, and the sums.
async fn replication() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
        .name("app")
        .node(Node::new("primary", "10.0.0.1").role(Role::Primary))
        .node(Node::new("r1", "10.0.0.2").role(Role::Replica))
        .node(Node::new("r2", "10.0.0.3").role(Role::Replica))
        .build()?;
    sleep(Duration::from_millis(1)).await;
    let held = (cluster.read().await?, cluster.read().await?, cluster.write().await?);
    let status = cluster.status();
    println!("write: {}", four(status.of(Role::Primary)));
    println!("read:  {}", four(status.of(Role::Replica)));
    println!("all:   {}", four(status.total()));
    drop(held);
    Ok(())
}
