//! Sharing: several borrowers of one connection (P-32).

use std::panic::Location;

use super::Pool;
use crate::acquire::{AcquireShare, Jointly, take_now};
use crate::error::Error;
use crate::manager::Share;
use crate::shared::Shared;

impl<M: Share> Pool<M> {
    /// Borrows a share of a connection that up to `max_sharers` borrowers use at the same time (P-32). Use it
    /// for requests that need no session state: no transactions, no `SET`, no locks of the session.
    ///
    /// The least shared connection that has room is taken; only when none has, an idle one, and when there is
    /// none either, the caller waits as in [`acquire`](Pool::acquire), in the same queue: nobody joins a shared
    /// connection past somebody who waits before it. So a borrower who wants one for itself is
    /// served as soon as the sharers of one connection have left.
    ///
    /// A share is no use of its own for the manager: `released` and `reset` are not called, and a connection is
    /// tested before its first sharer only. Once [tainted](Shared::taint), [discarded](Shared::discard),
    /// cleared, retired or dead it takes no new sharer, and it closes when the last has left.
    ///
    /// # Errors
    /// Those of [`acquire`](Pool::acquire).
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// # use cenote::Pool;
    /// # use cenote_testkit::Script;
    /// # let pool = Pool::builder(Script::new()).build().unwrap();
    /// let client = pool.share().await.unwrap();
    /// assert_eq!(client.serial(), 1); // what the manager's handle can do
    /// # }
    /// ```
    #[track_caller]
    pub fn share(&self) -> AcquireShare<'_, M> {
        AcquireShare::new(self, Location::caller())
    }

    /// A share of a connection that is there now; as [`try_acquire`](Pool::try_acquire) it neither waits nor
    /// tests.
    ///
    /// # Errors
    /// As [`try_acquire`](Pool::try_acquire).
    #[track_caller]
    pub fn try_share(&self) -> Result<Shared<M>, Error<M::Error>> {
        take_now(&self.shell, &Jointly, Location::caller())
    }
}
