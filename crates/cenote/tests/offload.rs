//! A blocking manager in the async pool: nothing that blocks runs on the runtime's threads, and a connection is
//! lent to nobody while a call still runs on it.

use std::future::Future;
use std::pin::Pin;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

use cenote::blocking::{Manager, Offload, Offloaded};
use cenote::{
    CloseReason, Ended, Error, Fate, Fault, Options, Pool, Pooled, TestOnAcquire, Timeout,
};
use cenote_testkit::{Act, Script, ScriptError, Step};

const LONG: Duration = Duration::from_secs(30);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Waits without holding up the runtime.
async fn until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < LONG, "it never came");
        tokio::task::yield_now().await;
        thread::yield_now();
    }
}

fn pool(script: &Script, max: usize) -> Pool<Offload<Script>> {
    let builder = Pool::builder(Offload::new(script.clone())).max_size(max);
    builder.test_on_acquire(TestOnAcquire::Never).build().unwrap()
}

/// A call that says when it has begun and ends when it is told to, with what it is told.
fn gated() -> (impl FnOnce() -> u64 + Send + 'static, Receiver<()>, Sender<u64>) {
    let (begin, begun) = channel();
    let (go, gate) = channel();
    let call = move || {
        begin.send(()).unwrap();
        gate.recv().unwrap()
    };
    (call, begun, go)
}

/// Begins a call on the connection and drops its future.
fn abandon(conn: &mut Offloaded<Script>) -> Sender<u64> {
    let (call, begun, go) = gated();
    let mut future = Box::pin(conn.call(move |_| call()));
    let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    begun.recv_timeout(LONG).unwrap();
    go
}

// P-25
#[tokio::test]
async fn a_call_runs_on_another_thread_and_returns_what_it_returns() {
    let pool = pool(&Script::new(), 1);
    let mut conn = pool.acquire().await.unwrap();
    let here = thread::current().id();
    let (there, serial) = conn.call(|conn| (thread::current().id(), conn.serial())).await;
    assert!(here != there);
    assert_eq!(serial, 1);
    // A borrowed future may go from task to task.
    let total = tokio::spawn(async move {
        let mut total = 0;
        for n in 0..100 {
            total += conn.call(move |conn| conn.serial() + n).await;
        }
        total
    });
    assert_eq!(total.await.unwrap(), 5_050);
}

// P-25, P-1, P-5
// lesson 20
#[tokio::test]
async fn a_call_whose_future_is_dropped_goes_on_and_nobody_gets_the_connection_before_its_end() {
    let script = Script::new();
    let pool = pool(&script, 1);
    let mut conn = pool.acquire().await.unwrap();
    let go = abandon(&mut conn);
    drop(conn);
    assert_eq!((pool.status().resetting, pool.status().size), (1, 1));
    let error = pool.acquire().timeout(ms(20)).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(matches!(pool.try_acquire(), Err(Error::Exhausted { .. })));
    go.send(0).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.serial()).await, 1);
    assert_eq!(script.counts().resets, 0, "the manager asked for none");
}

// P-25, P-8
#[tokio::test]
async fn after_an_abandoned_call_the_manager_is_asked_when_the_call_has_ended() {
    let script = Script::new();
    let (tell, told) = channel();
    let tell = Mutex::new(tell);
    script.on_release_with(move |how| {
        tell.lock().unwrap().send(how).unwrap();
        if how == Ended::Returned { Fate::Reset } else { Fate::Close }
    });
    let pool = pool(&script, 1);
    // A return: the manager wants a reset, and gets it.
    let mut conn = pool.acquire().await.unwrap();
    let go = abandon(&mut conn);
    drop(conn);
    assert!(told.try_recv().is_err(), "not while the call runs");
    go.send(0).unwrap();
    drop(pool.acquire().await.unwrap());
    assert_eq!(told.recv().unwrap(), Ended::Returned);
    until(|| script.counts().resets == 2).await;
    // A cancelled `with`: the manager wants it closed, which happens when the call has ended.
    let (call, begun, go) = gated();
    {
        let mut with = Box::pin(pool.with(async |conn: &mut Offloaded<Script>| {
            Ok::<u64, ScriptError>(conn.call(move |_| call()).await)
        }));
        let begins = std::future::poll_fn(|cx| {
            assert!(with.as_mut().poll(cx).is_pending());
            match begun.try_recv() {
                Ok(()) => std::task::Poll::Ready(()),
                Err(_) => {
                    cx.waker().wake_by_ref();
                    std::task::Poll::Pending
                }
            }
        });
        tokio::time::timeout(LONG, begins).await.unwrap();
    }
    assert_eq!(script.living(), [1]);
    assert_eq!(pool.status().size, 1);
    go.send(0).unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.serial()).await, 2);
    assert_eq!(told.try_iter().collect::<Vec<_>>(), [Ended::Returned, Ended::Cancelled]);
    assert_eq!(script.living(), [2]);
}

