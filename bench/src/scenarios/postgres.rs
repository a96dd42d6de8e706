//! S8: `SELECT 1` of a PostgreSQL server on this machine, by the simple protocol; 64 tasks over 4, 8 and 16 connections,
//! against as many tasks as connections, each with one of its own (`none`), and against 64 over a bare semaphore
//! (`raw-sem`). And the row of S0: a new connection for each query, against a pool. The server is a private one and shares
//! the processors with its clients, so all of it is told as a ratio of one run.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cenote::{Builder, Pool, Share, Timeout};
use cenote_postgres::tokio_postgres::{self, Client, NoTls};
use cenote_postgres::{Postgres, Reset};
use cenote_testkit::servers::postgres::Server;
use tokio::runtime::{self, Runtime};
use tokio::sync::Semaphore;

use super::Trial;
use crate::figures::{Column, Metric, Sheet, Unit};
use crate::histogram::Histogram;
use crate::load::per_cycle;
use crate::pools::{NONE, OURS};
use crate::processor;
use crate::subject::Tuning;

pub(crate) const QUERY: [Metric; 3] = [
    Metric::new("query, 4 connections", Unit::Ns),
    Metric::new("query, 8", Unit::Ns),
    Metric::new("query, 16", Unit::Ns),
];
pub(crate) const P99: [Metric; 3] = [
    Metric::new("p99, 4 connections", Unit::Ns),
    Metric::new("p99, 8", Unit::Ns),
    Metric::new("p99, 16", Unit::Ns),
];
/// Of the client's process, for a query: what is left where the machine has other work.
pub(crate) const PROCESSOR: [Metric; 3] = [
    Metric::new("client's processor, 4 connections", Unit::Ns),
    Metric::new("client's processor, 8", Unit::Ns),
    Metric::new("client's processor, 16", Unit::Ns),
];
pub(crate) const ANEW: Metric = Metric::new("query of PostgreSQL, from tasks", Unit::Ns);

const SIZES: [usize; 3] = [4, 8, 16];
const TASKS: usize = 64;
const SELECT: &str = "SELECT 1";

/// Cenote's other rows; its own is without reset, and each wait has a deadline, as by default.
pub(crate) const PATIENT: &str = "cenote, no deadline";
pub(crate) const ROLLBACK: &str = "cenote, Rollback";
pub(crate) const DISCARD: &str = "cenote, DiscardAll";
pub(crate) const SHARED: &str = "cenote, shared";
/// The least that lets as many tasks take turns as fairly: what is beyond it is the pool's, what is not is the turns'.
pub(crate) const SEM: &str = "raw-sem";
#[cfg(feature = "peers")]
pub(crate) const DEADPOOL: &str = "deadpool";

/// All rows of S8, once.
pub(crate) fn measure(trial: &Trial, sheet: &mut Sheet) {
    let Some(server) = started(trial) else { return };
    // A cycle takes a hundred times as long as those without a server.
    let window = trial.scale.window * 3 / 2;
    let rounds = trial.scale.rounds;
    for round in 0..rounds {
        for (at, size) in SIZES.into_iter().enumerate() {
            // Nobody is always the first that a server of its own has to serve.
            let turn = (trial.run * rounds + round) % ROWS.len();
            for n in 0..ROWS.len() {
                let (name, measure) = ROWS[(turn + n) % ROWS.len()];
                let outcome = measure(&server, window, size);
                let column = Column { pool: name, settings: Tuning::Default.name() };
                sheet.record(trial.scenario, column, QUERY[at], outcome.query);
                sheet.record(trial.scenario, column, P99[at], outcome.p99);
                sheet.record(trial.scenario, column, PROCESSOR[at], outcome.processor);
            }
        }
    }
}

type Measure = fn(&Server, Duration, usize) -> Outcome;

/// In the order of the table.
const ROWS: &[(&str, Measure)] = &[
    (OURS, |server, window, size| exclusive(server, window, size, Reset::None)),
    (PATIENT, patient),
    (ROLLBACK, |server, window, size| exclusive(server, window, size, Reset::Rollback)),
    (DISCARD, |server, window, size| exclusive(server, window, size, Reset::DiscardAll)),
    (SHARED, shared),
    (NONE, dedicated),
    (SEM, in_turns),
    #[cfg(feature = "peers")]
    (DEADPOOL, deadpool::measure),
];

fn exclusive(server: &Server, window: Duration, size: usize, reset: Reset) -> Outcome {
    let runtime = runtime();
    let pool = pool(server, &runtime, reset, size);
    lent(&runtime, window, size, pool)
}

