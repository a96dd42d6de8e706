//! What becomes of a pool whose own code panicked under the lock: a bug of ours, an invariant that does not hold. The
//! panic goes on in whoever called; everybody else must not wait for what will never come. So the pool closes itself:
//! a core that is closed and empty stands in for the one that broke, whoever waits is woken and told
//! [`Error::Broken`](crate::Error::Broken), and what is lent closes when it comes back.

use std::sync::Arc;

use super::{Shell, guarded};
use crate::manager::Manager;

/// Held while the core is asked something, and forgotten after it: it is dropped by a panic only. Make it before the
/// lock is taken, so that the lock is let go first.
pub(super) struct Fuse<'a, M: Manager>(pub(super) &'a Arc<Shell<M>>);

impl<M: Manager> Fuse<'_, M> {
    /// All went well.
    pub(super) fn keep(self) {
        std::mem::forget(self);
    }
}

impl<M: Manager> Drop for Fuse<'_, M> {
    #[cold]
    fn drop(&mut self) {
        let mut state = self.0.lock();
        let stand_in = state.core.stand_in();
        let core = std::mem::replace(&mut state.core, stand_in);
        let cells = std::mem::take(&mut state.cells);
        let notes = std::mem::take(&mut state.notes);
        let waiters = state.desks.iter_mut().filter_map(|desk| desk.waker.take());
        let mut wakers: Vec<_> = waiters.collect();
        wakers.extend(state.watchers.drain(..).map(|(_, waker)| waker));
        state.leaks = 0;
        drop(state);
        for waker in wakers {
            let _ = guarded(|| waker.wake());
        }
        let _ = guarded(|| self.0.upkeep.raise());
        // Without a goodbye: this thread is on its way out.
        for cell in cells {
            let _ = guarded(|| drop(cell));
        }
        drop((core, notes));
    }
}

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use std::convert::Infallible;
    use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
    use std::task::{Context, Waker};
    use std::time::Duration;

    use super::*;
    use crate::{Error, Fault, Pool, State};

    /// Makes connections that nothing is wrong with.
    struct Fine(Arc<()>);

    impl Manager for Fine {
        type Connection = Arc<()>;
        type Error = Infallible;

        async fn connect(&self) -> Result<Arc<()>, Infallible> {
            Ok(Arc::clone(&self.0))
        }

        fn classify(&self, error: &Infallible) -> Fault {
            match *error {}
        }
    }

    const LONG: Duration = Duration::from_secs(3600);

    fn pool(max_size: usize) -> (Pool<Fine>, Arc<()>) {
        let conn = Arc::new(());
        (Pool::builder(Fine(Arc::clone(&conn))).max_size(max_size).build().unwrap(), conn)
    }

    fn broken<T>(asked: Result<T, Error<Infallible>>) -> bool {
        matches!(asked, Err(Error::Broken { .. }))
    }

    // P-23
    #[tokio::test]
    async fn a_pool_whose_own_code_panics_lets_nobody_wait() {
        let (pool, conn) = pool(1);
        let held = pool.acquire().await.unwrap();
        let waits = tokio::spawn({
            let pool = pool.clone();
            async move { broken(pool.acquire().await) }
        });
        let mut gives_up = Box::pin(pool.acquire());
        let _ = gives_up.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        tokio::task::yield_now().await;
        let drains = tokio::spawn(pool.drain(LONG));
        tokio::task::yield_now().await;
        assert_eq!(pool.status().waiting, 2);
        let panics = || pool.shell.run(|_| resume_unwind(Box::new("on purpose")));
        catch_unwind(AssertUnwindSafe(panics)).unwrap_err();

        assert!(waits.await.unwrap());
        drains.await.unwrap();
        drop(gives_up);
        assert!(broken(pool.acquire().await) && broken(pool.try_acquire()));
        assert!(broken(pool.ready().await));
        assert_eq!((pool.status().state, pool.status().size), (State::Closed, 0));
        drop(held);
        pool.clear().await;
        pool.close(LONG).await;
        drop(pool);
        while Arc::strong_count(&conn) > 1 {
            tokio::task::yield_now().await;
        }
    }

    // P-23
    #[tokio::test]
    async fn a_panic_amid_what_was_ordered_holds_nobody_up() {
        let (pool, conn) = pool(2);
        let both = pool.acquire_many(2).await.unwrap();
        let last = pool.shell.lock().core.lent()[1];
        drop(both);
        // The second close finds no connection, when the first one is on its way out of the lock already.
        drop(pool.shell.lock().lift(last));
        let clears = || drop(pool.clear());
        catch_unwind(AssertUnwindSafe(clears)).unwrap_err();
        assert!(broken(pool.acquire().await));
        pool.close(LONG).await;
        drop(pool);
        while Arc::strong_count(&conn) > 1 {
            tokio::task::yield_now().await;
        }
    }
}
