//! The document of `/status` and `/live`, as types: what the page, `cenote top` and anybody else reads. Times are
//! milliseconds, moments are milliseconds since 1970, rates are per second; what is unlimited or not known is `null`. Fields
//! may be added; none changes its meaning while [`VERSION`] stays.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The version of the document.
pub const VERSION: u32 = 1;

/// Everything that can be seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Document {
    /// [`VERSION`].
    pub version: u32,
    /// When it was made.
    pub at: u64,
    /// How long the interval was that rates, `recent` and `traffic` are of; `null` if nobody has looked in the last ten
    /// seconds: then rates are 0, `recent` is `null` and `traffic` is that of the whole life.
    pub interval_ms: Option<f64>,
    /// Whether operations are on: a token is configured.
    pub operations: bool,
    /// What else can be done.
    pub actions: Vec<Action>,
    /// The pools, without those of clusters.
    pub pools: Vec<Pool>,
    /// The clusters.
    pub clusters: Vec<Cluster>,
    /// The last 50 things that happened and the last 20 of level `trace`, the oldest first.
    pub log: Vec<Entry>,
}

/// Something that the service added and that somebody can set off.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Action {
    /// Its name in `POST /actions/NAME`.
    pub name: String,
    /// What it says to people.
    pub label: String,
    /// Whether it needs no token.
    pub open: bool,
    /// Under which heading it stands.
    pub group: String,
}

/// A pool.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Pool {
    /// Its name.
    pub name: String,
    /// Its counts at this moment.
    pub status: Status,
    /// The last connect error, while no connect has succeeded since.
    pub error: Option<String>,
    /// What happened in the last interval.
    pub rate: Rate,
    /// What happened so far.
    pub counts: Counts,
    /// Connections closed so far, by reason.
    pub closes: BTreeMap<String, u64>,
    /// Connects that failed so far, by class.
    pub connect_failures: Failures,
    /// How long callers waited; hits are zeros, and failed waits count too.
    pub wait: Times,
    /// How long connections were held; of nothing, unless `measure_hold` is on.
    pub hold: Times,
    /// How long successful connects took.
    pub connect: Times,
    /// Who has a connection, the ten who have had theirs for longest.
    pub holders: Vec<Holder>,
}

/// The counts of a pool, all taken at one instant, or the sums of several.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Status {
    /// Connections that exist or are being made.
    pub size: u64,
    /// Idle connections.
    pub available: u64,
    /// Lent connections.
    pub using: u64,
    /// Callers in the queue.
    pub waiting: u64,
    /// Connects under way.
    pub connecting: u64,
    /// Tests under way.
    pub testing: u64,
    /// Resets under way.
    pub resetting: u64,
    /// Closes under way.
    pub closing: u64,
    /// Borrowers that share a connection.
    pub sharers: u64,
    /// The effective limit.
    pub max: Option<u64>,
    /// `min_size`.
    pub min: u64,
    /// `max` − `size`.
    pub spare: Option<u64>,
    /// `running`, `paused`, `draining` or `closed`.
    pub state: String,
    /// The most callers that ever waited at once.
    pub peak_waiting: u64,
    /// Lent connections that idle in an open transaction, as far as the driver tells.
    pub idle_in_transaction: u64,
}

/// What happened in the last interval, per second.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Rate {
    /// Acquires that got a connection.
    pub acquired: f64,
    /// Acquires that got none, but for those that gave up themselves.
    pub failed: f64,
    /// Connects begun.
    pub connects: f64,
    /// Connections closed.
    pub closes: f64,
}

