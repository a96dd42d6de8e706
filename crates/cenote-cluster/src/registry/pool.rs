//! A pool of the list, whatever it lends.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use cenote::{
    Bound, ConfigError, Holder, Manager, Observer, Options, Pool, Stats, Status, WeakPool,
};

use super::closed::{Closed, Closing};
use super::error::ListError;
use super::watcher::Hub;

/// A pool and what has happened in it, at about one moment.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PoolLook {
    /// Its name.
    pub name: Arc<str>,
    /// Its options.
    pub options: Options,
    /// Its counts.
    pub status: Status,
    /// What happened so far.
    pub stats: Stats,
    /// The last connect error, while no connect has succeeded since.
    pub connect_error: Option<Arc<str>>,
    /// Who has a connection.
    pub holders: Vec<Holder>,
}

/// A pool of a [`Registry`](crate::Registry), whatever its connections are. It does not keep the pool open.
#[derive(Clone)]
pub struct ListedPool {
    name: Arc<str>,
    pool: Arc<dyn Face>,
}

/// What a pool can do without its manager's types.
trait Face: Send + Sync {
    fn status(&self) -> Option<Status>;
    fn look(&self, name: &Arc<str>) -> Option<PoolLook>;
    fn is_there(&self) -> bool;
    fn max_size(&self) -> Option<Bound>;
    fn set_max_size(&self, max: Bound) -> Option<Result<(), ConfigError>>;
    fn pause(&self) -> Option<()>;
    fn resume(&self) -> Option<()>;
    fn clear(&self, name: &str) -> Option<Closing>;
    fn close(&self, name: &str, deadline: Duration) -> Option<Closing>;
    fn observe(&self, observer: Arc<dyn Observer>);
}

impl<M: Manager> Face for WeakPool<M> {
    fn status(&self) -> Option<Status> {
        Some(self.upgrade()?.status())
    }

    fn look(&self, name: &Arc<str>) -> Option<PoolLook> {
        let pool = self.upgrade()?;
        Some(PoolLook {
            name: Arc::clone(name),
            options: pool.options(),
            status: pool.status(),
            stats: pool.stats(),
            connect_error: pool.connect_error().map(|error| error.to_string().into()),
            holders: pool.holders(),
        })
    }

    fn is_there(&self) -> bool {
        self.upgrade().is_some()
    }

    fn max_size(&self) -> Option<Bound> {
        Some(self.upgrade()?.options().max_size)
    }

    fn set_max_size(&self, max: Bound) -> Option<Result<(), ConfigError>> {
        Some(self.upgrade()?.set_max_size(max))
    }

    fn pause(&self) -> Option<()> {
        let _settled = self.upgrade()?.pause();
        Some(())
    }

    fn resume(&self) -> Option<()> {
        let _settled = self.upgrade()?.resume();
        Some(())
    }

    fn clear(&self, name: &str) -> Option<Closing> {
        Some(Closed::of(name, self.upgrade()?.clear()))
    }

    fn close(&self, name: &str, deadline: Duration) -> Option<Closing> {
        Some(Closed::of(name, self.upgrade()?.close(deadline)))
    }

    fn observe(&self, observer: Arc<dyn Observer>) {
        if let Some(pool) = self.upgrade() {
            pool.observe(observer).forget();
        }
    }
}

impl ListedPool {
    pub(super) fn new<M: Manager>(pool: &Pool<M>) -> ListedPool {
        ListedPool { name: pool.name().into(), pool: Arc::new(pool.downgrade()) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its counts; `None` if the pool is gone.
    pub fn status(&self) -> Option<Status> {
        self.pool.status()
    }

    /// Its counts, what happened so far and who holds what; `None` if the pool is gone. It walks over all connections
    /// under the pool's lock: for somebody who looks, not for every request.
    pub fn look(&self) -> Option<PoolLook> {
        self.pool.look(&self.name)
    }

    fn gone(&self) -> ListError {
        ListError::Gone { name: Arc::clone(&self.name) }
    }

    /// The option `max_size` as it is now.
    ///
    /// # Errors
    /// The pool is gone.
    pub fn max_size(&self) -> Result<Bound, ListError> {
        self.pool.max_size().ok_or_else(|| self.gone())
    }

    /// As [`Pool::set_max_size`].
    ///
    /// # Errors
    /// The pool is gone, or the limit does not fit its other options.
    pub fn set_max_size(&self, max: Bound) -> Result<(), ListError> {
        self.pool.set_max_size(max).ok_or_else(|| self.gone())?.map_err(ListError::Refused)
    }

    /// As [`Pool::pause`].
    ///
    /// # Errors
    /// The pool is gone.
    pub fn pause(&self) -> Result<(), ListError> {
        self.pool.pause().ok_or_else(|| self.gone())
    }

    /// As [`Pool::resume`].
    ///
    /// # Errors
    /// The pool is gone.
    pub fn resume(&self) -> Result<(), ListError> {
        self.pool.resume().ok_or_else(|| self.gone())
    }

    /// As [`Pool::clear`]: the call acts at once, the future tells how it went.
    ///
    /// # Errors
    /// The pool is gone.
    pub fn clear(&self) -> Result<impl Future<Output = Closed> + Send + use<>, ListError> {
        self.pool.clear(&self.name).ok_or_else(|| self.gone())
    }

    pub(super) fn close(&self, deadline: Duration) -> Option<Closing> {
        self.pool.close(&self.name, deadline)
    }

    pub(super) fn is(&self, other: &ListedPool) -> bool {
        Arc::ptr_eq(&self.pool, &other.pool)
    }

    pub(super) fn is_there(&self) -> bool {
        self.pool.is_there()
    }

    pub(super) fn watch(&self, hub: &Arc<Hub>) {
        self.pool.observe(Hub::for_pools(hub));
    }
}

impl fmt::Debug for ListedPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListedPool").field("name", &self.name).finish_non_exhaustive()
    }
}
