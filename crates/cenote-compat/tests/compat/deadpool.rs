//! Managers of deadpool's.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cenote::{Pool, Pooled, TestOnAcquire};
use cenote_compat::Deadpool;
use deadpool::managed::{Hook, HookError, Manager, Metrics, RecycleError, RecycleResult};

use super::{Book, count, is, set, until};

/// Makes objects that are numbers, and writes down what it is told of them.
struct Numbers {
    book: Arc<Book>,
    recycled_with: Arc<Mutex<Vec<Metrics>>>,
    detached: Arc<Mutex<Vec<usize>>>,
}

#[derive(Clone, Default)]
struct World {
    book: Arc<Book>,
    recycled_with: Arc<Mutex<Vec<Metrics>>>,
    detached: Arc<Mutex<Vec<usize>>>,
}

impl World {
    fn manager(&self) -> Deadpool<Numbers> {
        let World { book, recycled_with, detached } = self.clone();
        Deadpool::new(Numbers { book, recycled_with, detached })
    }

    fn detached(&self) -> Vec<usize> {
        self.detached.lock().unwrap().clone()
    }
}

impl Manager for Numbers {
    type Type = usize;
    type Error = io::Error;

    async fn create(&self) -> io::Result<usize> {
        Ok(count(&self.book.made))
    }

    async fn recycle(&self, _: &mut usize, metrics: &Metrics) -> RecycleResult<io::Error> {
        count(&self.book.tested);
        self.recycled_with.lock().unwrap().push(*metrics);
        match is(&self.book.invalid) {
            true => Err(RecycleError::message("worn out")),
            false => Ok(()),
        }
    }

    fn detach(&self, object: &mut usize) {
        self.detached.lock().unwrap().push(*object);
    }
}

fn pool(manager: Deadpool<Numbers>) -> Pool<Deadpool<Numbers>> {
    let builder = Pool::builder(manager).max_size(1);
    builder.test_on_acquire(TestOnAcquire::Never).build().unwrap()
}

// P-16
#[tokio::test]
async fn an_object_is_recycled_between_any_two_borrowers() {
    let world = World::default();
    let pool = pool(world.manager());
    for uses in 0..3 {
        let conn = pool.acquire().await.unwrap();
        assert_eq!((**conn, world.book.tested()), (1, uses));
        assert_eq!(conn.metrics().recycle_count, uses);
    }
    let failed = pool.with(async |_| Err::<(), _>(io::Error::other("no such table").into())).await;
    assert!(failed.is_err());
    assert_eq!(**pool.acquire().await.unwrap(), 1, "after an error of the request too");
    assert_eq!(world.book.tested(), 4);
}

// P-15
#[tokio::test]
async fn recycle_is_the_test_of_what_has_rested_too() {
    let world = World::default();
    let pool = pool(world.manager());
    drop(pool.acquire().await.unwrap());
    until("recycled", || pool.status().available == 1).await;
    pool.reconfigure(|options| options.test_on_acquire = TestOnAcquire::Always).unwrap();
    let conn = pool.acquire().await.unwrap();
    assert_eq!((**conn, conn.metrics().recycle_count), (1, 2));
    drop(conn);
    until("recycled", || pool.status().available == 1).await;
    set(&world.book.invalid, true);
    assert_eq!(**pool.acquire().await.unwrap(), 2);
    assert_eq!(world.detached(), [1]);
}

// P-16
#[tokio::test]
async fn its_metrics_are_true() {
    let world = World::default();
    let before = Instant::now();
    let pool = pool(world.manager());
    let conn = pool.acquire().await.unwrap();
    let new = conn.metrics();
    assert!(before <= new.created && new.created <= Instant::now());
    assert!(new.recycled.is_none() && new.recycle_count == 0, "{new:?}");
    let back = Instant::now();
    drop(conn);
    until("recycled", || pool.status().available == 1).await;
    let seen = world.recycled_with.lock().unwrap()[0];
    assert_eq!((seen.created, seen.recycle_count), (new.created, 0), "those of this object");
    assert!(seen.recycled.is_some_and(|at| at >= back), "used until it came back");
    let conn = pool.acquire().await.unwrap();
    let now = conn.metrics();
    assert_eq!((now.created, now.recycled, now.recycle_count), (new.created, seen.recycled, 1));
    // As deadpool's `retain` sees them.
    drop(conn);
    until("recycled", || pool.status().available == 1).await;
    let kept = pool.clear_where(|conn| conn.metrics().last_used() > Duration::from_secs(3600));
    assert_eq!(kept.await.closed, 0);
    assert_eq!(pool.clear_where(|conn| conn.metrics().recycle_count == 2).await.closed, 1);
}

