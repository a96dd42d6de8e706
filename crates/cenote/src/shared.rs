//! The guard of a share: one of several borrowers of one connection (P-32). The connection stays in its slot;
//! the sharer has a handle of it. Dropping the guard drops the handle, then gives the share back.
//!
//! The pool's cluster takes a share for a loan like any other: it is told that there is one, how what was done with it
//! went, and that it is over. That the connection died in the meantime is told once, with its last sharer, and only if
//! nothing else was told of that share.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::conn::Joint;
use crate::core::SlotKey;
use crate::manager::{Ended, Fault, Share};
use crate::node::Role;
use crate::observe::{EventKind, Subject};
use crate::shell::{Shell, guarded};
use crate::stats::CloseReason;

/// A share of a connection; derefs to the [handle](Share::Handle) that the manager made for it.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use cenote_testkit::Script;
/// use cenote::{Pool, Shared};
///
/// let pool = Pool::builder(Script::new()).max_size(4).max_sharers(100).build().unwrap();
/// let one = pool.share().await.unwrap();
/// let other = pool.share().await.unwrap();
/// assert_eq!(Shared::id(&one), Shared::id(&other));
/// assert_eq!((pool.status().using, pool.status().sharers), (1, 2));
/// # }
/// ```
pub struct Shared<M: Share> {
    shell: Arc<Shell<M>>,
    key: SlotKey,
    /// Let go before the share is given back, so that the connection has one owner when it comes back.
    conn: Option<Arc<dyn Joint<M::Connection>>>,
    handle: Option<M::Handle>,
    close: Option<CloseReason>,
    /// The number that the pool's cluster gave to this loan.
    loan: u32,
    /// How the use will have ended if the guard is dropped now.
    ended: Ended,
    /// The cluster was told how something went.
    told: bool,
}

impl<M: Share> Shared<M> {
    /// Makes the handle; if that panics, the share is given back.
    pub(crate) fn new(
        shell: Arc<Shell<M>>,
        key: SlotKey,
        conn: Arc<dyn Joint<M::Connection>>,
    ) -> Shared<M> {
        let made = catch_unwind(AssertUnwindSafe(|| shell.manager.handle(conn.get())));
        let (handle, panic) = match made {
            Ok(handle) => (Some(handle), None),
            Err(panic) => (None, Some(panic)),
        };
        let loan = shell.membership.as_ref().map_or(0, |membership| membership.lent());
        let conn = Some(conn);
        let (close, ended, told) = (None, Ended::Returned, false);
        let shared = Shared { shell, key, conn, handle, close, loan, ended, told };
        if let Some(panic) = panic {
            drop(shared);
            resume_unwind(panic);
        }
        shared
    }

    /// The connection's number in its pool; never used again for another.
    pub fn id(this: &Self) -> u64 {
        this.key.id
    }

    /// The name of its pool.
    pub fn pool_name(this: &Self) -> &str {
        &this.shell.name
    }

    /// The key of the node that its pool is for, if the pool belongs to a cluster.
    pub fn node(this: &Self) -> Option<&str> {
        this.shell.membership.as_ref().map(|membership| membership.node())
    }

    /// What that node is at the moment, if its cluster knows.
    pub fn role(this: &Self) -> Option<Role> {
        this.shell.membership.as_ref()?.role()
    }

    /// How the use will have ended if the guard is dropped now. Default: [`Ended::Returned`]. The manager is not asked what
    /// is to become of a shared connection, so this is for the cluster alone: a share that is dropped as
    /// [`Ended::Cancelled`], because somebody gave up while its request ran, is no sign that the node answers (C-8).
    pub fn set_ended(this: &mut Self, ended: Ended) {
        this.ended = ended;
    }

