//! The guard: one borrowed connection. It derefs to the connection and gives it back when it is dropped,
//! from any thread, inside or outside a runtime, during a panic too (P-1). What the pool knows of the
//! connection is told by associated functions, so that nothing of the connection's own is hidden.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Duration;

use crate::extensions::Extensions;
use crate::manager::{Ended, Fault, Manager};
use crate::node::Role;
use crate::observe::{EventKind, Subject};
use crate::shell::{Entry, Shell};

/// A borrowed connection.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::{Pool, Pooled};
///
/// let pool = Pool::builder(Script::new()).build().unwrap();
/// let mut conn = pool.acquire().await.unwrap();
/// Pooled::extensions_mut(&mut conn).insert("a note that stays with this connection");
/// let id = Pooled::id(&conn);
/// drop(conn); // given back
///
/// let conn = pool.acquire().await.unwrap();
/// assert_eq!(Pooled::id(&conn), id);
/// assert!(Pooled::extensions(&conn).get::<&str>().is_some());
/// # }
/// ```
///
/// Nothing can be given back twice, or used after it was given back: that does not compile.
///
/// ```compile_fail,E0382
/// # use cenote_testkit::Script;
/// # use cenote::{Pool, Pooled};
/// # async fn twice(pool: Pool<Script>) {
/// let conn = pool.acquire().await.unwrap();
/// Pooled::discard(conn);
/// drop(conn);
/// # }
/// ```
pub struct Pooled<M: Manager> {
    /// Always there but in a guard that was consumed.
    entry: Option<Box<Entry<M>>>,
}

impl<M: Manager> Pooled<M> {
    /// The connection must know its pool, which is this one.
    #[inline(always)]
    pub(crate) fn new(mut entry: Box<Entry<M>>, shell: &Shell<M>) -> Pooled<M> {
        if let Some(membership) = &shell.membership {
            entry.loan = membership.lent();
        }
        Pooled { entry: Some(entry) }
    }

    fn entry(&self) -> &Entry<M> {
        self.entry.as_ref().expect("a guard has its connection until it is consumed")
    }

    fn entry_mut(&mut self) -> &mut Entry<M> {
        self.entry.as_mut().expect("a guard has its connection until it is consumed")
    }

    fn shell(&self) -> &Shell<M> {
        self.entry().shell.as_ref().expect("what is lent knows its pool")
    }

    fn take(mut this: Self) -> (Box<Entry<M>>, Arc<Shell<M>>) {
        let mut entry = this.entry.take().expect("a guard has its connection until it is consumed");
        let shell = entry.shell.take().expect("what is lent knows its pool");
        if let Some(membership) = &shell.membership {
            membership.returned(entry.loan, entry.ended, false);
        }
        (entry, shell)
    }

    /// How the use will have ended if the guard is dropped now (P-8). Default: [`Ended::Returned`]. Whoever does something
    /// that must not be cut short says [`Ended::Cancelled`] before and `Returned` after it, as
    /// [`Pool::with`](crate::Pool::with) does.
    pub fn set_ended(this: &mut Self, ended: Ended) {
        this.entry_mut().ended = ended;
    }

    /// The connection's number in its pool; never used again for another.
    pub fn id(this: &Self) -> u64 {
        this.entry().key.id
    }

    /// How long ago the connection was made.
    pub fn age(this: &Self) -> Duration {
        this.shell().env.now().since(this.entry().born)
    }

    /// How often the connection was lent before.
    pub fn uses(this: &Self) -> u64 {
        this.entry().uses
    }

    /// The name of its pool.
    pub fn pool_name(this: &Self) -> &str {
        &this.shell().name
    }

    /// The key of the node that its pool is for, if the pool belongs to a cluster.
    pub fn node(this: &Self) -> Option<&str> {
        this.shell().membership.as_ref().map(|membership| membership.node())
    }

    /// What that node is at the moment, if its cluster knows.
    pub fn role(this: &Self) -> Option<Role> {
        this.shell().membership.as_ref()?.role()
    }