/// As the other pools are set: nobody's wait ends by itself.
fn patient(server: &Server, window: Duration, size: usize) -> Outcome {
    let runtime = runtime();
    let pool = {
        let _here = runtime.enter();
        builder(server, Reset::None, size).acquire_timeout(Timeout::Never).build()
    };
    lent(&runtime, window, size, pool.expect("these settings are valid"))
}

fn lent(runtime: &Runtime, window: Duration, size: usize, pool: Pool<Postgres>) -> Outcome {
    runtime.block_on(fill(&pool, size));
    run(runtime, window, TASKS, size, move || {
        let pool = pool.clone();
        async move {
            let conn = pool.acquire().await.expect("one is had within 30 s");
            conn.simple_query(SELECT).await.expect("the server answers");
        }
    })
}

/// The row of S0.
pub(crate) fn measure_anew(trial: &Trial, sheet: &mut Sheet) {
    const AT_A_TIME: usize = 8;
    let Some(server) = started(trial) else { return };
    let window = trial.scale.window * 2;
    let runtime = runtime();
    let url = server.url();
    let anew = run(&runtime, window, AT_A_TIME, AT_A_TIME, move || {
        let url = url.clone();
        async move {
            let client = connected(&url).await;
            client.simple_query(SELECT).await.expect("the server answers");
        }
    });
    let none = Column { pool: NONE, settings: trial.tuning.name() };
    sheet.record(trial.scenario, none, ANEW, anew.query);
    let pool = pool(&server, &runtime, Reset::Rollback, AT_A_TIME);
    runtime.block_on(fill(&pool, AT_A_TIME));
    let pooled = run(&runtime, window, AT_A_TIME, AT_A_TIME, move || {
        let pool = pool.clone();
        async move {
            let conn = pool.acquire().await.expect("one is had within 30 s");
            conn.simple_query(SELECT).await.expect("the server answers");
        }
    });
    trial.record(sheet, ANEW, pooled.query);
}

/// A server of this trial's; where there is none to be had, the rows are left out and the reason is said.
fn started(trial: &Trial) -> Option<Server> {
    if trial.tuning != Tuning::Default || !trial.scale.servers {
        return None;
    }
    match Server::start() {
        Ok(server) => Some(server),
        Err(error) => {
            eprintln!("{}: no rows of PostgreSQL: {error}", trial.scenario.name());
            None
        }
    }
}

fn runtime() -> Runtime {
    let mut builder = runtime::Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().expect("a runtime can be built")
}

fn pool(server: &Server, runtime: &Runtime, reset: Reset, size: usize) -> Pool<Postgres> {
    let _here = runtime.enter();
    builder(server, reset, size).build().expect("these settings are valid")
}

fn builder(server: &Server, reset: Reset, size: usize) -> Builder<Postgres> {
    let postgres = Postgres::from_url(&server.url()).expect("the server's URL is one");
    Pool::builder(postgres.reset(reset)).max_size(size).max_sharers(TASKS / size)
}

/// All connections are there before the time begins. Our pool would make no more of them than the load wants, and the
/// others as many as callers come at once: how a pool grows is S6's affair.
async fn fill(pool: &Pool<Postgres>, size: usize) {
    drop(pool.acquire_many(size).await.expect("all are had within 30 s"));
}

/// What came of a run: nanoseconds from one answer to the next, how long one in a hundred waited for its, and the
/// client's processor's time for each.
struct Outcome {
    query: f64,
    p99: f64,
    processor: f64,
}

/// So many tasks that ask again and again; some turns go before the time begins.
fn run<F: Future<Output = ()> + Send>(
    runtime: &Runtime,
    window: Duration,
    tasks: usize,
    at_once: usize,
    ask: impl Fn() -> F + Clone + Send + 'static,
) -> Outcome {
    let waits = Arc::new(Histogram::new());
    runtime.block_on(async {
        let turns = (0..at_once * 4).map(|_| {
            let ask = ask.clone();
            tokio::spawn(async move { ask().await })
        });
        for turn in turns.collect::<Vec<_>>() {
            turn.await.expect("no query fails");
        }
        let (began, worked) = (Instant::now(), processor::used());
        let mut running = Vec::new();
        for _ in 0..tasks {
            let (ask, waits) = (ask.clone(), Arc::clone(&waits));
            running.push(tokio::spawn(async move {
                let mut done = 0;
                while began.elapsed() < window {
                    let asked = Instant::now();
                    ask().await;
                    waits.record(asked.elapsed());
                    done += 1;
                }
                done
            }));
        }
        let mut all = 0;
        for task in running {
            all += task.await.expect("no query fails");
        }
        Outcome {
            query: per_cycle(began.elapsed(), all),
            p99: waits.quantile(0.99),
            processor: per_cycle(processor::used() - worked, all),
        }
    })
}

