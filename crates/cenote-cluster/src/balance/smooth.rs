//! Smooth weighted round robin: shares by weight, as evenly spread in time as whole turns allow. For 5, 1, 1 it gives
//! a a b a c a a, not a a a a a b c.
//!
//! The rule (nginx's): each turn every node gains its weight, the one that has most is chosen and pays the sum. That
//! is a state of many words, and changing it word by word drifts when threads meet. But its sequence repeats after as
//! many turns as the weights add up to. So it is worked out once for each set of candidates, and a turn is one
//! addition. Each set has its own turns: routes with different nodes, as those of shards, do not disturb each other.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::{Balance, Pick, Seat};
use crate::random::mix;

/// Longest sequence. Larger sums of weights are scaled down to it, each node keeping at least one turn.
const LONGEST: u64 = 4096;
/// So many turns are remembered, of all sets together; then all are forgotten but the newest.
const REMEMBERED: usize = 1 << 16;

/// By weight, evenly spread.
#[derive(Debug, Default)]
pub struct SmoothWeighted {
    /// By candidates: their ids and weights.
    sequences: ArcSwap<HashMap<u64, Arc<Sequence>>>,
}

#[derive(Debug)]
struct Sequence {
    /// Never empty.
    ids: Vec<u64>,
    turn: AtomicUsize,
}

impl SmoothWeighted {
    /// From the first turn on.
    pub fn new() -> SmoothWeighted {
        SmoothWeighted::default()
    }

    /// Works out the sequence of these candidates and remembers it.
    fn learn(&self, of: u64, among: &[Seat<'_>], pick: &Pick<'_>) -> Arc<Sequence> {
        let weights: Vec<u64> = among.iter().map(|seat| weight(*seat)).collect();
        let turns = SmoothWeighted::sequence(&weights);
        let ids: Vec<u64> = turns.into_iter().map(|at| among[at].id()).collect();
        let known = self.sequences.load();
        // Where many sets come and go, none begins with its heaviest node each time.
        let first = if known.is_empty() { 0 } else { pick.random().below(ids.len()) };
        let sequence = Arc::new(Sequence { ids, turn: AtomicUsize::new(first) });
        self.sequences.rcu(|known| {
            let turns: usize = known.values().map(|known| known.ids.len()).sum();
            let keeps = turns + sequence.ids.len() <= REMEMBERED;
            let mut sequences = if keeps { HashMap::clone(known) } else { HashMap::new() };
            sequences.insert(of, Arc::clone(&sequence));
            sequences
        });
        sequence
    }

    /// The turns of nodes with these weights, as positions, up to where they repeat.
    pub fn sequence(weights: &[u64]) -> Vec<usize> {
        let weights = scaled(weights);
        let sum: i64 = weights.iter().sum();
        let mut current = vec![0; weights.len()];
        let turn = |_| {
            for (current, weight) in current.iter_mut().zip(&weights) {
                *current += weight;
            }
            // The first of those that have most.
            let best = (0..current.len()).rev().max_by_key(|n| current[*n]).unwrap_or(0);
            current[best] -= sum;
            best
        };
        (0..sum).map(turn).collect()
    }
}

/// Without their common divisor, and with a sum that is not too long. All zero: all alike.
fn scaled(weights: &[u64]) -> Vec<i64> {
    let divisor = weights.iter().copied().fold(0, gcd);
    if divisor == 0 {
        return vec![1; weights.len()];
    }
    let sum: u64 = weights.iter().map(|weight| weight / divisor).sum();
    let scale = |weight: &u64| match weight / divisor {
        0 => 0,
        weight if sum > LONGEST => (weight * LONGEST / sum).max(1) as i64,
        weight => weight as i64,
    };
    weights.iter().map(scale).collect()
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// In hundredths, since a slow start has shares of a weight.
fn weight(seat: Seat<'_>) -> u64 {
    (seat.effective_weight() * 100.0).round() as u64
}

fn fingerprint(among: &[Seat<'_>]) -> u64 {
    let of = |hash: u64, seat: &Seat<'_>| mix(mix(hash ^ seat.id()) ^ weight(*seat));
    among.iter().fold(1, of)
}

impl Balance for SmoothWeighted {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        let of = fingerprint(among);
        let sequences = self.sequences.load();
        let learnt;
        let sequence = match sequences.get(&of) {
            Some(known) => known,
            None => {
                learnt = self.learn(of, among, pick);
                &learnt
            }
        };
        let turn = sequence.turn.fetch_add(1, Ordering::Relaxed);
        let id = sequence.ids[turn % sequence.ids.len()];
        among.iter().position(|seat| seat.id() == id).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // C-3
    #[test]
    fn five_one_one_gives_a_a_b_a_c_a_a() {
        assert_eq!(SmoothWeighted::sequence(&[5, 1, 1]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(SmoothWeighted::sequence(&[500, 100, 100]), [0, 0, 1, 0, 2, 0, 0]);
        assert_eq!(SmoothWeighted::sequence(&[1, 1]), [0, 1]);
        assert_eq!(SmoothWeighted::sequence(&[0, 0]), [0, 1]);
        assert_eq!(SmoothWeighted::sequence(&[0, 3]), [1]);
    }

    // C-3
    #[test]
    fn every_round_gives_each_its_weight_and_strays_by_less_than_one_turn() {
        for weights in [vec![5, 1, 1], vec![4, 3, 2], vec![7, 1], vec![8, 4, 2], vec![3, 3, 1, 9]] {
            let sum: u64 = weights.iter().sum();
            let turns = SmoothWeighted::sequence(&weights);
            let mut had = vec![0_u64; weights.len()];
            for (turn, at) in turns.iter().enumerate() {
                had[*at] += 1;
                for (n, weight) in weights.iter().enumerate() {
                    let due = *weight as f64 * (turn + 1) as f64 / sum as f64;
                    assert!((had[n] as f64 - due).abs() < 1.0, "{weights:?}, turn {turn}: {had:?}");
                }
            }
        }
    }

    // C-3
    #[test]
    fn huge_weights_are_scaled_and_nobody_is_forgotten() {
        let turns = SmoothWeighted::sequence(&[1_000_000, 999_983, 1]);
        assert!(turns.len() <= LONGEST as usize + 3);
        assert!(turns.contains(&2));
    }
}