// P-20, P-9
#[tokio::test]
async fn every_object_is_detached_once_however_it_goes() {
    let world = World::default();
    let pool = pool(world.manager());
    Pooled::discard(pool.acquire().await.unwrap());
    until("discarded", || world.detached() == [1]).await;
    // It cannot be recycled.
    set(&world.book.invalid, true);
    drop(pool.acquire().await.unwrap());
    until("worn out", || world.detached() == [1, 2]).await;
    set(&world.book.invalid, false);
    // It is taken out of the pool.
    let taken = Pooled::detach(pool.acquire().await.unwrap());
    assert_eq!(world.detached(), [1, 2]);
    assert_eq!(taken.into_inner(), 3);
    assert_eq!(world.detached(), [1, 2, 3]);
    // The pool ends.
    drop(pool.acquire().await.unwrap());
    pool.close(Duration::from_secs(5)).await;
    assert_eq!(world.detached(), [1, 2, 3, 4]);
}

// P-33, P-20
#[tokio::test]
async fn an_object_that_comes_back_after_the_pool_is_gone_is_detached() {
    let world = World::default();
    let pool = pool(world.manager());
    let conn = pool.acquire().await.unwrap();
    drop(pool);
    drop(conn);
    until("gone", || world.detached() == [1]).await;
}

// P-28, P-14
#[tokio::test]
async fn hooks_run_in_their_order_and_see_the_metrics() {
    let world = World::default();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = |what: &'static str| {
        let told = Arc::clone(&told);
        move |object: &mut usize, metrics: &Metrics| {
            told.lock().unwrap().push((what, *object, metrics.recycle_count));
            Ok(())
        }
    };
    let later = Arc::clone(&told);
    let manager = world
        .manager()
        .post_create(Hook::sync_fn(tell("created")))
        .post_create(Hook::async_fn(move |object, metrics| {
            let told = Arc::clone(&later);
            Box::pin(async move {
                tokio::task::yield_now().await;
                told.lock().unwrap().push(("set up", *object, metrics.recycle_count));
                Ok(())
            })
        }))
        .pre_recycle(Hook::sync_fn(tell("before")))
        .post_recycle(Hook::sync_fn(tell("after")));
    let pool = pool(manager);
    for _ in 0..2 {
        drop(pool.acquire().await.unwrap());
        until("recycled", || pool.status().available == 1).await;
    }
    let expected = [
        ("created", 1, 0),
        ("set up", 1, 0),
        ("before", 1, 0),
        ("after", 1, 0),
        ("before", 1, 1),
        ("after", 1, 1),
    ];
    assert_eq!(*told.lock().unwrap(), expected);
}

// P-28, P-14, P-20
#[tokio::test]
async fn a_hook_that_says_no_costs_the_object() {
    let world = World::default();
    let manager = world
        .manager()
        .post_create(Hook::sync_fn(|object, _| match *object {
            1 => Err(HookError::message("not the first")),
            _ => Ok(()),
        }))
        .pre_recycle(Hook::sync_fn(|object, _| match *object {
            2 => Err(HookError::Backend(io::Error::other("not the second"))),
            _ => Ok(()),
        }))
        .post_recycle(Hook::sync_fn(|object, _| match *object {
            3 => Err(HookError::message("not the third")),
            _ => Ok(()),
        }));
    let pool = pool(manager);
    assert_eq!(**pool.acquire().await.unwrap(), 2, "the first failed as a connect does");
    assert_eq!(**pool.acquire().await.unwrap(), 3);
    assert_eq!(world.book.tested(), 0, "the hook before it has spared the recycling");
    assert_eq!(**pool.acquire().await.unwrap(), 4);
    assert_eq!(**pool.acquire().await.unwrap(), 4);
    until("all told", || world.detached() == [1, 2, 3]).await;
}
