//! The last five minutes, for the charts: a point each second, only while somebody looks, and for a while after.
//!
//! The slowest hundredth of a second's waits is the slowest of all if there are few, and a line through these jumps about
//! without saying anything. So the waits of a point are those of the last five to ten seconds.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Distribution, Status};
use cenote_cluster::PoolLook;
use tokio::time::Instant;

use crate::charts::Sample;
use crate::clean::Clean;
use crate::document::Document;
use crate::keeper::Seen;
use crate::look::{Interval, Look, ms, sum};

/// How far back it goes.
pub(crate) const SPAN: Duration = Duration::from_secs(300);
/// The most points, should they come faster than they are meant to.
const POINTS: usize = 310;
/// How far back waits reach, at most, and how often a look is kept for them to begin with: looks are large.
const WAITS: Duration = Duration::from_millis(10_500);
const KEPT_EVERY: Duration = Duration::from_millis(4_500);

/// Everything at one moment, as far as charts show it.
pub(crate) struct Point {
    when: Instant,
    /// Each pool, each cluster and each pool of a node, by the name that the document has.
    samples: Vec<(String, Sample)>,
}

impl Point {
    /// From a look, the one with which its waits begin, and the document that was made of it.
    fn new(look: &Look, begin: Option<&Look>, document: &Document, clean: &Clean) -> Point {
        let mut interval = Interval::new(begin, look);
        let mut lately = |pool: &PoolLook| {
            interval.before(pool).map(|before| pool.stats.wait.since(&before.stats.wait))
        };
        let mut samples = Vec::new();
        for pool in &look.pools {
            let wait = lately(pool);
            samples.push((clean.text(&pool.name), sample(look.at, &pool.status, wait.as_ref())));
        }
        for (cluster, shown) in look.clusters.iter().zip(&document.clusters) {
            let mut waits = Vec::new();
            for pool in cluster.pools.iter().flatten() {
                let wait = lately(pool);
                let of_node = sample(look.at, &pool.status, wait.as_ref());
                samples.push((clean.text(&pool.name), of_node));
                waits.extend(wait);
            }
            let total = sample(look.at, &cluster.status.total(), sum(waits.iter()).as_ref());
            let traffic = shown.nodes.iter().map(|n| (n.key.as_str().into(), n.traffic)).collect();
            samples.push((shown.name.clone(), Sample { traffic, ..total }));
        }
        Point { when: look.when, samples }
    }
}

fn sample(at: u64, status: &Status, wait: Option<&Distribution>) -> Sample {
    let percentiles = |wait: &Distribution| (ms(wait.quantile(0.5)), ms(wait.quantile(0.99)));
    Sample {
        at,
        size: status.size,
        available: status.available,
        using: status.using,
        waiting: status.waiting,
        max: (status.max != usize::MAX).then_some(status.max),
        wait: wait.filter(|wait| wait.count() > 0).map(percentiles),
        traffic: Vec::new(),
    }
}

/// The points, the oldest first.
#[derive(Default)]
pub(crate) struct History {
    points: VecDeque<Point>,
    /// What waits begin with, the oldest first.
    begins: VecDeque<Arc<Look>>,
}

impl History {
    pub(crate) fn push(&mut self, seen: &Seen) {
        let now = seen.look.when;
        self.forget(now);
        self.begins.retain(|look| now - look.when <= WAITS);
        let begin = self.begins.front().map(|look| &**look);
        let point = Point::new(&seen.look, begin, &seen.document, &seen.clean);
        if self.begins.back().is_none_or(|look| now - look.when >= KEPT_EVERY) {
            self.begins.push_back(Arc::clone(&seen.look));
        }
        if self.points.len() >= POINTS {
            self.points.pop_front();
        }
        self.points.push_back(point);
    }

    /// What is too old goes.
    fn forget(&mut self, now: Instant) {
        while self.points.front().is_some_and(|point| now - point.when > SPAN) {
            self.points.pop_front();
        }
    }

    /// What is known of this name.
    pub(crate) fn of(&mut self, name: &str, now: Instant) -> Vec<Sample> {
        self.forget(now);
        let of = |point: &Point| {
            let mut samples = point.samples.iter();
            samples.find(|(known, _)| known == name).map(|(_, sample)| sample.clone())
        };
        self.points.iter().filter_map(of).collect()
    }
}
