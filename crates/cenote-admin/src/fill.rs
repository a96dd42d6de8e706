//! The document from a look at everything, and the interval since the one before.

use cenote::Distribution;
use cenote_cluster::discovery::SourceStatus;
use cenote_cluster::{ClusterLook, PoolLook};

use crate::clean::Clean;
use crate::document::{
    Cluster, Counts, Document, Failures, Holder, Node, Pool, Rate, Recent, Source, Status, Times,
};
use crate::look::{Interval, Look, failed, ms, sum};

/// The most holders of a pool that are shown.
const HOLDERS: usize = 10;

/// The document without what is not in the look: actions and log.
pub(crate) fn document(look: &Look, before: Option<&Look>, clean: &Clean) -> Document {
    let mut interval = Interval::new(before, look);
    let mut filler = Filler { interval: &mut interval, clean };
    let pools = look.pools.iter().map(|pool| filler.pool(pool).0).collect();
    let clusters = look.clusters.iter().map(|cluster| filler.cluster(cluster)).collect();
    Document {
        version: crate::document::VERSION,
        at: look.at,
        interval_ms: interval.length.map(ms),
        pools,
        clusters,
        ..Document::default()
    }
}

struct Filler<'a, 'b> {
    interval: &'b mut Interval<'a>,
    clean: &'b Clean,
}

impl<'a> Filler<'a, '_> {
    /// With what it was like before.
    fn pool(&mut self, pool: &PoolLook) -> (Pool, Option<&'a PoolLook>) {
        let before = self.interval.before(pool);
        let (counts, stats) = (&pool.stats.counts, before.map(|before| &before.stats));
        let rate = stats.map_or_else(Rate::default, |then| {
            let then = &then.counts;
            let rate = |now, then| self.interval.per_second(now, then);
            Rate {
                acquired: rate(counts.acquired, then.acquired),
                failed: rate(failed(counts), failed(then)),
                connects: rate(counts.connects, then.connects),
                closes: rate(counts.closes.total(), then.closes.total()),
            }
        });
        let mut holders = pool.holders.clone();
        holders.sort_by_key(|holder| std::cmp::Reverse(holder.held));
        let holder = |holder: &cenote::Holder| Holder {
            held_ms: ms(holder.held),
            location: holder.location.to_string(),
            connection: holder.id,
        };
        let filled = Pool {
            name: self.clean.text(&pool.name),
            status: status(&pool.status),
            error: pool.connect_error.as_ref().map(|error| self.clean.text(error)),
            rate,
            counts: all_counts(counts),
            closes: counts.closes.iter().map(|(why, n)| (why.name().to_owned(), n)).collect(),
            connect_failures: Failures {
                transient: counts.connect_failures.transient,
                permanent: counts.connect_failures.permanent,
                overload: counts.connect_failures.overload,
            },
            wait: times(&pool.stats.wait, stats.map(|then| &then.wait)),
            hold: times(&pool.stats.hold, stats.map(|then| &then.hold)),
            connect: times(&pool.stats.connect, stats.map(|then| &then.connect)),
            holders: holders.iter().take(HOLDERS).map(holder).collect(),
        };
        (filled, before)
    }

    fn cluster(&mut self, cluster: &ClusterLook) -> Cluster {
        // Only those pools whose past is known, if there is a past.
        let mut waits = (Vec::new(), Vec::new());
        let mut picks = Vec::new();
        let mut nodes = Vec::new();
        for (node, pool) in cluster.status.nodes.iter().zip(&cluster.pools) {
            let filled = pool.as_ref().map(|pool| {
                let (filled, before) = self.pool(pool);
                waits.0.push(&pool.stats.wait);
                waits.1.extend(before.map(|before| (&pool.stats.wait, &before.stats.wait)));
                let then = before.map_or(0, |before| before.stats.counts.acquired);
                let asked = self.interval.asked(&cluster.status.name, node);
                picks.push((pool.stats.counts.acquired - then).saturating_sub(asked));
                filled
            });
            if filled.is_none() {
                picks.push(0);
            }
            nodes.push(Node {
                key: self.clean.text(&node.key),
                role: node.role.map(|role| role.name().to_owned()),
                condition: node.condition.name().to_owned(),
                by_hand: node.by_hand.map(|how| how.name().to_owned()),
                serves: node.serves,
                error: node.error.as_ref().map(|error| self.clean.text(error)),
                weight: node.weight,
                share: node.share,
                lag_ms: node.lag.map(ms),
                lagging: node.lagging,
                in_use: node.in_use as u64,
                waiting: node.waiting as u64,
                traffic: 0.0,
                pool: filled.unwrap_or_default(),
            });
        }
        let all: u64 = picks.iter().sum();
        for (node, picked) in nodes.iter_mut().zip(picks) {
            if all > 0 {
                node.traffic = (picked as f64 / all as f64 * 1e4).round() / 1e4;
            }
        }
        let lately: Vec<Distribution> = waits.1.iter().map(|(now, then)| now.since(then)).collect();
        let mut wait =
            sum(waits.0.into_iter()).map_or_else(Times::default, |all| times(&all, None));
        wait.recent = sum(lately.iter()).map(|lately| recent(&lately));
        Cluster {
            name: self.clean.text(&cluster.status.name),
            state: cluster.status.state.to_string(),
            no_primary: cluster.status.no_primary.as_ref().map(|why| self.clean.text(why)),
            total: status(&cluster.status.total()),
            wait,
            nodes,
            sources: cluster.status.sources.iter().map(|source| self.source(source)).collect(),
        }
    }

    fn source(&self, source: &SourceStatus) -> Source {
        let mut note = format!("lists {}, {} there", source.listed, source.members);
        for reason in source.reasons() {
            note.push_str("; ");
            note.push_str(&reason);
        }
        Source { name: self.clean.text(&source.name), note: self.clean.text(&note) }
    }
}

