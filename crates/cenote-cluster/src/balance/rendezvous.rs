//! Rendezvous hashing: each node draws a number for the key, and the highest wins. The same key goes to the same node
//! while it is online; when it is not, only its own keys move, each to the node that is second for it.

use super::{Balance, LeastLoaded, Pick, Seat};
use crate::random::mix;

/// The same key, the same node ([`Route::key`](crate::Route::key)), in proportion to the weights. A route without a key
/// goes to the least loaded.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rendezvous;

/// What a node with this hash draws for this key. With equal weights only the order counts, and that is the hash's.
fn draw(key: u64, hash: u64, weight: f64) -> f64 {
    // In 0.0..1.0, never either end.
    let unit = ((mix(key ^ hash) >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -weight / unit.ln()
}

/// The position of the winner.
pub(crate) fn highest(key: u64, among: impl Iterator<Item = (u64, f64)>) -> usize {
    let (mut best, mut most) = (0, f64::NEG_INFINITY);
    for (at, (hash, weight)) in among.enumerate() {
        let drawn = draw(key, hash, weight);
        if drawn > most {
            (best, most) = (at, drawn);
        }
    }
    best
}

impl Balance for Rendezvous {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        match pick.key() {
            // A slow start does not move keys.
            Some(key) => {
                highest(key, among.iter().map(|seat| (seat.hash(), f64::from(seat.weight()))))
            }
            None => LeastLoaded.choose(among, pick),
        }
    }
}
