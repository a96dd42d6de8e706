//! Sequelize's replication, here: reads in turn over the replicas, everything else to the primary, `useMaster`, the tag
//! that a connection carries, and drain and close over both. One function takes a single pool and a cluster.
//!
//! Theirs chooses a replica when a connection is *made* and pins it there; ours chooses for every acquire, so a replica
//! that is added gets its share at once and one that dies costs nobody a failed read.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::{Lend, Node, Pool, Pooled, Role};
use cenote_cluster::balance::RoundRobin;
use cenote_cluster::{Cluster, Route};
use cenote_testkit::Script;

/// Who it is, as what.
fn tag(conn: &Pooled<Script>) -> String {
    let role = Pooled::role(conn).map_or("the only one", Role::name);
    format!("{} ({role})", Pooled::node(conn).unwrap_or("a single pool"))
}

/// Written once, for one node and for many.
async fn handle_request(db: &impl Lend<Manager = Script>) -> Result<(), Box<dyn Error>> {
    let reader = db.read().await?;
    let writer = db.write().await?;
    println!("  reads from {}, writes to {}", tag(&reader), tag(&writer));
    Ok(())
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    // Each replica has an address and credentials of its own; all have the same limits unless it is said otherwise.
    let cluster = Cluster::builder(|node: &Node| {
        println!("{} connects to {}", node.key(), node.address());
        Ok(Script::new())
    })
    .name("sequelize")
    .node(Node::new("primary", "db-1:5432").role(Role::Primary))
    .node(Node::new("r1", "db-2:5432").role(Role::Replica))
    .node(Node::new("r2", "db-3:5432").role(Role::Replica))
    .balance(RoundRobin::new())
    .pool(|pool| pool.max_size(5))
    // Theirs has one `max` over all replicas.
    .max_total_of(Role::Replica, 4)
    .build_ready()
    .await?;

    for _ in 0..3 {
        println!("SELECT: {}", tag(&cluster.route(Route::for_query("SELECT", false)).await?));
    }
    println!("useMaster: {}", tag(&cluster.route(Route::for_query("SELECT", true)).await?));
    println!("INSERT: {}", tag(&cluster.route(Route::for_query("INSERT", false)).await?));
    for key in ["primary", "r1", "r2"] {
        let pool = cluster.pool(key).expect("it was added above");
        println!("{}: at most {}", pool.name(), pool.status().max);
    }

    println!("one function");
    handle_request(&cluster).await?;
    let alone = Pool::builder(Script::new()).build()?;
    handle_request(&alone).await?;

    // Over both roles, in parallel: nothing new, then everything closes; results and errors come back together.
    let held = cluster.read().await?;
    let draining = cluster.drain(Duration::from_secs(5));
    println!("while it drains: {}", cluster.read().await.unwrap_err());
    drop(held);
    println!("drained: {}", draining.await);
    println!("closed: {}", cluster.close(Duration::from_secs(5)).await);
    println!("after: {}", cluster.write().await.unwrap_err());
    Ok(())
}
