//! Which size is tried next. First 1, 2, 4, 8 and so on, then some between those where the knee seems to be, then all of
//! them again and again, up and down in turns: a database that grows warm, or a neighbour that comes and goes, disturbs all
//! sizes alike and not those whose turn it was.

use super::curve::Curve;
use super::knee;

/// How often the whole row is tried. What comes in before the third time is still tried often enough.
const PASSES: usize = knee::REPEATS + 2;
/// How many sizes come in at a time.
const BETWEEN: u32 = 2;

pub(crate) struct Sweep {
    /// Ascending.
    sizes: Vec<u32>,
    /// What is left of this pass; the last comes first.
    left: Vec<u32>,
    passes: usize,
}

impl Sweep {
    /// Tries sizes from 1 to `most`.
    pub(crate) fn new(most: u32) -> Sweep {
        let doubling = std::iter::successors(Some(1_u32), |size| size.checked_mul(2));
        let mut sizes: Vec<u32> = doubling.take_while(|size| *size < most).collect();
        sizes.push(most.max(1));
        let left = sizes.iter().rev().copied().collect();
        Sweep { sizes, left, passes: 0 }
    }

    /// How many measurements there will be, at most.
    pub(crate) fn measurements(&self) -> u32 {
        let [sizes, passes] =
            [self.sizes.len(), PASSES].map(|n| u32::try_from(n).unwrap_or(u32::MAX));
        // From the second pass on, and from the third.
        sizes * passes + BETWEEN * (passes - 1) + BETWEEN * (passes - 2)
    }

    /// The next one to try; none if that is enough.
    pub(crate) fn next(&mut self, curve: &Curve) -> Option<u32> {
        if self.left.is_empty() {
            self.passes += 1;
            if self.passes >= PASSES {
                return None;
            }
            if self.passes + knee::REPEATS <= PASSES {
                self.look_closer(curve);
            }
            self.left.clone_from(&self.sizes);
            if self.passes.is_multiple_of(2) {
                self.left.reverse();
            }
        }
        self.left.pop()
    }

    /// There are no more connections than these to be had.
    pub(crate) fn cap(&mut self, most: u32) {
        let most = most.max(1);
        for sizes in [&mut self.sizes, &mut self.left] {
            sizes.retain(|size| *size <= most);
        }
        if self.sizes.last() != Some(&most) {
            self.sizes.push(most);
            self.left.insert(0, most);
        }
    }

    /// Brings in sizes between the knee, as it seems to be, and the next smaller one.
    fn look_closer(&mut self, curve: &Curve) {
        let Some((below, at)) = knee::around(&curve.points()) else { return };
        for step in 1..=BETWEEN {
            let between = below + (at - below) * step / (BETWEEN + 1);
            if let (true, Err(place)) = (between > below, self.sizes.binary_search(&between)) {
                self.sizes.insert(place, between);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::size::curve::Sample;
    use crate::size::knee::{Verdict, find};

    fn sample(speed: f64) -> Sample {
        Sample { speed, p99: Duration::from_secs_f64(64.0 / speed), queries: 500 }
    }

    /// The sizes in the order in which they are tried on a server that is so fast, and what comes of it.
    fn tried(most: u32, mut speed: impl FnMut(u32) -> f64) -> (Vec<u32>, Curve) {
        let (mut sweep, mut curve, mut order) = (Sweep::new(most), Curve::default(), Vec::new());
        let bound = sweep.measurements() as usize;
        while let Some(size) = sweep.next(&curve) {
            curve.record(size, sample(speed(size)));
            order.push(size);
        }
        assert!(order.len() <= bound, "{} of {bound}", order.len());
        (order, curve)
    }

    /// Cores that scale until there are no more of them, and a little lost for each connection more (USL).
    fn server(cores: f64) -> impl FnMut(u32) -> f64 {
        move |size| {
            let n = f64::from(size);
            1000.0 * n.min(cores) / (1.0 + 0.0005 * n * (n - 1.0).max(0.0).sqrt())
        }
    }

    // P-11
    #[test]
    fn sizes_double_then_come_between_and_go_up_and_down() {
        let (order, _) = tried(64, server(10.0));
        assert_eq!(order[..7], [1, 2, 4, 8, 16, 32, 64]);
        // Down, with two between 8 and 16.
        assert_eq!(order[7..16], [64, 32, 16, 13, 10, 8, 4, 2, 1]);
        // Up, with what is between the new knee and the one below.
        assert_eq!(order[16..26], [1, 2, 4, 8, 9, 10, 13, 16, 32, 64]);
        assert_eq!(order[26..36], [64, 32, 16, 13, 10, 9, 8, 4, 2, 1]);
        assert_eq!(order.len(), 46);
    }

    // P-11
    #[test]
    fn the_bounds_are_tried_and_nothing_beyond() {
        for most in [1, 2, 3, 5, 7, 8, 100, 1_000] {
            let (order, curve) = tried(most, server(1e6));
            assert_eq!(order.iter().max(), Some(&most));
            assert_eq!(order.iter().min(), Some(&1));
            let points = curve.points();
            assert!(points.iter().all(|point| point.repeats >= knee::REPEATS), "{points:?}");
        }
    }

    // P-11
    #[test]
    fn the_knee_of_a_server_is_found_though_it_is_noisy() {
        for (cores, lowest, highest) in
            [(1.0, 1, 1), (4.0, 4, 4), (10.0, 9, 10), (23.0, 21, 26), (48.0, 42, 54)]
        {
            for seed in 1..=20_u64 {
                // Half of ±6 %, drawn.
                let (mut state, mut speed) = (seed, server(cores));
                let (_, curve) = tried(64, |size| {
                    state = state
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    let drawn = (state >> 40) as f64 / f64::from(1 << 24);
                    speed(size) * (0.97 + 0.06 * drawn)
                });
                let Verdict::Knee(knee) = find(&curve.points()) else {
                    panic!("no knee: {curve:?}")
                };
                let at = knee.at.size;
                assert!((lowest..=highest).contains(&at), "{at} of {cores} cores, seed {seed}");
            }
        }
    }

    // P-11
    #[test]
    fn what_cannot_be_had_is_not_tried_any_more() {
        let (mut sweep, curve) = (Sweep::new(64), Curve::default());
        let first: Vec<u32> = (0..5).filter_map(|_| sweep.next(&curve)).collect();
        assert_eq!(first, [1, 2, 4, 8, 16]);
        // 32 was next, and only 20 came.
        assert_eq!(sweep.next(&curve), Some(32));
        sweep.cap(20);
        let rest: Vec<u32> = std::iter::from_fn(|| sweep.next(&curve)).collect();
        assert_eq!(rest[..7], [20, 20, 16, 8, 4, 2, 1]);
        assert!(rest.iter().all(|size| *size <= 20), "{rest:?}");
    }
}