// P-25
#[tokio::test]
async fn a_call_that_had_not_begun_when_its_future_was_dropped_never_does() {
    let pool = pool(&Script::new(), 1);
    let mut conn = pool.acquire().await.unwrap();
    let go = abandon(&mut conn);
    let (tell, told) = channel();
    {
        let never = tell.clone();
        let mut second: Pin<Box<dyn Future<Output = ()>>> =
            Box::pin(conn.call(move |_| never.send("second").unwrap()));
        assert!(second.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    go.send(0).unwrap();
    conn.call(move |_| tell.send("third").unwrap()).await;
    assert_eq!(told.iter().collect::<Vec<_>>(), ["third"]);
}

// P-25, P-23
#[tokio::test]
async fn a_panic_in_a_call_goes_on_in_the_caller_and_costs_the_connection() {
    let script = Script::new();
    let pool = pool(&script, 1);
    let borrows = pool.clone();
    let task = tokio::spawn(async move {
        let mut conn = borrows.acquire().await.unwrap();
        let _: u64 = conn.call(|_| panic!("on purpose")).await;
    });
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(*panic.downcast::<&str>().unwrap(), "on purpose");
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.serial()).await, 2);
    // One that nobody waits for any more costs it too.
    let go = abandon(&mut conn);
    drop(conn);
    drop(go);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.serial()).await, 3);
    assert_eq!(script.counts().closed, 2);
}

// P-25, P-20
#[tokio::test]
async fn a_close_waits_for_the_call_that_still_runs_and_keeps_the_slot_until_then() {
    let script = Script::new();
    let pool = pool(&script, 1);
    let mut conn = pool.acquire().await.unwrap();
    let go = abandon(&mut conn);
    Pooled::discard(conn);
    assert_eq!((pool.status().closing, pool.status().size), (1, 1));
    assert!(pool.acquire().timeout(ms(10)).await.is_err());
    assert_eq!((script.counts().live, script.counts().closed), (1, 0));
    go.send(0).unwrap();
    drop(pool.acquire().await.unwrap());
    assert_eq!((script.counts().closed, script.counts().peak_live), (1, 1));
    assert_eq!(pool.stats().counts.closes.get(CloseReason::Discarded), 1);
}

// P-25, P-15
#[tokio::test]
async fn a_test_that_takes_too_long_ends_the_callers_wait_for_it_and_not_the_count_of_its_connection()
 {
    let script = Script::new();
    let builder = Pool::builder(Offload::new(script.clone())).max_size(2);
    let builder = builder.test_on_acquire(TestOnAcquire::Always).test_timeout(ms(10));
    let pool = builder.build().unwrap();
    drop(pool.acquire().await.unwrap());
    script.hold(Act::Check);
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.serial()).await, 2, "a new one needs no test");
    until(|| pool.status().closing == 1).await;
    assert_eq!((pool.status().size, script.counts().live), (2, 2));
    script.let_go(Act::Check);
    until(|| pool.status().size == 1 && script.counts().closed == 1).await;
}

// P-25, P-13
#[tokio::test]
async fn a_connection_that_comes_too_late_is_closed() {
    let script = Script::new();
    script.hold(Act::Connect);
    let builder = Pool::builder(Offload::new(script.clone())).max_size(1).min_size(1);
    let builder = builder.connect_timeout(ms(20)).backoff_first(ms(1)).backoff_max(ms(1));
    let pool = builder.build().unwrap();
    // The pool counts one at most: it has given up the others.
    until(|| script.held(Act::Connect) == 3).await;
    assert!(pool.status().size <= 1);
    let error = pool.acquire().timeout(ms(10)).await.unwrap_err();
    assert!(error.to_string().contains("no answer within 20ms"), "{error}");
    script.let_go(Act::Connect);
    until(|| {
        let counts = script.counts();
        pool.status().available == 1 && (counts.live, counts.connecting) == (1, 0)
    })
    .await;
    let counts = script.counts();
    assert!(counts.closed >= 2, "{counts:?}");
    assert_eq!(counts.dropped, 0, "each had its goodbye");
}

