//! The pools, one file each: how it is driven, with which settings, and in which scenarios it has a part.

#[cfg(feature = "peers")]
mod bb8;
pub(crate) mod cenote;
#[cfg(feature = "peers")]
mod deadpool;
#[cfg(feature = "peers")]
mod fast_pool;
#[cfg(feature = "peers")]
mod mobc;
mod none;
#[cfg(feature = "peers")]
mod r2d2;
#[cfg(feature = "peers")]
mod raw_cas;
#[cfg(feature = "peers")]
mod raw_queue;
#[cfg(feature = "peers")]
mod raw_sem;
#[cfg(feature = "peers")]
mod sqlx;

use crate::figures::Sheet;
use crate::scenarios::{Scenario, Trial};
use crate::subject::Tuning;

/// A row of the tables.
pub(crate) struct Pool {
    pub(crate) name: &'static str,
    /// The crate whose version is shown.
    pub(crate) package: &'static str,
    /// The settings it is measured with; one, where there is nothing to tune.
    pub(crate) tunings: &'static [Tuning],
    pub(crate) has_part: fn(Scenario) -> bool,
    /// Measures one scenario once and writes down what came of it.
    pub(crate) measure: fn(&Trial, &mut Sheet),
    /// Runs so many cycles of a scenario and nothing else: for callgrind and the counting allocator.
    pub(crate) cycles: fn(&Trial, u64),
}

const BOTH: &[Tuning] = &[Tuning::Default, Tuning::Tuned];
#[cfg(feature = "peers")]
const ONE: &[Tuning] = &[Tuning::Default];

pub(crate) const OURS: &str = "cenote";
pub(crate) const NONE: &str = "none";

pub(crate) const ALL: &[Pool] = &[
    cenote::POOL,
    none::POOL,
    #[cfg(feature = "peers")]
    raw_cas::POOL,
    #[cfg(feature = "peers")]
    raw_queue::POOL,
    #[cfg(feature = "peers")]
    raw_sem::POOL,
    #[cfg(feature = "peers")]
    deadpool::POOL,
    #[cfg(feature = "peers")]
    bb8::POOL,
    #[cfg(feature = "peers")]
    r2d2::POOL,
    #[cfg(feature = "peers")]
    mobc::POOL,
    #[cfg(feature = "peers")]
    sqlx::POOL,
    #[cfg(feature = "peers")]
    fast_pool::POOL,
];

/// A pool by its name.
pub(crate) fn find(name: &str) -> Option<&'static Pool> {
    ALL.iter().find(|pool| pool.name == name)
}

/// The scenarios that need no waiting.
#[cfg(feature = "peers")]
fn cannot_wait(scenario: Scenario) -> bool {
    matches!(scenario, Scenario::S1 | Scenario::S2 | Scenario::S3)
}

/// All scenarios that peers take part in.
#[cfg(feature = "peers")]
fn for_tasks(scenario: Scenario) -> bool {
    use Scenario::{S1, S2, S3, S4, S5, S6, S7};
    matches!(scenario, S1 | S2 | S3 | S4 | S5 | S6 | S7)
}
