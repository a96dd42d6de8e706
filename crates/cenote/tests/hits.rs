//! A hit costs one short turn under the lock, each way: no allocation, no spawn, no timer, no clock, no
//! waker; and the same for ten connections as for ten thousand.

#![expect(
    unsafe_code,
    reason = "an allocator that counts is an unsafe trait, and passes every call on"
)]

mod common;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use cenote::{Event, Pool, Pooled, Timeout};
use cenote_testkit::{Script, Sim};
use common::{Bench, ms, poll_once, secs};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// The system's allocator, counting for each thread.
struct Counting;

fn count() {
    // A thread that is being torn down is not counted.
    let _ = ALLOCATIONS.try_with(|n| n.set(n.get() + 1));
}

// SAFETY: every call is passed on to the system's allocator unchanged; counting neither allocates nor
// unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count();
        // SAFETY: the caller keeps the contract of `alloc`, which is passed on as it is.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        count();
        // SAFETY: the caller keeps the contract of `dealloc`, which is passed on as it is.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Allocations and deallocations of this thread while `run` runs.
fn allocations(run: impl FnOnce()) -> u64 {
    let before = ALLOCATIONS.with(Cell::get);
    run();
    ALLOCATIONS.with(Cell::get) - before
}

fn hit(pool: &Pool<Script>) -> Pooled<Script> {
    match poll_once(pin!(pool.acquire()).as_mut()) {
        Poll::Ready(Ok(conn)) => conn,
        _ => panic!("an idle connection is lent at once"),
    }
}

/// A pool with the default options, some idle connections, in use just now.
fn warm(bench: &Bench, idle: usize) -> Pool<Script> {
    let pool = Pool::builder(bench.script.clone()).env(bench.sim.env()).build().unwrap();
    bench.sim.run(async {
        drop(bench.hold(&pool, idle).await);
        bench.sim.sleep(ms(150)).await;
        drop(pool.acquire().await.unwrap());
    });
    pool
}

// P-2
#[test]
fn the_allocator_is_counted() {
    assert_eq!(allocations(|| drop(std::hint::black_box(Box::new(7)))), 2);
}

// P-2
#[test]
fn a_hit_and_its_release_allocate_nothing() {
    let bench = Bench::new(1);
    let pool = warm(&bench, 3);
    let count = allocations(|| {
        for _ in 0..1000 {
            drop(hit(&pool));
            drop(pool.try_acquire().unwrap());
            let two = (hit(&pool), hit(&pool));
            drop(two);
        }
    });
    assert_eq!(count, 0);
    assert_eq!(bench.script.counts().connects, 3);
}

// P-2, P-8
#[test]
fn with_allocates_nothing_on_a_hit() {
    let bench = Bench::new(1);
    let pool = warm(&bench, 1);
    let count = allocations(|| {
        for _ in 0..1000 {
            let with = pin!(pool.with(async |conn| Ok(conn.serial())));
            assert!(matches!(poll_once(with), Poll::Ready(Ok(1))));
        }
    });
    assert_eq!(count, 0);
}

// P-2
#[test]
fn a_hit_allocates_nothing_on_tokio() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(async {
        let pool = Pool::builder(Script::new()).build().unwrap();
        drop(pool.acquire().await.unwrap());
        drop(pool.acquire().await.unwrap());
        let count = allocations(|| {
            for _ in 0..1000 {
                drop(hit(&pool));
            }
        });
        assert_eq!(count, 0);
    });
}

// P-2, P-29
#[test]
fn telling_an_observer_of_a_hit_allocates_nothing_and_reads_no_clock() {
    let bench = Bench::new(1);
    let pool = warm(&bench, 1);
    let (told, heard) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let count = |told: &Arc<AtomicU64>| {
        let told = Arc::clone(told);
        move |_: &Event<'_>| {
            told.fetch_add(1, Ordering::Relaxed);
        }
    };
    pool.observe(count(&told)).forget();
    pool.observe(count(&heard)).forget();
    let before = bench.sim.usage();
    let count = allocations(|| (0..1000).for_each(|_| drop(hit(&pool))));
    assert_eq!((count, bench.sim.usage()), (0, before));
    assert_eq!((told.load(Ordering::Relaxed), heard.load(Ordering::Relaxed)), (3000, 3000));
}

