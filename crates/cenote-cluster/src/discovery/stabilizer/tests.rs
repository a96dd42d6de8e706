//! The stabilizer as tables.

use std::collections::BTreeSet;
use std::time::Duration;

use cenote::{Node, Time};

use super::*;

fn at(ms: u64) -> Time {
    Time::ZERO + Duration::from_millis(ms)
}

/// One letter for each node, its number its weight if it has one: "a b c3".
fn nodes(text: &str) -> Vec<Node> {
    let node = |word: &str| {
        let (key, weight) = word.split_at(1);
        Node::new(key, key).weight(weight.parse().unwrap_or(1))
    };
    text.split_whitespace().map(node).collect()
}

fn all(text: &str) -> Update {
    Update::all(nodes(text))
}

/// What was decided, in a line: "+a ~b3 -c: what was told".
fn line(decision: &Decision) -> String {
    let order = |order: &Order| match order {
        Order::Add(node) => format!("+{}", node.key()),
        Order::Change(node) => format!("~{}{}", node.key(), node.configured_weight()),
        Order::Remove(key) => format!("-{key}"),
    };
    let orders: Vec<String> = decision.orders.iter().map(order).collect();
    let note = |note: &Note| match note {
        Note::Failed(why) => format!("failed: {why}"),
        Note::Back => "back".to_owned(),
        Note::Empty(kept) => format!("empty, {kept} kept"),
        Note::Held { held, of, .. } => format!("{held} of {of} held"),
        Note::Refused { node, why } => format!("{node} refused: {why}"),
        Note::Remark(remark) => remark.to_string(),
    };
    let notes: Vec<String> = decision.notes.iter().map(note).collect();
    match notes.is_empty() {
        true => orders.join(" "),
        false => format!("{}| {}", orders.join(" "), notes.join("; "))
            .replace("|", " |")
            .trim()
            .to_owned(),
    }
}

/// Runs a table: at which second, what the source says ("" is a look), who works, what follows.
#[track_caller]
fn table(rules: SafetyRules, rows: &[(u64, &str, &str, &str)]) {
    let mut machine = Stabilizer::new(rules);
    for (row, (second, says, works, follows)) in rows.iter().enumerate() {
        let now = at(second * 1_000);
        let passes = |key: &str| works.contains(key);
        let decision = match says.split_once(' ') {
            None if *says == "look" => machine.look(now, passes),
            None => machine.hear(Update::failed(*says), now, passes),
            Some(("list", rest)) => machine.hear(all(rest), now, passes),
            Some(("change", rest)) => {
                let (gone, there) = rest.split_once('/').unwrap();
                let gone = gone.split_whitespace().map(str::to_owned);
                machine.hear(Update::change(gone, nodes(there)), now, passes)
            }
            Some(_) => unreachable!("the table says list, change, look or why it failed"),
        };
        assert_eq!(line(&decision), *follows, "row {row}, at {second} s: {says}");
    }
}

// D-2
#[test]
fn what_the_source_lists_is_there_at_once_and_nothing_is_done_twice() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c", "", "+a +b +c"),
            (1, "list a b c", "abc", ""),
            (2, "list a b3 c d", "abc", "~b3 +d"),
            (3, "list b3 c d", "abc", "-a"),
            (4, "change c/d2 e", "bcd", "~d2 +e -c"),
            (5, "change e/e", "bd", ""),
            (6, "list b3 d2 e", "bd", ""),
        ],
    );
}

// D-3
#[test]
fn a_source_that_fails_or_lists_nothing_changes_nothing() {
    table(
        SafetyRules::default(),
        &[
            (0, "unreachable", "", "| failed: unreachable"),
            (1, "list a b c", "", "+a +b +c | back"),
            (2, "unreachable", "", "| failed: unreachable"),
            (3, "unreachable", "", ""),
            (4, "garbage", "", "| failed: garbage"),
            (900, "look", "", ""),
            (901, "list a b c", "abc", "| back"),
            (902, "list ", "abc", "| empty, 3 kept"),
            (903, "list ", "", ""),
            (1800, "look", "", ""),
            (1801, "list a b c", "", "| back"),
            (1802, "list ", "", "| empty, 3 kept"),
        ],
    );
}

