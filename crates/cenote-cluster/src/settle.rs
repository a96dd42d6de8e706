//! The futures of calls that act on all nodes: each call acts at once and in parallel, its future ends when the last
//! pool has settled, with everything that went wrong (C-18). Dropping one changes nothing.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use cenote::{Manager, Pool, Report};

use crate::watch::all;

type Sum<M> = Pin<Box<dyn Future<Output = Report<<M as Manager>::Error>> + Send>>;

macro_rules! of_all {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        pub struct $name<M: Manager>(Sum<M>);

        impl<M: Manager> $name<M> {
            pub(crate) fn new<F>(parts: impl Iterator<Item = F>) -> Self
            where
                F: Future<Output = Report<M::Error>> + Send + 'static,
            {
                let parts: Vec<F> = parts.collect();
                $name(Box::pin(async move { Report::sum(all(parts).await) }))
            }
        }

        impl<M: Manager> Future for $name<M> {
            type Output = Report<M::Error>;

            fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
                self.0.as_mut().poll(cx)
            }
        }

        impl<M: Manager> fmt::Debug for $name<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

of_all! {
    /// The future of [`Cluster::drain`](crate::Cluster::drain), [`Cluster::close`](crate::Cluster::close) and
    /// [`Cluster::close_now`](crate::Cluster::close_now).
    Settling
}

of_all! {
    /// The future of [`Cluster::clear`](crate::Cluster::clear).
    Clearing
}

/// The future of [`Cluster::remove`](crate::Cluster::remove): how many nodes were removed, and how their pools closed.
pub struct Removing<M: Manager> {
    removed: usize,
    settling: Settling<M>,
}

impl<M: Manager> Removing<M> {
    pub(crate) fn new(pools: Vec<Pool<M>>, deadline: Duration) -> Removing<M> {
        let settling = Settling::new(pools.iter().map(|pool| pool.close(deadline)));
        Removing { removed: pools.len(), settling }
    }

    /// How many nodes were removed.
    pub fn removed(&self) -> usize {
        self.removed
    }
}

impl<M: Manager> Future for Removing<M> {
    type Output = Report<M::Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.settling).poll(cx)
    }
}

impl<M: Manager> fmt::Debug for Removing<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Removing").field("removed", &self.removed).finish_non_exhaustive()
    }
}

/// The future of [`Cluster::pause`](crate::Cluster::pause) and [`Cluster::resume`](crate::Cluster::resume).
#[derive(Debug)]
pub struct Switched(());

impl Switched {
    /// A pool's pause waits for nobody: it has settled when the call returns.
    pub(crate) fn new(parts: impl Iterator<Item = cenote::Switched>) -> Switched {
        parts.for_each(drop);
        Switched(())
    }
}

impl Future for Switched {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
