//! node-mysql's Pool and ours, side by side: its options as a preset, its three errors and their messages, its
//! events, the log of all and free connections that its users write, and the end of its best-known incident, the
//! connection that nobody releases. The database is SQLite, so that the program runs anywhere.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::panic::Location;
use std::path::Path;
use std::time::Duration;

use cenote::{Error, Event, EventKind, Pool, Pooled, Preset};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};
use tokio::sync::mpsc;
use tokio::task::{JoinSet, yield_now};

/// `new mysql.createPool({})`: connectionLimit 10, waitForConnections true, queueLimit 0.
fn create_pool() -> cenote::Builder<Sqlite> {
    Pool::builder(Sqlite::memory()).preset(Preset::NodeMysql)
}

/// The message that a user of node-mysql knows. Its first two are one error here, since they are one option:
/// `waitForConnections: false` is a queue for nobody.
fn their_message<E>(error: &Error<E>) -> &'static str {
    match error {
        Error::QueueFull { max_waiting: 0, .. } => "No connections available.",
        Error::QueueFull { .. } => "Queue limit reached.",
        Error::Closed { .. } => "Pool is closed.",
        _ => "(none)",
    }
}

async fn refused(pool: &Pool<Sqlite>) {
    let error = pool.acquire().await.unwrap_err();
    println!("  theirs: {}", their_message(&error));
    println!("  ours:   {error}");
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn StdError>> {
    println!("errors");
    // waitForConnections: false. It connects while there is room and fails afterwards.
    let no_wait = create_pool().name("no wait").max_waiting(0).build()?;
    let mut lent = Vec::new();
    for _ in 0..10 {
        lent.push(no_wait.acquire().await?);
    }
    refused(&no_wait).await;
    lent.clear();

    // connectionLimit: 1, queueLimit: 1.
    let short = create_pool().name("short").max_size(1).max_waiting(1).build()?;
    let held = short.acquire().await?;
    let waiter = short.clone();
    let waiter = tokio::spawn(async move { waiter.acquire().await.is_ok() });
    until(|| short.status().waiting == 1).await;
    refused(&short).await;
    drop(held);
    assert!(waiter.await?, "the one that queued is served");

    short.close(Duration::from_secs(1)).await;
    refused(&short).await;

    println!("events");
    events().await?;
    println!("leak");
    leak().await
}

/// `pool.on('connection', ...)` prepares a session before anybody gets it; here it is a hook, since it has to be
/// awaited. The other events are an observer's.
fn prepare(conn: &mut SqliteConnection) -> cenote::HookFuture<'_, SqliteError> {
    Box::pin(async {
        let sql = "CREATE TEMP TABLE session AS SELECT 'UTC' AS time_zone";
        conn.call(|db| db.execute_batch(sql)).await
    })
}

/// The counts that their users log as `_allConnections.length` and `_freeConnections.length`.
fn log(event: &Event<'_>) {
    let what = match event.kind() {
        EventKind::AcquireStarted { .. } => "getConnection",
        // Told here to whoever has to wait, be it for a ping or a connect; there only when the limit is reached.
        EventKind::AcquireQueued => "enqueue",
        EventKind::ConnectionReady { .. } => "connection",
        EventKind::AcquireSucceeded { .. } => "acquire",
        EventKind::Released { .. } => "release",
        _ => return,
    };
    let status = event.status();
    println!("  {what:14}all {}, free {}", status.size, status.available);
}

/// Three callers wait for one connection. It goes from hand to hand in the order in which they came, and whoever
/// asks just when it is given back comes too late.
async fn events() -> Result<(), Box<dyn StdError>> {
    let pool =
        create_pool().name("app").max_size(1).after_connect(prepare).observer(log).build()?;
    let mut held = pool.acquire().await?;
    let sql = "SELECT time_zone FROM session";
    let zone = held.call(|db| db.query_row(sql, [], |row| row.get::<_, String>(0))).await?;
    println!("  the session is set up: {zone}");

    let mut callers = JoinSet::new();
    for name in ["first", "second", "third"] {
        let caller = pool.clone();
        callers.spawn(async move {
            let conn = caller.acquire().await;
            println!("  {name}: connection {}", conn.as_ref().map_or(0, Pooled::id));
        });
        until(|| pool.status().waiting > callers.len() - 1).await;
    }
    drop(held);
    println!("  newcomer: {}", pool.try_acquire().unwrap_err());
    callers.join_all().await;
    drop(pool.acquire().await?);
    Ok(())
}

/// Their incident: a handler returns early and forgets `connection.release()`. After ten such requests the pool
/// is empty for good, and nothing says where they went. Here the guard gives back however its owner ends; to
/// lose one takes some effort, and the report names the line.
async fn leak() -> Result<(), Box<dyn StdError>> {
    let (tell, mut told) = mpsc::unbounded_channel();
    let pool = create_pool()
        .name("app")
        .max_size(1)
        .leak_after(Duration::from_millis(20))
        .upkeep_interval(Duration::from_millis(10))
        .observer(move |event: &Event<'_>| match *event.kind() {
            EventKind::Leaked { location, .. } | EventKind::LeakReturned { location, .. } => {
                let _ = tell.send((event.kind().name(), location));
            }
            _ => {}
        })
        .build()?;

    async fn handle_request(pool: &Pool<Sqlite>) -> Result<(), Box<dyn StdError>> {
        let mut conn = pool.acquire().await?;
        conn.call(|db| db.execute("DELETE FROM nothing", [])).await?;
        Ok(())
    }
    println!("  early return: {}", handle_request(&pool).await.unwrap_err());
    println!("                {}", pool.status());

    let mut kept = Vec::new();
    let line = line!() + 1;
    kept.push(pool.acquire().await?);
    for _ in 0..2 {
        let (event, location) = told.recv().await.ok_or("the pool is gone")?;
        let right = location.line() == line;
        println!("  {event}: acquired in {}, the right line: {right}", file(location));
        kept.clear();
    }
    Ok(())
}

/// Lets the other tasks run until it is so.
async fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        yield_now().await;
    }
}

/// The file's name; how the folders before it are written is the platform's affair.
fn file(location: &Location<'_>) -> String {
    let name = Path::new(location.file()).file_name();
    name.unwrap_or_default().display().to_string()
}
