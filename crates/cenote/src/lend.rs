//! One face for a pool and a cluster: code written against [`Lend`] takes either unchanged (C-19).

use std::future::Future;
use std::time::Duration;

use crate::acquire::Acquire;
use crate::error::Error;
use crate::manager::Manager;
use crate::pool::Pool;
use crate::pooled::Pooled;
use crate::settle::{Settling, Switched};
use crate::stats::Status;

/// Something that lends connections.
///
/// A pool's `read` and `write` are its `acquire`: one server serves both.
///
/// `pause`, `resume`, `drain` and `close` act when they are called; their futures only tell when what follows has
/// settled. In generic code the compiler does not know that and warns of a future that nobody awaits: await it, or
/// drop it by name.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::{Lend, Pool};
///
/// async fn report(db: &impl Lend<Manager = Script>) -> u64 {
///     match db.read().await {
///         Ok(conn) => conn.serial(),
///         Err(_) => 0,
///     }
/// }
///
/// let pool = Pool::builder(Script::new()).build().unwrap();
/// assert_eq!(report(&pool).await, 1);
/// # }
/// ```
pub trait Lend: Clone + Send + Sync + 'static {
    /// Makes the connections.
    type Manager: Manager;
    /// Why there is none.
    type Error: std::error::Error + Send + Sync + 'static;
    /// The wait for one.
    type Acquire<'a>: Future<Output = Result<Pooled<Self::Manager>, Self::Error>> + Send
    where
        Self: 'a;
    /// The wait for a pause or its end.
    type Switched: Future<Output = ()> + Send;
    /// The wait for the end.
    type Settling: Future + Send;

    /// Borrows a connection for any use.
    fn acquire(&self) -> Self::Acquire<'_>;
    /// Borrows a connection that may be a replica's.
    fn read(&self) -> Self::Acquire<'_>;
    /// Borrows a connection to the primary.
    fn write(&self) -> Self::Acquire<'_>;
    /// The counts at one instant.
    fn status(&self) -> Status;
    /// Stops lending; callers queue.
    fn pause(&self) -> Self::Switched;
    /// Lends again.
    fn resume(&self) -> Self::Switched;
    /// Takes no new callers, serves those that wait.
    fn drain(&self, deadline: Duration) -> Self::Settling;
    /// Closes; borrowers may finish within `deadline`.
    fn close(&self, deadline: Duration) -> Self::Settling;
    /// Closes without waiting for borrowers.
    fn close_now(&self) -> Self::Settling;
}

impl<M: Manager> Lend for Pool<M> {
    type Manager = M;
    type Error = Error<M::Error>;
    type Acquire<'a> = Acquire<'a, M>;
    type Switched = Switched;
    type Settling = Settling<M>;

    #[track_caller]
    fn acquire(&self) -> Acquire<'_, M> {
        Pool::acquire(self)
    }

    #[track_caller]
    fn read(&self) -> Acquire<'_, M> {
        Pool::acquire(self)
    }

    #[track_caller]
    fn write(&self) -> Acquire<'_, M> {
        Pool::acquire(self)
    }

    fn status(&self) -> Status {
        Pool::status(self)
    }

    fn pause(&self) -> Switched {
        Pool::pause(self)
    }

    fn resume(&self) -> Switched {
        Pool::resume(self)
    }

    fn drain(&self, deadline: Duration) -> Settling<M> {
        Pool::drain(self, deadline)
    }

    fn close(&self, deadline: Duration) -> Settling<M> {
        Pool::close(self, deadline)
    }

    fn close_now(&self) -> Settling<M> {
        Pool::close_now(self)
    }
}
