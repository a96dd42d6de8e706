//! In turn, and at random: equal shares for nodes that are alike.

use std::sync::atomic::Ordering;

use super::{Balance, Pick, Seat};

/// One after the other, in the order in which they joined.
///
/// It is the turn of whoever's last turn is longest ago. So when a node leaves, nobody is skipped and nobody served twice,
/// and routes with different nodes, as those of shards, do not disturb each other. Turns are counted with the nodes:
/// where the nodes of two routes overlap, they share the traffic of both.
/// Sequelize, node-mysql's PoolCluster (`RR`) and most proxies start from here.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoundRobin(());

impl RoundRobin {
    /// From the first one on.
    pub fn new() -> RoundRobin {
        RoundRobin::default()
    }
}

impl Balance for RoundRobin {
    fn choose(&self, among: &[Seat<'_>], _: &Pick<'_>) -> usize {
        loop {
            let (mut chosen, mut first, mut last) = (0, u64::MAX, 0);
            for (at, seat) in among.iter().enumerate() {
                let turn = seat.turn().load(Ordering::Relaxed);
                if turn < first {
                    (chosen, first) = (at, turn);
                }
                last = last.max(turn);
            }
            // Whoever was quicker has this turn; then the next is looked for.
            let taken = among[chosen].turn().compare_exchange_weak(
                first,
                last + 1,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            if taken.is_ok() {
                return chosen;
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
