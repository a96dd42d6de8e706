//! When connections end their lives (P-17): each gets its moment at birth, `max_lifetime` less a
//! random share of the jitter, and moments lie at least a gap apart, so that connections born together
//! do not die together. A moment is only ever moved to an earlier time.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::time::Time;

/// What a lifetime is made of.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lifetime {
    pub(crate) longest: Duration,
    /// How much earlier a connection may retire.
    pub(crate) jitter: Duration,
    /// Least distance between two retirements.
    pub(crate) gap: Duration,
}

/// The planned retirements, earliest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Retirements {
    planned: BTreeSet<(Time, u32)>,
}

impl Retirements {
    /// Plans the retirement of the connection in `slot`; `draw` is uniform in 0..1.
    pub(crate) fn plan(&mut self, slot: u32, born: Time, life: Lifetime, draw: f64) -> Time {
        let mut at = born + life.longest - life.jitter.mul_f64(draw);
        // Crowded beyond what the jitter's width can hold: a crowd is better than a short life.
        let floor = born + life.longest.saturating_sub(life.jitter.saturating_mul(2));
        while let Some(&(near, _)) = self.planned.range(..(at + life.gap, 0)).next_back() {
            let earlier = near - life.gap;
            if near + life.gap <= at || earlier < floor {
                break;
            }
            at = earlier;
        }
        self.planned.insert((at, slot));
        at
    }

    pub(crate) fn cancel(&mut self, slot: u32, at: Time) {
        self.planned.remove(&(at, slot));
    }

    /// The retirements planned up to `limit`, earliest first.
    pub(crate) fn due(&self, limit: Time) -> impl Iterator<Item = u32> + '_ {
        self.planned.range(..=(limit, u32::MAX)).map(|&(_, slot)| slot)
    }
}