fn shared(server: &Server, window: Duration, size: usize) -> Outcome {
    let runtime = runtime();
    let pool = pool(server, &runtime, Reset::None, size);
    runtime.block_on(fill(&pool, size));
    run(&runtime, window, TASKS, size, move || {
        let pool = pool.clone();
        async move {
            let shared = pool.share().await.expect("one is had within 30 s");
            let handle: &<Postgres as Share>::Handle = &shared;
            handle.simple_query(SELECT).await.expect("the server answers");
        }
    })
}

/// tokio's semaphore, and a list of tokio-postgres's clients under a mutex.
fn in_turns(server: &Server, window: Duration, size: usize) -> Outcome {
    let runtime = runtime();
    let idle = Mutex::new(runtime.block_on(clients(server, size)));
    let turns = Arc::new((Semaphore::new(size), idle));
    run(&runtime, window, TASKS, size, move || {
        let turns = Arc::clone(&turns);
        async move {
            let (permits, idle) = &*turns;
            let _permit = permits.acquire().await.expect("it is never closed");
            let client = idle.lock().expect("nobody panics").pop();
            let client = client.expect("as many as permits");
            client.simple_query(SELECT).await.expect("the server answers");
            idle.lock().expect("nobody panics").push(client);
        }
    })
}

async fn clients(server: &Server, n: usize) -> Vec<Client> {
    let url = server.url();
    let mut clients = Vec::new();
    for _ in 0..n {
        clients.push(connected(&url).await);
    }
    clients
}

/// As many tasks as connections, each with one of tokio-postgres's own.
fn dedicated(server: &Server, window: Duration, size: usize) -> Outcome {
    let runtime = runtime();
    let clients = runtime.block_on(clients(server, size));
    let waits = Arc::new(Histogram::new());
    runtime.block_on(async {
        let (began, worked) = (Instant::now(), processor::used());
        let mut running = Vec::new();
        for client in clients {
            let waits = Arc::clone(&waits);
            running.push(tokio::spawn(async move {
                let mut done = 0;
                while began.elapsed() < window {
                    let asked = Instant::now();
                    client.simple_query(SELECT).await.expect("the server answers");
                    waits.record(asked.elapsed());
                    done += 1;
                }
                done
            }));
        }
        let mut all = 0;
        for task in running {
            all += task.await.expect("no query fails");
        }
        Outcome {
            query: per_cycle(began.elapsed(), all),
            p99: waits.quantile(0.99),
            processor: per_cycle(processor::used() - worked, all),
        }
    })
}

async fn connected(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the server takes one more");
    tokio::spawn(connection);
    client
}

/// deadpool over the same driver, with the check that deadpool-postgres has by default: whether the client is closed.
#[cfg(feature = "peers")]
mod deadpool {
    use std::time::Duration;

    use cenote_testkit::servers::postgres::Server;
    use deadpool::managed::{Manager, Metrics, Pool, RecycleError, RecycleResult};

    use super::{Client, NoTls, Outcome, SELECT, TASKS, run, runtime, tokio_postgres};

    struct Driver(String);

    impl Manager for Driver {
        type Type = Client;
        type Error = tokio_postgres::Error;

        async fn create(&self) -> Result<Client, tokio_postgres::Error> {
            let (client, connection) = tokio_postgres::connect(&self.0, NoTls).await?;
            tokio::spawn(connection);
            Ok(client)
        }

        async fn recycle(
            &self,
            client: &mut Client,
            _: &Metrics,
        ) -> RecycleResult<tokio_postgres::Error> {
            match client.is_closed() {
                true => Err(RecycleError::message("closed")),
                false => Ok(()),
            }
        }
    }

    pub(super) fn measure(server: &Server, window: Duration, size: usize) -> Outcome {
        let runtime = runtime();
        let pool = Pool::<Driver>::builder(Driver(server.url())).max_size(size).build();
        let pool = pool.expect("without timeouts it needs no runtime");
        runtime.block_on(async {
            let mut all = Vec::new();
            for _ in 0..size {
                all.push(pool.get().await.expect("no get of a scenario fails"));
            }
        });
        run(&runtime, window, TASKS, size, move || {
            let pool = pool.clone();
            async move {
                let client = pool.get().await.expect("no get of a scenario fails");
                client.simple_query(SELECT).await.expect("the server answers");
            }
        })
    }
}
