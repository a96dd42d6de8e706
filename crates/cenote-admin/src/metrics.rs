//! The numbers as Prometheus reads them, in its text format. Names are those that a recorder makes of cenote's feature
//! `metrics`, so that the same boards show both; what only clusters have begins with `cenote_cluster`.

use cenote::{CloseReason, Counts, Distribution, Options, Status};
use cenote_cluster::{ClusterStatus, NodeStatus, PoolLook};

use crate::clean::Clean;
use crate::exposition::{Names, Page};
use crate::look::Look;

const POOL: &str = "db_client_connection_pool_name";

/// Numbers of the admin's own.
pub(crate) struct Own {
    pub(crate) streams: usize,
    pub(crate) written: u64,
}

/// The text.
pub(crate) fn text(look: &Look, own: &Own, clean: &Clean) -> String {
    let (mut page, mut names) = (Page::default(), Names::default());
    let mut name = |of: &str, name: &str| names.label(of, clean.text(name));
    let pools: Vec<Named<'_>> =
        look.all_pools().map(|pool| Named { name: name("", &pool.name), look: pool }).collect();
    gauges(&mut page, &pools);
    counters(&mut page, &pools);
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
        page.head(name, "histogram", help);
        for pool in &pools {
            page.histogram(name, (POOL, &pool.name), of(pool.look));
        }
    }
    let mut clusters = Vec::new();
    for cluster in &look.clusters {
        let status = &cluster.status;
        let of_cluster = name("clusters", &status.name);
        let of = format!("nodes of {of_cluster}");
        let nodes = status.nodes.iter().map(|node| (name(&of, &node.key), node)).collect();
        clusters.push(NamedCluster { name: of_cluster, status, nodes });
    }
    of_clusters(&mut page, &clusters);
    page.head("cenote_admin_streams", "gauge", "Readers of /live.");
    page.line("cenote_admin_streams", &[], own.streams as f64);
    page.head(
        "cenote_admin_documents_total",
        "counter",
        "Documents written, each once for all who asked.",
    );
    page.line("cenote_admin_documents_total", &[], own.written as f64);
    page.text()
}

type Numbers<'a, T> = &'a [(&'static str, &'static str, fn(&T) -> Option<u64>)];

/// A pool and its name as a label has it.
struct Named<'a> {
    name: String,
    look: &'a PoolLook,
}

/// A cluster and its nodes, with their names as labels have them.
struct NamedCluster<'a> {
    name: String,
    status: &'a ClusterStatus,
    nodes: Vec<(String, &'a NodeStatus)>,
}

