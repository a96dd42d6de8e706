//! Static weight, as the lecture defines it (C-4): each connection in the array has its node's weight, a number from 1
//! to the sum is drawn, and whose interval it falls into is chosen. So a node's share is its weight × its size.

use super::{Balance, Pick, Seat, draw_by, interval_of};

/// In proportion to weight × the size of the node's pool.
///
/// With weights 1, 2 and 5 and two connections each the sum is 16: 1 and 2 are the first node's, 3 to 6 the second's,
/// 7 to 16 the third's.
#[derive(Clone, Copy, Debug, Default)]
pub struct StaticWeight;

impl StaticWeight {
    /// The share of one node. A slow start counts in tenths, so that shares stay whole numbers.
    fn share(seat: Seat<'_>) -> u64 {
        let size = seat.size().min(1 << 20) as u64;
        let whole = u64::from(seat.weight()) * size;
        if seat.share() < 1.0 { (whole as f64 * seat.share()).ceil() as u64 } else { whole }
    }

    /// The sum of the shares.
    pub fn sum(among: &[Seat<'_>]) -> u64 {
        among.iter().map(|seat| StaticWeight::share(*seat)).sum()
    }

    /// Who is chosen when `r` is drawn, from 1 to the [sum](StaticWeight::sum).
    pub fn at(among: &[Seat<'_>], r: u64) -> usize {
        interval_of(among, r, StaticWeight::share)
    }
}

impl Balance for StaticWeight {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        draw_by(among, pick.random(), StaticWeight::share)
    }
}
