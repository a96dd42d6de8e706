//! The machine as a table: what happens when, and where the node stands after it.

use super::*;

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

fn rules() -> HealthRules {
    HealthRules { jitter: false, ..HealthRules::default() }
}

/// A node that was connected to at 0.
fn online(rules: HealthRules) -> Health {
    let mut health = Health::new(rules, at(0));
    health.connected(at(0));
    health
}

impl Health {
    fn fails(&mut self, times: u32, now: Time) {
        for _ in 0..times {
            self.failed(self.term(), 0, 1.0, now);
        }
    }
}

// C-6
#[test]
fn five_failures_in_a_row_eject_and_a_success_in_between_does_not() {
    let mut health = online(rules());
    assert_eq!(health.condition(), Condition::Online);
    health.fails(4, at(1));
    assert_eq!(health.condition(), Condition::Suspect);
    // Four more, but something succeeded before them.
    health.failed(health.term(), 3, 1.0, at(2));
    health.fails(3, at(2));
    assert_eq!(health.condition(), Condition::Suspect);
    health.fails(1, at(3));
    assert_eq!(health.condition(), Condition::Ejected);
}

// C-6
#[test]
fn a_low_success_rate_ejects_once_there_are_samples_enough() {
    let mut health = online(HealthRules { consecutive: 0, ..rules() });
    for n in 0..6 {
        assert!(!health.failed(health.term(), 0, 1.0, at(n)));
        assert!(!health.failed(health.term(), 1, 1.0, at(n)));
    }
    assert_eq!(
        health.condition(),
        Condition::Suspect,
        "one in three is too little, but 18 are too few"
    );
    health.failed(health.term(), 0, 1.0, at(6));
    assert!(health.failed(health.term(), 1, 1.0, at(6)));
}

// C-6
#[test]
fn a_third_that_fails_is_not_too_much_and_half_of_it_is() {
    let mut health = online(HealthRules { consecutive: 0, ..rules() });
    for n in 0..100 {
        assert!(!health.failed(health.term(), 2, 1.0, at(10 * n)));
    }
    // 200 of 300 were good; now nothing is.
    let out = (0..200).position(|n| health.failed(health.term(), 0, 1.0, at(1_000 + 10 * n)));
    assert_eq!(out, Some(100));
}

// C-6
#[test]
fn each_time_out_is_twice_as_long_up_to_the_longest() {
    let mut health = online(HealthRules { hold_max: Duration::from_secs(15), ..rules() });
    health.fails(5, at(0));
    let mut now = at(0);
    for hold in [5, 10, 15, 15] {
        assert_eq!(health.condition(), Condition::Ejected);
        assert_eq!(health.due(now), now + Duration::from_secs(hold));
        assert_eq!(health.hold_left(now), Duration::from_secs(hold));
        now = health.due(now);
        health.tick(now - Duration::from_millis(1));
        assert_eq!(health.condition(), Condition::Ejected);
        health.tick(now);
        assert_eq!(health.condition(), Condition::HalfOpen);
        assert_eq!(health.hold_left(now), Duration::ZERO, "one may try it");
        assert!(health.take_probe());
        health.fails(1, now);
    }
}

// C-6
#[test]
fn the_time_out_is_drawn_between_half_and_all_of_it() {
    for (draw, ms) in [(0.0, 2_500), (0.5, 3_750), (1.0, 5_000)] {
        let mut health = online(HealthRules::default());
        for _ in 0..5 {
            health.failed(health.term(), 0, draw, at(0));
        }
        assert_eq!(health.due(at(0)), at(ms));
    }
}

// C-6
#[test]
fn a_good_time_as_long_as_the_last_one_out_is_forgiven() {
    let mut health = online(HealthRules { slow_start: Duration::ZERO, ..rules() });
    health.fails(5, at(0));
    health.tick(at(5_000));
    health.take_probe();
    health.proved(health.term(), at(5_000));
    health.fails(5, at(5_000 + 4_999));
    assert_eq!(health.due(at(9_999)), at(9_999 + 10_000), "too soon");
    health.tick(at(19_999));
    health.take_probe();
    health.proved(health.term(), at(19_999));
    health.fails(5, at(30_000));
    assert_eq!(health.due(at(30_000)), at(35_000));
}

// C-6
#[test]
fn half_open_lets_one_in_and_its_answer_decides() {
    let mut health = online(rules());
    health.fails(5, at(0));
    assert!(!health.take_probe(), "not before the time is over");
    health.tick(at(5_000));
    assert!(health.take_probe());
    assert!(!health.take_probe(), "one, not two");
    let term = health.term();
    assert!(health.unproved(term), "it ended without an answer: the next may try");
    assert!(health.take_probe());
    assert!(!health.proved(term, at(5_001)), "the first one's term is over");
    assert!(health.proved(health.term(), at(5_001)));
    assert_eq!(health.condition(), Condition::SlowStart);
}

