//! A manager of deadpool's as one of Cenote's. deadpool recycles an object whenever it lends it again, which is test and
//! reset in one. Here that is done when it comes back, before anybody else gets it and not on the borrower's way; and
//! again where the pool tests what has rested.

use std::error::Error as StdError;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::time::Instant;

use cenote::{Ended, Fate, Fault};
use deadpool::managed::{Hook, HookError, Manager, Metrics, RecycleError};

use crate::error::CompatError;

/// A manager of deadpool's for the Cenote pool. What is lent is a [`DeadpoolConnection`], which derefs to the manager's
/// object.
///
/// - `create` makes objects; the [hooks](Deadpool::post_create) see them as there.
/// - `recycle` runs between every two borrowers, with the hooks around it: when the object comes back, and again as the
///   test of one that has rested (before it is lent after a second of rest, by default). An object that cannot be recycled
///   is closed, and its borrower-to-be gets another.
/// - `detach` is called once for each object, when it leaves the pool: however it is closed, and when it is
///   [taken out](DeadpoolConnection::into_inner). deadpool leaves it out where a pool is closed or dropped.
/// - [`Metrics`] are true: see [`DeadpoolConnection::metrics`].
/// - After a cancel, a panic or an error that is not the request's own, the object is closed, where deadpool would recycle it.
///
/// ```
/// # use deadpool::managed::{self, Metrics};
/// # struct Buffers;
/// # impl managed::Manager for Buffers {
/// #     type Type = Vec<u8>;
/// #     type Error = std::io::Error;
/// #     async fn create(&self) -> std::io::Result<Vec<u8>> { Ok(vec![7]) }
/// #     async fn recycle(&self, _: &mut Vec<u8>, _: &Metrics) -> managed::RecycleResult<std::io::Error> { Ok(()) }
/// # }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// use cenote::Pool;
/// use cenote_compat::Deadpool;
/// use deadpool::managed::{Hook, HookError};
///
/// let manager = Deadpool::new(Buffers).pre_recycle(Hook::sync_fn(|_, metrics| {
///     match metrics.recycle_count {
///         0..1000 => Ok(()),
///         _ => Err(HookError::message("old enough")),
///     }
/// }));
/// let pool = Pool::builder(manager).max_size(8).build().unwrap();
/// let conn = pool.acquire().await.unwrap();
/// assert_eq!((conn.len(), conn.metrics().recycle_count), (1, 0));
/// # }
/// ```
///
/// `E` is the error that callers see, the manager's own unless [`with_errors`](Deadpool::with_errors) says another.
pub struct Deadpool<M: Manager, E = <M as Manager>::Error> {
    manager: Arc<M>,
    post_create: Vec<Hook<M>>,
    pre_recycle: Vec<Hook<M>>,
    post_recycle: Vec<Hook<M>>,
    tell: Box<dyn Fn(M::Error) -> E + Send + Sync>,
}

impl<M: Manager> Deadpool<M> {
    /// This manager.
    pub fn new(manager: M) -> Deadpool<M> {
        Deadpool::with_errors(manager, |error| error)
    }
}

impl<M: Manager, E> Deadpool<M, E> {
    /// This manager, whose errors are told by others: deadpool does not ask that they are
    /// [`Error`](std::error::Error)s that threads can share, and Cenote does.
    pub fn with_errors(
        manager: M,
        tell: impl Fn(M::Error) -> E + Send + Sync + 'static,
    ) -> Deadpool<M, E> {
        Deadpool {
            manager: Arc::new(manager),
            post_create: Vec::new(),
            pre_recycle: Vec::new(),
            post_recycle: Vec::new(),
            tell: Box::new(tell),
        }
    }

    /// One more hook for new objects. An error is a failed connect, which the pool tries again.
    #[must_use]
    pub fn post_create(mut self, hook: Hook<M>) -> Deadpool<M, E> {
        self.post_create.push(hook);
        self
    }

    /// One more hook before each `recycle`. An error closes the object. It is told to the pool's observers as a failed
    /// test or reset, where deadpool keeps it to itself.
    #[must_use]
    pub fn pre_recycle(mut self, hook: Hook<M>) -> Deadpool<M, E> {
        self.pre_recycle.push(hook);
        self
    }

    /// One more hook after each `recycle`. An error closes the object, and is told as one of
    /// [`pre_recycle`](Deadpool::pre_recycle).
    #[must_use]
    pub fn post_recycle(mut self, hook: Hook<M>) -> Deadpool<M, E> {
        self.post_recycle.push(hook);
        self
    }

    /// The manager.
    pub fn get_ref(&self) -> &M {
        &self.manager
    }

