//! S6, second part: HikariCP's spike. A pool of at most 50 whose connects take 150 ms has 5 connections and a second of
//! light load behind it, when 50 callers come at once with a query of 2 ms each. Five connections serve them all
//! in some 20 ms, long before a new one could be there: how many are made all the same?
//!
//! And the number of rounds in which an empty pool of 64 connects for 64 callers, by default settings. For Cenote both are
//! told in virtual time as well, where they come out the same each time.

use std::sync::Arc;
use std::time::Duration;

use cenote::{Pool, Time};
use cenote_testkit::{Event, Script, Sim, Step};
use tokio::time::sleep;

use super::Trial;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{one_thread, warm};
use crate::pools::OURS;
use crate::subject::{Source, Subject, Tuning};

pub(crate) const SPIKE: Metric = Metric::new("spike: connections in the end", Unit::Count);
pub(crate) const SPIKE_SIM: Metric =
    Metric::new("spike: connections in the end, virtual time", Unit::Count);
pub(crate) const ROUNDS: Metric = Metric::new("cold start: rounds, virtual time", Unit::Count);

const CONNECT: Duration = Duration::from_millis(150);
const QUERY: Duration = Duration::from_millis(2);
const MOST: usize = 50;
const LEAST: usize = 5;
const CALLERS: usize = 50;

pub(crate) fn measure<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    if trial.run > 0 || trial.tuning != Tuning::Default {
        return;
    }
    trial.record(sheet, SPIKE, spike::<S>(trial) as f64);
    if trial.pool == OURS {
        trial.record(sheet, SPIKE_SIM, spike_in_virtual_time() as f64);
        trial.record(sheet, ROUNDS, rounds() as f64);
    }
}

fn spike<S: Subject>(trial: &Trial) -> usize {
    let source = Source::slow(CONNECT);
    one_thread().block_on(async {
        let pool = S::open(source.clone(), trial.settings(MOST)).await;
        warm(&pool, LEAST).await;
        for _ in 0..100 {
            let guard = pool.take().await;
            sleep(QUERY).await;
            drop(guard);
            sleep(Duration::from_millis(8)).await;
        }
        let mut running = Vec::new();
        for _ in 0..CALLERS {
            let pool = pool.clone();
            running.push(tokio::spawn(async move {
                let guard = pool.take().await;
                sleep(QUERY).await;
                drop(guard);
            }));
        }
        for caller in running {
            caller.await.expect("no caller panics");
        }
        sleep(2 * CONNECT).await;
        source.begun()
    })
}

pub(crate) fn spike_in_virtual_time() -> usize {
    let sim = Sim::new(1);
    let script = Script::with_env(sim.env());
    script.connect_always(Step::Slow(CONNECT));
    let pool = Pool::builder(script).env(sim.env()).max_size(MOST).min_size(LEAST);
    let pool = Arc::new(pool.build().expect("these settings are valid"));
    sim.run_for(4 * CONNECT);
    let query = |pool: Arc<Pool<Script>>| {
        let handle = sim.handle();
        sim.spawn(async move {
            let conn = pool.acquire().await.expect("it is served within its deadline");
            handle.sleep(QUERY).await;
            drop(conn);
        })
    };
    for _ in 0..100 {
        query(Arc::clone(&pool)).detach();
        sim.run_for(Duration::from_millis(10));
    }
    for _ in 0..CALLERS {
        query(Arc::clone(&pool)).detach();
    }
    sim.run_for(Duration::from_secs(1));
    pool.status().size
}

pub(crate) fn rounds() -> usize {
    const TASKS: usize = 64;
    let sim = Sim::new(1);
    let script = Script::with_env(sim.env());
    script.connect_always(Step::Slow(Duration::from_millis(5)));
    let pool = Pool::builder(script.clone()).env(sim.env()).max_size(TASKS);
    let pool = Arc::new(pool.build().expect("these settings are valid"));
    for _ in 0..TASKS {
        let (pool, handle) = (Arc::clone(&pool), sim.handle());
        let caller = sim.spawn(async move {
            let conn = pool.acquire().await.expect("it is served within its deadline");
            handle.sleep(Duration::from_secs(1)).await;
            drop(conn);
        });
        caller.detach();
    }
    sim.run_for(Duration::from_millis(500));
    let log = script.log();
    let begun = log.iter().filter(|logged| logged.event == Event::ConnectBegan);
    let mut moments: Vec<Time> = begun.map(|logged| logged.at).collect();
    moments.dedup();
    moments.len()
}
