//! A service that says that it is there: its node below a prefix, under a lease that is kept alive as long as a value
//! lives.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::Node;
use cenote_cluster::discovery::node_to_json;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::EtcdError;
use crate::etcd::Plan;
use crate::keep::Keeper;

/// For how long a node is still listed after its service went without a word, if nobody says otherwise.
const TTL: Duration = Duration::from_secs(10);

/// A node that is to be put into etcd. Made by [`Etcd::register`](crate::Etcd::register).
#[must_use = "nothing is registered before keep_alive()"]
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
    /// # Errors
    /// If it cannot be put there now; then nothing is kept.
    pub async fn keep_alive(self) -> Result<Registration, EtcdError> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(EtcdError::settings(
                "a registration needs a tokio runtime: call keep_alive() inside one",
            ));
        };
        let Register { plan, key, value, ttl } = self;
        let seconds = whole_seconds(ttl);
        let told: Arc<Mutex<Option<String>>> = Arc::default();
        let mut keeper = Keeper::new(plan, key.clone(), value, seconds, Arc::clone(&told));
        keeper.register().await?;
        let (stop, stopped) = oneshot::channel();
        let task = runtime.spawn(keeper.keep(stopped));
        Ok(Registration { key, told, stop, task })
    }
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

/// A node that is kept in etcd. Made by [`Register::keep_alive`].
///
/// Dropping it takes the node away, a moment later and if etcd can be asked; a runtime that ends with it leaves that to the
/// lease, which runs out. To know that it is gone, [`revoke`](Registration::revoke) it.
#[must_use = "dropping it takes the node away"]
pub struct Registration {
    key: String,
    /// Why it may not be there.
    told: Arc<Mutex<Option<String>>>,
    /// Whose end is what the task waits for.
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), EtcdError>>,
}

impl Registration {
    /// The key in etcd.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Why the node may not be listed at the moment, in a sentence: the lease could not be kept alive when that was tried
    /// last. `None`: all is well.
    pub fn error(&self) -> Option<String> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
