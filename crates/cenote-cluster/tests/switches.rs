//! Every policy switched off alone, in the trouble that it is there for: what it does is seen by its absence. The whole
//! table is printed by `examples/policies.rs`.

mod common;
mod model;

use model::{SWITCHES, Seen, TROUBLES, suffer};

fn without(policy: &str, trouble: &str) -> Seen {
    let switch = SWITCHES.iter().find(|switch| switch.name == policy).expect("a policy's name");
    let trouble = TROUBLES.iter().find(|known| known.name == trouble).expect("a trouble's name");
    suffer(switch, trouble)
}

// C-6, C-7
#[test]
fn without_ejection_one_that_fails_at_once_fails_many() {
    let (with, off) =
        (without("nothing", "one fails at once"), without("ejection", "one fails at once"));
    assert!(with.failed < 0.01, "{with:?}");
    assert!(off.failed > 0.1, "{off:?}");
}

// C-3
#[test]
fn without_load_in_the_choice_one_slow_node_slows_many() {
    let (with, off) = (
        without("nothing", "one is 10 times as slow"),
        without("load in the choice", "one is 10 times as slow"),
    );
    assert!(off.failed > 3.0 * with.failed && off.failed > 0.02, "{with:?} {off:?}");
}

// C-9
#[test]
fn without_waiting_an_outage_of_all_fails_more_and_without_fail_fast_a_crash_does() {
    let with = without("nothing", "all crash");
    let off = without("waiting when all are down", "all crash");
    assert!(off.failed >= with.failed, "{with:?} {off:?}");
    let with = without("nothing", "one crashes");
    let off = without("fail fast of a node's pool", "one crashes");
    assert!(with.failed <= 0.01 && off.failed >= with.failed, "{with:?} {off:?}");
}

// P-13
#[test]
fn without_ramp_and_back_off_a_server_that_is_down_is_stormed() {
    let with = without("nothing", "all crash");
    let off = without("ramp and back-off of connects", "all crash");
    assert!(with.dials <= 40, "{with:?}");
    assert!(off.dials > 5 * with.dials, "{with:?} {off:?}");
}

// C-6
#[test]
fn without_the_bound_of_one_half_errors_of_all_take_all_out() {
    let with = without("nothing", "all fail six in ten");
    let off = without("at most half", "all fail six in ten");
    assert!(off.failed > with.failed * 1.1, "{with:?} {off:?}");
}
