//! A manager of bb8's as one of Cenote's.

use std::error::Error as StdError;
use std::fmt;

use bb8::{CustomizeConnection, ManageConnection};
use cenote::{Ended, Fate, Fault};

use crate::error::CompatError;
use crate::fate;

/// A manager of bb8's for the Cenote pool. What is lent is the manager's own connection.
///
/// - `connect` makes connections, and a [customizer](Bb8::customize) prepares them.
/// - `is_valid` is the test: by default before a connection is lent that has rested for a second. bb8 tests every time;
///   `test_on_acquire(TestOnAcquire::Always)` does that here.
/// - `has_broken` is asked whenever a connection comes back, as there, and before each test. It wants the connection for
///   itself, so it cannot be asked while the connection rests.
/// - After an error that [`with`](cenote::Pool::with) returned, the connection is tested before anybody else gets it.
///   After a cancel or a panic it is closed, where bb8 would lend it again.
///
/// `E` is the error that callers see, the manager's own unless [`with_errors`](Bb8::with_errors) says another.
pub struct Bb8<M: ManageConnection, E = <M as ManageConnection>::Error> {
    manager: M,
    customizer: Option<Box<dyn CustomizeConnection<M::Connection, M::Error>>>,
    tell: Box<dyn Fn(M::Error) -> E + Send + Sync>,
}

impl<M: ManageConnection> Bb8<M> {
    /// This manager.
    pub fn new(manager: M) -> Bb8<M> {
        Bb8::with_errors(manager, |error| error)
    }
}

impl<M: ManageConnection, E> Bb8<M, E> {
    /// This manager, whose errors are told by others: bb8 does not ask that they are
    /// [`Error`](std::error::Error)s that threads can share, and Cenote does.
    ///
    /// ```
    /// # struct Loose;
    /// # impl bb8::ManageConnection for Loose {
    /// #     type Connection = ();
    /// #     type Error = String;
    /// #     async fn connect(&self) -> Result<(), String> { Err("nobody there".into()) }
    /// #     async fn is_valid(&self, _: &mut ()) -> Result<(), String> { Ok(()) }
    /// #     fn has_broken(&self, _: &mut ()) -> bool { false }
    /// # }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::{OnConnectError, Pool};
    /// # use cenote_compat::Bb8;
    /// use std::io;
    ///
    /// let manager = Bb8::with_errors(Loose, |words: String| io::Error::other(words));
    /// let pool = Pool::builder(manager).on_connect_error(OnConnectError::FailFirst).build().unwrap();
    /// let error = pool.acquire().await.unwrap_err();
    /// assert!(error.to_string().contains("nobody there"));
    /// # }
    /// ```
    pub fn with_errors(
        manager: M,
        tell: impl Fn(M::Error) -> E + Send + Sync + 'static,
    ) -> Bb8<M, E> {
        Bb8 { manager, customizer: None, tell: Box::new(tell) }
    }

    /// What prepares each new connection, as bb8's `connection_customizer`. Default: nothing.
    #[must_use]
    pub fn customize(
        mut self,
        customizer: Box<dyn CustomizeConnection<M::Connection, M::Error>>,
    ) -> Bb8<M, E> {
        self.customizer = Some(customizer);
        self
    }

    /// The manager.
    pub fn get_ref(&self) -> &M {
        &self.manager
    }

    async fn test(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        if self.manager.has_broken(conn) {
            return Err(CompatError::Broken);
        }
        let valid = self.manager.is_valid(conn).await;
        valid.map_err(|error| CompatError::Test { source: (self.tell)(error) })
    }
}

impl<M, E> cenote::Manager for Bb8<M, E>
where
    M: ManageConnection,
    E: StdError + Send + Sync + 'static,
{
    type Connection = M::Connection;
    type Error = CompatError<E>;

    async fn connect(&self) -> Result<M::Connection, CompatError<E>> {
        let told = |error| CompatError::Connect { source: (self.tell)(error) };
        let mut conn = self.manager.connect().await.map_err(told)?;
        if let Some(customizer) = &self.customizer {
            customizer.on_acquire(&mut conn).await.map_err(told)?;
        }
        Ok(conn)
    }

    async fn check(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        self.test(conn).await
    }

    /// There is nothing that would undo anything; but whoever comes next gets no broken connection.
    async fn reset(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        self.test(conn).await
    }

    fn released(&self, conn: &mut M::Connection, how: Ended) -> Fate {
        fate::after(how, self.manager.has_broken(conn))
    }

    fn classify(&self, error: &CompatError<E>) -> Fault {
        error.fault()
    }
}

impl<M: ManageConnection, E> fmt::Debug for Bb8<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bb8").field("customizer", &self.customizer).finish_non_exhaustive()
    }
}