    /// Runs hooks in their order, up to the first that fails.
    async fn run(
        &self,
        hooks: &[Hook<M>],
        conn: &mut DeadpoolConnection<M>,
        told: impl Fn(E) -> CompatError<E>,
    ) -> Result<(), CompatError<E>> {
        let metrics = conn.metrics;
        for hook in hooks {
            let done = match hook {
                Hook::Fn(hook) => hook(conn, &metrics),
                Hook::AsyncFn(hook) => hook(conn, &metrics).await,
            };
            match done {
                Ok(()) => {}
                Err(HookError::Message(reason)) => return Err(CompatError::Refused { reason }),
                Err(HookError::Backend(error)) => return Err(told((self.tell)(error))),
            }
        }
        Ok(())
    }

    async fn recycle(&self, conn: &mut DeadpoolConnection<M>) -> Result<(), CompatError<E>> {
        let told = |source| CompatError::Test { source };
        self.run(&self.pre_recycle, conn, told).await?;
        let metrics = conn.metrics;
        match self.manager.recycle(conn, &metrics).await {
            Ok(()) => {}
            Err(RecycleError::Message(reason)) => return Err(CompatError::Refused { reason }),
            Err(RecycleError::Backend(error)) => return Err(told((self.tell)(error))),
        }
        self.run(&self.post_recycle, conn, told).await?;
        conn.metrics.recycle_count += 1;
        Ok(())
    }
}

impl<M, E> cenote::Manager for Deadpool<M, E>
where
    M: Manager + 'static,
    M::Type: 'static,
    M::Error: 'static,
    E: StdError + Send + Sync + 'static,
{
    type Connection = DeadpoolConnection<M>;
    type Error = CompatError<E>;

    async fn connect(&self) -> Result<DeadpoolConnection<M>, CompatError<E>> {
        let told = |source| CompatError::Connect { source };
        let created = self.manager.create().await;
        let object = created.map_err(|error| told((self.tell)(error)))?;
        let manager = Arc::clone(&self.manager);
        let mut conn =
            DeadpoolConnection { object: Some(object), metrics: Metrics::default(), manager };
        self.run(&self.post_create, &mut conn, told).await?;
        Ok(conn)
    }

    async fn check(&self, conn: &mut DeadpoolConnection<M>) -> Result<(), CompatError<E>> {
        self.recycle(conn).await
    }

    async fn reset(&self, conn: &mut DeadpoolConnection<M>) -> Result<(), CompatError<E>> {
        self.recycle(conn).await
    }

    fn released(&self, conn: &mut DeadpoolConnection<M>, how: Ended) -> Fate {
        conn.metrics.recycled = Some(Instant::now());
        match how {
            Ended::Returned | Ended::Failed(Fault::Query) => Fate::Reset,
            _ => Fate::Close,
        }
    }

    fn classify(&self, error: &CompatError<E>) -> Fault {
        error.fault()
    }
}

impl<M: Manager, E> fmt::Debug for Deadpool<M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deadpool")
            .field("post_create", &self.post_create.len())
            .field("pre_recycle", &self.pre_recycle.len())
            .field("post_recycle", &self.post_recycle.len())
            .finish_non_exhaustive()
    }
}

/// An object of a [`Deadpool`] manager; derefs to it. The manager hears of its end (`detach`) when this is dropped.
pub struct DeadpoolConnection<M: Manager> {
    /// There until it is taken out.
    object: Option<M::Type>,
    metrics: Metrics,
    manager: Arc<M>,
}

const HERE: &str = "an object is there until it is taken out";

impl<M: Manager> DeadpoolConnection<M> {
    /// What deadpool's hooks and its `retain` know of an object, for
    /// [`Pool::clear_where`](cenote::Pool::clear_where), say:
    ///
    /// - `created`: when `create` had made it;
    /// - `recycled`: when it was last given back, so that `last_used()` is how long it has rested. deadpool sets this
    ///   when it lends the object;
    /// - `recycle_count`: how often it was recycled, tests of resting objects included.
    pub fn metrics(&self) -> Metrics {
        self.metrics
    }

    /// The object itself, of which the manager knows no more: `detach` is called. For what
    /// [`Pooled::detach`](cenote::Pooled::detach) gave out, as deadpool's `Object::take`.
    pub fn into_inner(mut self) -> M::Type {
        let mut object = self.object.take().expect(HERE);
        self.manager.detach(&mut object);
        object
    }
}

impl<M: Manager> Deref for DeadpoolConnection<M> {
    type Target = M::Type;

    fn deref(&self) -> &M::Type {
        self.object.as_ref().expect(HERE)
    }
}

impl<M: Manager> DerefMut for DeadpoolConnection<M> {
    fn deref_mut(&mut self) -> &mut M::Type {
        self.object.as_mut().expect(HERE)
    }
}

impl<M: Manager> Drop for DeadpoolConnection<M> {
    fn drop(&mut self) {
        if let Some(object) = &mut self.object {
            self.manager.detach(object);
        }
    }
}

impl<M: Manager> fmt::Debug for DeadpoolConnection<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeadpoolConnection").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}
