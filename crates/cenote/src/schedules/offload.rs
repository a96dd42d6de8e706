//! A blocking manager in an async pool: its threads are the scheduler's too, so a call, the end of its future, the
//! connection's way back and the threads' comings and goings meet in every order.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use shuttle::future::block_on;
use shuttle::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use shuttle::thread::yield_now;

use super::world::{Counts, Line, Scene, join};
use super::{explore, poll_up_to};
use crate::blocking::{Manager, Offload};
use crate::{Builder, Error, Fault, Pool, TestOnAcquire};

const SECOND: Duration = Duration::from_secs(1);
/// Longer than any test moves its clock.
const LONG: Duration = Duration::from_secs(3600);

/// Makes connections that block.
struct Calls(Arc<Counts>);

impl Manager for Calls {
    type Connection = Line;
    type Error = Infallible;

    fn connect(&self) -> Result<Line, Infallible> {
        yield_now();
        Ok(Line::new(&self.0))
    }

    fn check(&self, line: &mut Line) -> Result<(), Infallible> {
        line.usage.alone();
        Ok(())
    }

    fn reset(&self, line: &mut Line) -> Result<(), Infallible> {
        line.usage.alone();
        Ok(())
    }

    fn close(&self, line: Line) -> Result<(), Infallible> {
        line.usage.alone();
        Ok(())
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

type Offloads = Pool<Offload<Calls>>;

fn scene(
    settings: impl FnOnce(Builder<Offload<Calls>>) -> Builder<Offload<Calls>>,
) -> Scene<Offload<Calls>> {
    Scene::managed(|counts| Offload::new(Calls(counts)), settings)
}

/// How many calls are under way.
type Busy = Arc<AtomicUsize>;

/// What borrowers do with a connection.
fn work(busy: &Busy) -> impl FnOnce(&mut Line) + Send + 'static {
    let busy = Arc::clone(busy);
    move |line| {
        busy.fetch_add(1, SeqCst);
        line.usage.alone();
        busy.fetch_sub(1, SeqCst);
    }
}

/// Acquires, calls and gives back.
fn call(pool: &Offloads, busy: &Busy) {
    let mut line = block_on(pool.acquire()).unwrap();
    block_on(line.call(work(busy)));
}

/// Lets go of the connection while a call may still run on it, or wait for its turn.
fn abandon(pool: &Offloads, polls: usize, busy: &Busy) {
    if let Ok(mut line) = block_on(pool.acquire()) {
        poll_up_to(polls, line.call(work(busy)));
    }
}

// P-8, P-25
#[test]
fn a_connection_is_lent_to_nobody_while_an_abandoned_call_runs() {
    explore(|| {
        let (scene, busy) = (scene(|builder| builder.max_size(1)), Busy::default());
        let fickle = [1, 2].map(|polls| {
            let busy = Arc::clone(&busy);
            scene.thread(move |pool| abandon(&pool, polls, &busy))
        });
        let patient = scene.thread(move |pool| {
            for _ in 0..2 {
                let mut line = block_on(pool.acquire()).unwrap();
                assert_eq!(busy.load(SeqCst), 0, "lent while a call runs");
                block_on(line.call(work(&busy)));
            }
        });
        join(fickle);
        join([patient]);
        scene.end();
    });
}

// P-15, P-25
#[test]
fn tests_and_calls_take_their_turns() {
    explore(|| {
        let scene = scene(|builder| builder.max_size(2).test_on_acquire(TestOnAcquire::Always));
        let callers = [(), (), ()].map(|()| scene.thread(|pool| call(&pool, &Busy::default())));
        let fickle = scene.thread(|pool| abandon(&pool, 1, &Busy::default()));
        join(callers);
        join([fickle]);
        scene.end();
    });
}

// P-21, P-25
#[test]
fn a_close_waits_for_the_calls_and_leaves_no_thread() {
    explore(|| {
        let scene = scene(|builder| builder.max_size(2));
        let fickle = scene.thread(|pool| abandon(&pool, 1, &Busy::default()));
        let caller = scene.thread(|pool| match block_on(pool.acquire()) {
            Ok(mut line) => block_on(line.call(|line| line.usage.alone())),
            Err(Error::Closed { .. }) => {}
            Err(error) => panic!("{error}"),
        });
        let report = block_on(scene.pool.close(LONG));
        assert!(report.is_clean() && scene.pool.status().size == 0, "{report}");
        join([fickle, caller]);
        scene.fade();
    });
}

// P-15, P-25
#[test]
fn a_connect_that_comes_too_late_is_closed() {
    explore(|| {
        let scene = scene(|builder| builder.max_size(2).connect_timeout(SECOND));
        let done = Arc::new(AtomicUsize::new(0));
        let callers = [(), ()].map(|()| {
            let done = Arc::clone(&done);
            scene.thread(move |pool| {
                match block_on(pool.acquire()) {
                    Ok(mut line) => block_on(line.call(|line| line.usage.alone())),
                    Err(Error::Connect { .. } | Error::Timeout { .. }) => {}
                    Err(error) => panic!("{error}"),
                }
                done.fetch_add(1, SeqCst);
            })
        });
        while done.load(SeqCst) < 2 {
            scene.pass(SECOND);
            yield_now();
        }
        join(callers);
        scene.fade();
    });
}
