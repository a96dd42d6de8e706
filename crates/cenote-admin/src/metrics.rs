//! The numbers as Prometheus reads them, in its text format. Names are those that a recorder makes of cenote's feature
//! `metrics`, so that the same boards show both; what only clusters have begins with `cenote_cluster`.

use std::fmt::Write;
use std::time::Duration;

use cenote::{CloseReason, Counts, Distribution, Options, Status};
use cenote_cluster::{ClusterLook, ClusterStatus, NodeStatus, PoolLook};

use crate::clean::Clean;
use crate::look::Look;

/// The type of the text.
pub(crate) const KIND: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The bounds of histograms, in seconds.
const BOUNDS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    5.0, 10.0,
];

const POOL: &str = "db_client_connection_pool_name";

/// Numbers of the admin's own.
pub(crate) struct Own {
    pub(crate) streams: usize,
    pub(crate) written: u64,
}

/// The text.
pub(crate) fn text(look: &Look, own: &Own, clean: &Clean) -> String {
    let mut page = Page { text: String::new() };
    let name = |name: &str| escaped(&clean.text(name));
    let pools: Vec<Named<'_>> =
        look.all_pools().map(|pool| Named { name: name(&pool.name), look: pool }).collect();
    page.gauges(&pools);
    page.counters(&pools);
    for (name, help, of) in [
        (
            "db_client_connection_wait_time",
            "How long callers waited, hits (0) and failed waits included. The sum is within 1/32.",
            (|p| &p.stats.wait) as fn(&PoolLook) -> &Distribution,
        ),
        (
            "db_client_connection_use_time",
            "How long connections were held; measured if measure_hold is on. The sum is within 1/32.",
            |p| &p.stats.hold,
        ),
        (
            "db_client_connection_create_time",
            "How long successful connects took. The sum is within 1/32.",
            |p| &p.stats.connect,
        ),
    ] {
        page.histogram(name, help, &pools, of);
    }
    page.clusters(&look.clusters, &name);
    page.head("cenote_admin_streams", "gauge", "Readers of /live.");
    page.line("cenote_admin_streams", &[], own.streams as f64);
    page.head(
        "cenote_admin_documents_total",
        "counter",
        "Documents written, each once for all who asked.",
    );
    page.line("cenote_admin_documents_total", &[], own.written as f64);
    page.text
}

type Numbers<'a, T> = &'a [(&'static str, &'static str, fn(&T) -> Option<u64>)];

/// A pool and its name as a label has it.
struct Named<'a> {
    name: String,
    look: &'a PoolLook,
}

struct Page {
    text: String,
}

impl Page {
    fn head(&mut self, name: &str, kind: &str, help: &str) {
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    /// A sample; the values of its labels are escaped.
    fn line(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.text.push_str(name);
        if !labels.is_empty() {
            self.text.push('{');
            for (n, (label, value)) in labels.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                let _ = write!(self.text, "{comma}{label}=\"{value}\"");
            }
            self.text.push('}');
        }
        let _ = writeln!(self.text, " {value}");
    }

    fn gauges(&mut self, pools: &[Named<'_>]) {
        let name = "db_client_connection_count";
        self.head(name, "gauge", "Connections, idle and used.");
        for pool in pools {
            let Status { available, using, .. } = pool.look.status;
            for (state, n) in [("idle", available), ("used", using)] {
                let labels = [(POOL, &*pool.name), ("db_client_connection_state", state)];
                self.line(name, &labels, n as f64);
            }
        }
        let all: Numbers<'_, Status> = &[
            ("db_client_connection_max", "The effective limit; absent if there is none.", |s| {
                (s.max != usize::MAX).then_some(s.max as u64)
            }),
            ("db_client_connection_pending_requests", "Callers in the queue.", |s| n(s.waiting)),
            ("cenote_connections", "Connections that exist or are being made.", |s| n(s.size)),
            ("cenote_connections_connecting", "Connects under way.", |s| n(s.connecting)),
            ("cenote_connections_testing", "Tests under way.", |s| n(s.testing)),
            ("cenote_connections_resetting", "Resets under way.", |s| n(s.resetting)),
            ("cenote_connections_closing", "Closes under way.", |s| n(s.closing)),
            (
                "cenote_connections_idle_in_transaction",
                "Lent connections that idle in a transaction, as far as the driver tells.",
                |s| n(s.idle_in_transaction),
            ),
            ("cenote_sharers", "Borrowers that share a connection.", |s| n(s.sharers)),
            ("cenote_peak_waiting", "The most callers that ever waited at once.", |s| {
                n(s.peak_waiting)
            }),
        ];
        for (name, help, of) in all {
            self.head(name, "gauge", help);
            for pool in pools {
                if let Some(value) = of(&pool.look.status) {
                    self.line(name, &[(POOL, &pool.name)], value as f64);
                }
            }
        }
        type Of = fn(&Options) -> usize;
        let limits: [(&str, &str, Of); 2] = [
            ("db_client_connection_idle_min", "The option min_idle.", |o| o.min_idle),
            (
                "db_client_connection_idle_max",
                "The option max_idle, or max_size; absent if there is no limit.",
                |o| o.max_idle.get().min(o.max_size.get()),
            ),
        ];
        for (name, help, of) in limits {
            self.head(name, "gauge", help);
            for pool in pools {
                let limit = of(&pool.look.options);
                if limit != usize::MAX {
                    self.line(name, &[(POOL, &pool.name)], limit as f64);
                }
            }
        }
        let name = "cenote_pool_state";
        self.head(name, "gauge", "1 for the state that the pool is in.");
        for pool in pools {
            let state = pool.look.status.state.to_string();
            self.line(name, &[(POOL, &pool.name), ("state", &state)], 1.0);
        }
    }

