//! The loops that are measured: tasks or threads that take a connection, hold it and give it back, again and again,
//! until time is up. How many cycles they did in what time is all they tell.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::task::yield_now;

use crate::histogram::Histogram;
use crate::subject::{Blocking, Subject};

/// How long a connection is held.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// It is given back at once.
    Briefly,
    /// Everybody else has a turn first.
    OverAYield,
}

/// A runtime on this thread alone.
pub(crate) fn one_thread() -> Runtime {
    Builder::new_current_thread().enable_time().build().expect("a runtime can be built")
}

/// A runtime of so many workers.
pub(crate) fn workers(n: usize) -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(n).enable_time().build().expect("a runtime can be built")
}

/// Opens and lends so many at once, so that connecting is not part of what is measured.
pub(crate) async fn warm<S: Subject>(pool: &S, n: usize) {
    let mut held = Vec::with_capacity(n);
    for _ in 0..n {
        held.push(pool.take().await);
    }
}

/// One task, so many cycles.
pub(crate) async fn cycles<S: Subject>(pool: &S, n: u64) {
    for _ in 0..n {
        let guard = pool.take().await;
        black_box(&guard);
        drop(guard);
    }
}

/// When a measurement is over.
#[derive(Clone, Copy)]
pub(crate) enum End {
    After(Duration),
    /// When all together have had so many turns: a slow machine takes longer, and says the same.
    Turns(usize),
}

/// What the tasks of one measurement share.
struct Course {
    ready: AtomicUsize,
    go: AtomicBool,
    stop: AtomicBool,
    turns: AtomicUsize,
}

impl Course {
    fn new() -> Arc<Course> {
        Arc::new(Course {
            ready: AtomicUsize::new(0),
            go: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            turns: AtomicUsize::new(0),
        })
    }