// P-2
#[test]
fn a_hit_makes_no_spawn_no_timer_and_no_clock_call() {
    let bench = Bench::new(1);
    let pool = warm(&bench, 3);
    let before = bench.sim.usage();
    assert!(before.spawns > 0 && before.timers > 0 && before.clock_reads > 0, "it is counted");
    for _ in 0..1000 {
        drop(hit(&pool));
        drop((hit(&pool), hit(&pool)));
        drop(pool.try_acquire().unwrap());
        let with = pin!(pool.with(async |conn| Ok(conn.serial())));
        assert!(poll_once(with).is_ready());
    }
    assert_eq!(bench.sim.usage(), before);
}

// P-2
#[test]
fn a_hit_wakes_nobody_and_keeps_no_waker() {
    struct Heard(Cell<u32>);

    // The waker never leaves this thread.
    struct Ear(std::sync::atomic::AtomicU32);

    impl Wake for Ear {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    }

    let heard = Heard(Cell::new(0));
    let bench = Bench::new(1);
    let pool = warm(&bench, 1);
    let ear = Arc::new(Ear(Default::default()));
    let waker = Waker::from(Arc::clone(&ear));
    let polls = bench.sim.polls();
    for _ in 0..100 {
        let acquire = pin!(pool.acquire());
        let Poll::Ready(Ok(conn)) = acquire.poll(&mut Context::from_waker(&waker)) else {
            panic!("a hit");
        };
        assert_eq!(Arc::strong_count(&ear), 2, "not cloned");
        drop(conn);
        heard.0.set(heard.0.get() + 1);
    }
    assert_eq!(heard.0.get(), 100);
    assert_eq!(ear.0.load(std::sync::atomic::Ordering::SeqCst), 0);
    bench.sim.settle();
    assert!(bench.sim.polls() - polls < 5, "nobody was woken");
}

/// The quickest of several runs: what is left is the work itself.
fn quickest(mut run: impl FnMut()) -> Duration {
    let time = |run: &mut dyn FnMut()| {
        let began = Instant::now();
        run();
        began.elapsed()
    };
    (0..9).map(|_| time(&mut run)).min().unwrap()
}

fn big(sim: &Sim, script: &Script, size: usize) -> Pool<Script> {
    let builder = Pool::builder(script.clone()).env(sim.env()).max_size(size).min_size(size);
    let builder = builder.ramp(false).max_connecting(size).max_lifetime(Timeout::Never);
    let pool = builder.build().unwrap();
    sim.run_for(ms(300));
    assert_eq!(pool.status().available, size);
    pool
}

// P-2
#[test]
fn taking_and_giving_back_cost_the_same_for_10_and_for_10_000_connections() {
    let cost = |size: usize| {
        let bench = Bench::new(1);
        let pool = big(&bench.sim, &bench.script, size);
        let held: Vec<_> = (0..size / 2).map(|_| hit(&pool)).collect();
        let time = quickest(|| (0..500).for_each(|_| drop((hit(&pool), hit(&pool)))));
        drop(held);
        time
    };
    let (few, many) = (cost(10), cost(10_000));
    assert!(many < few * 25, "{few:?} for ten, {many:?} for ten thousand");
}

// P-5, P-2
// lesson 2
#[test]
fn leaving_the_queue_costs_the_same_for_10_and_for_10_000_waiters() {
    let cost = |waiters: usize| {
        let bench = Bench::new(1);
        let pool = bench.pool(1);
        let held = bench.sim.run(pool.acquire()).unwrap();
        let mut queue: Vec<_> = (0..waiters)
            .map(|_| {
                let mut waiter = Box::pin(pool.acquire().timeout(secs(9)));
                assert!(poll_once(waiter.as_mut()).is_pending());
                waiter
            })
            .collect();
        let time = quickest(|| {
            for n in 0..500 {
                let mut waiter = Box::pin(pool.acquire().timeout(secs(9)));
                assert!(poll_once(waiter.as_mut()).is_pending());
                let middle = n % queue.len();
                drop(std::mem::replace(&mut queue[middle], waiter));
            }
        });
        assert_eq!(pool.status().waiting, waiters);
        drop(queue);
        drop(held);
        time
    };
    let (few, many) = (cost(100), cost(10_000));
    assert!(many < few * 25, "{few:?} for a hundred, {many:?} for ten thousand");
}

// P-2, P-27
#[test]
fn measuring_hold_times_reads_the_clock_twice_and_no_more() {
    let bench = Bench::new(1);
    let pool = warm(&bench, 1);
    pool.reconfigure(|options| options.measure_hold = true).unwrap();
    bench.sim.settle();
    let before = bench.sim.usage();
    for _ in 0..100 {
        drop(hit(&pool));
    }
    let after = bench.sim.usage();
    assert_eq!(after.clock_reads - before.clock_reads, 200);
    assert_eq!((after.spawns, after.timers), (before.spawns, before.timers));
}
