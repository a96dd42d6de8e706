//! What the pool lives in while it is scheduled: a clock that only tests move, tasks as tasks of the scheduler, and
//! connections that notice when two have them.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use shuttle::future::{JoinHandle, block_on, yield_now};
use shuttle::sync::Mutex;
use shuttle::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use shuttle::thread;

use crate::env::{Env, Sleep, Task};
use crate::{Builder, Fault, Manager, Pool, Pooled, Share, Time};

/// The pool's clock and its tasks.
#[derive(Default)]
struct World {
    clock: Mutex<Clock>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

#[derive(Default)]
struct Clock {
    now: Time,
    sleepers: Vec<(u64, Time, Waker)>,
    last: u64,
}

struct Timer {
    world: Arc<World>,
    at: Time,
    id: u64,
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut clock = self.world.clock.lock().unwrap();
        clock.sleepers.retain(|(id, ..)| *id != self.id);
        if clock.now >= self.at {
            return Poll::Ready(());
        }
        clock.sleepers.push((self.id, self.at, cx.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut clock = self.world.clock.lock().unwrap();
        clock.sleepers.retain(|(id, ..)| *id != self.id);
    }
}

/// The door; a timer must reach the clock that it belongs to, so it is the `Arc`.
struct Door(Arc<World>);

impl Env for Door {
    fn now(&self) -> Time {
        self.0.clock.lock().unwrap().now
    }

    fn sleep_until(&self, at: Time) -> Sleep {
        if at == Time::NEVER {
            return Sleep::Never;
        }
        let mut clock = self.0.clock.lock().unwrap();
        clock.last += 1;
        let id = clock.last;
        drop(clock);
        Sleep::Other { sleep: Box::pin(Timer { world: Arc::clone(&self.0), at, id }) }
    }

    fn spawn(&self, task: Task) {
        let task = shuttle::future::spawn(task);
        self.0.tasks.lock().unwrap().push(task);
    }
}

/// How many connections there were and are.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) made: AtomicUsize,
    pub(super) gone: AtomicUsize,
}

/// Makes connections that count themselves.
pub(super) struct Lines(Arc<Counts>);

/// A connection. A borrower says when it begins and ends to use it, and so does a sharer.
pub(super) struct Line {
    counts: Arc<Counts>,
    pub(super) usage: Arc<Usage>,
}

#[derive(Default)]
pub(super) struct Usage {
    alone: AtomicBool,
    sharers: AtomicUsize,
    dead: AtomicBool,
}

impl Usage {
    /// Uses it as its only borrower.
    pub(super) fn alone(&self) {
        assert!(!self.alone.swap(true, SeqCst), "two borrowers have one connection");
        assert_eq!(self.sharers.load(SeqCst), 0, "a borrower has a connection that is shared");
        self.alone.store(false, SeqCst);
    }

    /// Uses it as one of at most `most` sharers.
    pub(super) fn together(&self, most: usize) {
        let before = self.sharers.fetch_add(1, SeqCst);
        assert!(before < most, "{} share a connection, at most {most} may", before + 1);
        assert!(!self.alone.load(SeqCst), "a sharer has a connection that somebody has alone");
        self.sharers.fetch_sub(1, SeqCst);
    }

    /// From now on the driver knows that it is dead.
    pub(super) fn kill(&self) {
        self.dead.store(true, SeqCst);
    }
}

impl Line {
    /// Makes one that these counts know.
    pub(super) fn new(counts: &Arc<Counts>) -> Line {
        counts.made.fetch_add(1, SeqCst);
        Line { counts: Arc::clone(counts), usage: Arc::default() }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.counts.gone.fetch_add(1, SeqCst);
    }
}

impl Manager for Lines {
    type Connection = Line;
    type Error = Infallible;

    async fn connect(&self) -> Result<Line, Infallible> {
        yield_now().await;
        Ok(Line::new(&self.0))
    }

    async fn check(&self, _: &mut Line) -> Result<(), Infallible> {
        yield_now().await;
        Ok(())
    }

    async fn close(&self, line: Line) -> Result<(), Infallible> {
        yield_now().await;
        drop(line);
        Ok(())
    }

