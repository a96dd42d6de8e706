//! Smooth weighted round robin: shares by weight, as evenly spread in time as whole turns allow. For 5, 1, 1 it gives
//! a a b a c a a, not a a a a a b c.
//!
//! The rule (nginx's): each turn every node gains its weight, the one that has most is chosen and pays the sum. That
//! is a state of many words, and changing it word by word drifts when threads meet. But its sequence repeats after as
//! many turns as the weights add up to. So it is worked out once for each set of candidates, and a turn is one
//! addition.

use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;

use super::{Balance, Pick, Seat};

/// Longest sequence. Larger sums of weights are scaled down to it, each node keeping at least one turn.
const LONGEST: u64 = 4096;

/// By weight, evenly spread.
#[derive(Debug)]
pub struct SmoothWeighted {
    sequence: ArcSwap<Sequence>,
    turn: AtomicUsize,
}

#[derive(Debug)]
struct Sequence {
    /// For whom it is: ids and weights.
    of: u64,
    ids: Vec<u64>,
}

impl SmoothWeighted {
    /// From the first turn on.
    pub fn new() -> SmoothWeighted {
        let sequence = ArcSwap::from_pointee(Sequence { of: 0, ids: Vec::new() });
        SmoothWeighted { sequence, turn: AtomicUsize::new(0) }
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
    let of =
        |hash: u64, seat: &Seat<'_>| crate::random::mix(hash ^ seat.id() ^ (weight(*seat) << 40));
    among.iter().fold(1, of)
}

impl Default for SmoothWeighted {
    fn default() -> SmoothWeighted {
        SmoothWeighted::new()
    }
}

impl Balance for SmoothWeighted {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        let of = fingerprint(among);
        let mut sequence = self.sequence.load();
        // Who was chosen and failed is only left out, not forgotten: the sequence is that of the first attempt.
        if pick.attempt() == 0 && sequence.of != of {
            let weights: Vec<u64> = among.iter().map(|seat| weight(*seat)).collect();
            let turns = SmoothWeighted::sequence(&weights);
            let ids = turns.into_iter().map(|at| among[at].id()).collect();
            self.sequence.store(std::sync::Arc::new(Sequence { of, ids }));
            self.turn.store(0, Ordering::Relaxed);
            sequence = self.sequence.load();
        }
        let turns = sequence.ids.len().max(1);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let from = (0..turns).map(|n| sequence.ids.get((turn.wrapping_add(n)) % turns));
        let there = |id: Option<&u64>| among.iter().position(|seat| Some(&seat.id()) == id);
        from.filter_map(there).next().unwrap_or(0)
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
