//! The first that is online: the others wait for its failure.

use super::{Balance, Pick, Seat};

/// The one that joined first of those that are online (`ORDER` of PoolCluster).
#[derive(Clone, Copy, Debug, Default)]
pub struct Ordered;

impl Balance for Ordered {
    fn choose(&self, _: &[Seat<'_>], _: &Pick<'_>) -> usize {
        0
    }
}