// C-6
#[test]
fn late_failures_of_an_outage_do_not_hurt_who_came_back() {
    let mut health = online(rules());
    let old = health.term();
    health.fails(5, at(0));
    health.tick(at(5_000));
    health.take_probe();
    health.proved(health.term(), at(5_000));
    for _ in 0..100 {
        assert!(!health.failed(old, 0, 1.0, at(5_001)));
    }
    assert_eq!(health.condition(), Condition::SlowStart);
}

// C-6
#[test]
fn a_slow_start_grows_from_a_tenth_to_all_in_ten_steps() {
    let mut health = online(rules());
    health.cut_off();
    health.connected(at(0));
    let shares: Vec<_> = (0..=10)
        .map(|n| {
            health.tick(at(n * 1_000));
            (health.share(at(n * 1_000)) * 100.0).round() as u32
        })
        .collect();
    assert_eq!(shares, [10, 19, 28, 37, 46, 55, 64, 73, 82, 91, 100]);
    assert_eq!((health.condition(), health.due(at(10_000))), (Condition::Online, Time::NEVER));
}

// C-6, C-10
#[test]
fn without_a_connection_and_with_failing_connects_it_is_unreachable() {
    let mut health = online(HealthRules { connect_failures: 2, ..rules() });
    assert!(!health.cut_off());
    assert_eq!(health.condition(), Condition::Online);
    assert!(health.cut_off());
    assert_eq!(health.condition(), Condition::Unreachable);
    assert!(!health.cut_off(), "told once");
    assert!(health.connected(at(1)));
    assert_eq!(health.condition(), Condition::SlowStart);
    // A connect in between counts from the start again.
    assert!(!health.cut_off());
    health.connected(at(2));
    assert!(!health.cut_off());
}

// C-6
#[test]
fn anybodys_success_proves_one_that_serves_despite_its_errors_and_no_other() {
    for kept in [true, false] {
        let mut health = online(rules());
        health.fails(5, at(0));
        health.keep(kept);
        assert!(!health.is_attentive(), "its time is not over");
        health.tick(at(5_000));
        // Of one that serves nobody, only the monitor has connections: what comes of them shows nothing.
        assert_eq!(health.is_attentive(), kept);
        assert!(health.wants_probe());
        // One that was let in counts for both. Who served all the time starts no more slowly than it went on.
        assert!(kept || health.take_probe());
        assert!(health.is_attentive());
        assert!(health.proved(health.term(), at(5_001)));
        let well = if kept { Condition::Online } else { Condition::SlowStart };
        assert_eq!(health.condition(), well);
    }
}

// C-6, C-10
#[test]
fn a_node_that_is_cut_off_while_one_request_tries_it_is_tried_again_when_it_can_be_connected_to() {
    let mut health = online(rules());
    health.fails(5, at(0));
    health.tick(at(5_000));
    assert!(health.take_probe());
    let tries = health.term();
    assert!(health.cut_off());
    assert!(!health.unproved(tries), "it has nothing to say any more");
    assert!(health.connected(at(6_000)));
    assert_eq!(health.condition(), Condition::HalfOpen);
    assert!(health.take_probe(), "else nobody would ever be let in again");
    assert!(health.proved(health.term(), at(6_001)));
    assert_eq!(health.condition(), Condition::SlowStart);
}

// C-6
#[test]
fn refused_connects_beside_a_connection_that_works_never_add_up_to_a_dead_node() {
    let mut health = online(rules());
    for _ in 0..10 {
        assert!(!health.refused(1), "something worked since the last one");
    }
    assert_eq!(health.condition(), Condition::Online);
    assert!(health.refused(0), "nothing has");
    assert_eq!(health.condition(), Condition::Unreachable);
    assert!(!health.refused(0), "told once");
}

// C-6
#[test]
fn a_rest_that_the_score_asks_for_ends_by_itself() {
    let mut health = online(rules());
    health.rest(Duration::from_secs(1), false, at(0));
    assert_eq!((health.condition(), health.due(at(0))), (Condition::Ejected, at(1_000)));
    health.tick(at(1_000));
    assert_eq!(health.condition(), Condition::Online);
    health.rest(Duration::from_secs(60), true, at(1_000));
    health.tick(at(61_000));
    assert_eq!(health.condition(), Condition::HalfOpen);
}

// C-6
#[test]
fn pool_clusters_rules_are_a_count_and_a_fixed_time() {
    let mut health = online(HealthRules::pool_cluster(2, Duration::from_millis(100)));
    for round in 0..5 {
        let now = at(round * 100);
        health.fails(2, now);
        assert_eq!(health.due(now), now + Duration::from_millis(100));
        health.tick(at((round + 1) * 100));
        assert!(health.take_probe());
        assert!(health.proved(health.term(), at((round + 1) * 100)));
        assert_eq!(health.condition(), Condition::Online);
    }
}
