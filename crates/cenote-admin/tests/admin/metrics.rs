//! The text that Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};

use cenote::Pool;
use cenote_testkit::Script;

use crate::common::House;

/// Reads the format by its grammar: families with one head each, samples of that family, labels between quotes. Returns
/// the samples.
fn read(text: &str) -> BTreeMap<String, f64> {
    let mut samples = BTreeMap::new();
    let (mut families, mut family, mut kind) = (BTreeSet::new(), "", "");
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, words) = help.split_once(' ').expect("a name and a sentence");
            assert!(!words.is_empty() && families.insert(name), "{line}");
            let (named, of) =
                lines.next().unwrap().strip_prefix("# TYPE ").unwrap().split_once(' ').unwrap();
            assert_eq!(named, name);
            assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
            (family, kind) = (name, of);
            assert_eq!(of == "counter", name.ends_with("_total"), "{name}");
            continue;
        }
        let (sample, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
        let name = sample.split('{').next().unwrap();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(legal), "{name}");
        let suffix = name.strip_prefix(family).unwrap_or_else(|| panic!("{name} in {family}"));
        let suffixes: &[&str] =
            if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
        assert!(suffixes.contains(&suffix), "{name} in {family}");
        labels(&sample[name.len()..]);
        let value: f64 = value.parse().unwrap();
        assert!(value.is_finite() && value >= 0.0, "{line}");
        assert!(samples.insert(sample.to_owned(), value).is_none(), "twice: {sample}");
    }
    samples
}

/// `{name="value",…}`: in a value only quotes, backslashes and line feeds are escaped.
fn labels(text: &str) {
    let Some(inside) = text.strip_prefix('{') else { return assert_eq!(text, "") };
    let mut rest = inside.strip_suffix('}').expect("it ends");
    loop {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'), "{name}");
        let mut chars = value.char_indices();
        let end = loop {
            match chars.next().expect("the value ends") {
                (at, '"') => break at,
                (_, '\\') => assert!(matches!(chars.next(), Some((_, '\\' | '"' | 'n')))),
                _ => {}
            }
        };
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return assert_eq!(rest, ""),
        }
    }
}

// P-31
#[tokio::test(start_paused = true)]
async fn the_metrics_are_well_formed_and_true() {
    let house = House::new(|builder| builder).await;
    let odd = Pool::builder(Script::new()).name("o\"d\\d\nname").build().unwrap();
    house.registry.pool(&odd);
    let held = house.pool.acquire().await.unwrap();
    drop(house.pool.acquire().await.unwrap());
    drop(house.shop.read().await.unwrap());
    house.shop.eject("b").unwrap();
    let answer = house.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let samples = read(&answer.text);
    let of = "db_client_connection_pool_name=\"orders\"";
    for (sample, value) in [
        (format!("db_client_connection_count{{{of},db_client_connection_state=\"used\"}}"), 1.0),
        (format!("db_client_connection_count{{{of},db_client_connection_state=\"idle\"}}"), 1.0),
        (format!("db_client_connection_max{{{of}}}"), 4.0),
        (format!("cenote_acquires_total{{{of},outcome=\"ok\"}}"), 2.0),
        (format!("db_client_connection_wait_time_count{{{of}}}"), 2.0),
        (format!("db_client_connection_wait_time_bucket{{{of},le=\"+Inf\"}}"), 2.0),
        (format!("cenote_pool_state{{{of},state=\"running\"}}"), 1.0),
        ("cenote_cluster_node_serves{cluster=\"shop\",node=\"a\"}".to_owned(), 1.0),
        ("cenote_cluster_node_serves{cluster=\"shop\",node=\"b\"}".to_owned(), 0.0),
        ("cenote_cluster_node_by_hand{cluster=\"shop\",node=\"b\"}".to_owned(), 1.0),
    ] {
        assert_eq!(samples.get(&sample), Some(&value), "{sample}\n{}", answer.text);
    }
    assert!(answer.text.contains("pool_name=\"o\\\"d\\\\d\u{fffd}name\""));
    // Buckets only grow, and the last is all.
    let buckets = |line: &&str| {
        line.starts_with("db_client_connection_wait_time_bucket") && line.contains(of)
    };
    let counts: Vec<f64> = answer
        .text
        .lines()
        .filter(buckets)
        .map(|l| l.rsplit_once(' ').unwrap().1.parse().unwrap())
        .collect();
    assert!(counts.len() > 10 && counts.windows(2).all(|pair| pair[0] <= pair[1]), "{counts:?}");
    drop(held);
}

/// The names that the guide lists for the feature `metrics`, which a recorder writes with underscores.
// P-31
#[tokio::test(start_paused = true)]
async fn its_names_are_those_of_the_feature_metrics() {
    let house = House::new(|builder| builder).await;
    let text = house.get("/metrics").await.text;
    let guide = include_str!("../../../../book/src/observing.md");
    let mut found = 0;
    for line in guide.lines().filter(|line| line.starts_with("| `")) {
        let kind = line.split('|').nth(2).unwrap().trim();
        let names = line.split('|').nth(1).unwrap().split(", ");
        for name in names.filter_map(|name| name.split('`').nth(1)) {
            if !name.starts_with("db.client.connection.") && !name.starts_with("cenote.") {
                continue;
            }
            let suffix = if kind.starts_with("counter") { "_total" } else { "" };
            let name = name.replace('.', "_") + suffix;
            assert!(text.contains(&format!("# TYPE {name} ")), "{name} of \"{line}\"");
            found += 1;
        }
    }
    assert!(found >= 15, "{found}");
}
