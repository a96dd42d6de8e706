//! Retirements are spread: by a draw at birth, and by a gap between any two.

use std::time::Duration;

use crate::core::draw::Draw;
use crate::core::retire::{Lifetime, Retirements};
use crate::time::Time;

const LIFE: Lifetime = Lifetime {
    longest: Duration::from_secs(1_800),
    jitter: Duration::from_secs(450),
    gap: Duration::from_secs(45),
};

// P-17
#[test]
fn connections_born_together_do_not_die_together_and_never_late() {
    for seed in 0..200 {
        let (mut retirements, mut draw) = (Retirements::default(), Draw::new(seed));
        let mut ends: Vec<Time> =
            (0..10).map(|slot| retirements.plan(slot, Time::ZERO, LIFE, draw.unit())).collect();
        ends.sort_unstable();
        for end in &ends {
            assert!(*end <= Time::ZERO + LIFE.longest, "only ever earlier");
            assert!(*end >= Time::ZERO + LIFE.longest / 2, "but not absurdly early");
        }
        for pair in ends.windows(2) {
            assert!(pair[1].since(pair[0]) >= LIFE.gap, "seed {seed}: {ends:?}");
        }
    }
}

// P-17
// lesson 11
#[test]
fn the_draw_uses_the_whole_width_of_the_jitter() {
    let mut draw = Draw::new(1);
    let ends: Vec<Duration> = (0..2_000)
        .map(|slot| Retirements::default().plan(slot, Time::ZERO, LIFE, draw.unit()))
        .map(|end| end.since(Time::ZERO))
        .collect();
    let (least, most) = (ends.iter().min().unwrap(), ends.iter().max().unwrap());
    assert!(*least < Duration::from_secs(1_355) && *most > Duration::from_secs(1_795));
}

// P-17
#[test]
fn a_retirement_that_was_cancelled_is_not_due() {
    let mut retirements = Retirements::default();
    let at = retirements.plan(3, Time::ZERO, LIFE, 0.5);
    assert_eq!(retirements.due(at).collect::<Vec<_>>(), [3]);
    retirements.cancel(3, at);
    assert_eq!(retirements.due(Time::NEVER).count(), 0);
}

// P-17
#[test]
fn a_crowd_beyond_twice_the_jitter_ends_together_and_no_life_is_shorter_than_that() {
    let (born, second) = (Time::ZERO + Duration::from_secs(1_000), Duration::from_secs(1));
    let life = Lifetime { longest: 100 * second, jitter: 10 * second, gap: 10 * second };
    let mut retirements = Retirements::default();
    let plan = |slot| retirements.plan(slot, born, life, 0.0).since(born).as_secs();
    // Each a gap before the one that is there, down to the floor and no further.
    let ends: Vec<u64> = (0..5).map(plan).collect();
    assert_eq!(ends, [100, 90, 80, 80, 80]);
}
