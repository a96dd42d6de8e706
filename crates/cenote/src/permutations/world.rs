//! The smallest world that a whole pool can live in: time stands still, and a task runs at once in the thread that
//! starts it. Managers are ready at once as well, so all that rests is the upkeep.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};

use crate::env::{Env, Sleep, Task};
use crate::{Fault, Manager, Pool, Time};

/// Tasks that rest.
#[derive(Default)]
pub(super) struct Still(Mutex<Vec<Task>>);

impl Env for Still {
    fn now(&self) -> Time {
        Time::ZERO
    }

    fn sleep_until(&self, _: Time) -> Sleep {
        Sleep::Never
    }

    fn spawn(&self, mut task: Task) {
        if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
            self.0.lock().expect("a panic ends the test").push(task);
        }
    }
}

/// Makes connections that are nothing.
pub(super) struct Nothings;

impl Manager for Nothings {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

/// Runs something with a pool of at most so many connections, which it closes.
pub(super) fn with_pool(max_size: usize, run: impl FnOnce(&Pool<Nothings>)) {
    let still = Arc::<Still>::default();
    let world: Arc<dyn Env> = Arc::<Still>::clone(&still);
    let pool = Pool::builder(Nothings).max_size(max_size).env(world).build().unwrap();
    run(&pool);
    drop(pool);
    // The upkeep has the world, and the world the upkeep.
    let rest = std::mem::take(&mut *still.0.lock().expect("a panic ends the test"));
    drop(rest);
}
