//! A manager of r2d2's as a blocking one of Cenote's.

use std::error::Error as StdError;
use std::fmt;

use cenote::{Ended, Fate, Fault, blocking};
use r2d2::{CustomizeConnection, ManageConnection};

use crate::error::CompatError;
use crate::fate;

/// A manager of r2d2's for the Cenote pool, on threads or in async code.
///
/// ```
/// # use std::io;
/// # struct Buffers;
/// # impl r2d2::ManageConnection for Buffers {
/// #     type Connection = Vec<u8>;
/// #     type Error = io::Error;
/// #     fn connect(&self) -> io::Result<Vec<u8>> { Ok(vec![7]) }
/// #     fn is_valid(&self, _: &mut Vec<u8>) -> io::Result<()> { Ok(()) }
/// #     fn has_broken(&self, _: &mut Vec<u8>) -> bool { false }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use cenote::{Pool, blocking};
/// use cenote_compat::R2d2;
///
/// // For threads, as r2d2 itself.
/// let pool = blocking::Pool::builder(R2d2::new(Buffers)).build().unwrap();
/// assert_eq!(pool.acquire().unwrap().len(), 1);
///
/// // For async code: whatever blocks runs on threads of its own, never on the runtime's.
/// let pool = Pool::builder(blocking::Offload::new(R2d2::new(Buffers))).build().unwrap();
/// let mut conn = pool.acquire().await.unwrap();
/// assert_eq!(conn.call(|buffer| buffer.len()).await, 1);
/// # }
/// ```
///
/// - `connect` makes connections, and a [customizer](R2d2::customize) prepares them and takes them at their end.
/// - `is_valid` is the test: by default before a connection is lent that has rested for a second. r2d2 tests every time;
///   `test_on_acquire(TestOnAcquire::Always)` does that here.
/// - `has_broken` is asked whenever a connection comes back, as there, and before each test.
/// - After an error that [`with`](blocking::Pool::with) returned, the connection is tested before anybody else gets it.
///   After a panic it is closed, where r2d2 would ask `has_broken` only.
/// - What blocks has no timeout of the pool's: give the manager timeouts of its own.
///
/// `E` is the error that callers see, the manager's own unless [`with_errors`](R2d2::with_errors) says another.
pub struct R2d2<M: ManageConnection, E = <M as ManageConnection>::Error> {
    manager: M,
    customizer: Option<Box<dyn CustomizeConnection<M::Connection, M::Error>>>,
    tell: Box<dyn Fn(M::Error) -> E + Send + Sync>,
}

impl<M: ManageConnection> R2d2<M> {
    /// This manager.
    pub fn new(manager: M) -> R2d2<M> {
        R2d2::with_errors(manager, |error| error)
    }
}

impl<M: ManageConnection, E> R2d2<M, E> {
    /// This manager, whose errors are told by others: r2d2 does not ask that threads can share them, and Cenote does.
    ///
    /// ```
    /// # use std::{fmt, rc::Rc};
    /// # #[derive(Debug)] struct Unshared(Rc<str>);
    /// # impl fmt::Display for Unshared {
    /// #     fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { f.write_str(&self.0) }
    /// # }
    /// # impl std::error::Error for Unshared {}
    /// # struct Loose;
    /// # impl r2d2::ManageConnection for Loose {
    /// #     type Connection = ();
    /// #     type Error = Unshared;
    /// #     fn connect(&self) -> Result<(), Unshared> { Ok(()) }
    /// #     fn is_valid(&self, _: &mut ()) -> Result<(), Unshared> { Ok(()) }
    /// #     fn has_broken(&self, _: &mut ()) -> bool { false }
    /// # }
    /// # use cenote::blocking::Pool;
    /// # use cenote_compat::R2d2;
    /// use std::io;
    ///
    /// let manager = R2d2::with_errors(Loose, |error: Unshared| io::Error::other(error.to_string()));
    /// let pool = Pool::builder(manager).build().unwrap();
    /// assert!(pool.acquire().is_ok());
    /// ```
    pub fn with_errors(
        manager: M,
        tell: impl Fn(M::Error) -> E + Send + Sync + 'static,
    ) -> R2d2<M, E> {
        R2d2 { manager, customizer: None, tell: Box::new(tell) }
    }

    /// What prepares each new connection and takes it at its end, as r2d2's `connection_customizer`. Default: nothing.
    #[must_use]
    pub fn customize(
        mut self,
        customizer: Box<dyn CustomizeConnection<M::Connection, M::Error>>,
    ) -> R2d2<M, E> {
        self.customizer = Some(customizer);
        self
    }

    /// The manager.
    pub fn get_ref(&self) -> &M {
        &self.manager
    }

    fn test(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        if self.manager.has_broken(conn) {
            return Err(CompatError::Broken);
        }
        let valid = self.manager.is_valid(conn);
        valid.map_err(|error| CompatError::Test { source: (self.tell)(error) })
    }
}

impl<M, E> blocking::Manager for R2d2<M, E>
where
    M: ManageConnection,
    E: StdError + Send + Sync + 'static,
{
    type Connection = M::Connection;
    type Error = CompatError<E>;

    /// A connection that the customizer refuses is dropped, as r2d2 does.
    fn connect(&self) -> Result<M::Connection, CompatError<E>> {
        let told = |error| CompatError::Connect { source: (self.tell)(error) };
        let mut conn = self.manager.connect().map_err(told)?;
        if let Some(customizer) = &self.customizer {
            customizer.on_acquire(&mut conn).map_err(told)?;
        }
        Ok(conn)
    }

    fn check(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        self.test(conn)
    }

    /// There is nothing that would undo anything; but whoever comes next gets no broken connection.
    fn reset(&self, conn: &mut M::Connection) -> Result<(), CompatError<E>> {
        self.test(conn)
    }

    fn close(&self, conn: M::Connection) -> Result<(), CompatError<E>> {
        match &self.customizer {
            Some(customizer) => customizer.on_release(conn),
            None => drop(conn),
        }
        Ok(())
    }

    fn released(&self, conn: &mut M::Connection, how: Ended) -> Fate {
        fate::after(how, self.manager.has_broken(conn))
    }

    fn classify(&self, error: &CompatError<E>) -> Fault {
        error.fault()
    }
}

impl<M: ManageConnection, E> fmt::Debug for R2d2<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2d2").field("customizer", &self.customizer).finish_non_exhaustive()
    }
}