// D-3
#[test]
fn an_empty_list_counts_where_it_is_allowed_and_holds_as_any_other() {
    table(
        SafetyRules::default().allow_empty(),
        &[
            (0, "list a", "", "+a"),
            (1, "list ", "a", "-a"),
            (20, "list a b", "", "+a +b"),
            (21, "list ", "a", "-b | 1 of 2 held"),
            (51, "look", "a", "-a"),
        ],
    );
}

// D-3
#[test]
fn when_more_than_half_go_at_once_those_that_work_stay_for_the_grace_time() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c d", "", "+a +b +c +d"),
            // Half of them is not more than half.
            (60, "list a b", "abcd", "-c -d"),
            (120, "list a b c d e", "ab", "+c +d +e"),
            // d does not work, so nothing is lost with it.
            (180, "list a b", "abce", "-d | 2 of 5 held"),
            (181, "look", "abce", ""),
            // c fails meanwhile.
            (182, "look", "abe", "-c"),
            (200, "list a b", "abe", ""),
            (209, "look", "abe", ""),
            (210, "look", "abe", "-e"),
        ],
    );
}

// D-3
#[test]
fn one_of_one_may_go_and_two_of_two_are_held() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a", "", "+a"),
            (60, "list b", "a", "+b -a"),
            (120, "list b c", "b", "+c"),
            // All are exchanged: first the new ones come, and the old ones stay until they had time to.
            (180, "list d e", "bc", "+d +e | 2 of 2 held"),
            (210, "look", "bcde", "-b -c"),
        ],
    );
}

// D-3
#[test]
fn a_node_that_is_listed_again_is_held_no_longer() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c", "", "+a +b +c"),
            (60, "list a", "abc", "| 2 of 3 held"),
            (70, "list a b2", "abc", "~b2"),
            (90, "look", "abc", "-c"),
            (120, "look", "abc", ""),
        ],
    );
}

// D-3
#[test]
fn what_goes_piece_by_piece_within_ten_seconds_goes_at_once() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c d", "", "+a +b +c +d"),
            (60, "change a/", "abcd", "-a"),
            (62, "change b/", "bcd", "-b"),
            (64, "change c/", "cd", "| 1 of 4 held"),
            (66, "change d/", "cd", "| empty, 2 kept"),
            (94, "look", "cd", ""),
        ],
    );
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c d", "", "+a +b +c +d"),
            (60, "change a/", "abcd", "-a"),
            (70, "change b/", "bcd", "-b"),
            (80, "change c/", "cd", "-c"),
        ],
    );
    // Who has come back has not gone.
    table(
        SafetyRules::default(),
        &[
            (0, "list a b c d", "", "+a +b +c +d"),
            (60, "change a/", "abcd", "-a"),
            (61, "change b/a", "bcd", "+a -b"),
            (62, "change c/b", "abcd", "+b -c"),
        ],
    );
    table(
        SafetyRules::default().together(Duration::ZERO),
        &[
            (0, "list a b c d", "", "+a +b +c +d"),
            (60, "change a/", "abcd", "-a"),
            (60, "change b/", "bcd", "-b"),
            (60, "change c/", "cd", "-c"),
        ],
    );
}

// D-3
#[test]
fn while_the_source_is_not_to_be_trusted_nobody_goes_and_then_all_have_a_whole_grace_time() {
    for (fails, told) in [("gone", "| failed: gone"), ("list ", "| empty, 4 kept")] {
        table(
            SafetyRules::default(),
            &[
                (0, "list a b c d", "", "+a +b +c +d"),
                (60, "list a", "abcd", "| 3 of 4 held"),
                (80, fails, "abcd", told),
                (95, "look", "", ""),
                (100, "list a", "abcd", "| back"),
                (129, "look", "abcd", ""),
                (130, "look", "abcd", "-b -c -d"),
            ],
        );
    }
}

