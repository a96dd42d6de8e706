//! The text that Prometheus reads.

use std::collections::{BTreeMap, BTreeSet};

use cenote::Pool;
use cenote_admin::Admin;
use cenote_cluster::Registry;
use cenote_testkit::Script;
use prom_text_format_parser::{Metric, Sample, Scrape, Type, ValueType};

use crate::common::{House, ask};

/// Reads the format with a parser that others wrote, by the format's grammar, and holds the text to what the grammar leaves
/// open. Returns the samples by their names and labels.
fn read(text: &str) -> BTreeMap<String, f64> {
    let scrape = Scrape::parse(text).unwrap_or_else(|error| panic!("{error:?} in {text}"));
    // Nothing was read past or read in another way.
    assert_eq!(scrape.to_string(), text);
    let (mut samples, mut families) = (BTreeMap::new(), BTreeSet::new());
    for Metric { kind, help_desc, name, samples: of_family } in scrape.metrics {
        assert!(help_desc.is_some() && families.insert(name.clone()), "{name} has one head");
        assert!([Type::Counter, Type::Gauge, Type::Histogram].contains(&kind), "{name}: {kind}");
        assert_eq!(kind == Type::Counter, name.ends_with("_total"), "{name}");
        for Sample { labels, value } in of_family {
            let suffix = match (kind, value.value_type) {
                (_, ValueType::Sum) => "_sum",
                (_, ValueType::Count) => "_count",
                (Type::Histogram, _) => "_bucket",
                _ => "",
            };
            let sample = format!("{name}{suffix}{labels}");
            assert!(value.timestamp.is_none(), "{sample} says when");
            let value = value.value.as_f64();
            assert!(value.is_finite() && value >= 0.0, "{sample} {value}");
            assert!(samples.insert(sample.clone(), value).is_none(), "twice: {sample}");
        }
    }
    samples
}

// P-31
#[tokio::test(start_paused = true)]
async fn the_metrics_are_well_formed_and_true() {
    let house = House::new(|builder| builder).await;
    let odd = Pool::builder(Script::new()).name("o\"d\\d\nname").build().unwrap();
    house.registry.pool(&odd);
    let odder = Pool::builder(Script::new()).name("{a=\"1\",b=\\} # é\u{202f}字 1 2").build();
    let odder = odder.unwrap();
    house.registry.pool(&odder);
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
    let odder = "pool_name=\"{a=\\\"1\\\",b=\\\\} # é\u{202f}字 1 2\"";
    assert!(samples.keys().any(|sample| sample.contains(odder)), "{}", answer.text);
    let none = format!("cenote_closes_total{{{of},reason=\"died\"}}");
    assert_eq!(samples.get(&none), Some(&0.0), "what has not happened yet is there to be compared");
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
    // With nothing to tell of it is well-formed as well.
    let admin = Admin::builder(Registry::new()).build();
    let empty = axum::http::Request::get("/metrics").body(axum::body::Body::empty()).unwrap();
    assert_eq!(read(&ask(&admin.router(), empty).await.text).len(), 2);
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
