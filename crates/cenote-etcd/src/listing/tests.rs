//! Keys and values in, updates out.

use super::*;

/// A value with this address, and a weight.
fn at(address: &str, weight: u32) -> String {
    format!("{{\"address\": \"{address}\", \"weight\": {weight}}}")
}

fn listing(pairs: &[(&str, &str)]) -> Listing {
    let mut listing = Listing::new(b"/n/");
    for (key, value) in pairs {
        listing.put(key.as_bytes().to_vec(), value.as_bytes());
    }
    listing
}

/// What a listing says of itself: nodes as "key weight", then the remarks.
fn said(update: &Update) -> (Vec<String>, Vec<String>) {
    let node = |node: &Node| format!("{} {}", node.key(), node.configured_weight());
    let nodes = update.nodes().unwrap_or_else(|| panic!("{update:?}"));
    (nodes.iter().map(node).collect(), update.remarks().map(str::to_owned).collect())
}

// D-1
#[test]
fn keys_are_nodes_in_an_order_that_does_not_depend_on_when_they_came() {
    let (a, b, c) = (at("1", 1), at("2", 2), at("3", 3));
    let is = (vec!["a 1".to_owned(), "b 2".to_owned(), "c 3".to_owned()], vec![]);
    for order in [["/n/c", "/n/a", "/n/b"], ["/n/b", "/n/c", "/n/a"]] {
        let pairs =
            order.map(|key| (key, [&a, &b, &c][usize::from(key.as_bytes()[3] - b'a')].as_str()));
        assert_eq!(said(&listing(&pairs).all()), is);
    }
    // The value has the last word on who it is.
    let named = r#"{"key": "z", "address": "1"}"#;
    assert_eq!(said(&listing(&[("/n/a", named)]).all()).0, ["z 1"]);
}