// D-3
#[test]
fn grace_can_be_switched_off() {
    table(
        SafetyRules::default().grace(Duration::ZERO),
        &[(0, "list a b c", "", "+a +b +c"), (60, "list a", "abc", "-b -c")],
    );
}

// D-3, S
#[test]
fn a_node_that_is_listed_twice_is_there_once_and_one_without_a_key_not_at_all() {
    table(
        SafetyRules::default(),
        &[
            (0, "list a b a5", "", "+a +b | node \"a\" is listed twice: the first entry counts"),
            (1, "list a b a5", "", ""),
            (2, "list a b", "", ""),
            (3, "change /b2 b3", "", "~b3"),
        ],
    );
    let mut machine = Stabilizer::new(SafetyRules::default());
    let decision = machine.hear(Update::all([Node::new("", "x")]), at(0), |_| true);
    assert_eq!(line(&decision), "| a node without a key is left out: give it one; empty, 0 kept");
}

// D-3
#[test]
fn what_cannot_be_used_is_told_once_and_tried_again_when_the_source_speaks() {
    let mut machine = Stabilizer::new(SafetyRules::default());
    let works = |_: &str| true;
    machine.hear(all("a b"), at(0), works);
    machine.accepted("b");
    let note = machine.refused("a", "its address is empty", None);
    assert_eq!(note.unwrap().to_string(), "node \"a\" cannot be used: its address is empty");
    assert_eq!(machine.members(), BTreeSet::from(["b"]));
    assert_eq!(line(&machine.hear(all("a b"), at(1), works)), "+a");
    assert_eq!(machine.refused("a", "its address is empty", None), None);
    assert!(machine.status("it".into(), at(1)).reasons()[0].contains("its address is empty"));
    // A change that cannot be made leaves what was there.
    assert_eq!(line(&machine.hear(all("a b2"), at(2), works)), "+a ~b2");
    machine.accepted("a");
    machine.refused("b", "no", Some(Node::new("b", "b"))).unwrap();
    assert_eq!(line(&machine.hear(all("a b2"), at(3), works)), "~b2");
    machine.accepted("b");
    assert!(machine.status("it".into(), at(3)).is_followed());
    // Nor is who is wanted as it is again.
    machine.hear(all("a b3"), at(4), works);
    machine.refused("b", "no", Some(Node::new("b", "b").weight(2))).unwrap();
    assert!(!machine.status("it".into(), at(4)).is_followed());
    machine.hear(all("a b2"), at(4), works);
    assert!(machine.status("it".into(), at(4)).is_followed());
    // Whoever is listed no longer is not refused any more.
    machine.hear(all("a b2 c"), at(4), works);
    machine.refused("c", "no", None).unwrap();
    machine.hear(all("a b2"), at(5), works);
    assert!(machine.status("it".into(), at(5)).is_followed());
}

// D-3
#[test]
fn time_is_asked_for_only_while_somebody_is_held() {
    let mut machine = Stabilizer::new(SafetyRules::default());
    machine.hear(all("a b c"), at(0), |_| true);
    assert_eq!(machine.due(), Time::NEVER);
    machine.hear(all("a"), at(60_000), |_| true);
    assert_eq!(machine.due(), at(61_000));
    machine.look(at(89_500), |_| true);
    assert_eq!(machine.due(), at(90_000));
    machine.hear(Update::failed("gone"), at(89_600), |_| true);
    assert_eq!(machine.due(), Time::NEVER);
    machine.hear(all("a"), at(90_000), |_| true);
    machine.look(at(120_000), |_| true);
    assert_eq!(machine.due(), Time::NEVER);
    assert_eq!(machine.members(), BTreeSet::from(["a"]));
}