/// What happened since the pool was built: [`cenote::Counts`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Counts {
    /// Acquires that got a connection.
    pub acquired: u64,
    /// Of these, those that did not wait.
    pub hits: u64,
    /// Acquires that met their deadline.
    pub timed_out: u64,
    /// Acquires whose future was dropped.
    pub cancelled: u64,
    /// Acquires that a full queue or a pause refused, that wanted more than `max_size`, or that would not wait.
    pub rejected: u64,
    /// Acquires that a draining or closed pool, or a gone runtime, refused.
    pub closed: u64,
    /// Acquires that got a connect error.
    pub failed: u64,
    /// Acquires that the hook `on_acquire` refused.
    pub refused: u64,
    /// Acquires that took longer than `slow_acquire`.
    pub slow: u64,
    /// Acquires whose priority was beyond the last level.
    pub clamped: u64,
    /// Grants that nobody came for.
    pub stale_grants: u64,
    /// Connects begun.
    pub connects: u64,
    /// Connects that succeeded.
    pub connected: u64,
    /// Tests passed.
    pub tests_passed: u64,
    /// Tests failed.
    pub tests_failed: u64,
    /// Closes that failed or took too long.
    pub close_failures: u64,
    /// Connections taken out of the pool, or given up.
    pub detached: u64,
    /// Connections that were lent for longer than `leak_after`.
    pub leaked: u64,
    /// Hooks that returned an error which no caller gets.
    pub hook_failures: u64,
    /// Hooks that panicked.
    pub hook_panics: u64,
    /// Observers that panicked.
    pub observer_panics: u64,
}

/// Connects that failed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Failures {
    /// Worth another try.
    pub transient: u64,
    /// Not worth one.
    pub permanent: u64,
    /// The server had too many clients.
    pub overload: u64,
}

/// How times were spread since the pool was built. Percentiles are at most 1/16 too high.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Times {
    /// How many there are.
    pub count: u64,
    /// Half of them are not above this.
    pub p50_ms: f64,
    /// 95 % of them are not above this.
    pub p95_ms: f64,
    /// 99 % of them are not above this.
    pub p99_ms: f64,
    /// The longest, exactly.
    pub max_ms: f64,
    /// Those of the last interval.
    pub recent: Option<Recent>,
}

/// How times were spread in the last interval.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Recent {
    /// How many there are.
    pub count: u64,
    /// Half of them are not above this.
    pub p50_ms: f64,
    /// 95 % of them are not above this.
    pub p95_ms: f64,
    /// 99 % of them are not above this.
    pub p99_ms: f64,
}

/// Who has a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Holder {
    /// For how long, to about 100 ms.
    pub held_ms: f64,
    /// Where it was acquired.
    pub location: String,
    /// The connection's id.
    pub connection: u64,
}

/// A cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cluster {
    /// Its name.
    pub name: String,
    /// `running`, `paused`, `draining` or `closed`.
    pub state: String,
    /// Why nobody can write at the moment, if a primary is looked for and none serves.
    pub no_primary: Option<String>,
    /// The sums over its nodes.
    pub total: Status,
    /// How long callers waited in the pools of all its nodes.
    pub wait: Times,
    /// Its nodes, in the order in which they joined.
    pub nodes: Vec<Node>,
    /// Where nodes come from while it runs.
    pub sources: Vec<Source>,
}

/// A node of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Node {
    /// Its key.
    pub key: String,
    /// `primary` or `replica`; `null`: not known, or not believed.
    pub role: Option<String>,
    /// `new`, `online`, `suspect`, `ejected`, `half_open`, `slow_start` or `unreachable`.
    pub condition: String,
    /// Whether somebody took it out by hand: `ejected` or `drained`.
    pub by_hand: Option<String>,
    /// Whether anything is sent to it.
    pub serves: bool,
    /// Why it cannot be connected to.
    pub error: Option<String>,
    /// Its weight, as configured or set by hand.
    pub weight: u32,
    /// Which part of it counts: less than 1 during a slow start.
    pub share: f64,
    /// How far it is behind.
    pub lag_ms: Option<f64>,
    /// Whether that is further than reads are allowed to be behind: then it serves none.
    #[serde(default)]
    pub lagging: bool,
    /// Its connections that are lent.
    pub in_use: u64,
    /// The cluster's callers that wait for one of its connections.
    pub waiting: u64,
    /// Its part of the cluster's acquires in the last interval, 0 to 1. That the cluster asks it what it is is not counted.
    pub traffic: f64,
    /// Its pool.
    pub pool: Pool,
}

/// A source of nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Source {
    /// What it is.
    pub name: String,
    /// What it lists, and what is not done of it, with the reasons.
    pub note: String,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Entry {
    /// Its number; later ones are larger. Numbers have no gaps, but the document shows fewer of those of level `trace`.
    pub n: u64,
    /// When.
    pub at: u64,
    /// `info`, `warn` or `error`; `trace` for connections that come and go as they should.
    pub level: String,
    /// The pool or the cluster, or whoever else [says it](crate::Admin::note).
    pub of: String,
    /// What, in a line.
    pub text: String,
}
