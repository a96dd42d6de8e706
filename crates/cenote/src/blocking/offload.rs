//! A blocking manager in an async pool: whatever blocks runs on threads of its own, never on the runtime's. It
//! needs no particular runtime.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::Arc;

use super::Manager;
use super::oneshot::oneshot;
use super::seat::{Seat, Unheard};
use crate::config::{FreeSlot, Options, Timeout};
use crate::crew::Crew;
use crate::manager::{Ended, Fate, Fault};
use crate::shell::guarded;

/// The most connects that run at once, those included that the pool has given up.
const MOST_CONNECTS: usize = 16;

/// A blocking manager for the async [`Pool`](crate::Pool).
///
/// Connects, tests, resets, closes and destructors run on threads that are started when there is something to
/// run, reused, and end after some seconds without work: one at most for each connection, and 16 for
/// connects. What is lent is an [`Offloaded`] connection, whose [`call`](Offloaded::call) runs a closure there.
///
/// Whatever blocks cannot be cut short. A connect or a test that takes longer than its timeout goes on
/// where it is: a connection that comes too late is closed, one that is being tested keeps its slot until the
/// test has ended. A reset has no timeout, because it waits for calls that were abandoned.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::Pool;
/// use cenote::blocking::Offload;
///
/// # let manager = Script::new();
/// let pool = Pool::builder(Offload::new(manager)).max_size(4).build().unwrap();
/// let mut conn = pool.acquire().await.unwrap();
/// let serial = conn.call(|conn| conn.serial()).await;
/// assert_eq!(serial, 1);
/// # }
/// ```
pub struct Offload<B: Manager> {
    shared: Arc<Shared<B>>,
}

struct Shared<B> {
    manager: B,
    connects: Crew,
    /// No bound of its own: a connection has one turn at a time, so there are no more than connections.
    calls: Arc<Crew>,
}

impl<B: Manager> Offload<B> {
    /// This blocking manager, its calls on threads of their own.
    pub fn new(manager: B) -> Offload<B> {
        let connects = Crew::new("cenote-connect", MOST_CONNECTS);
        let calls = Arc::new(Crew::new("cenote-call", usize::MAX));
        Offload { shared: Arc::new(Shared { manager, connects, calls }) }
    }

    /// The blocking manager.
    pub fn get_ref(&self) -> &B {
        &self.shared.manager
    }
}

/// A connection that blocks, lent to async code.
///
/// Dropping it lets a thread say goodbye; the dropping thread does not block.
pub struct Offloaded<B: Manager> {
    seat: Arc<Seat<B::Connection>>,
    shared: Arc<Shared<B>>,
    /// How a use ended while a call still ran: the manager is asked when it has ended.
    unasked: Option<Ended>,
    closed: bool,
}

const HERE: &str = "a connection is there until it is closed";

impl<B: Manager> Offloaded<B> {
    /// Runs a closure with the connection on another thread and returns what it returns.
    ///
    /// Calls run one at a time in their order. A call that has begun goes on when its future is dropped, and the
    /// connection is lent to nobody before it has ended; one that has not begun never will.
    ///
    /// # Panics
    /// If the closure panics, the panic goes on in the caller, as if there were no thread between, and the
    /// pool closes the connection when it comes back.
    pub async fn call<T, F>(&mut self, run: F) -> T
    where
        F: FnOnce(&mut B::Connection) -> T + Send + 'static,
        T: Send + 'static,
    {
        self.turn(Unheard::Skip, move |conn| run(conn.as_mut().expect(HERE))).await
    }