// P-25, P-23
#[tokio::test]
async fn connects_that_are_stuck_take_a_bounded_number_of_threads() {
    let script = Script::new();
    script.hold(Act::Connect);
    let builder = Pool::builder(Offload::new(script.clone())).max_size(40).max_connecting(40);
    let builder = builder.ramp(false).connect_timeout(Timeout::Never).min_size(40);
    let pool = builder.build().unwrap();
    until(|| script.held(Act::Connect) == 16).await;
    assert_eq!((pool.status().connecting, script.counts().connecting), (40, 16));
    script.let_go(Act::Connect);
    until(|| pool.status().available == 40).await;
}

// P-25, P-16, P-33
#[test]
fn when_the_runtime_is_gone_threads_say_goodbye() {
    let script = Script::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap();
    let (pool, mut conn) = runtime.block_on(async {
        let builder = Pool::builder(Offload::new(script.clone())).min_size(3);
        let pool = builder.build_ready().await.unwrap();
        let conn = pool.acquire().await.unwrap();
        (pool, conn)
    });
    let go = abandon(&mut conn);
    let began = Instant::now();
    drop(runtime);
    drop(conn);
    drop(pool);
    go.send(0).unwrap();
    while script.counts().closed < 3 {
        assert!(began.elapsed() < LONG, "{:?}", script.counts());
        thread::yield_now();
    }
    assert_eq!((script.counts().live, script.counts().dropped), (0, 0));
}

/// Panics when something of it runs on a thread of the runtime's.
struct Shy(Arc<Mutex<Vec<&'static str>>>);

struct ShyConnection(Arc<Mutex<Vec<&'static str>>>);

fn seen(log: &Mutex<Vec<&'static str>>, what: &'static str) {
    let elsewhere = tokio::runtime::Handle::try_current().is_err();
    log.lock().unwrap().push(if elsewhere { what } else { "in the runtime!" });
}

impl Drop for ShyConnection {
    fn drop(&mut self) {
        seen(&self.0, "drop");
    }
}

impl Manager for Shy {
    type Connection = ShyConnection;
    type Error = ScriptError;

    fn connect(&self) -> Result<ShyConnection, ScriptError> {
        seen(&self.0, "connect");
        Ok(ShyConnection(Arc::clone(&self.0)))
    }

    fn check(&self, _: &mut ShyConnection) -> Result<(), ScriptError> {
        seen(&self.0, "check");
        Ok(())
    }

    fn reset(&self, _: &mut ShyConnection) -> Result<(), ScriptError> {
        seen(&self.0, "reset");
        Ok(())
    }

    fn close(&self, conn: ShyConnection) -> Result<(), ScriptError> {
        seen(&self.0, "close");
        drop(conn);
        Ok(())
    }

    fn released(&self, _: &mut ShyConnection, _: Ended) -> Fate {
        Fate::Reset
    }

    fn classify(&self, error: &ScriptError) -> Fault {
        error.fault
    }

    fn defaults(&self, mut options: Options) -> Options {
        options.max_uses = 2.into();
        options
    }
}

// P-25, P-12, P-20
#[tokio::test]
async fn nothing_that_blocks_runs_on_the_runtimes_threads() {
    let log = Arc::new(Mutex::new(Vec::new()));
    let builder = Pool::builder(Offload::new(Shy(Arc::clone(&log)))).max_size(1);
    let pool = builder.test_on_acquire(TestOnAcquire::Always).build().unwrap();
    for _ in 0..3 {
        drop(pool.acquire().await.unwrap());
    }
    // Dropped by the borrower, in the runtime.
    drop(Pooled::detach(pool.acquire().await.unwrap()));
    until(|| log.lock().unwrap().iter().filter(|what| **what == "drop").count() == 2).await;
    let log = log.lock().unwrap().clone();
    let expected = ["connect", "reset", "check", "close", "drop", "connect", "reset", "check"];
    assert_eq!(log[..8], expected);
    assert_eq!(log[8..], ["close", "drop"]);
}

// P-25, P-23
#[tokio::test]
async fn a_failed_connect_tells_its_error_and_a_panic_is_one_too() {
    let script = Script::new();
    script.connects([Step::Panic, Step::Error(Fault::Permanent)]);
    let builder = Pool::builder(Offload::new(script.clone())).max_size(1);
    let pool = builder.backoff_first(ms(1)).build().unwrap();
    let error = pool.acquire().await.unwrap_err();
    assert!(error.to_string().contains("scripted permanent error"), "{error}");
    assert_eq!(script.counts().connect_failures, 2);
}
