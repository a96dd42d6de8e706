//! The lecture's two ways to find new nodes without a restart: the digest of a file, compared each second, and a callback
//! of the configuration centre. An unchanged digest says nothing, which the slide forgets: it never keeps the new one.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::{Node, Pooled};
use cenote_cluster::balance::RoundRobin;
use cenote_cluster::{Cluster, ClusterBuilder, Route, discovery};
use cenote_testkit::Script;
use tokio::time::{sleep, timeout};

fn builder() -> ClusterBuilder<Script> {
    Cluster::builder(|_: &Node| Ok(Script::new())).balance(RoundRobin::new())
}

/// A node file; each node with its weight.
fn listing(nodes: &[(&str, u32)]) -> String {
    let node = |(name, weight): &(&str, u32)| {
        format!("[[nodes]]\nkey = \"{name}\"\naddress = \"{name}:8888\"\nweight = {weight}\n\n")
    };
    nodes.iter().map(node).collect()
}

/// The nodes with their weights.
fn nodes(cluster: &Cluster<Script>) -> String {
    let node = |node: &std::sync::Arc<Node>| format!("{}:{}", node.key(), node.configured_weight());
    cluster.nodes().iter().map(node).collect::<Vec<_>>().join(" ")
}

/// Waits until the cluster has these nodes and each of them serves.
async fn until(cluster: &Cluster<Script>, wanted: &str) -> Result<(), Box<dyn Error>> {
    let turned = async {
        while nodes(cluster) != wanted
            || cluster.status().nodes.iter().any(|node| node.pool.available == 0)
        {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(5), turned).await?;
    Ok(())
}

/// Who serves the next requests.
async fn turns(cluster: &Cluster<Script>, n: usize) -> Result<String, Box<dyn Error>> {
    let mut served = Vec::new();
    for _ in 0..n {
        let conn = cluster.route(Route::any()).await?;
        served.push(Pooled::node(&conn).unwrap_or_default().to_owned());
    }
    served.sort();
    Ok(served.join(" "))
}

async fn a_file() -> Result<(), Box<dyn Error>> {
    println!("1. the file's digest, each second");
    let path = std::env::temp_dir().join(format!("cenote-lecture-{}.toml", std::process::id()));
    std::fs::write(&path, listing(&[("s1", 1), ("s2", 2)]))?;
    let cluster = builder().discover(discovery::file(&path)).build_ready().await?;
    until(&cluster, "s1:1 s2:2").await?;
    println!("  loaded: {}", nodes(&cluster));
    let updates = || cluster.status().sources[0].updates;

    std::fs::write(&path, listing(&[("s1", 1), ("s2", 2)]))?;
    sleep(Duration::from_millis(2_100)).await;
    println!("  written again, two looks later: {} update in all", updates());

    std::fs::write(&path, listing(&[("s1", 1), ("s2", 2), ("s3", 5)]))?;
    until(&cluster, "s1:1 s2:2 s3:5").await?;
    println!("  s3 is added: {}, served by {}", nodes(&cluster), turns(&cluster, 3).await?);

    let made = |key: &str| cluster.pool(key).map_or(0, |pool| pool.stats().counts.connected);
    let before = made("s1");
    std::fs::write(&path, listing(&[("s1", 4), ("s2", 2), ("s3", 5)]))?;
    until(&cluster, "s1:4 s2:2 s3:5").await?;
    println!("  s1 has another weight: {}, connects {}", nodes(&cluster), made("s1") - before);

    std::fs::write(&path, "[[nodes]]\nkey = \"s1\"\n")?;
    while cluster.status().sources[0].failing.is_none() {
        sleep(Duration::from_millis(5)).await;
    }
    let status = &cluster.status().sources[0];
    let why = status.failing.as_ref().map_or("", |(_, why)| why);
    println!("  a mistake changes nothing: {}", nodes(&cluster));
    println!("  {}", why.split_once(", ").map_or(why, |(_, why)| why));
    std::fs::remove_file(&path)?;
    Ok(())
}

async fn a_callback() -> Result<(), Box<dyn Error>> {
    println!("2. a callback of the configuration centre");
    let (push, pushed) = discovery::push();
    let cluster = builder().discover(pushed).build()?;
    // What the configuration centre's client calls.
    let node_change = |name: &str| push.change([], [Node::new(name, format!("{name}:8888"))]);

    node_change("s1");
    node_change("s2");
    until(&cluster, "s1:1 s2:1").await?;
    println!("  called for s1 and s2: served by {}", turns(&cluster, 2).await?);
    node_change("s3");
    until(&cluster, "s1:1 s2:1 s3:1").await?;
    println!("  called for s3: served by {}", turns(&cluster, 3).await?);
    push.change(["s1".to_owned()], []);
    until(&cluster, "s2:1 s3:1").await?;
    println!("  s1 is gone: served by {}", turns(&cluster, 2).await?);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    a_file().await?;
    a_callback().await
}
