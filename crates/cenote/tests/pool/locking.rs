//! Under the pool's lock nothing of the user's runs: a manager, errors, connections, extensions and wakers that
//! look at the pool whenever they are called or dropped would wait for ever if it did.

use std::cell::RefCell;
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Wake, Waker};

use crate::common::{ms, secs};
use cenote::{Ended, Fate, Fault, Manager, Pool, Pooled, TestOnAcquire};
use cenote_testkit::Sim;

thread_local! {
    /// Asks the pool under test for its status, which takes its lock.
    static LOOK: RefCell<Option<Arc<dyn Fn()>>> = const { RefCell::new(None) };
}

fn look() {
    let look = LOOK.with(|look| look.borrow().clone());
    if let Some(look) = look {
        look();
    }
}

/// Whatever is the user's looks at the pool, in every call and in every drop.
struct Nosy;

struct NosyConn;

#[derive(Debug)]
struct NosyError(Fault);

struct NosyExtension;

struct NosyWaker;

impl Drop for NosyConn {
    fn drop(&mut self) {
        look();
    }
}

impl Drop for NosyError {
    fn drop(&mut self) {
        look();
    }
}

impl Drop for NosyExtension {
    fn drop(&mut self) {
        look();
    }
}

impl Drop for NosyWaker {
    fn drop(&mut self) {
        look();
    }
}

impl Wake for NosyWaker {
    fn wake(self: Arc<Self>) {
        look();
    }
}

impl std::fmt::Display for NosyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        look();
        f.write_str("nosy")
    }
}

impl std::error::Error for NosyError {}

thread_local! {
    static STEP: RefCell<u32> = const { RefCell::new(0) };
}

/// Fails one time in five, without a pattern.
fn step() -> Result<(), NosyError> {
    look();
    let n = STEP.with(|step| {
        *step.borrow_mut() += 1;
        *step.borrow()
    });
    if (n.wrapping_mul(2_654_435_761) >> 16) % 5 == 0 {
        Err(NosyError(Fault::Host))
    } else {
        Ok(())
    }
}

impl Manager for Nosy {
    type Connection = NosyConn;
    type Error = NosyError;

    async fn connect(&self) -> Result<NosyConn, NosyError> {
        step().map(|()| NosyConn)
    }

    async fn check(&self, _: &mut NosyConn) -> Result<(), NosyError> {
        step()
    }

    async fn reset(&self, _: &mut NosyConn) -> Result<(), NosyError> {
        step()
    }

    async fn close(&self, _: NosyConn) -> Result<(), NosyError> {
        step()
    }

    fn is_closed(&self, _: &NosyConn) -> bool {
        look();
        false
    }

    fn released(&self, _: &mut NosyConn, _: Ended) -> Fate {
        look();
        Fate::Reset
    }

    fn classify(&self, error: &NosyError) -> Fault {
        look();
        error.0
    }
}

fn nosy_life() {
    let sim = Sim::new(1);
    let pool = Pool::builder(Nosy)
        .env(sim.env())
        .max_size(3)
        .min_idle(1)
        .max_waiting(5)
        .test_on_acquire(TestOnAcquire::Always)
        .keepalive(ms(300))
        .max_uses(4)
        .after_connect(|_| {
            look();
            Box::pin(async { step() })
        })
        .build()
        .unwrap();
    let weak = pool.downgrade();
    LOOK.with(|look| {
        *look.borrow_mut() = Some(Arc::new(move || {
            if let Some(pool) = weak.upgrade() {
                pool.status();
                pool.stats();
            }
        }));
    });
    sim.run(async {
        for round in 0..40u64 {
            let mut conn = pool.acquire().await.unwrap();
            Pooled::extensions_mut(&mut conn).insert(NosyExtension);
            {
                // Wakers that are replaced, woken and dropped in the queue.
                let _rest = pool.acquire().await;
                let _more = pool.acquire().await;
                let mut waiter = pin!(pool.acquire().timeout(ms(5)));
                for _ in 0..3 {
                    let waker = Waker::from(Arc::new(NosyWaker));
                    let _ = waiter.as_mut().poll(&mut Context::from_waker(&waker));
                }
                if round % 2 == 0 {
                    drop(conn);
                }
                sim.sleep(ms(round)).await;
            }
            drop(pool.clear_where(|_| {
                look();
                round % 5 == 0
            }));
            let _ = pool.with(async |_| step()).await;
            if round % 10 == 0 {
                pool.clear().await;
                sim.sleep(secs(2)).await;
            }
        }
        pool.close(secs(1)).await;
    });
    LOOK.with(|look| look.borrow_mut().take());
}

// P-23
#[test]
fn nothing_of_the_users_runs_or_is_dropped_under_the_lock() {
    let (done, wait) = mpsc::channel();
    let life = std::thread::spawn(move || {
        nosy_life();
        let _ = done.send(());
    });
    match wait.recv_timeout(secs(20)) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("a look at the pool waits for its lock"),
        _ => life.join().unwrap(),
    }
}
