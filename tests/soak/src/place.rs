//! A pool with its place: who uses it asks the place for it, so that it can be closed and opened again in the midst
//! of everything. Here also: how each pool of the soak is set up.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::blocking::{self, Offload};
use cenote::{Builder, Choice, FreeSlot, Order, Pool, TestOnAcquire};

use crate::books::Books;
use crate::driver::Driver;
use crate::faults::Act;
use crate::ledger::Writer;
use crate::manager::Faulty;
use crate::world::World;

/// `P` is a pool.
pub(crate) struct Place<P> {
    pub(crate) name: &'static str,
    pub(crate) writer: Writer,
    open: Box<dyn Fn() -> P + Send + Sync>,
    pool: Mutex<P>,
}

impl<P: Clone> Place<P> {
    fn new(
        name: &'static str,
        writer: Writer,
        open: impl Fn() -> P + Send + Sync + 'static,
    ) -> Arc<Place<P>> {
        let pool = Mutex::new(open());
        Arc::new(Place { name, writer, open: Box::new(open), pool })
    }

    pub(crate) fn pool(&self) -> P {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another pool; this one's handle is dropped.
    pub(crate) fn reopen(&self, world: &World) {
        let new = (self.open)();
        let mut pool = self.pool.lock().unwrap_or_else(PoisonError::into_inner);
        let old = std::mem::replace(&mut *pool, new);
        drop(pool);
        drop(old);
        world.tally.reopened.fetch_add(1, Ordering::Relaxed);
    }
}

/// The pools of one round.
pub(crate) struct Places {
    /// Full load on few connections; slots that are free at once.
    pub(crate) front: Arc<Place<Pool<Faulty>>>,
    /// Short lives: every connection is tested, kept alive, and soon retired.
    pub(crate) brief: Arc<Place<Pool<Faulty>>>,
    /// The blocking driver in an async pool.
    pub(crate) offload: Arc<Place<Pool<Offload<Faulty>>>>,
    /// The blocking driver in the pool for threads.
    pub(crate) threads: Arc<Place<blocking::Pool<Faulty>>>,
}

/// How many pools write.
pub(crate) const WRITERS: usize = 4;

/// One book for each pool, over all rounds.
#[derive(Debug, Default)]
pub(crate) struct Shelf([Arc<Books>; WRITERS]);

impl Shelf {
    pub(crate) fn books(&self) -> &[Arc<Books>; WRITERS] {
        &self.0
    }
}

impl Places {
    /// Opens them; in the runtime.
    pub(crate) fn open(world: &Arc<World>, shelf: &Shelf) -> Places {
        let manager =
            |writer: Writer| Faulty::new(world.ledger.sqlite(), &world.faults, &shelf.0[writer]);
        let built = "these options can work, in a runtime";
        let (one, w) = (manager(0), Arc::clone(world));
        let front = Place::new("front", 0, move || {
            let builder = usual(Pool::builder(one.clone()).name("front"));
            let builder = hooked(builder, &w).max_size(6).min_idle(1).max_sharers(3);
            builder.free_slot(FreeSlot::AtClose).build().expect(built)
        });
        let (two, w) = (manager(1), Arc::clone(world));
        let brief = Place::new("brief", 1, move || {
            let builder = usual(Pool::builder(two.clone()).name("brief")).max_size(3).min_size(1);
            let builder = builder.test_on_create(true).test_on_acquire(TestOnAcquire::Always);
            let builder = builder.keepalive(ms(60)).idle_timeout(ms(200)).max_lifetime(ms(700));
            let builder = builder.max_uses(40).order(Order::Fifo).max_waiting(12);
            hooked(builder, &w).build().expect(built)
        });
        let (three, w) = (manager(2), Arc::clone(world));
        let offload = Place::new("offload", 2, move || {
            let builder = usual(Pool::builder(Offload::new(three.clone())).name("offload"));
            let builder = builder.max_size(3).idle_timeout(ms(300)).keepalive(ms(150));
            hooked(builder, &w).build().expect(built)
        });
        let four = manager(3);
        let threads = Place::new("threads", 3, move || {
            let builder = blocking::Pool::builder(four.clone()).name("threads").max_size(3);
            let builder = builder.backoff_first(ms(5)).backoff_max(ms(60)).upkeep_interval(ms(50));
            let builder = builder.idle_timeout(ms(300)).max_lifetime(ms(900)).max_waiting(8);
            builder.test_on_acquire(TestOnAcquire::IfIdleFor(ms(30))).build().expect(built)
        });
        Places { front, brief, offload, threads }
    }
}

/// Short pauses, so that much happens in little time.
fn usual<D: Driver>(builder: Builder<D>) -> Builder<D> {
    let builder = builder.backoff_first(ms(5)).backoff_max(ms(60)).upkeep_interval(ms(50));
    builder.leak_after(ms(400)).measure_hold(true)
}

/// Hooks that go wrong once in a while.
fn hooked<D: Driver>(builder: Builder<D>, world: &Arc<World>) -> Builder<D> {
    let hook = || Arc::clone(&world.faults);
    let (on, after, before, release, bye, gone) = (hook(), hook(), hook(), hook(), hook(), hook());
    let keep = |good: bool| if good { Choice::Keep } else { Choice::Drop };
    builder
        .on_acquire(move |_| on.draw(Act::Hook).at_once().map_err(|error| error.to_string()))
        .after_connect(move |_| {
            let charge = after.draw(Act::Hook);
            Box::pin(async move { charge.before().await })
        })
        .before_acquire(move |_, _| keep(before.draw(Act::Hook).at_once().is_ok()))
        .after_release(move |_| keep(release.draw(Act::Hook).at_once().is_ok()))
        .before_close(move |_| {
            let charge = bye.draw(Act::Hook);
            Box::pin(async move { charge.before().await })
        })
        .after_close(move |_| {
            let _ = gone.draw(Act::Hook).at_once();
        })
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}