    fn is_over(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Lets all go and stops them when time is up; how long they had.
    fn run(&self, window: Duration) -> Duration {
        let began = Instant::now();
        self.go.store(true, Ordering::Release);
        thread::sleep(window);
        self.stop.store(true, Ordering::Relaxed);
        began.elapsed()
    }

    /// The same, until they have had their turns; `had_one` says so.
    fn run_until(&self, end: End) -> Duration {
        let End::After(window) = end else {
            let began = Instant::now();
            self.go.store(true, Ordering::Release);
            while !self.is_over() {
                thread::sleep(Duration::from_millis(1));
            }
            return began.elapsed();
        };
        self.run(window)
    }

    fn had_one(&self, end: End) {
        if let End::Turns(most) = end
            && self.turns.fetch_add(1, Ordering::Relaxed) + 1 >= most
        {
            self.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Waits on its thread, without giving it back to the runtime.
    fn await_the_start(&self) {
        self.ready.fetch_add(1, Ordering::AcqRel);
        while !self.go.load(Ordering::Acquire) {
            std::hint::spin_loop();
        }
    }

    fn until_ready(&self, n: usize) {
        while self.ready.load(Ordering::Acquire) < n {
            thread::yield_now();
        }
    }
}

/// Nanoseconds from one cycle to the next, whoever does it, of so many tasks that each have a worker of their own.
pub(crate) fn side_by_side<S: Subject>(
    runtime: &Runtime,
    pool: &S,
    tasks: usize,
    window: Duration,
) -> f64 {
    let course = Course::new();
    let mut running = Vec::new();
    for n in 1..=tasks {
        let (pool, course) = (pool.clone(), Arc::clone(&course));
        let run = {
            let course = Arc::clone(&course);
            async move {
                course.await_the_start();
                let mut done = 0_u64;
                while !course.is_over() {
                    cycles(&pool, 1).await;
                    done += 1;
                }
                done
            }
        };
        running.push(runtime.spawn(run));
        // Only when this one occupies a worker can the next not come behind it on the same one.
        course.until_ready(n);
    }
    let took = course.run(window);
    per_cycle(took, sum(runtime, running))
}

/// Nanoseconds from one cycle to the next of many tasks; each wait goes to the histogram, if there is one.
pub(crate) fn crowd<S: Subject>(
    runtime: &Runtime,
    pool: &S,
    tasks: usize,
    end: End,
    waits: Option<&Arc<Histogram>>,
) -> Crowd {
    let course = Course::new();
    let mut running = Vec::with_capacity(tasks);
    for _ in 0..tasks {
        let (pool, course, waits) = (pool.clone(), Arc::clone(&course), waits.cloned());
        running.push(runtime.spawn(async move {
            course.ready.fetch_add(1, Ordering::AcqRel);
            while !course.go.load(Ordering::Acquire) {
                yield_now().await;
            }
            let (mut done, mut in_time) = (0_u64, 0_u64);
            while !course.is_over() {
                let began = waits.as_ref().map(|_| Instant::now());
                let guard = pool.take().await;
                if let (Some(waits), Some(began)) = (&waits, began) {
                    waits.record(began.elapsed());
                }
                in_time += u64::from(!course.is_over());
                yield_now().await;
                drop(guard);
                done += 1;
                course.had_one(end);
            }
            (done, in_time)
        }));
    }
    course.until_ready(tasks);
    let took = course.run_until(end);
    let (mut all, mut never_served) = (0, 0);
    for task in running {
        let (done, in_time) = runtime.block_on(task).expect("no task panics");
        all += done;
        never_served += u64::from(in_time == 0);
    }
    Crowd { cycle: per_cycle(took, all), never_served }
}

/// What came of a crowd.
pub(crate) struct Crowd {
    /// Nanoseconds from one cycle to the next.
    pub(crate) cycle: f64,
    /// How many tasks got nothing before time was up.
    pub(crate) never_served: u64,
}

/// How many turns the last of so many tasks has had when the first has had `turns`. On one thread, so that what is told
/// is the pool's order and not the scheduler's.
pub(crate) async fn turns_of_the_last<S: Subject>(pool: &S, tasks: usize, turns: usize) -> usize {
    let all: Arc<[AtomicUsize]> = (0..tasks).map(|_| AtomicUsize::new(0)).collect();
    let last = Arc::new(OnceLock::new());
    let mut running = Vec::with_capacity(tasks);
    for me in 0..tasks {
        let (pool, all, last) = (pool.clone(), Arc::clone(&all), Arc::clone(&last));
        running.push(tokio::spawn(async move {
            while last.get().is_none() {
                let guard = pool.take().await;
                if all[me].fetch_add(1, Ordering::Relaxed) + 1 == turns {
                    let least = all.iter().map(|n| n.load(Ordering::Relaxed)).min();
                    let _ = last.set(least.unwrap_or(0));
                }
                yield_now().await;
                drop(guard);
            }
        }));
    }
    for task in running {
        task.await.expect("no task panics");
    }
    last.get().copied().unwrap_or(0)
}

/// The same with threads: nanoseconds from one cycle to the next.
pub(crate) fn threads<S: Blocking>(
    pool: &Arc<S>,
    threads: usize,
    window: Duration,
    held: Held,
    waits: Option<&Arc<Histogram>>,
) -> f64 {
    let course = Course::new();
    let mut running = Vec::with_capacity(threads);
    for _ in 0..threads {
        let (pool, course, waits) = (Arc::clone(pool), Arc::clone(&course), waits.cloned());
        let run = move || {
            course.ready.fetch_add(1, Ordering::AcqRel);
            while !course.go.load(Ordering::Acquire) {
                thread::yield_now();
            }
            let mut done = 0_u64;
            while !course.is_over() {
                let began = waits.as_ref().map(|_| Instant::now());
                let guard = pool.take();
                if let (Some(waits), Some(began)) = (&waits, began) {
                    waits.record(began.elapsed());
                }
                black_box(&guard);
                if held == Held::OverAYield {
                    thread::yield_now();
                }
                drop(guard);
                done += 1;
            }
            done
        };
        let thread = thread::Builder::new().stack_size(64 * 1024).spawn(run);
        running.push(thread.expect("there is room for a thread"));
    }
    course.until_ready(threads);
    let took = course.run(window);
    let all = running.into_iter().map(|thread| thread.join().expect("no thread panics")).sum();
    per_cycle(took, all)
}

fn sum(runtime: &Runtime, running: Vec<tokio::task::JoinHandle<u64>>) -> u64 {
    running.into_iter().map(|task| runtime.block_on(task).expect("no task panics")).sum()
}

pub(crate) fn per_cycle(took: Duration, cycles: u64) -> f64 {
    took.as_nanos() as f64 / cycles.max(1) as f64
}
