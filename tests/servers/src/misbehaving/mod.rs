//! Full load through a proxy that misbehaves at random. All that comes back is right, all that was in a transaction is
//! whole, the server never counts more than `max_size`, and in the end nothing is left of it, on either side.
//!
//! `CENOTE_PROXY_SECONDS=600` makes it the long form, `CENOTE_SEED` draws other faults.

mod count;
mod faults;
mod load;

use std::sync::Arc;
use std::time::Duration;

use cenote::{Counts, Fault, FreeSlot};
use cenote_testkit::proxy::Proxy;
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep};

use crate::dice::{Dice, number};
use crate::{Connection, Failure, Subject, until};
use load::{PATIENCE, Seen};

const SIZE: usize = 8;
const TASKS: u64 = 24;
/// How long the server may count a connection that the proxy has cut: it hears of that when it reads or writes next.
const CUT: Duration = Duration::from_secs(3);
/// How often each kind of trouble must have been seen for it to be worth something.
const WORTH: u64 = 10;

/// What became of one piece of work that did not fail.
#[derive(Clone, Copy, Debug)]
pub enum Done {
    /// An answer came, and was this borrower's own.
    Answered,
    /// A transaction was committed.
    Moved,
    /// Given up before there was an answer.
    Abandoned,
}

/// A server that is used through a bad network, with ten accounts on it that have 1,000 cents each.
pub trait Rough: Subject {
    /// How long it is bad if nobody says otherwise.
    const SECONDS: u64;
    /// What an error may be, there.
    const FAULTS: &'static [Fault];
    /// How long a connection may live.
    const LIFETIME: Duration;
    /// One piece of work in so many ends with a connection that is thrown away.
    const DISCARDS: u64;

    /// Whether nothing of another borrower's transaction is left on a connection that was lent just now.
    fn is_clean(conn: &Connection<Self>) -> bool;

    /// One piece of work, by lot: a question whose answer nobody else could get, 5 cents from one account to another
    /// in a transaction within this limit, a transaction that is left open, a question that is given up.
    fn work(
        conn: &mut Connection<Self>,
        dice: &mut Dice,
        limit: Duration,
    ) -> impl Future<Output = Result<Done, Failure<Self>>> + Send;

    /// What the server may count beyond the limit for a while, beside what the proxy has cut and connects that failed.
    /// Default: nothing.
    fn goodbyes(_counts: &Counts) -> u64 {
        0
    }

    /// How many connections of the pool are left on the server. Nobody watches any more.
    fn left(&self) -> impl Future<Output = usize> + Send;

    /// How many cents there are on all accounts; and nothing is there that only a transaction left open would have made.
    fn cents(&self) -> impl Future<Output = i64> + Send;
}

/// P-20, P-16, P-3: nothing leaks through a proxy that misbehaves.
///
/// # Panics
/// If something does.
pub async fn nothing_leaks<S: Rough>(subject: S) {
    let length = Duration::from_secs(number("CENOTE_PROXY_SECONDS", S::SECONDS));
    let seed = number("CENOTE_SEED", 1);
    println!("CENOTE_PROXY_SECONDS={} CENOTE_SEED={seed}", length.as_secs());
    let subject = Arc::new(subject);
    let proxy = Arc::new(Proxy::seeded(subject.address(), seed).await.unwrap());
    let before = Handle::current().metrics().num_alive_tasks();
    let pool = subject
        .pool(proxy.address())
        .max_size(SIZE)
        .min_idle(2)
        .free_slot(FreeSlot::WhenClosed)
        .acquire_timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(1))
        .max_lifetime(S::LIFETIME)
        .backoff_max(Duration::from_millis(200))
        .build()
        .unwrap();
    let seen = Arc::new(Seen::default());
    let load = |task| load::load::<S>(pool.clone(), Arc::clone(&seen), Dice(seed * 1000 + task));
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(load(task))).collect();
    let watch = tokio::spawn(count::count(
        Arc::clone(&subject),
        pool.clone(),
        Arc::clone(&proxy),
        Arc::clone(&seen),
    ));
    // On a busy machine less happens in the same time, so it goes on until there was enough of it.
    let (began, patience) = (Instant::now(), length + Duration::from_secs(60));
    let enough = || seen.errors() > WORTH && seen.abandoned() > WORTH && proxy.stats().cut > WORTH;
    faults::misbehave(&proxy, &mut Dice(seed), || {
        let lasted = began.elapsed();
        lasted > length && (enough() || lasted > patience)
    })
    .await;

    // Well again by itself, and for all: once all that was held up is over, and the count has no excuse any more.
    proxy.clear();
    proxy.up().unwrap();
    sleep(CUT + PATIENCE).await;
    seen.calm_down();
    let (errors, answers) = (seen.errors(), seen.answers());
    until("at work", || async { seen.answers() > answers + 1000 }).await;
    assert_eq!(seen.errors(), errors, "no error when nothing misbehaves");
    seen.end();
    for task in tasks {
        task.await.unwrap();
    }
    let counted = watch.await.unwrap();
    until("at rest", || async { pool.status().using == 0 && pool.status().resetting == 0 }).await;
    assert!(pool.close(Duration::from_secs(10)).await.is_clean());
    let counts = pool.stats().counts;
    println!(
        "{seen}; proxy: {:?}; {} connected, {} closes failed; {counted:?}",
        proxy.stats(),
        counts.connected,
        counts.close_failures,
    );
    // Nothing is left: on the server, of the proxy, in the runtime. And nothing was half done.
    until("gone from the server", || async { subject.left().await == 0 }).await;
    until("gone from the proxy", || async { proxy.stats().open == 0 }).await;
    drop(pool);
    until("no task is left", || async { Handle::current().metrics().num_alive_tasks() <= before })
        .await;
    assert_eq!(subject.cents().await, 10_000);
    // It was worth something.
    assert!(enough(), "{seen}; proxy: {:?}", proxy.stats());
    assert!(counted.strictly > WORTH, "{counted:?}");
}
