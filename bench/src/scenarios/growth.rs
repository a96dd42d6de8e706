//! S9: does size cost anything? A hit in pools of 10 to 10,000, a cancel in queues of 10 to 100,000; and the longest time
//! for which somebody who only asks for the status is kept out while 10,000 connections are looked after, retired or
//! cleared. Asked from another thread, whom the machine may stop too: the row "nothing" says how long for.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

use cenote::{Pool, Timeout};
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::Trial;
use super::queue::SIZE;
use crate::figures::{Metric, Sheet, Unit};
use crate::load::{self, one_thread, warm};
use crate::pools::cenote::{Cenote, Driver};
use crate::subject::{Source, Subject, Tuning};

pub(crate) const HITS: [(usize, Metric); 4] = [
    (10, Metric::new("hit, size 10", Unit::Ns)),
    (100, Metric::new("hit, size 100", Unit::Ns)),
    (1000, Metric::new("hit, size 1,000", Unit::Ns)),
    (10_000, Metric::new("hit, size 10,000", Unit::Ns)),
];
pub(crate) const CANCELS: [(usize, Metric); 5] = [
    (10, Metric::new("cancel, 10 wait", Unit::Ns)),
    (100, Metric::new("cancel, 100 wait", Unit::Ns)),
    (1000, Metric::new("cancel, 1,000 wait", Unit::Ns)),
    (10_000, Metric::new("cancel, 10,000 wait", Unit::Ns)),
    (100_000, Metric::new("cancel, 100,000 wait", Unit::Ns)),
];
pub(crate) const NOTHING: Metric = Metric::new("longest pause: nothing", Unit::Ns);
pub(crate) const UPKEEP: Metric = Metric::new("longest pause: upkeep of 10,000", Unit::Ns);
pub(crate) const RETIRE: Metric = Metric::new("longest pause: 10,000 retire", Unit::Ns);
pub(crate) const CLEAR: Metric = Metric::new("longest pause: clear of 10,000", Unit::Ns);

pub(crate) fn measure(trial: &Trial, sheet: &mut Sheet) {
    if trial.tuning != Tuning::Default {
        return;
    }
    let most = trial.scale.crowd;
    for (size, metric) in HITS.into_iter().filter(|&(n, _)| n <= most) {
        trial.record(sheet, metric, hit(trial, size));
    }
    for (waiting, metric) in CANCELS.into_iter().filter(|&(n, _)| n <= 10 * most) {
        trial.record(sheet, metric, cancel(trial, waiting));
    }
    let pauses = pauses(trial, most);
    for (metric, pause) in [NOTHING, UPKEEP, RETIRE, CLEAR].into_iter().zip(pauses) {
        trial.record(sheet, metric, pause);
    }
}

fn hit(trial: &Trial, size: usize) -> f64 {
    one_thread().block_on(async {
        let pool = Cenote::open(Source::instant(), trial.settings(size)).await;
        warm(&pool, size).await;
        load::cycles(&pool, 100).await;
        best_of(async |n| load::cycles(&pool, n).await).await
    })
}

/// Nanoseconds for one, in the best of many short batches: what the machine adds, it adds to some only.
async fn best_of(some: impl AsyncFn(u64)) -> f64 {
    const BATCHES: usize = 50;
    const BATCH: u64 = 200;
    let mut best = f64::INFINITY;
    for _ in 0..BATCHES {
        let began = Instant::now();
        some(BATCH).await;
        best = best.min(load::per_cycle(began.elapsed(), BATCH));
    }
    best
}

/// One more joins the queue and goes away again.
fn cancel(trial: &Trial, waiting: usize) -> f64 {
    let join = |wait: Pin<&mut dyn Future<Output = _>>| {
        let joined = wait.poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(joined, Poll::<Result<_, _>>::Pending), "nothing is to be had");
    };
    one_thread().block_on(async {
        let Cenote(pool) = Cenote::open(Source::instant(), trial.settings(SIZE)).await;
        let mut held = Vec::new();
        for _ in 0..SIZE {
            held.push(pool.acquire().await.expect("there is room"));
        }
        let mut queue = Vec::with_capacity(waiting);
        for _ in 0..waiting {
            let mut wait = Box::pin(pool.acquire().timeout(Timeout::Never));
            join(wait.as_mut());
            queue.push(wait);
        }
        let some = async |n| {
            for _ in 0..n {
                join(pin!(pool.acquire().timeout(Timeout::Never)));
            }
        };
        best_of(some).await
    })
}

/// While nothing happens, during upkeep, while all retire at the same time, and during a clear.
fn pauses(trial: &Trial, size: usize) -> [f64; 4] {
    const EVERY: Duration = Duration::from_millis(10);
    let window = trial.scale.window;
    one_thread().block_on(async {
        let pool = Pool::builder(Driver::new(Source::instant()))
            .max_size(size)
            .upkeep_interval(EVERY)
            .idle_timeout(Timeout::Never)
            .build();
        let pool = pool.expect("these settings are valid");
        let full = async || warm(&Cenote(pool.clone()), size).await;

        let nothing = longest(&pool, async || sleep(window).await).await;
        full().await;
        let upkeep = longest(&pool, async || sleep(window).await).await;
        let retire = longest(&pool, async || {
            let soon = |options: &mut cenote::Options| options.idle_timeout = EVERY.into();
            pool.reconfigure(soon).expect("these settings are valid");
            while pool.status().size > 0 {
                sleep(EVERY).await;
            }
        });
        let retire = retire.await;
        let never = |options: &mut cenote::Options| options.idle_timeout = Timeout::Never;
        pool.reconfigure(never).expect("these settings are valid");
        full().await;
        let clear = longest(&pool, async || drop(pool.clear().await)).await;
        [nothing, upkeep, retire, clear]
    })
}

/// The longest time that another thread is kept from the pool's status while something goes on here.
async fn longest(pool: &Pool<Driver>, goes_on: impl AsyncFnOnce()) -> f64 {
    let over = Arc::new(AtomicBool::new(false));
    let (ready, looks) = oneshot::channel();
    let looker = {
        let (pool, over) = (pool.clone(), Arc::clone(&over));
        thread::spawn(move || {
            let _ = ready.send(());
            let mut longest = Duration::ZERO;
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                black_box(pool.status());
                longest = longest.max(began.elapsed());
                // Not so often that looking is what keeps the pool from its work.
                (0..200).for_each(|_| std::hint::spin_loop());
            }
            longest
        })
    };
    looks.await.expect("the thread begins by saying so");
    goes_on().await;
    over.store(true, Ordering::Relaxed);
    looker.join().expect("asking for the status does not panic").as_nanos() as f64
}