    fn is_closed(&self, line: &Line) -> bool {
        line.usage.dead.load(SeqCst)
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

impl Share for Lines {
    type Handle = Arc<Usage>;

    fn handle(&self, line: &Line) -> Arc<Usage> {
        Arc::clone(&line.usage)
    }
}

/// A pool with its world.
pub(super) struct Scene<M: Manager = Lines> {
    world: Arc<World>,
    pub(super) counts: Arc<Counts>,
    pub(super) pool: Pool<M>,
}

impl Scene {
    /// A pool of at most so many connections.
    pub(super) fn of(max_size: usize) -> Scene {
        Scene::built(|builder| builder.max_size(max_size))
    }

    pub(super) fn built(settings: impl FnOnce(Builder<Lines>) -> Builder<Lines>) -> Scene {
        Scene::managed(Lines, settings)
    }
}

impl<M: Manager> Scene<M> {
    /// A pool of another manager's, which counts its connections in what it is given.
    pub(super) fn managed(
        manager: impl FnOnce(Arc<Counts>) -> M,
        settings: impl FnOnce(Builder<M>) -> Builder<M>,
    ) -> Scene<M> {
        let (world, counts) = (Arc::<World>::default(), Arc::<Counts>::default());
        let builder = Pool::builder(manager(Arc::clone(&counts)));
        let door = Arc::new(Door(Arc::clone(&world)));
        let pool = settings(builder.env(door)).build().unwrap();
        Scene { world, counts, pool }
    }

    /// Runs something with the pool on a thread of its own.
    pub(super) fn thread(
        &self,
        run: impl FnOnce(Pool<M>) + Send + 'static,
    ) -> thread::JoinHandle<()> {
        let pool = self.pool.clone();
        thread::spawn(move || run(pool))
    }

    /// Moves time.
    pub(super) fn pass(&self, time: Duration) {
        pass(&self.world, time);
    }

    /// The hand on the clock, for a thread.
    pub(super) fn hand(&self) -> impl Fn(Duration) + Send + 'static {
        let world = Arc::clone(&self.world);
        move |time| pass(&world, time)
    }

    /// The end of every test: nobody waits, everything can still be lent at once, and when the last handle has gone
    /// every task of the pool ends and every connection is closed.
    pub(super) fn end(self) {
        let status = self.pool.status();
        assert_eq!((status.waiting, status.using, status.sharers), (0, 0, 0), "{status}");
        assert!(status.available <= status.max, "{status}");
        drop(block_on(self.pool.acquire_many(status.max)).unwrap());
        self.fade();
    }

    /// As [`Scene::end`], for a pool that is closed already.
    pub(super) fn fade(self) {
        self.fade_with([]);
    }

    /// As [`Scene::fade`], while these threads still run.
    pub(super) fn fade_with<const N: usize>(self, threads: [thread::JoinHandle<()>; N]) {
        let Scene { world, counts, pool } = self;
        drop(pool);
        join(threads);
        // Tasks start tasks: a connect that comes too late is closed by another.
        loop {
            let Some(task) = world.tasks.lock().unwrap().pop() else { break };
            block_on(task).unwrap();
        }
        // What another thread closes is closed a little later; what nobody closes is waited for in vain.
        while counts.made.load(SeqCst) != counts.gone.load(SeqCst) {
            thread::yield_now();
        }
        assert!(world.clock.lock().unwrap().sleepers.is_empty(), "a timer was left");
    }
}

fn pass(world: &World, time: Duration) {
    let mut clock = world.clock.lock().unwrap();
    clock.now = clock.now + time;
    let now = clock.now;
    let (due, rest) = std::mem::take(&mut clock.sleepers).into_iter().partition(|s| s.1 <= now);
    clock.sleepers = rest;
    drop(clock);
    for (_, _, waker) in Vec::from_iter::<Vec<_>>(due) {
        waker.wake();
    }
}

/// Waits for all of them.
pub(super) fn join(threads: impl IntoIterator<Item = thread::JoinHandle<()>>) {
    for thread in threads {
        thread.join().unwrap();
    }
}

/// Acquires, uses and gives back.
pub(super) fn borrow(pool: &Pool<Lines>) {
    let line: Pooled<Lines> = block_on(pool.acquire()).unwrap();
    line.usage.alone();
}
