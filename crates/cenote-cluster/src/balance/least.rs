//! Least loaded, the default: whoever has the least to do for its weight. It needs no history, reacts at once, and a
//! node that is slow for any reason gets less because its work piles up.

use super::{Balance, Pick, Seat};

/// The smallest (in use + waiting + 1) / weight.
///
/// Up to 16 nodes all are looked at; of more, the better of two drawn ones is taken, which is nearly as good and keeps
/// many processes from running after the same node. Ties are broken by chance.
#[derive(Clone, Copy, Debug, Default)]
pub struct LeastLoaded;

/// Up to here all are looked at.
const FULL_SCAN: usize = 16;

fn cost(seat: Seat<'_>) -> f64 {
    (seat.load() + 1) as f64 * seat.0.per_weight
}

impl Balance for LeastLoaded {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        cheapest(among, pick, cost)
    }
}

/// The cheapest of all, or of two if they are many.
pub(super) fn cheapest(
    among: &[Seat<'_>],
    pick: &Pick<'_>,
    cost: impl Fn(Seat<'_>) -> f64,
) -> usize {
    let n = among.len();
    let first = pick.random().below(n);
    if n > FULL_SCAN {
        let other = (first + 1 + pick.random().below(n - 1)) % n;
        return if cost(among[other]) < cost(among[first]) { other } else { first };
    }
    let (mut best, mut least) = (first, cost(among[first]));
    for at in (first + 1..n).chain(0..first) {
        let cost = cost(among[at]);
        if cost < least {
            (best, least) = (at, cost);
        }
    }
    best
}
