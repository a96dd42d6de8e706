//! The charts: what they are drawn from, and which kinds there are.

use std::error::Error;
use std::sync::Arc;

/// One pool, or one cluster, at one moment.
#[derive(Clone, Debug, Default)]
#[allow(dead_code, reason = "for the charts")]
pub(crate) struct Sample {
    /// When, in milliseconds since 1970.
    pub(crate) at: u64,
    pub(crate) size: usize,
    pub(crate) available: usize,
    pub(crate) using: usize,
    pub(crate) waiting: usize,
    /// The limit, if there is one.
    pub(crate) max: Option<usize>,
    /// The waits of the last second, in milliseconds: that of half of all and of 99 in 100. `None`: nobody acquired.
    pub(crate) wait: Option<(f64, f64)>,
    /// The nodes of a cluster in their order, with their parts of its traffic.
    pub(crate) traffic: Vec<(Arc<str>, f64)>,
}

/// What there are charts of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {}

impl Kind {
    /// The kind of this name.
    pub(crate) fn of(_: &str) -> Option<Kind> {
        None
    }

    /// The chart of the pool or cluster of this name, as SVG.
    pub(crate) fn draw(self, _: &str, _: &[Sample]) -> Result<String, Box<dyn Error>> {
        match self {}
    }
}
