//! A blocking manager as the pool's core sees it: its futures are ready at their first poll, because the call
//! blocks there. So everything that holds for an async manager holds for this one, and no rule of the pool's is
//! written twice. Only timeouts of steps do not apply: there is nobody who could look at a clock meanwhile.

use std::fmt;

use super::{Manager, Share};
use crate::config::{FreeSlot, Options, Timeout};
use crate::manager::{Ended, Fate, Fault};

/// A blocking manager whose steps block the thread that polls them: what [`blocking::Pool`](super::Pool)
/// runs on threads of its own.
///
/// On an async runtime it would block the runtime's threads; there use [`Offload`](super::Offload).
#[derive(Clone)]
pub struct Direct<B>(pub(super) B);

impl<B> Direct<B> {
    /// The blocking manager.
    pub fn get_ref(&self) -> &B {
        &self.0
    }
}

impl<B: Manager> crate::Manager for Direct<B> {
    type Connection = B::Connection;
    type Error = B::Error;

    async fn connect(&self) -> Result<B::Connection, B::Error> {
        self.0.connect()
    }

    async fn check(&self, conn: &mut B::Connection) -> Result<(), B::Error> {
        self.0.check(conn)
    }

    async fn reset(&self, conn: &mut B::Connection) -> Result<(), B::Error> {
        self.0.reset(conn)
    }

    async fn close(&self, conn: B::Connection) -> Result<(), B::Error> {
        self.0.close(conn)
    }

    fn is_closed(&self, conn: &B::Connection) -> bool {
        self.0.is_closed(conn)
    }

    fn released(&self, conn: &mut B::Connection, how: Ended) -> Fate {
        self.0.released(conn, how)
    }

    fn classify(&self, error: &B::Error) -> Fault {
        self.0.classify(error)
    }

    /// What cannot be cut short has no timeout, and a close that is stuck keeps its slot: otherwise there
    /// would be more and more of them. `close_timeout` stays: it is the patience of `clear` and `close_now`.
    fn defaults(&self, mut options: Options) -> Options {
        options.connect_timeout = Timeout::Never;
        options.test_timeout = Timeout::Never;
        options.reset_timeout = Timeout::Never;
        options.free_slot = FreeSlot::WhenClosed;
        self.0.defaults(options)
    }
}

impl<B: Share> crate::Share for Direct<B> {
    type Handle = B::Handle;

    fn handle(&self, conn: &B::Connection) -> B::Handle {
        self.0.handle(conn)
    }
}

impl<B> fmt::Debug for Direct<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Direct").finish_non_exhaustive()
    }
}
