//! "Resource request timed out": Sequelize's guide names four causes. Each is provoked here, and the error alone,
//! with the pool's own numbers beside it, tells them apart.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::error::Error as StdError;
use std::fmt;
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{BuildError, Error, Event, EventKind, Fault, Manager, Pool};
use tokio::task::{JoinSet, yield_now};
use tokio::time::sleep;

/// A database that is well, away, or slow to log in.
#[derive(Clone, Copy)]
enum Database {
    Well,
    Away,
    Slow,
}

/// A connection whose driver keeps a flag while it idles in an open transaction, as Cenote's drivers do.
#[derive(Default)]
struct Session(Arc<AtomicBool>);

impl Session {
    fn begin(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn commit(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("connection refused")
    }
}

impl StdError for Refused {}

impl Manager for Database {
    type Connection = Session;
    type Error = Refused;

    async fn connect(&self) -> Result<Session, Refused> {
        match self {
            Database::Well => Ok(Session::default()),
            Database::Away => Err(Refused),
            Database::Slow => {
                sleep(Duration::from_secs(3)).await;
                Ok(Session::default())
            }
        }
    }

    fn in_transaction(&self, conn: &Session) -> Option<Arc<AtomicBool>> {
        Some(Arc::clone(&conn.0))
    }

    fn classify(&self, _error: &Refused) -> Fault {
        Fault::Host
    }
}

/// Where connections were acquired that are lent for too long, as an observer has heard.
type Leaks = Arc<Mutex<Vec<&'static Location<'static>>>>;

/// Which of the four it is, by what the timeout brings along. The order matters: connects that fail explain it
/// whatever else is true, and a leak explains why all connections are lent.
fn diagnose(pool: &Pool<Database>, leaks: &Leaks, error: &Error<Refused>) -> String {
    let Error::Timeout { status, last, .. } = error else {
        return "not a timeout".to_owned();
    };
    if let Some(last) = last {
        return format!("4, the server cannot be reached: {last}");
    }
    if status.connecting > 0 {
        return "4, the server is slow to connect".to_owned();
    }
    if let Some(location) = leaks.lock().unwrap().first() {
        return format!("3, a connection is never given back: acquired in {}", file(location));
    }
    let (using, waiting) = (status.using, status.waiting + 1);
    if status.idle_in_transaction > 0 {
        return format!("2, {} of {using} idle in a transaction", status.idle_in_transaction);
    }
    let hold = pool.stats().hold;
    format!(
        "1, the pool is too small: {waiting} wait for {using}, a use takes {:?}",
        hold.quantile(0.5)
    )
}

fn show(pool: &Pool<Database>, leaks: &Leaks, error: &Error<Refused>) {
    println!("  {error}");
    println!("  cause {}", diagnose(pool, leaks, error));
}

/// Two connections and a second of patience. `measure_hold` tells how long a use takes, `leak_after` names who does
/// not give back; both are off unless asked for.
fn build(database: Database) -> Result<(Pool<Database>, Leaks), BuildError<Refused>> {
    let leaks = Leaks::default();
    let heard = Arc::clone(&leaks);
    let pool = Pool::builder(database)
        .name("app")
        .max_size(2)
        .acquire_timeout(Duration::from_secs(1))
        .measure_hold(true)
        .leak_after(Duration::from_millis(500))
        .upkeep_interval(Duration::from_millis(50))
        .observer(move |event: &Event<'_>| {
            if let EventKind::Leaked { location, in_transaction: false, .. } = *event.kind() {
                heard.lock().unwrap().push(location);
            }
        })
        .build()?;
    Ok((pool, leaks))
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn StdError>> {
    too_small().await?;
    slow_work().await?;
    leak().await?;
    unreachable().await
}

/// Cause 1: a hundred requests at once, 50 ms each. Two connections serve 40 of them in a second. Raise `max_size`
/// if the server can take it, or let fewer come: `max_waiting` refuses at once what would be too late anyway.
async fn too_small() -> Result<(), Box<dyn StdError>> {
    println!("a hundred requests at once");
    let (pool, leaks) = build(Database::Well)?;
    let mut requests = JoinSet::new();
    for _ in 0..100 {
        let pool = pool.clone();
        requests.spawn(async move {
            let _conn = pool.acquire().await?;
            sleep(Duration::from_millis(50)).await;
            Ok(())
        });
    }
    let mut errors = Vec::new();
    while let Some(request) = requests.join_next().await {
        errors.extend(request?.err());
    }
    println!("  {} served, {} timed out; the first of them:", 100 - errors.len(), errors.len());
    show(&pool, &leaks, &errors[0]);
    Ok(())
}

/// Cause 2: two transactions stay open while their owners wait for something else, a payment service perhaps. The
/// database has nothing to do, and more connections would only idle as well. Do the slow thing before or after
/// the transaction, and give it a timeout, or one slow service takes all others with it.
async fn slow_work() -> Result<(), Box<dyn StdError>> {
    println!("two transactions that wait for a slow service");
    let (pool, leaks) = build(Database::Well)?;
    let mut payments = JoinSet::new();
    for _ in 0..2 {
        let pool = pool.clone();
        payments.spawn(async move {
            if let Ok(mut conn) = pool.acquire().await {
                conn.begin();
                sleep(Duration::from_secs(3)).await;
                conn.commit();
            }
        });
    }
    yield_now().await;
    show(&pool, &leaks, &pool.acquire().await.unwrap_err());
    payments.join_all().await;
    Ok(())
}

/// Cause 3: guards that are never dropped, here because a cache keeps them.
async fn leak() -> Result<(), Box<dyn StdError>> {
    println!("a cache that keeps connections");
    let (pool, leaks) = build(Database::Well)?;
    let mut cache = Vec::new();
    for _ in 0..2 {
        cache.push((pool.acquire().await?, line!()));
    }
    let error = pool.acquire().await.unwrap_err();
    show(&pool, &leaks, &error);
    let right = leaks.lock().unwrap().iter().all(|leak| leak.line() == cache[0].1);
    println!("  {} reports, each names the right line: {right}", leaks.lock().unwrap().len());
    Ok(())
}

/// Cause 4: nobody answers, or too late. The pool goes on trying behind its callers' backs, so each timeout has the
/// reason with it; a connect that takes too long for its caller still serves the next one.
async fn unreachable() -> Result<(), Box<dyn StdError>> {
    println!("a server that is away");
    let (pool, leaks) = build(Database::Away)?;
    show(&pool, &leaks, &pool.acquire().await.unwrap_err());

    println!("a server that takes 3 s for a login");
    let (pool, leaks) = build(Database::Slow)?;
    show(&pool, &leaks, &pool.acquire().await.unwrap_err());
    sleep(Duration::from_secs(3)).await;
    println!("  3 s later: {}", pool.status());
    Ok(())
}

/// The file's name; how the folders before it are written is the platform's affair.
fn file(location: &Location<'_>) -> String {
    let name = Path::new(location.file()).file_name();
    name.unwrap_or_default().display().to_string()
}
