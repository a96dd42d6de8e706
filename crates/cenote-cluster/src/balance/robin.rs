//! In turn, and at random: equal shares for nodes that are alike.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;

use super::{Balance, Pick, Seat};

/// The turns of so many nodes that are no candidates at the moment are remembered.
const REMEMBERED: usize = 1024;

/// One after the other, in the order in which they joined.
///
/// It is the turn of whoever's last turn is longest ago. So when a node leaves, nobody is skipped and nobody served twice,
/// and routes with different nodes, as those of shards, do not disturb each other.
/// Sequelize, node-mysql's PoolCluster (`RR`) and most proxies start from here.
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// The number of each node's last turn, by the node's id.
    turns: ArcSwap<BTreeMap<u64, Arc<AtomicU64>>>,
}

impl RoundRobin {
    /// From the first one on.
    pub fn new() -> RoundRobin {
        RoundRobin::default()
    }

    /// Some of these have had no turn yet.
    fn learn(&self, among: &[Seat<'_>]) {
        self.turns.rcu(|known| {
            let mut turns = BTreeMap::clone(known);
            if turns.len() > REMEMBERED {
                turns.retain(|id, _| among.iter().any(|seat| seat.id() == *id));
            }
            for seat in among {
                turns.entry(seat.id()).or_default();
            }
            turns
        });
    }
}

impl Balance for RoundRobin {
    fn choose(&self, among: &[Seat<'_>], _: &Pick<'_>) -> usize {
        let mut turns = self.turns.load();
        if among.iter().any(|seat| !turns.contains_key(&seat.id())) {
            self.learn(among);
            turns = self.turns.load();
        }
        loop {
            let (mut chosen, mut first, mut last) = (0, u64::MAX, 0);
            for (at, seat) in among.iter().enumerate() {
                let turn = turns.get(&seat.id()).map_or(0, |turn| turn.load(Ordering::Relaxed));
                if turn < first {
                    (chosen, first) = (at, turn);
                }
                last = last.max(turn);
            }
            // Whoever forgot it meanwhile has many others to go round.
            let Some(turn) = turns.get(&among[chosen].id()) else { return chosen };
            let (relaxed, next) = (Ordering::Relaxed, last + 1);
            // Somebody who was quicker has this turn; then the next is looked for.
            if turn.compare_exchange_weak(first, next, relaxed, relaxed).is_ok() {
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
