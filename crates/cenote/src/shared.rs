//! The guard of a share: one of several borrowers of one connection (P-32). The connection stays in its slot;
//! the sharer has a handle of it. Dropping the guard drops the handle, then gives the share back.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use crate::conn::Joint;
use crate::core::SlotKey;
use crate::manager::Share;
use crate::shell::Shell;
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
        let shared = Shared { shell, key, conn: Some(conn), handle, close: None };
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
        let dropped = crate::shell::guarded(|| drop(self.handle.take()));
        if dropped.is_none() {
            self.close = self.close.or(Some(CloseReason::NotKept));
        }
        let last = self.conn.take().and_then(|conn| conn.into_inner());
        let (key, close) = (self.key, self.close);
        self.shell.run(|state| state.unshare(&self.shell.watch, key, close));
        self.shell.see_off(key, last);
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