    async fn turn<T: Send + 'static>(
        &self,
        unheard: Unheard,
        run: impl FnOnce(&mut Option<B::Connection>) -> T + Send + 'static,
    ) -> T {
        match self.seat.turn(unheard, run).await {
            Ok(value) => value,
            Err(panic) => resume_unwind(panic),
        }
    }

    /// Runs a step of the manager's.
    async fn step<T: Send + 'static>(
        &self,
        run: impl FnOnce(&B, &mut B::Connection) -> T + Send + 'static,
    ) -> T {
        let shared = Arc::clone(&self.shared);
        self.turn(Unheard::Run, move |conn| run(&shared.manager, conn.as_mut().expect(HERE))).await
    }

    /// Closes it on a thread, behind whatever still runs.
    fn goodbye(&mut self) -> impl Future<Output = Result<(), B::Error>> + Send + use<B> {
        self.closed = true;
        let shared = Arc::clone(&self.shared);
        let answer = self.seat.turn(Unheard::Run, move |conn| match conn.take() {
            Some(conn) => shared.manager.close(conn),
            None => Ok(()),
        });
        async move { answer.await.unwrap_or_else(|panic| resume_unwind(panic)) }
    }
}

impl<B: Manager> Drop for Offloaded<B> {
    fn drop(&mut self) {
        if !self.closed {
            drop(self.goodbye());
        }
    }
}

impl<B: Manager> crate::Manager for Offload<B> {
    type Connection = Offloaded<B>;
    type Error = B::Error;

    async fn connect(&self) -> Result<Offloaded<B>, B::Error> {
        let (teller, answer) = oneshot();
        let shared = Arc::clone(&self.shared);
        self.shared.connects.run(Box::new(move || {
            // The pool has given this one up before it began.
            if !teller.is_awaited() {
                return;
            }
            let connected = std::panic::AssertUnwindSafe(|| shared.manager.connect());
            let made = std::panic::catch_unwind(connected).map(|made| {
                let seat = |conn| Seat::new(conn, Arc::clone(&shared.calls));
                made.map(|conn| Offloaded {
                    seat: seat(conn),
                    shared: Arc::clone(&shared),
                    unasked: None,
                    closed: false,
                })
            });
            // If it comes too late, the drop says goodbye.
            let _ = guarded(|| teller.tell(made));
        }));
        answer.await.unwrap_or_else(|panic| resume_unwind(panic))
    }

    async fn check(&self, conn: &mut Offloaded<B>) -> Result<(), B::Error> {
        conn.step(B::check).await
    }

    /// Its turn comes when the calls that were abandoned have ended.
    async fn reset(&self, conn: &mut Offloaded<B>) -> Result<(), B::Error> {
        let unasked = conn.unasked.take();
        let seat = Arc::clone(&conn.seat);
        conn.step(move |manager, conn| {
            match unasked.map_or(Fate::Reset, |how| manager.released(conn, how)) {
                Fate::Keep => Ok(()),
                Fate::Reset => manager.reset(conn),
                Fate::Close => {
                    seat.break_down();
                    Ok(())
                }
            }
        })
        .await
    }

    async fn close(&self, mut conn: Offloaded<B>) -> Result<(), B::Error> {
        conn.goodbye().await
    }

    fn is_closed(&self, conn: &Offloaded<B>) -> bool {
        let manager = &self.shared.manager;
        conn.seat.is_broken() || conn.seat.look(|conn| manager.is_closed(conn)).unwrap_or(false)
    }

    /// While a call runs nobody can be asked; the reset waits for its end and asks then.
    fn released(&self, conn: &mut Offloaded<B>, how: Ended) -> Fate {
        let manager = &self.shared.manager;
        conn.seat.look(|conn| manager.released(conn, how)).unwrap_or_else(|| {
            conn.unasked = Some(how);
            Fate::Reset
        })
    }

    fn classify(&self, error: &B::Error) -> Fault {
        self.shared.manager.classify(error)
    }

    /// A connection counts until its thread is done with it, however long an abandoned call takes.
    fn defaults(&self, mut options: Options) -> Options {
        options.reset_timeout = Timeout::Never;
        options.close_timeout = Timeout::Never;
        options.free_slot = FreeSlot::WhenClosed;
        self.shared.manager.defaults(options)
    }
}

impl<B: Manager> fmt::Debug for Offload<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offload").finish_non_exhaustive()
    }
}

impl<B: Manager> fmt::Debug for Offloaded<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Offloaded").finish_non_exhaustive()
    }
}