    /// Says how something went that was done with the share: a fault of the connection's own
    /// ([`Connection`](Fault::Connection), [`Host`](Fault::Host), [`Role`](Fault::Role)) [taints](Shared::taint) it, and a
    /// cluster learns how its node fares, as by [`Pooled::report`](crate::Pooled::report). A request that took too long costs
    /// the others nothing. May be called any number of times. Returns what the error means.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::{Fault, Pool, Shared};
    /// # use cenote_testkit::{Script, ScriptError};
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let mut share = pool.share().await.unwrap();
    /// let result: Result<(), _> = Err(ScriptError::new(Fault::Connection, "reset by peer"));
    /// Shared::report(&mut share, &result);
    /// drop(share); // it was the last, so the connection is closed
    /// assert_eq!(pool.status().available, 0);
    /// # }
    /// ```
    pub fn report<T>(this: &mut Self, result: &Result<T, M::Error>) -> Option<Fault> {
        match result {
            Ok(_) => {
                Shared::tell(this, Ok(()));
                None
            }
            Err(error) => Shared::report_error(this, error),
        }
    }

    /// As [`report`](Shared::report) of this error.
    pub fn report_error(this: &mut Self, error: &M::Error) -> Option<Fault> {
        let fault = this.shell.classify(error);
        Shared::report_fault(this, fault);
        Some(fault)
    }

    /// As [`report`](Shared::report) of an error of this class.
    pub fn report_fault(this: &mut Self, fault: Fault) {
        this.ended = Ended::Failed(fault);
        if matches!(fault, Fault::Connection | Fault::Host | Fault::Role) {
            Shared::taint(this);
        }
        Shared::tell(this, Err(fault));
    }

    fn tell(this: &mut Self, outcome: Result<(), Fault>) {
        this.told = true;
        if let Some(membership) = &this.shell.membership {
            membership.reported(this.loan, outcome);
        }
    }

    /// Marks the connection as in an unknown state: when this share is given back it takes no new sharer,
    /// and it closes with its last.
    pub fn taint(this: &mut Self) {
        this.close = Some(CloseReason::NotKept);
    }

    /// Gives the share back; the connection takes no new sharer and closes with its last.
    pub fn discard(mut this: Self) {
        this.close = Some(CloseReason::Discarded);
    }
}

impl<M: Share> Deref for Shared<M> {
    type Target = M::Handle;

    fn deref(&self) -> &M::Handle {
        self.handle.as_ref().expect("a share has its handle until it is dropped")
    }
}

impl<M: Share> DerefMut for Shared<M> {
    fn deref_mut(&mut self) -> &mut M::Handle {
        self.handle.as_mut().expect("a share has its handle until it is dropped")
    }
}

impl<M: Share> Drop for Shared<M> {
    fn drop(&mut self) {
        // User code, so a panic in it must not keep the share.
        if guarded(|| drop(self.handle.take())).is_none() {
            self.close = self.close.or(Some(CloseReason::NotKept));
        }
        let (key, close) = (self.key, self.close);
        let conn = self.conn.take();
        let shell = &self.shell;
        // Only somebody who listens wants to know; the next sharer is not lent a dead one anyway.
        let dead = shell.membership.is_some()
            && conn.as_ref().is_some_and(|conn| shell.is_dead(conn.get()));
        let last = conn.and_then(|conn| conn.into_inner());
        let host_failed = self.ended == Ended::Failed(Fault::Host);
        let alone = shell.run(|state| {
            if host_failed && state.core.host_failed(key) {
                let cleared = EventKind::PoolCleared { host_failed };
                state.note(&shell.watch, Subject::Pool, cleared);
            }
            let alone = state.core.sharers(key) == 1;
            state.unshare(&shell.watch, key, close);
            alone
        });
        shell.see_off(key, last);
        if let Some(membership) = &shell.membership {
            let how = match self.ended {
                _ if std::thread::panicking() => Ended::Panicked,
                // Nothing that was left like this shows that the node is well.
                Ended::Returned if dead || close.is_some() => Ended::Tainted,
                how => how,
            };
            membership.returned(self.loan, how, dead && alone && !self.told);
        }
    }
}

impl<M: Share> fmt::Debug for Shared<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("pool", &self.shell.name)
            .field("id", &self.key.id)
            .finish_non_exhaustive()
    }
}