    /// Says how something went that was done with the connection, for borrowers that do not use
    /// [`Pool::with`](crate::Pool::with): a fault of the connection closes it at release, as a failed `with` does
    /// (P-8), and a cluster learns how its node fares. May be called any number of times. Returns what the error means.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::{Fault, Pool, Pooled};
    /// # use cenote_testkit::{Script, ScriptError};
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let mut conn = pool.acquire().await.unwrap();
    /// let result: Result<(), _> = Err(ScriptError::new(Fault::Connection, "reset by peer"));
    /// Pooled::report(&mut conn, &result);
    /// drop(conn); // closed
    /// assert_eq!(pool.status().available, 0);
    /// # }
    /// ```
    pub fn report<T>(this: &mut Self, result: &Result<T, M::Error>) -> Option<Fault> {
        match result {
            Ok(_) => {
                Pooled::tell(this, Ok(()));
                None
            }
            Err(error) => Pooled::report_error(this, error),
        }
    }

    /// As [`report`](Pooled::report) of this error.
    pub fn report_error(this: &mut Self, error: &M::Error) -> Option<Fault> {
        let fault = this.shell().classify(error);
        Pooled::report_fault(this, fault);
        Some(fault)
    }

    /// As [`report`](Pooled::report) of an error of this class.
    pub fn report_fault(this: &mut Self, fault: Fault) {
        Pooled::set_ended(this, Ended::Failed(fault));
        Pooled::tell(this, Err(fault));
    }

    pub(crate) fn tell(this: &mut Self, outcome: Result<(), Fault>) {
        let entry = this.entry();
        if let Some(membership) = entry.shell.as_ref().and_then(|shell| shell.membership.as_ref()) {
            membership.reported(entry.loan, outcome);
        }
    }

    /// Values that stay with the connection while it lives.
    pub fn extensions(this: &Self) -> &Extensions {
        &this.entry().extensions
    }

    /// Values that stay with the connection while it lives, to be changed.
    pub fn extensions_mut(this: &mut Self) -> &mut Extensions {
        &mut this.entry_mut().extensions
    }

    /// Marks the connection as in an unknown state: at release the manager resets or closes it (P-9).
    pub fn taint(this: &mut Self) {
        this.entry_mut().ended = Ended::Tainted;
    }

    /// Closes the connection instead of giving it back; its slot is free for another (P-9).
    pub fn discard(this: Self) {
        let (entry, shell) = Pooled::take(this);
        shell.discard(entry);
    }

    /// Takes the connection out of the pool for good; its slot is free for another (P-9).
    pub fn detach(this: Self) -> M::Connection {
        let (entry, shell) = Pooled::take(this);
        let key = entry.key;
        shell.run(|state| {
            state.note(&shell.watch, Subject::Connection(key.id), EventKind::ConnectionDetached);
            state.core.detach(key)
        });
        entry.conn.into_inner().expect("a borrower has its connection to itself")
    }
}

impl<M: Manager> Deref for Pooled<M> {
    type Target = M::Connection;

    fn deref(&self) -> &M::Connection {
        &self.entry().conn
    }
}

impl<M: Manager> DerefMut for Pooled<M> {
    fn deref_mut(&mut self) -> &mut M::Connection {
        &mut self.entry_mut().conn
    }
}

impl<M: Manager> AsRef<M::Connection> for Pooled<M> {
    fn as_ref(&self) -> &M::Connection {
        self
    }
}

impl<M: Manager> AsMut<M::Connection> for Pooled<M> {
    fn as_mut(&mut self) -> &mut M::Connection {
        self
    }
}

impl<M: Manager> Drop for Pooled<M> {
    fn drop(&mut self) {
        if let Some(entry) = self.entry.take() {
            Shell::release(entry);
        }
    }
}

impl<M: Manager> fmt::Debug for Pooled<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pooled")
            .field("pool", &self.shell().name)
            .field("id", &self.entry().key.id)
            .finish_non_exhaustive()
    }
}
