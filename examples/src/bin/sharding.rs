//! Sharding: each customer's data is in one group of nodes, with a primary and a replica of its own, and a new group
//! takes its share of the customers from all others and moves nobody between them.

#![forbid(unsafe_code)]

use std::error::Error;

use cenote::{Node, Pooled, Role};
use cenote_cluster::{Cluster, Route};
use cenote_testkit::Script;

/// A primary and a replica.
fn group(name: &str) -> [Node; 2] {
    let node = |kind: &str, role| {
        let key = format!("{name}-{kind}");
        Node::new(key.clone(), key).group(name).role(role)
    };
    [node("primary", Role::Primary), node("replica", Role::Replica)]
}

fn places(cluster: &Cluster<Script>) -> Vec<String> {
    let of = |customer: u32| cluster.shard(format!("customer {customer}")).group().to_owned();
    (0..10_000).map(of).collect()
}

fn sizes(places: &[String], groups: &[&str]) -> String {
    let size = |group: &&str| places.iter().filter(|place| place == group).count();
    let sizes: Vec<String> = groups.iter().map(|g| format!("{g} {}", size(g))).collect();
    sizes.join(", ")
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let cluster = Cluster::builder(|_: &Node| Ok(Script::new()))
        .name("shop")
        .nodes(["blue", "green", "red"].into_iter().flat_map(group))
        .build_ready()
        .await?;

    for customer in ["customer 1", "customer 2", "customer 3"] {
        let shard = cluster.shard(customer);
        let (reader, writer) = (shard.read().await?, shard.write().await?);
        let of = |conn: &Pooled<Script>| Pooled::node(conn).unwrap_or_default().to_owned();
        println!("{customer}: reads from {}, writes to {}", of(&reader), of(&writer));
    }
    let serial =
        cluster.shard("customer 1").with(Route::write(), async |conn| Ok(conn.serial())).await?;
    println!("the same shard, the same connection: {serial}");

    let before = places(&cluster);
    println!("three groups: {}", sizes(&before, &["blue", "green", "red"]));
    for node in group("yellow") {
        cluster.add(node)?;
    }
    let after = places(&cluster);
    println!("four groups:  {}", sizes(&after, &["blue", "green", "red", "yellow"]));
    let moved = before.iter().zip(&after).filter(|(old, new)| old != new);
    let (all, strays) = moved
        .fold((0, 0), |(all, strays), (_, new)| (all + 1, strays + usize::from(new != "yellow")));
    println!(
        "moved: {all} of 10000, to old groups: {strays}; at most 1.2 / 4 of them: {}",
        all <= 3_000
    );

    // A rule of one's own.
    let vip = cluster.group("blue").write().await?;
    println!("by a rule of one's own: {}", Pooled::node(&vip).unwrap_or_default());
    Ok(())
}