fn gauges(page: &mut Page, pools: &[Named<'_>]) {
    let name = "db_client_connection_count";
    page.head(name, "gauge", "Connections, idle and used.");
    for pool in pools {
        let Status { available, using, .. } = pool.look.status;
        for (state, n) in [("idle", available), ("used", using)] {
            let labels = [(POOL, &*pool.name), ("db_client_connection_state", state)];
            page.line(name, &labels, n as f64);
        }
    }
    let all: Numbers<'_, Status> =
        &[
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
        page.head(name, "gauge", help);
        for pool in pools {
            if let Some(value) = of(&pool.look.status) {
                page.line(name, &[(POOL, &pool.name)], value as f64);
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
        page.head(name, "gauge", help);
        for pool in pools {
            let limit = of(&pool.look.options);
            if limit != usize::MAX {
                page.line(name, &[(POOL, &pool.name)], limit as f64);
            }
        }
    }
    let name = "cenote_pool_state";
    page.head(name, "gauge", "1 for the state that the pool is in.");
    for pool in pools {
        let state = pool.look.status.state.to_string();
        page.line(name, &[(POOL, &pool.name), ("state", &state)], 1.0);
    }
}

fn counters(page: &mut Page, pools: &[Named<'_>]) {
    let name = "cenote_acquires_total";
    page.head(name, "counter", "Acquires, by outcome.");
    let outcomes: Numbers<'_, Counts> = &[
        ("ok", "", |c| Some(c.acquired)),
        ("timeout", "", |c| Some(c.timed_out)),
        ("cancelled", "", |c| Some(c.cancelled)),
        ("rejected", "", |c| Some(c.rejected)),
        ("closed", "", |c| Some(c.closed)),
        ("connect", "", |c| Some(c.failed)),
        ("refused", "", |c| Some(c.refused)),
    ];
    labelled(page, name, "outcome", outcomes, pools);
    let name = "cenote_connects_total";
    page.head(name, "counter", "Connects that have ended, by outcome.");
    let outcomes: Numbers<'_, Counts> = &[
        ("ok", "", |c| Some(c.connected)),
        ("transient", "", |c| Some(c.connect_failures.transient)),
        ("permanent", "", |c| Some(c.connect_failures.permanent)),
        ("overload", "", |c| Some(c.connect_failures.overload)),
    ];
    labelled(page, name, "outcome", outcomes, pools);
    let name = "cenote_closes_total";
    page.head(name, "counter", "Connections closed, by reason.");
    for pool in pools {
        // Those that have not happened too: whoever compares sees the first of a counter only if it was 0 before.
        for reason in CloseReason::ALL {
            let n = pool.look.stats.counts.closes.get(*reason);
            page.line(name, &[(POOL, &pool.name), ("reason", reason.name())], n as f64);
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
        ("cenote_leaks_total", "Connections lent for longer than leak_after.", |c| Some(c.leaked)),
        ("cenote_hook_failures_total", "Hooks that returned an error nobody gets.", |c| {
            Some(c.hook_failures)
        }),
        ("cenote_hook_panics_total", "Hooks that panicked.", |c| Some(c.hook_panics)),
        ("cenote_observer_panics_total", "Observers that panicked.", |c| Some(c.observer_panics)),
    ];
    for (name, help, of) in all {
        page.head(name, "counter", help);
        for pool in pools {
            let value = of(&pool.look.stats.counts).unwrap_or_default();
            page.line(name, &[(POOL, &pool.name)], value as f64);
        }
    }
}

fn labelled(
    page: &mut Page,
    name: &str,
    label: &str,
    all: Numbers<'_, Counts>,
    pools: &[Named<'_>],
) {
    for pool in pools {
        for (value, _, of) in all {
            let n = of(&pool.look.stats.counts).unwrap_or_default();
            page.line(name, &[(POOL, &pool.name), (label, value)], n as f64);
        }
    }
}

fn of_clusters(page: &mut Page, clusters: &[NamedCluster<'_>]) {
    const CLUSTER: &str = "cluster";
    let name = "cenote_cluster_state";
    page.head(name, "gauge", "1 for the state that the cluster is in.");
    for cluster in clusters {
        let state = cluster.status.state.to_string();
        page.line(name, &[(CLUSTER, &cluster.name), ("state", &state)], 1.0);
    }
    let nodes = || {
        clusters.iter().flat_map(|c| c.nodes.iter().map(|(key, node)| (&*c.name, &**key, *node)))
    };
    let name = "cenote_cluster_node_condition";
    page.head(name, "gauge", "1 for the condition that the node is in, with its role.");
    for (cluster, key, node) in nodes() {
        let role = node.role.map_or("unknown", cenote::Role::name);
        let condition = node.condition.name();
        let labels = [(CLUSTER, cluster), ("node", key), ("role", role), ("condition", condition)];
        page.line(name, &labels, 1.0);
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
        ("cenote_cluster_node_share", "Which part of it counts: below 1 in a slow start.", |n| {
            Some(n.share)
        }),
        ("cenote_cluster_node_waiting", "The cluster's callers that wait for it.", |n| {
            Some(n.waiting as f64)
        }),
        ("cenote_cluster_node_lag_seconds", "How far it is behind, if it says so.", |n| {
            n.lag.map(|lag| lag.as_secs_f64())
        }),
    ];
    for (name, help, of) in all {
        page.head(name, "gauge", help);
        for (cluster, key, node) in nodes() {
            if let Some(value) = of(node) {
                page.line(name, &[(CLUSTER, cluster), ("node", key)], value);
            }
        }
    }
}

fn n(value: usize) -> Option<u64> {
    Some(value as u64)
}
