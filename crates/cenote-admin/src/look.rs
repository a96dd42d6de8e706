//! One look at everything: the raw numbers from which the document, the metrics and the charts are made, and what has
//! changed from one look to the next.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cenote::{Counts, Distribution};
use cenote_cluster::{ClusterLook, NodeStatus, PoolLook, Registry};
use tokio::time::Instant;

/// Everything at about one moment.
pub(crate) struct Look {
    /// Milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) when: Instant,
    pub(crate) pools: Vec<PoolLook>,
    pub(crate) clusters: Vec<ClusterLook>,
}

impl Look {
    pub(crate) fn now(registry: &Registry) -> Look {
        Look {
            at: unix_ms(),
            when: Instant::now(),
            pools: registry.pools().iter().filter_map(|pool| pool.look()).collect(),
            clusters: registry.clusters().iter().filter_map(|cluster| cluster.look()).collect(),
        }
    }

    /// Every pool, those of nodes too.
    pub(crate) fn all_pools(&self) -> impl Iterator<Item = &PoolLook> {
        let of_nodes = self.clusters.iter().flat_map(|cluster| cluster.pools.iter().flatten());
        self.pools.iter().chain(of_nodes)
    }
}

/// The time as everybody's clocks show it.
pub(crate) fn unix_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Duration as milliseconds, to the microsecond.
pub(crate) fn ms(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1e6).round() / 1e3
}

/// Acquires that got nothing, but for those that gave up themselves.
pub(crate) fn failed(counts: &Counts) -> u64 {
    counts.timed_out + counts.rejected + counts.closed + counts.failed + counts.refused
}

/// The time between two looks, and what every pool was like at its beginning.
pub(crate) struct Interval<'a> {
    /// Nothing if nobody has looked for a while.
    pub(crate) length: Option<Duration>,
    before: HashMap<(Arc<str>, usize), &'a PoolLook>,
    seen: HashMap<Arc<str>, usize>,
    /// How often each cluster had asked each of its nodes by then.
    asked: HashMap<(&'a str, &'a str), u64>,
}

impl<'a> Interval<'a> {
    pub(crate) fn new(before: Option<&'a Look>, now: &Look) -> Interval<'a> {
        // Two pools may have the same name; their order tells them apart.
        let mut seen = HashMap::new();
        let pools = before.into_iter().flat_map(Look::all_pools);
        let asked = before.into_iter().flat_map(|before| &before.clusters).flat_map(|cluster| {
            let status = &cluster.status;
            status.nodes.iter().map(|node| ((&*status.name, &*node.key), node.asked))
        });
        let before_of = pools.map(|pool| ((Arc::clone(&pool.name), nth(&mut seen, pool)), pool));
        Interval {
            length: before.map(|before| now.when - before.when),
            before: before_of.collect(),
            seen: HashMap::new(),
            asked: asked.collect(),
        }
    }

    /// What this pool was like, unless it is another of the same name. To be asked once for each pool, in the order of
    /// [`Look::all_pools`].
    pub(crate) fn before(&mut self, pool: &PoolLook) -> Option<&'a PoolLook> {
        let nth = nth(&mut self.seen, pool);
        let before = self.before.get(&(Arc::clone(&pool.name), nth)).copied()?;
        let (then, now) = (&before.stats.counts, &pool.stats.counts);
        (then.acquired <= now.acquired && then.connects <= now.connects).then_some(before)
    }

    /// How often the cluster has asked this node what it is since then.
    pub(crate) fn asked(&self, cluster: &str, node: &NodeStatus) -> u64 {
        node.asked.saturating_sub(self.asked.get(&(cluster, &node.key)).copied().unwrap_or(0))
    }

    /// So many more, per second.
    pub(crate) fn per_second(&self, now: u64, then: u64) -> f64 {
        let seconds = self.length.map_or(0.0, |length| length.as_secs_f64());
        if seconds <= 0.0 {
            return 0.0;
        }
        let rate = now.saturating_sub(then) as f64 / seconds;
        (rate * 1000.0).round() / 1000.0
    }
}

fn nth(seen: &mut HashMap<Arc<str>, usize>, pool: &PoolLook) -> usize {
    let nth = seen.entry(Arc::clone(&pool.name)).or_default();
    *nth += 1;
    *nth
}

/// Several distributions as one.
pub(crate) fn sum<'a>(parts: impl Iterator<Item = &'a Distribution>) -> Option<Distribution> {
    parts.fold(None, |sum: Option<Distribution>, part| match sum {
        None => Some(part.clone()),
        Some(sum) => Some(sum.and(part)),
    })
}
