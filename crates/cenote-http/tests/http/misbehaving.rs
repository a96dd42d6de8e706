//! Full load through a proxy that misbehaves at random. All that comes back is right, nothing is carried out twice that may
//! not be, and in the end nothing is left of it, on either side. `CENOTE_SEED` draws other faults, `CENOTE_PROXY_SECONDS`
//! makes it longer than 4 s.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use cenote::{Error, Fault, Pool};
use cenote_http::hyper::{Method, Request};
use cenote_http::{Fetch, Http, HttpError};
use cenote_testkit::proxy::Proxy;
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout};

use super::{LIMIT, http, until};
use crate::service::Service;

const SIZE: usize = 6;
const TASKS: u64 = 16;
const PATIENCE: Duration = Duration::from_secs(3);

fn number(variable: &str, default: u64) -> u64 {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number")),
        Err(_) => default,
    }
}

#[derive(Default)]
struct Seen {
    over: AtomicBool,
    done: AtomicU64,
    errors: AtomicU64,
    abandoned: AtomicU64,
}

// P-3, P-16, P-20, C-14
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_leaks_and_nothing_is_done_twice_through_a_proxy_that_misbehaves() {
    let length = Duration::from_secs(number("CENOTE_PROXY_SECONDS", 4));
    let seed = number("CENOTE_SEED", 1);
    println!("CENOTE_PROXY_SECONDS={} CENOTE_SEED={seed}", length.as_secs());
    let service = Service::start().await;
    let proxy = Proxy::seeded(service.address(), seed).await.unwrap();
    let before = Handle::current().metrics().num_alive_tasks();
    let through = http(proxy.address()).answer_timeout(PATIENCE);
    let pool = Pool::builder(through)
        .max_size(SIZE)
        .acquire_timeout(PATIENCE)
        .max_lifetime(Duration::from_secs(2))
        .backoff_max(Duration::from_millis(200))
        .build()
        .unwrap();
    let seen = Arc::new(Seen::default());
    let tasks: Vec<_> =
        (0..TASKS).map(|task| tokio::spawn(load(pool.clone(), Arc::clone(&seen), task))).collect();
    tokio::select! {
        never = proxy.misbehave(seed) => match never {},
        () = tokio::time::sleep(length) => {}
    }
    // Well again by itself, and for all.
    proxy.clear();
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let clear = Instant::now();
    until("settled", || clear.elapsed() > PATIENCE).await;
    let (errors, done) = (of(&seen.errors), of(&seen.done));
    until("at work", || of(&seen.done) > done + 500).await;
    assert_eq!(of(&seen.errors), errors, "no error when nothing misbehaves");
    seen.over.store(true, Ordering::Relaxed);
    for task in tasks {
        task.await.unwrap();
    }
    println!(
        "{} done, {} errors, {} abandoned; proxy: {:?}; {} connections",
        of(&seen.done),
        of(&seen.errors),
        of(&seen.abandoned),
        proxy.stats(),
        pool.stats().counts.connected,
    );
    until("at rest", || pool.status().using == 0 && pool.status().resetting == 0).await;
    assert!(pool.close(Duration::from_secs(10)).await.is_clean());
    // Nothing is left: with the service, of the proxy, in the runtime.
    until("gone from the proxy", || proxy.stats().open == 0).await;
    until("gone from the service", || service.seen().open() == 0).await;
    assert_eq!(service.seen().running(), 0);
    assert!(service.seen().most_running() >= SIZE / 2);
    until("no task is left", || Handle::current().metrics().num_alive_tasks() <= before).await;
    // It was worth something.
    assert!(proxy.stats().cut > 3 && of(&seen.abandoned) > 3, "{:?}", proxy.stats());
    assert!(pool.stats().counts.connected > 2 * SIZE as u64);
    // What may not be repeated was not.
    let posts = service.seen().posts();
    assert!(posts.len() > 100 && posts.values().all(|times| *times == 1), "{posts:?}");
}

/// Borrows and asks until it is over. Whatever fails, no answer is another's.
async fn load(pool: Pool<Http>, seen: Arc<Seen>, task: u64) {
    let count = |counter: &AtomicU64| _ = counter.fetch_add(1, Ordering::Relaxed);
    let mut turn = 0;
    while !seen.over.load(Ordering::Relaxed) {
        turn += 1;
        let nonce = format!("{task}-{turn}-{}", "x".repeat(turn % 700));
        let method = if turn % 2 == 0 { Method::POST } else { Method::PUT };
        let request = Request::builder().method(method).uri("/echo");
        let request = request.body(nonce.clone().into()).unwrap();
        let asked = Instant::now();
        let done: Result<(), Error<HttpError>> = async {
            if turn % 13 == 0 {
                // Given up, in the middle of something.
                let slow = Request::get("/slow?20").body("".into()).unwrap();
                if timeout(Duration::from_millis(turn as u64 % 9), pool.fetch(slow)).await.is_err()
                {
                    count(&seen.abandoned);
                }
                return Ok(());
            }
            if turn % 17 == 0 {
                drop(pool.fetch(Request::get("/pieces?30").body("".into()).unwrap()).await?);
                return Ok(());
            }
            let answer = pool.fetch(request).await?;
            let body = timeout(PATIENCE, answer.into_body().text(LIMIT)).await;
            let Ok(body) = body else {
                count(&seen.abandoned);
                return Ok(());
            };
            assert_eq!(body.map_err(Error::Run)?, nonce, "the answer of another");
            count(&seen.done);
            Ok(())
        }
        .await;
        let took = asked.elapsed();
        assert!(took < PATIENCE * 3 + Duration::from_secs(1), "{took:?}");
        match done {
            Ok(()) => {}
            Err(Error::Run(error)) => {
                let known = [Fault::Connection, Fault::Host, Fault::Timeout];
                assert!(known.contains(&error.fault()), "{error}");
                count(&seen.errors);
            }
            Err(error) => {
                assert!(error.is_transient(), "{error}");
                count(&seen.errors);
            }
        }
    }
}
