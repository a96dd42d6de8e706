//! In turn, and at random: equal shares for nodes that are alike.

use std::sync::atomic::{AtomicU64, Ordering};

use super::{Balance, Pick, Seat};

/// One after the other, in the order in which they joined.
///
/// It remembers who was last, not at which position: when a node leaves, nobody is skipped and nobody served twice.
/// Sequelize, node-mysql's PoolCluster (`RR`) and most proxies start from here.
#[derive(Debug, Default)]
pub struct RoundRobin {
    last: AtomicU64,
}

impl RoundRobin {
    /// From the first one on.
    pub fn new() -> RoundRobin {
        RoundRobin::default()
    }
}

impl Balance for RoundRobin {
    fn choose(&self, among: &[Seat<'_>], _: &Pick<'_>) -> usize {
        let next = |last: u64| among.iter().position(|seat| seat.id() > last).unwrap_or(0);
        let mut last = self.last.load(Ordering::Relaxed);
        loop {
            let chosen = next(last);
            let id = among[chosen].id();
            match self.last.compare_exchange_weak(last, id, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return chosen,
                Err(now) => last = now,
            }
        }
    }
}

/// Any of them, each as likely as the other, whatever its weight (`RANDOM` of PoolCluster).
#[derive(Clone, Copy, Debug, Default)]
pub struct Uniform;

impl Balance for Uniform {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        pick.random().below(among.len())
    }
}
