//! The knee: the smallest size that is as good as the best.
//!
//! "As good" is a throughput within 5 % of the best that any size has, and a p99 that is at most twice the lowest of such
//! sizes. Repetitions of one size differ; where they differ by more than 5 %, sizes within that are
//! as good as each other too. And where sizes do not differ by more than repetitions do, there is no knee to be found.
//!
//! No model is fitted: Gunther's universal scalability law has the same shape and three parameters, but a fit to
//! a handful of noisy points puts its peak anywhere on a flat top, while this asks for nothing but the points.

use std::time::Duration;

use super::curve::{Point, middle};

/// What is within so much of the best is as good.
const AS_GOOD: f64 = 0.05;
/// How much slower the slowest hundredth may be.
const SLOWER: u32 = 2;
/// With repetitions that differ by more than so much, nothing is said.
const TOO_NOISY: f64 = 0.25;
/// A size must be tried so often before it counts.
pub(crate) const REPEATS: usize = 3;

/// What the points say.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Verdict {
    Knee(Box<Knee>),
    /// The sizes differ by no more than the repetitions do.
    Noise {
        /// By how much repetitions of one size differ.
        noise: f64,
        /// By how much the slowest size differs from the best.
        lift: f64,
    },
    /// Not one size was tried often enough.
    TooLittle,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Knee {
    pub(crate) at: Point,
    pub(crate) best: Point,
    /// The largest size that was tried.
    pub(crate) last: Point,
    /// A smaller size whose throughput is as good, and whose p99 is not.
    pub(crate) slow: Option<Point>,
    /// Throughput still rises where the sizes end.
    pub(crate) rises: bool,
    /// What counted as equal: 5 %, or by how much repetitions differ.
    pub(crate) tolerance: f64,
}

/// What the points say of the best size.
pub(crate) fn find(points: &[Point]) -> Verdict {
    let points: Vec<Point> =
        points.iter().filter(|point| point.repeats >= REPEATS).copied().collect();
    let (Some(best), Some(last)) = (best(&points), points.last().copied()) else {
        return Verdict::TooLittle;
    };
    let noise = noise(&points);
    let least = points.iter().map(|point| point.speed).fold(best.speed, f64::min);
    let lift = (best.speed - least) / best.speed;
    if noise > TOO_NOISY || noise > AS_GOOD && lift < 2.0 * noise {
        return Verdict::Noise { noise, lift };
    }
    let tolerance = noise.max(AS_GOOD);
    let good: Vec<Point> = as_good(&points, tolerance).collect();
    let quickest = good.iter().map(|point| point.p99).min().unwrap_or(Duration::ZERO);
    let is_quick = |point: &&Point| point.p99 <= quickest * SLOWER;
    let Some(at) = good.iter().find(is_quick).copied() else { return Verdict::TooLittle };
    let slow = good.first().filter(|first| first.size < at.size).copied();
    let rises = at.size == last.size && points.len() > 1;
    Verdict::Knee(Box::new(Knee { at, best, last, slow, rises, tolerance }))
}

/// Where the knee seems to be while sizes are still being tried: the smallest that is as good, and the next smaller
/// one, which is not.
pub(crate) fn around(points: &[Point]) -> Option<(u32, u32)> {
    let at = as_good(points, AS_GOOD).next()?;
    let below = points.iter().rev().find(|point| point.size < at.size)?;
    Some((below.size, at.size))
}

fn best(points: &[Point]) -> Option<Point> {
    let best = points.iter().max_by(|a, b| a.speed.total_cmp(&b.speed)).copied()?;
    (best.speed > 0.0).then_some(best)
}

fn as_good(points: &[Point], tolerance: f64) -> impl Iterator<Item = Point> {
    let enough = best(points).map_or(f64::INFINITY, |best| best.speed * (1.0 - tolerance));
    points.iter().filter(move |point| point.speed >= enough).copied()
}

