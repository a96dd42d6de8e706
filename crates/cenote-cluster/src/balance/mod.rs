//! Balancers: which of the nodes that could serve a request serves it. One policy, one file.
//!
//! A [`Balance`] gets [`Seat`]s, what is known of each candidate at the moment, and says which. It keeps no books on
//! health, roles or load: those are the cluster's, and reach it through the seats alone. If the chosen node fails, it
//! is asked again without it. A balancer must not lock or allocate: it runs for every acquire.
//!
//! | policy | share of the traffic | choose it where |
//! |---|---|---|
//! | [`LeastLoaded`] (default) | to whoever has the least to do for its weight | nodes differ, or requests do |
//! | [`RoundRobin`] | equal | nodes and requests are alike, and order should be easy to follow |
//! | [`Random`](Uniform) | equal, on average | as round robin, with many processes that must not march in step |
//! | [`Ordered`] | all to the first that is online | others are only there for its failure |
//! | [`StaticWeight`] | weight × the size of its pool | capacities are known and steady |
//! | [`SmoothWeighted`] | weight, evenly spread in time | as static weight, without streaks |
//! | [`DynamicWeight`] | by its record of successes | capacities are not known |
//! | [`PeakEwma`] | to whoever answered fastest lately | latency differs more than load tells |
//! | [`Rendezvous`] | the same key, the same node | nodes cache what they serve |

mod dynamic;
mod ewma;
mod least;
mod ordered;
mod rendezvous;
mod robin;
mod smooth;
mod weighted;

pub use dynamic::{DynamicWeight, Score, Scoring, Verdict};
pub(crate) use ewma::Latency;
pub use ewma::PeakEwma;
pub use least::LeastLoaded;
pub use ordered::Ordered;
pub use rendezvous::Rendezvous;
pub(crate) use rendezvous::highest;
pub use robin::{RoundRobin, Uniform};
pub use smooth::SmoothWeighted;
pub use weighted::StaticWeight;

use std::sync::atomic::Ordering;

use cenote::{Env, Role, Time};

use crate::random::Random;
use crate::snapshot::Place;

/// Chooses among nodes.
///
/// ```
/// use cenote_cluster::balance::{Balance, Pick, Seat};
///
/// /// The node that was added last.
/// struct Newest;
///
/// impl Balance for Newest {
///     fn choose(&self, among: &[Seat<'_>], _: &Pick<'_>) -> usize {
///         among.len() - 1
///     }
/// }
/// ```
pub trait Balance: Send + Sync + 'static {
    /// The position of the chosen one in `among`, which holds at least two, in the order in which they joined. A
    /// position beyond the end is taken for the last.
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize;

    /// How nodes are scored by their successes, if this policy wants scores. Default: not.
    fn scoring(&self) -> Option<Scoring> {
        None
    }

    /// Whether this policy wants to know how long requests take. Default: no.
    fn times(&self) -> bool {
        false
    }
}

/// One candidate, as it is at the moment.
#[derive(Clone, Copy)]
pub struct Seat<'a>(pub(crate) &'a Place);

impl<'a> Seat<'a> {
    /// Its number: nodes that joined later have higher ones, and no number is used again.
    pub fn id(self) -> u64 {
        self.0.id
    }

    /// Its key.
    pub fn key(self) -> &'a str {
        &self.0.key
    }

    /// A number that follows from its key and nothing else.
    pub fn hash(self) -> u64 {
        self.0.hash
    }

    /// What it is.
    pub fn role(self) -> Option<Role> {
        self.0.role
    }

    /// Its weight as configured.
    pub fn weight(self) -> u32 {
        self.0.weight
    }

    /// Which part of its weight it may have now: 1.0, or less during a slow start (C-6).
    pub fn share(self) -> f64 {
        self.0.share
    }

    /// The weight that counts now.
    pub fn effective_weight(self) -> f64 {
        f64::from(self.0.weight) * self.0.share
    }

    /// The limit of its pool.
    pub fn size(self) -> usize {
        self.0.size
    }

    /// Its connections that are lent, shares of one, and the callers that wait for one.
    pub fn load(self) -> usize {
        self.0.standing.load.total()
    }

    /// Its dynamic weight (C-5); 0 if nobody keeps one.
    pub fn score(self) -> u32 {
        self.0.standing.score_now.load(Ordering::Relaxed)
    }

    pub(crate) fn latency(self) -> &'a Latency {
        &self.0.standing.latency
    }
}

/// What is known of the request, and what a choice may need beside the nodes.
pub struct Pick<'a> {
    pub(crate) key: Option<u64>,
    pub(crate) attempt: usize,
    pub(crate) random: &'a Random,
    pub(crate) env: &'a dyn Env,
}

impl Pick<'_> {
    /// The hash of the route's key, if it has one.
    pub fn key(&self) -> Option<u64> {
        self.key
    }

    /// How many nodes were chosen before for this request, and failed.
    pub fn attempt(&self) -> usize {
        self.attempt
    }

    /// The source of chance; a cluster with a seed draws the same numbers again.
    pub fn random(&self) -> &Random {
        self.random
    }

    /// The present. It costs a look at the clock.
    pub fn now(&self) -> Time {
        self.env.now()
    }
}

/// A draw in proportion to these shares; if all are zero, one of all.
pub(crate) fn draw_by(
    among: &[Seat<'_>],
    random: &Random,
    share: impl Fn(Seat<'_>) -> u64,
) -> usize {
    let total: u64 = among.iter().map(|seat| share(*seat)).sum();
    if total == 0 {
        return random.below(among.len());
    }
    let r = ((u128::from(random.bits()) * u128::from(total)) >> 64) as u64 + 1;
    interval_of(among, r, share)
}

/// In whose interval r lies, which runs from 1 to the sum of the shares.
pub(crate) fn interval_of(among: &[Seat<'_>], r: u64, share: impl Fn(Seat<'_>) -> u64) -> usize {
    let mut end = 0;
    let holds = |seat: &Seat<'_>| {
        end += share(*seat);
        r <= end
    };
    among.iter().position(holds).unwrap_or(among.len() - 1)
}