    fn counters(&mut self, pools: &[Named<'_>]) {
        let name = "cenote_acquires_total";
        self.head(name, "counter", "Acquires, by outcome.");
        let outcomes: Numbers<'_, Counts> = &[
            ("ok", "", |c| Some(c.acquired)),
            ("timeout", "", |c| Some(c.timed_out)),
            ("cancelled", "", |c| Some(c.cancelled)),
            ("rejected", "", |c| Some(c.rejected)),
            ("closed", "", |c| Some(c.closed)),
            ("connect", "", |c| Some(c.failed)),
            ("refused", "", |c| Some(c.refused)),
        ];
        self.labelled(name, "outcome", outcomes, pools);
        let name = "cenote_connects_total";
        self.head(name, "counter", "Connects that have ended, by outcome.");
        let outcomes: Numbers<'_, Counts> = &[
            ("ok", "", |c| Some(c.connected)),
            ("transient", "", |c| Some(c.connect_failures.transient)),
            ("permanent", "", |c| Some(c.connect_failures.permanent)),
            ("overload", "", |c| Some(c.connect_failures.overload)),
        ];
        self.labelled(name, "outcome", outcomes, pools);
        let name = "cenote_closes_total";
        self.head(name, "counter", "Connections closed, by reason.");
        for pool in pools {
            for (reason, n) in pool.look.stats.counts.closes.iter() {
                self.line(name, &[(POOL, &pool.name), ("reason", reason.name())], n as f64);
            }
        }
        let all: Numbers<'_, Counts> = &[
            ("db_client_connection_timeouts_total", "Acquires that met their deadline.", |c| {
                Some(c.timed_out)
            }),
            ("cenote_hits_total", "Acquires that did not wait.", |c| Some(c.hits)),
            ("cenote_acquires_slow_total", "Acquires that took longer than slow_acquire.", |c| {
                Some(c.slow)
            }),
            ("cenote_stale_grants_total", "Grants that nobody came for.", |c| Some(c.stale_grants)),
            ("cenote_connects_begun_total", "Connects begun.", |c| Some(c.connects)),
            ("cenote_close_failures_total", "Closes that failed or took too long.", |c| {
                Some(c.close_failures)
            }),
            ("cenote_test_failures_total", "Tests failed.", |c| Some(c.tests_failed)),
            ("cenote_reset_failures_total", "Resets failed.", |c| {
                Some(c.closes.get(CloseReason::ResetFailed))
            }),
            ("cenote_tests_passed_total", "Tests passed.", |c| Some(c.tests_passed)),
            ("cenote_detached_total", "Connections taken out of the pool, or given up.", |c| {
                Some(c.detached)
            }),
            ("cenote_leaks_total", "Connections lent for longer than leak_after.", |c| {
                Some(c.leaked)
            }),
            ("cenote_hook_failures_total", "Hooks that returned an error nobody gets.", |c| {
                Some(c.hook_failures)
            }),
            ("cenote_hook_panics_total", "Hooks that panicked.", |c| Some(c.hook_panics)),
            ("cenote_observer_panics_total", "Observers that panicked.", |c| {
                Some(c.observer_panics)
            }),
        ];
        for (name, help, of) in all {
            self.head(name, "counter", help);
            for pool in pools {
                let value = of(&pool.look.stats.counts).unwrap_or_default();
                self.line(name, &[(POOL, &pool.name)], value as f64);
            }
        }
    }

    fn labelled(&mut self, name: &str, label: &str, all: Numbers<'_, Counts>, pools: &[Named<'_>]) {
        for pool in pools {
            for (value, _, of) in all {
                let n = of(&pool.look.stats.counts).unwrap_or_default();
                self.line(name, &[(POOL, &pool.name), (label, value)], n as f64);
            }
        }
    }

    fn histogram(
        &mut self,
        name: &str,
        help: &str,
        pools: &[Named<'_>],
        of: fn(&PoolLook) -> &Distribution,
    ) {
        self.head(name, "histogram", help);
        let (bucket, sum, count) =
            (format!("{name}_bucket"), format!("{name}_sum"), format!("{name}_count"));
        for pool in pools {
            let spread = of(pool.look);
            for bound in BOUNDS {
                let n = spread.at_most(Duration::from_secs_f64(bound));
                let labels = [(POOL, &*pool.name), ("le", &bound.to_string())];
                self.line(&bucket, &labels, n as f64);
            }
            let all = spread.count();
            self.line(&bucket, &[(POOL, &pool.name), ("le", "+Inf")], all as f64);
            self.line(&sum, &[(POOL, &pool.name)], spread.sum().as_secs_f64());
            self.line(&count, &[(POOL, &pool.name)], all as f64);
        }
    }

    fn clusters(&mut self, clusters: &[ClusterLook], escape: &dyn Fn(&str) -> String) {
        const CLUSTER: &str = "cluster";
        let status = clusters.iter().map(|cluster| &cluster.status);
        let named: Vec<(String, &ClusterStatus)> =
            status.map(|status| (escape(&status.name), status)).collect();
        let name = "cenote_cluster_state";
        self.head(name, "gauge", "1 for the state that the cluster is in.");
        for (cluster, status) in &named {
            let state = status.state.to_string();
            self.line(name, &[(CLUSTER, cluster), ("state", &state)], 1.0);
        }
        let nodes: Vec<(&str, String, &NodeStatus)> = named
            .iter()
            .flat_map(|(cluster, status)| status.nodes.iter().map(move |node| (cluster, node)))
            .map(|(cluster, node)| (cluster.as_str(), escape(&node.key), node))
            .collect();
        let name = "cenote_cluster_node_condition";
        self.head(name, "gauge", "1 for the condition that the node is in, with its role.");
        for (cluster, key, node) in &nodes {
            let role = node.role.map_or("unknown", cenote::Role::name);
            let condition = node.condition.name();
            let labels =
                [(CLUSTER, *cluster), ("node", key), ("role", role), ("condition", condition)];
            self.line(name, &labels, 1.0);
        }
        type Of = fn(&NodeStatus) -> Option<f64>;
        let all: [(&str, &str, Of); 6] = [
            ("cenote_cluster_node_serves", "1 if anything is sent to the node.", |n| {
                Some(f64::from(u8::from(n.serves)))
            }),
            ("cenote_cluster_node_by_hand", "1 if somebody took the node out.", |n| {
                Some(f64::from(u8::from(n.by_hand.is_some())))
            }),
            ("cenote_cluster_node_weight", "Its weight.", |n| Some(f64::from(n.weight))),
            (
                "cenote_cluster_node_share",
                "Which part of it counts: below 1 in a slow start.",
                |n| Some(n.share),
            ),
            ("cenote_cluster_node_waiting", "The cluster's callers that wait for it.", |n| {
                Some(n.waiting as f64)
            }),
            ("cenote_cluster_node_lag_seconds", "How far it is behind, if it says so.", |n| {
                n.lag.map(|lag| lag.as_secs_f64())
            }),
        ];
        for (name, help, of) in all {
            self.head(name, "gauge", help);
            for (cluster, key, node) in &nodes {
                if let Some(value) = of(node) {
                    self.line(name, &[(CLUSTER, *cluster), ("node", key)], value);
                }
            }
        }
    }
}

fn n(value: usize) -> Option<u64> {
    Some(value as u64)
}

/// A value between quotes.
fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => text.push_str("\\\\"),
            '"' => text.push_str("\\\""),
            '\n' => text.push_str("\\n"),
            c => text.push(c),
        }
    }
    text
}