// D-1
#[test]
fn a_change_says_what_changed_and_nothing_says_nothing() {
    let (one, two) = (at("1", 1), at("1", 2));
    let mut listing = listing(&[("/n/a", &one), ("/n/b", &one)]);
    listing.all();
    assert_eq!(listing.change(), None);
    listing.put("/n/a".into(), one.as_bytes());
    assert_eq!(listing.change(), None, "the same value once more");
    listing.put("/n/a".into(), two.as_bytes());
    let a2 = Node::new("a", "1").weight(2);
    assert_eq!(listing.change(), Some(Update::change([], [a2])));
    // What came and went in between is not told; what moved is.
    listing.put("/n/c".into(), one.as_bytes());
    listing.remove(b"/n/c");
    listing.put("/n/b".into(), br#"{"key": "d", "address": "1"}"#);
    let gone = ["b".to_owned(), "c".to_owned()];
    assert_eq!(listing.change(), Some(Update::change(gone, [Node::new("d", "1")])));
    listing.remove(b"/n/nobody");
    assert_eq!(listing.change(), None);
    listing.remove(b"/n/a");
    listing.remove(b"/n/b");
    assert_eq!(listing.change(), Some(Update::all([])), "empty, for the stabilizer to judge");
}

// D-3, S
#[test]
fn a_value_that_is_no_node_is_told_with_its_key_and_costs_no_other_anything() {
    let one = at("postgres://app:hunter2@1", 1);
    let mut listing = listing(&[("/n/a", &one), ("/n/b", &one), ("/n/c", "{}")]);
    let (nodes, remarks) = said(&listing.all());
    assert_eq!(nodes, ["a 1", "b 1"]);
    assert_eq!(
        remarks,
        ["etcd key /n/c, line 1: node \"c\" has no address: give it one; it is left out"]
    );
    for (value, why) in [
        (
            &br#"{"address": "x:hunter2", "weight": "heavy"}"#[..],
            "its weight must be a whole number",
        ),
        (b"\xff\xfe", "its value is no UTF-8 text"),
        (b"{\"address\": \"hunter2\"", "it is no JSON"),
        (b"hunter2", "it is no JSON"),
        (b"[]", "a node must be an object"),
        (b"", "it is no JSON"),
    ] {
        listing.put("/n/a".into(), value);
        let update = listing.change().unwrap();
        assert_eq!(update.nodes(), None, "a change, of nothing but what is remarked");
        let remarks: Vec<&str> = update.remarks().collect();
        assert_eq!(remarks.len(), 2, "{remarks:?}");
        assert!(remarks[0].starts_with("etcd key /n/a"), "{remarks:?}");
        assert!(
            remarks[0].contains(why) && remarks[0].ends_with("it stays as it was"),
            "{remarks:?}"
        );
        assert!(!remarks.join("").contains("hunter2"), "{remarks:?}");
        assert_eq!(said(&listing.all()).0, ["a 1", "b 1"]);
    }
    // Listed anew it stays as it was too; corrected, it is told no more.
    let mut new = Listing::new(b"/n/");
    new.put("/n/a".into(), b"?");
    new.put("/n/b".into(), one.as_bytes());
    listing.succeed(new);
    assert_eq!(said(&listing.all()).0, ["a 1", "b 1"]);
    listing.put("/n/a".into(), at("2", 5).as_bytes());
    let update = listing.change().unwrap();
    assert_eq!(
        (update.remarks().count(), said(&listing.all()).0),
        (0, vec!["a 5".into(), "b 1".into()])
    );
}

// D-3, S
#[test]
fn when_nothing_is_of_any_use_that_is_told_as_a_mistake_and_an_empty_prefix_is_not() {
    let mut bad = listing(&[("/n/a", "?"), ("/n/b", "??")]);
    let why = bad.all().error().unwrap().to_owned();
    assert!(why.starts_with("etcd key /n/a, line 1: it is no JSON"), "{why}");
    assert_eq!(listing(&[]).all(), Update::all([]));
    bad.put("/n/b".into(), at("1", 1).as_bytes());
    let update = bad.change().unwrap();
    assert_eq!((update.error(), update.remarks().count()), (None, 1));
}

// D-3
#[test]
fn of_two_keys_for_one_node_the_first_counts_whenever_it_came() {
    let b1 = r#"{"key": "n", "address": "b"}"#;
    let a1 = r#"{"key": "n", "address": "a"}"#;
    let mut listing = listing(&[("/n/b", b1)]);
    listing.all();
    listing.put("/n/a".into(), a1.as_bytes());
    let update = listing.change().unwrap();
    let twice = "etcd key /n/b: node \"n\" is listed twice: etcd key /n/a counts";
    assert_eq!(update, Update::change([], [Node::new("n", "a")]).remark(twice));
    listing.remove(b"/n/a");
    assert_eq!(listing.change(), Some(Update::change([], [Node::new("n", "b")])));
}

// S
#[test]
fn strange_keys_are_shown_in_one_line_and_many_mistakes_are_counted() {
    assert_eq!(shown(b"/n/a\nb\xff\x1b"), "etcd key /n/a?b\u{fffd}?");
    assert_eq!(shown(&[b'x'; 500]).chars().count(), "etcd key ".len() + 101);
    let mut listing = Listing::new(b"/n/");
    listing.put("/n/a".into(), at("1", 1).as_bytes());
    (0..100).for_each(|n| listing.put(format!("/n/bad-{n}").into(), b"?"));
    let (nodes, remarks) = said(&listing.all());
    assert_eq!((nodes.len(), remarks.len()), (1, 11));
    assert_eq!(remarks[10], "90 more values describe no node");
    // A key that can be no node's name wants one in its value.
    let mut listing = Listing::new(b"/n/");
    listing.put("/n/\n".into(), at("1", 1).as_bytes());
    listing.put("/n/".into(), br#"{"key": "k", "address": "1"}"#);
    assert_eq!(said(&listing.all()).0, ["k 1"]);
}

// S
#[test]
fn what_is_kept_is_counted_to_the_byte() {
    let mut listing = Listing::new(b"/n/");
    let large = vec![b'x'; LARGEST - SLOT - 3];
    listing.put("/n/".into(), &large);
    assert!(!listing.is_too_large());
    listing.put("/n/b".into(), b"");
    assert!(listing.is_too_large());
    listing.remove(b"/n/b");
    listing.put("/n/".into(), b"");
    assert_eq!((listing.size, listing.len()), (SLOT + 3, 1));
}
