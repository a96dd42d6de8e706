//! A simulator: a single-threaded executor with virtual time. Time moves only when nothing is runnable, and
//! then straight to the next timer; which runnable task goes next is drawn from the seed. So a test of
//! hours takes milliseconds, races are explored by changing the seed, and the same seed does the same again.

mod env;
mod handle;
mod join;
mod timer;
mod waker;
mod world;

pub use env::Usage;
pub use handle::{Handle, Settled};
pub use join::{JoinError, JoinHandle};
pub use timer::Sleeping;

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cenote::{Env, Time};

use env::SimEnv;
use world::{MAIN, Next, World};

/// A seeded executor with virtual time; see the [crate's example](crate).
///
/// Dropping it is a runtime's shutdown: its tasks are dropped where they stand, and what is spawned later
/// is dropped at once.
///
/// ```
/// use cenote_testkit::Sim;
/// use std::time::Duration;
///
/// let sim = Sim::new(1);
/// let handle = sim.handle();
/// let nap = sim.spawn(async move {
///     handle.sleep(Duration::from_secs(3600)).await;
///     "rested"
/// });
/// assert_eq!(sim.run(nap).unwrap(), "rested");
/// ```
pub struct Sim {
    world: Arc<World>,
}

impl Sim {
    /// A new world at time zero. The same seed gives the same run.
    pub fn new(seed: u64) -> Sim {
        Sim { world: World::new(seed) }
    }

    /// The environment to build a pool in: `Pool::builder(..).env(sim.env())`.
    pub fn env(&self) -> Arc<dyn Env> {
        Arc::new(SimEnv::new(Arc::clone(&self.world)))
    }

    /// Something cheap to clone that tasks can take along, to sleep, spawn and tell the time.
    pub fn handle(&self) -> Handle {
        Handle::new(Arc::clone(&self.world))
    }

    /// Drives everything until this future has ended. What else was spawned stays where it is.
    ///
    /// # Panics
    /// If nothing can ever happen any more, if time stands still for a million polls, or after the
    /// [most](Sim::set_most_polls) polls of one run; and with the panic of a task that nobody joins.
    /// A panic is preceded by a line with the seed.
    pub fn run<F: Future>(&self, main: F) -> F::Output {
        let _turn = self.world.enter();
        let mut main = pin!(main);
        let waker = Waker::from(self.world.waker(MAIN));
        waker.wake_by_ref();
        loop {
            match self.world.next() {
                Next::Main => {
                    if let Poll::Ready(output) =
                        main.as_mut().poll(&mut Context::from_waker(&waker))
                    {
                        return output;
                    }
                }
                Next::Task(id) => self.world.poll_task(id),
                Next::Wake(wakers) => wakers.into_iter().for_each(Waker::wake),
                Next::Stuck(why) => panic!("{why}"),
            }
        }
    }

    /// Drives everything for this long.
    pub fn run_for(&self, duration: Duration) {
        self.run(self.sleep(duration));
    }

    /// Drives everything until nothing is runnable; the time does not move.
    pub fn settle(&self) {
        self.run(self.handle().settled());
    }

    /// The virtual time.
    pub fn now(&self) -> Time {
        self.world.now()
    }

    /// A future that ends after this long.
    pub fn sleep(&self, duration: Duration) -> Sleeping {
        self.handle().sleep(duration)
    }

    /// A new task. It runs when the simulator does.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        self.handle().spawn(task)
    }

    /// What was asked of the environment so far.
    pub fn usage(&self) -> Usage {
        self.world.usage()
    }

    /// Polls of all futures so far: how much work was done.
    pub fn polls(&self) -> u64 {
        self.world.polls()
    }

    /// Tasks that were spawned, by the environment or the test, and have not ended.
    pub fn tasks(&self) -> usize {
        self.world.tasks()
    }

    /// How many polls one [`run`](Sim::run) may take. Default 20 million.
    pub fn set_most_polls(&self, most: u64) {
        self.world.set_most_polls(most);
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.world.shut_down();
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("now", &self.now()).finish_non_exhaustive()
    }
}