/// By how much repetitions of a size differ: that of the size in the middle, so that one disturbance does not decide.
fn noise(points: &[Point]) -> f64 {
    let mut spreads: Vec<f64> = points.iter().map(|point| point.spread).collect();
    spreads.sort_by(f64::total_cmp);
    middle(&spreads).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn points(speeds: &[(u32, f64)], spread: f64) -> Vec<Point> {
        let point = |&(size, speed)| {
            // A closed loop of 64 tasks.
            let p99 = Duration::try_from_secs_f64(64.0 / speed).unwrap_or_default();
            Point { size, speed, spread, p99, repeats: 4, queries: 500 }
        };
        speeds.iter().map(point).collect()
    }

    fn knee(points: &[Point]) -> (u32, bool) {
        match find(points) {
            Verdict::Knee(knee) => (knee.at.size, knee.rises),
            other => panic!("{other:?}"),
        }
    }

    // P-11
    #[test]
    fn the_knee_is_the_smallest_size_that_is_as_good_as_the_best() {
        for (what, speeds, at, rises) in [
            ("flat", &[(1, 1000.0), (2, 1010.0), (4, 1020.0), (8, 990.0)][..], 1, false),
            (
                "flat from 4",
                &[(1, 250.0), (2, 500.0), (4, 980.0), (8, 1000.0), (16, 1010.0)],
                4,
                false,
            ),
            ("just too little", &[(1, 250.0), (4, 949.0), (8, 1000.0), (16, 990.0)], 8, false),
            ("just enough", &[(1, 250.0), (4, 951.0), (8, 1000.0), (16, 990.0)], 4, false),
            ("a peak", &[(1, 250.0), (2, 500.0), (4, 900.0), (8, 700.0), (16, 300.0)], 4, false),
            ("rising", &[(1, 100.0), (2, 200.0), (4, 400.0), (8, 800.0)], 8, true),
            ("falling", &[(1, 1000.0), (2, 900.0), (4, 500.0)], 1, false),
            ("one", &[(1, 1000.0)], 1, false),
        ] {
            assert_eq!(knee(&points(speeds, 0.01)), (at, rises), "{what}");
        }
    }

    // P-11
    #[test]
    fn what_repetitions_differ_by_counts_as_equal_and_a_curve_of_noise_has_no_knee() {
        // With ±1 % the 4 are too few, with ±10 % they are not.
        let speeds = [(1, 250.0), (2, 500.0), (4, 920.0), (8, 1000.0), (16, 1010.0)];
        assert_eq!(knee(&points(&speeds, 0.01)), (8, false));
        assert_eq!(knee(&points(&speeds, 0.10)), (4, false));
        // Twice as fast with ±30 %: that says nothing either.
        assert!(matches!(find(&points(&speeds, 0.30)), Verdict::Noise { .. }));
        // They differ by 12 %, and repetitions by ±10 %.
        let flat = [(1, 900.0), (2, 1000.0), (4, 890.0), (8, 980.0)];
        let Verdict::Noise { noise, lift } = find(&points(&flat, 0.10)) else { panic!("a knee") };
        assert!((noise - 0.10).abs() < 1e-9 && (lift - 0.11).abs() < 1e-9);
        // One size that was disturbed once does not make noise of it.
        let mut disturbed = points(&speeds, 0.01);
        disturbed[4].spread = 0.6;
        assert_eq!(knee(&disturbed), (8, false));
    }

    // P-11
    #[test]
    fn a_size_whose_slowest_hundredth_is_twice_as_slow_is_not_as_good() {
        let mut all = points(&[(1, 250.0), (2, 960.0), (4, 1000.0), (8, 1000.0)], 0.01);
        assert_eq!(knee(&all), (2, false));
        all[1].p99 *= 3;
        let Verdict::Knee(knee) = find(&all) else { panic!("a knee") };
        assert_eq!((knee.at.size, knee.slow.map(|slow| slow.size)), (4, Some(2)));
        // A quick one that does little does not count.
        all[0].p99 = Duration::from_millis(1);
        assert!(matches!(find(&all), Verdict::Knee(knee) if knee.at.size == 4));
    }

    // P-11
    #[test]
    fn what_was_not_repeated_does_not_count() {
        let mut all = points(&[(1, 250.0), (2, 500.0), (4, 2000.0)], 0.01);
        all[2].repeats = 2;
        assert_eq!(knee(&all), (2, true));
        all.iter_mut().for_each(|point| point.repeats = 1);
        assert_eq!(find(&all), Verdict::TooLittle);
        assert_eq!(find(&[]), Verdict::TooLittle);
        assert_eq!(find(&points(&[(1, 0.0), (2, 0.0)], 0.0)), Verdict::TooLittle);
    }

    // P-11
    #[test]
    fn the_next_sizes_lie_between_the_knee_and_the_one_below() {
        let speeds = [(1, 250.0), (2, 500.0), (4, 980.0), (8, 1000.0)];
        assert_eq!(around(&points(&speeds, 0.01)), Some((2, 4)));
        assert_eq!(around(&points(&speeds[2..], 0.01)), None, "there is none below");
        assert_eq!(around(&[]), None);
    }
}
