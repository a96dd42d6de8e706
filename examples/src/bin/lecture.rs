//! The lecture on connection pools between layers, step by step: Init, Get and Free; a probe that fails, a reconnect, a
//! replacement, a node that is down; the sixteen intervals of static weights; dynamic weights; and overload of one
//! node, which moves load, and of all, which sheds it.

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::{Fault, Node, Pooled, TestOnAcquire};
use cenote_cluster::balance::{Balance, DynamicWeight, Pick, Seat, StaticWeight};
use cenote_cluster::{Cluster, HealthRules, Route};
use cenote_testkit::{Script, Step};
use tokio::time::sleep;

type Servers = Vec<(&'static str, Script)>;

fn servers(names: &[&'static str]) -> Servers {
    names.iter().map(|name| (*name, Script::new())).collect()
}

/// Makes the driver of a node: its address is the name of a server.
fn driver(
    servers: &Servers,
) -> impl Fn(&Node) -> Result<Script, cenote_testkit::ScriptError> + Send + Sync + use<> {
    let servers = servers.clone();
    move |node| {
        let server = servers.iter().find(|(name, _)| *name == node.address());
        Ok(server.map(|(_, script)| script.clone()).unwrap_or_default())
    }
}

/// How often each server was chosen in so many requests, as percent.
async fn shares(cluster: &Cluster<Script>, requests: u32) -> Result<String, Box<dyn Error>> {
    let mut counts = [0_u32; 3];
    for _ in 0..requests {
        let conn = cluster.read().await?;
        let name = Pooled::node(&conn).unwrap_or_default();
        counts[usize::from(name.as_bytes()[1] - b'1')] += 1;
    }
    let percent =
        counts.map(|count| format!("{:.0}", f64::from(count) * 100.0 / f64::from(requests)));
    Ok(percent.join(" : "))
}

async fn init_get_free() -> Result<(), Box<dyn Error>> {
    println!("Init, GetConnection, FreeConnection");
    let three = servers(&["s1", "s2", "s3"]);
    let cluster = Cluster::builder(driver(&three))
        .nodes(three.iter().map(|(name, _)| Node::new(*name, *name)))
        .pool(|pool| pool.min_size(2).max_size(2))
        .build_ready()
        .await?;
    sleep(Duration::from_millis(10)).await;
    println!("  after Init: {} connections", cluster.status().total().size);
    let conn = cluster.read().await?;
    println!(
        "  taken: {}, free: {}",
        cluster.status().total().using,
        cluster.status().total().available
    );
    drop(conn);
    println!("  put back: {} free", cluster.status().total().available);
    Ok(())
}

async fn probe() -> Result<(), Box<dyn Error>> {
    println!("probe, reconnect, replace, or down");
    let two = servers(&["s1", "s2"]);
    let cluster = Cluster::builder(driver(&two))
        .nodes(two.iter().map(|(name, _)| Node::new(*name, *name)))
        .balance(cenote_cluster::balance::Ordered)
        .pool(|pool| pool.max_size(1).test_on_acquire(TestOnAcquire::Always))
        .build_ready()
        .await?;
    sleep(Duration::from_millis(10)).await;
    let s1 = &two[0].1;
    println!("  alive: connection {} of s1", cluster.read().await?.serial());
    s1.sever(1);
    println!(
        "  dead, reconnected and replaced: connection {} of s1",
        cluster.read().await?.serial()
    );
    s1.sever(2);
    s1.connect_always(Step::Error(Fault::Host));
    let conn = cluster.read().await?;
    println!(
        "  dead, and the reconnect fails: s1 is down, {} serves",
        Pooled::node(&conn).unwrap_or_default()
    );
    drop(conn);
    s1.connect_always(Step::Ok);
    sleep(Duration::from_secs(2)).await;
    let conn = cluster.read().await?;
    println!("  up again: {} serves", Pooled::node(&conn).unwrap_or_default());
    Ok(())
}

/// Static weights, and on the way the sixteen intervals.
struct Intervals;

impl Balance for Intervals {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        let of = |r| among[StaticWeight::at(among, r)].key();
        let all: Vec<&str> = (1..=StaticWeight::sum(among)).map(of).collect();
        println!("  1 to {}: {}", all.len(), all.join(" "));
        StaticWeight.choose(among, pick)
    }
}

async fn static_weights() -> Result<(), Box<dyn Error>> {
    println!("static weights 1, 2, 5, two connections each");
    let three = servers(&["s1", "s2", "s3"]);
    let nodes = three.iter().zip([1, 2, 5]);
    let cluster = Cluster::builder(driver(&three))
        .nodes(nodes.map(|((name, _), weight)| Node::new(*name, *name).weight(weight)))
        .pool(|pool| pool.max_size(2))
        .balance(StaticWeight)
        .seed(1)
        .build_ready()
        .await?;
    sleep(Duration::from_millis(10)).await;
    drop(cluster.route(Route::any().balance(std::sync::Arc::new(Intervals))).await?);
    println!("  shares in percent: {}", shares(&cluster, 20_000).await?);
    Ok(())
}

async fn dynamic_weights() -> Result<(), Box<dyn Error>> {
    println!("dynamic weights");
    let three = servers(&["s1", "s2", "s3"]);
    let cluster = Cluster::builder(driver(&three))
        .nodes(three.iter().map(|(name, _)| Node::new(*name, *name)))
        .balance(DynamicWeight::default())
        .health(HealthRules::default().without_ejection())
        .observe(|event| println!("  event: {event}"))
        .seed(1)
        .build()?;
    sleep(Duration::from_millis(10)).await;
    println!("  60, 60, 60: {}", shares(&cluster, 20_000).await?);
    let ends = async |name: &str, fault: Option<Fault>| -> Result<(), Box<dyn Error>> {
        let mut conn = cluster.route(Route::any().to(name)).await?;
        match fault {
            None => drop(Pooled::report(&mut conn, &Ok(()))),
            Some(fault) => Pooled::report_fault(&mut conn, fault),
        }
        Ok(())
    };
    for _ in 0..40 {
        ends("s1", None).await?;
    }
    for _ in 0..2 {
        ends("s3", Some(Fault::Timeout)).await?;
    }
    println!("  100, 60, 40: {}", shares(&cluster, 20_000).await?);
    println!("at the edge a small breath, when dead a big one");
    ends("s3", Some(Fault::Timeout)).await?;
    println!("  overload of one moves its load: {}", shares(&cluster, 1_000).await?);
    sleep(Duration::from_millis(1_001)).await;
    for _ in 0..3 {
        ends("s3", Some(Fault::Timeout)).await?;
    }
    Ok(())
}

async fn overload() -> Result<(), Box<dyn Error>> {
    println!("overload of all sheds");
    let two = servers(&["s1", "s2"]);
    let cluster = Cluster::builder(driver(&two))
        .nodes(two.iter().map(|(name, _)| Node::new(*name, *name)))
        .pool(|pool| pool.max_size(1).max_waiting(0))
        .build_ready()
        .await?;
    sleep(Duration::from_millis(10)).await;
    let _both = (cluster.read().await?, cluster.read().await?);
    let began = tokio::time::Instant::now();
    let shed = cluster.read().await.unwrap_err();
    let text = shed.to_string();
    println!("  after {:?}: {}", began.elapsed(), text.split(';').next().unwrap_or(&text));
    Ok(())
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    init_get_free().await?;
    probe().await?;
    static_weights().await?;
    dynamic_weights().await?;
    overload().await
}