/// A number that may stand for no limit.
fn limit(n: usize) -> Option<u64> {
    (n != usize::MAX).then_some(n as u64)
}

fn status(status: &cenote::Status) -> Status {
    Status {
        size: status.size as u64,
        available: status.available as u64,
        using: status.using as u64,
        waiting: status.waiting as u64,
        connecting: status.connecting as u64,
        testing: status.testing as u64,
        resetting: status.resetting as u64,
        closing: status.closing as u64,
        sharers: status.sharers as u64,
        max: limit(status.max),
        min: status.min as u64,
        spare: limit(status.max).map(|_| status.spare as u64),
        state: status.state.to_string(),
        peak_waiting: status.peak_waiting as u64,
        idle_in_transaction: status.idle_in_transaction as u64,
    }
}

fn all_counts(counts: &cenote::Counts) -> Counts {
    Counts {
        acquired: counts.acquired,
        hits: counts.hits,
        timed_out: counts.timed_out,
        cancelled: counts.cancelled,
        rejected: counts.rejected,
        closed: counts.closed,
        failed: counts.failed,
        refused: counts.refused,
        slow: counts.slow,
        clamped: counts.clamped,
        stale_grants: counts.stale_grants,
        connects: counts.connects,
        connected: counts.connected,
        tests_passed: counts.tests_passed,
        tests_failed: counts.tests_failed,
        close_failures: counts.close_failures,
        detached: counts.detached,
        leaked: counts.leaked,
        hook_failures: counts.hook_failures,
        hook_panics: counts.hook_panics,
        observer_panics: counts.observer_panics,
    }
}

fn times(all: &Distribution, before: Option<&Distribution>) -> Times {
    Times {
        count: all.count(),
        p50_ms: ms(all.quantile(0.5)),
        p95_ms: ms(all.quantile(0.95)),
        p99_ms: ms(all.quantile(0.99)),
        max_ms: ms(all.max()),
        recent: before.map(|before| recent(&all.since(before))),
    }
}

fn recent(lately: &Distribution) -> Recent {
    Recent {
        count: lately.count(),
        p50_ms: ms(lately.quantile(0.5)),
        p95_ms: ms(lately.quantile(0.95)),
        p99_ms: ms(lately.quantile(0.99)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names of a struct's fields, as its `Debug` shows them on the first level.
    fn fields(debug: &str) -> Vec<&str> {
        let inside = &debug[debug.find('{').unwrap() + 1..debug.rfind('}').unwrap()];
        let mut depth = 0;
        let on_top = |c: char| {
            match c {
                '{' | '(' | '[' => depth += 1,
                '}' | ')' | ']' => depth -= 1,
                _ => {}
            }
            c == ',' && depth == 0
        };
        inside
            .split(on_top)
            .filter_map(|part| part.split_once(':'))
            .map(|(n, _)| n.trim())
            .collect()
    }

    // P-26, P-27
    #[test]
    fn every_count_of_a_pool_is_in_the_document_by_its_name() {
        let counts = cenote::Counts::default();
        let shown = serde_json::to_value(all_counts(&counts)).unwrap();
        for name in fields(&format!("{counts:?}")) {
            let elsewhere = ["closes", "connect_failures"].contains(&name);
            assert!(elsewhere || shown.get(name).is_some(), "{name} is not shown");
        }
        let failures = format!("{:?}", counts.connect_failures);
        let shown = serde_json::to_value(Failures::default()).unwrap();
        fields(&failures).iter().for_each(|name| assert!(shown.get(*name).is_some(), "{name}"));
    }

    // P-26
    #[tokio::test]
    async fn every_field_of_a_status_is_in_the_document_by_its_name_and_no_limit_is_null() {
        let unlimited = cenote::Bound::Unlimited;
        let script = cenote_testkit::Script::new();
        let pool = cenote::Pool::builder(script).max_size(unlimited).build().unwrap();
        let of_pool = pool.status();
        let shown = serde_json::to_value(status(&of_pool)).unwrap();
        for name in fields(&format!("{of_pool:?}")) {
            assert!(shown.get(name).is_some(), "{name} is not shown");
        }
        assert!(shown["max"].is_null() && shown["spare"].is_null());
        assert_eq!(shown["state"], "running");
    }
}
