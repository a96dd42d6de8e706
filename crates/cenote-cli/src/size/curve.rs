//! What was measured: for each size how fast it was and how slow the slowest hundredth, each time that it was tried.

use std::collections::BTreeMap;
use std::time::Duration;

/// One measurement of one size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Sample {
    /// Queries in a second.
    pub(crate) speed: f64,
    /// Of the whole request, its wait for a connection included.
    pub(crate) p99: Duration,
    /// How many it was made of.
    pub(crate) queries: u64,
}

/// All measurements, by size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Curve(BTreeMap<u32, Vec<Sample>>);

/// All measurements of one size, in short.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) size: u32,
    /// The median.
    pub(crate) speed: f64,
    /// Half of what lies between the slowest and the fastest, as a share of the median; of four or more without the one
    /// that is farthest away from the rest, so that one disturbance does not count.
    pub(crate) spread: f64,
    /// The median.
    pub(crate) p99: Duration,
    /// How often it was tried.
    pub(crate) repeats: usize,
    /// The median number of queries in one measurement.
    pub(crate) queries: u64,
}

impl Point {
    /// How long a connection is held for one query, if all of them always are: Little's law.
    pub(crate) fn held(&self) -> Duration {
        Duration::try_from_secs_f64(f64::from(self.size) / self.speed).unwrap_or(Duration::ZERO)
    }
}

impl Curve {
    pub(crate) fn record(&mut self, size: u32, sample: Sample) {
        self.0.entry(size).or_default().push(sample);
    }

    /// From the smallest size to the largest.
    pub(crate) fn points(&self) -> Vec<Point> {
        self.0.iter().filter_map(|(size, samples)| point(*size, samples)).collect()
    }
}

fn point(size: u32, samples: &[Sample]) -> Option<Point> {
    let mut speeds: Vec<f64> = samples.iter().map(|sample| sample.speed).collect();
    speeds.sort_by(f64::total_cmp);
    let speed = middle(&speeds)?;
    if let [low, _, _, .., high] = speeds[..] {
        if speed - low > high - speed {
            speeds.remove(0);
        } else {
            speeds.pop();
        }
    }
    let (low, high) = (speeds.first()?, speeds.last()?);
    let mut p99s: Vec<Duration> = samples.iter().map(|sample| sample.p99).collect();
    p99s.sort_unstable();
    let mut queries: Vec<u64> = samples.iter().map(|sample| sample.queries).collect();
    queries.sort_unstable();
    Some(Point {
        size,
        speed,
        spread: if speed > 0.0 { (high - low) / 2.0 / speed } else { 0.0 },
        p99: *p99s.get(p99s.len() / 2)?,
        repeats: samples.len(),
        queries: *queries.get(queries.len() / 2)?,
    })
}

/// The median of sorted values; of an even number the mean of the two in the middle.
pub(crate) fn middle(sorted: &[f64]) -> Option<f64> {
    let half = sorted.len() / 2;
    let above = *sorted.get(half)?;
    Some(if sorted.len().is_multiple_of(2) { (sorted[half - 1] + above) / 2.0 } else { above })
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-27
    #[test]
    fn a_point_is_the_middle_of_its_samples_and_what_lies_around_it() {
        let mut curve = Curve::default();
        assert_eq!(curve.points(), []);
        for (speed, millis) in [(110.0, 3), (100.0, 9), (80.0, 1)] {
            curve.record(4, Sample { speed, p99: Duration::from_millis(millis), queries: 50 });
        }
        let point = curve.points()[0];
        assert_eq!((point.size, point.repeats, point.queries), (4, 3, 50));
        assert_eq!((point.speed, point.p99), (100.0, Duration::from_millis(3)));
        assert!((point.spread - 0.15).abs() < 1e-9);
        assert_eq!(point.held(), Duration::from_millis(40));
        assert_eq!(middle(&[1.0, 3.0]), Some(2.0));
        // One far away moves the middle, and no more.
        curve.record(4, Sample { speed: 10.0, p99: Duration::ZERO, queries: 50 });
        let point = curve.points()[0];
        assert_eq!(point.speed, 90.0);
        assert!((point.spread - 15.0 / 90.0).abs() < 1e-9, "{point:?}");
        // Nothing was finished: no panic.
        curve.record(8, Sample { speed: 0.0, p99: Duration::ZERO, queries: 0 });
        assert_eq!(curve.points()[1].held(), Duration::ZERO);
    }
}
