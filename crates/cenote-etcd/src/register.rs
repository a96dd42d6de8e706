//! A service that says that it is there: its node below a prefix, under a lease that is kept alive as long as a value
//! lives.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::Node;
use cenote_cluster::discovery::node_to_json;
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use crate::error::EtcdError;
use crate::etcd::Plan;
use crate::keep::Keeper;

/// For how long a node is still listed after its service went without a word, if nobody says otherwise.
const TTL: Duration = Duration::from_secs(10);

/// A node that is to be put into etcd. Made by [`Etcd::register`](crate::Etcd::register).
///
/// There are two ways to begin, and from then on no difference: [`keep_alive`](Register::keep_alive) fails if the node cannot
/// be put there now, for a service that must not start unlisted; [`keep_trying`](Register::keep_trying) goes on until it can,
/// for one that is to outlive an etcd that is away at its start, as it does later.
#[must_use = "nothing is registered before keep_alive() or keep_trying()"]
pub struct Register {
    plan: Arc<Plan>,
    key: String,
    value: String,
    ttl: Duration,
}

impl Register {
    pub(crate) fn new(plan: Arc<Plan>, prefix: &str, node: &Node) -> Register {
        let key = format!("{prefix}{}", node.key());
        Register { plan, key, value: node_to_json(node), ttl: TTL }
    }

    /// For how long the node is still listed when its service has gone without a word, in whole seconds, one at least;
    /// etcd may make it more. Default: 10 s. The lease is kept alive three times as often.
    pub fn ttl(mut self, ttl: Duration) -> Register {
        self.ttl = ttl;
        self
    }

    /// Puts the node there, and keeps it there in a task of its own until what this returns is dropped or
    /// [revoked](Registration::revoke): etcd may be away, restarted, or lose the lease, then the node is put there again.
    ///
    /// The first time is tried once, at each server in turn; a service that may start while etcd is away takes
    /// [`keep_trying`](Register::keep_trying).
    ///
    /// # Errors
    /// If it cannot be put there now; then nothing is kept. It comes within twice
    /// [`answer_timeout`](crate::Etcd::answer_timeout) for each server.
    pub async fn keep_alive(self) -> Result<Registration, EtcdError> {
        let runtime = runtime()?;
        let mut keeper = self.keeper();
        keeper.register().await?;
        Ok(Registration::begin(keeper, &runtime))
    }

    /// As [`keep_alive`](Register::keep_alive), but it returns at once, and its task goes on trying until the node is there:
    /// 100 ms after the first failure, then 200 ms, up to 5 s or a third of the [`ttl`](Register::ttl). It does so whatever
    /// the failure: a user who may not write there can still be given the right.
    ///
    /// [`listed`](Registration::listed) waits until it is there, [`error`](Registration::error) says what is in the way.
    ///
    /// # Errors
    /// [`EtcdError::Settings`] outside a tokio runtime.
    ///
    /// ```no_run
    /// # use cenote::Node;
    /// # use cenote_etcd::Etcd;
    /// # use std::time::Duration;
    /// # async fn example(etcd: Etcd, node: Node) -> Result<(), Box<dyn std::error::Error>> {
    /// let registration = etcd.register("/shop/nodes/", &node).keep_trying()?;
    /// if tokio::time::timeout(Duration::from_secs(10), registration.listed()).await.is_err() {
    ///     // It goes on. Whoever would rather not start drops the registration here.
    ///     eprintln!("{}", registration.error().unwrap_or_default());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn keep_trying(self) -> Result<Registration, EtcdError> {
        let runtime = runtime()?;
        Ok(Registration::begin(self.keeper(), &runtime))
    }

    fn keeper(self) -> Keeper {
        let Register { plan, key, value, ttl } = self;
        Keeper::new(plan, key, value, whole_seconds(ttl))
    }
}

fn runtime() -> Result<Handle, EtcdError> {
    Handle::try_current().map_err(|_| {
        EtcdError::settings(
            "a registration needs a tokio runtime: call keep_alive() or keep_trying() inside one",
        )
    })
}

/// Rounded up, and one at least.
fn whole_seconds(ttl: Duration) -> u64 {
    ttl.as_secs().saturating_add(u64::from(ttl.subsec_nanos() > 0)).max(1)
}

/// Without the value, which may hold a password.
impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register")
            .field("key", &self.key)
            .field("ttl", &self.ttl)
            .finish_non_exhaustive()
    }
}

/// A node that is kept in etcd. Made by [`Register::keep_alive`] and [`Register::keep_trying`].
///
/// Dropping it takes the node away, a moment later and if etcd can be asked; a runtime that ends with it leaves that to the
/// lease, which runs out. To know that it is gone, [`revoke`](Registration::revoke) it.
#[must_use = "dropping it takes the node away"]
pub struct Registration {
    key: String,
    /// Why it may not be there.
    told: watch::Receiver<Option<String>>,
    /// Whose end is what the task waits for.
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EtcdError>>,
}

impl Registration {
    fn begin(keeper: Keeper, runtime: &Handle) -> Registration {
        let (key, told) = (keeper.key().to_owned(), keeper.told());
        let (stop, stopped) = oneshot::channel();
        let task = runtime.spawn(keeper.keep(stopped));
        Registration { key, told, stop, task }
    }

    /// The key in etcd.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Why the node may not be listed at the moment, in a sentence: it is not there yet, or the lease could not be kept
    /// alive when that was tried last. `None`: all is well.
    pub fn error(&self) -> Option<String> {
        self.told.borrow().clone()
    }

    /// Waits until the node is listed, which it may be already: until [`error`](Registration::error) says nothing.
    ///
    /// # Errors
    /// [`EtcdError::Settings`] if the runtime that it was begun in has ended before that.
    pub async fn listed(&self) -> Result<(), EtcdError> {
        match self.told.clone().wait_for(Option::is_none).await {
            Ok(_) => Ok(()),
            Err(_) => Err(EtcdError::settings(
                "the runtime ended before the node was listed: register it again in one that lives",
            )),
        }
    }

    /// Takes the node away, and waits until etcd says so.
    ///
    /// # Errors
    /// If etcd cannot be asked. Then the node goes when its lease runs out.
    pub async fn revoke(self) -> Result<(), EtcdError> {
        let Registration { stop, task, .. } = self;
        drop(stop);
        task.await.unwrap_or_else(|_| {
            Err(EtcdError::settings(
                "the runtime ended before the node was taken away: it goes when its lease runs out",
            ))
        })
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration")
            .field("key", &self.key)
            .field("error", &self.error())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // D-1, S
    #[test]
    fn a_time_to_live_is_rounded_up_whatever_it_is() {
        assert_eq!(whole_seconds(Duration::ZERO), 1);
        assert_eq!(whole_seconds(Duration::from_millis(2_001)), 3);
        assert_eq!(whole_seconds(Duration::from_secs(10)), 10);
        assert_eq!(whole_seconds(Duration::MAX), u64::MAX);
    }
}
