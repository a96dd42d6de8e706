//! node-mysql's PoolCluster, here: nodes that are added and removed by pattern, `of(pattern, selector)` with its three
//! selectors, the count of errors that takes a node offline, the time after which it is tried again, and its events.
//!
//! Three things are different on purpose. A queue that is full, or a pool without a free connection, is not the node's
//! fault: theirs would remove a healthy node after one such call. Errors never remove a node for good. And when the time
//! is over one caller tries the node, not all of them.

#![forbid(unsafe_code)]

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Fault, Manager, Node, Pooled};
use cenote_cluster::balance::{Balance, Ordered, RoundRobin, Uniform};
use cenote_cluster::{AllDown, Cluster, HealthRules, Route};
use cenote_testkit::{Script, Step};
use tokio::time::sleep;

/// Their namespace: a pattern and a selector, with a turn of its own.
struct Of<'a, M: Manager> {
    cluster: &'a Cluster<M>,
    route: Route,
}

impl<'a, M: Manager> Of<'a, M> {
    fn new(cluster: &'a Cluster<M>, pattern: &str, selector: impl Balance) -> Of<'a, M> {
        Of { cluster, route: Route::any().to(pattern).balance(Arc::new(selector)) }
    }

    /// Their `getConnection`: who serves it, or why nobody does.
    async fn get(&self) -> String {
        match self.cluster.route(self.route.clone()).await {
            Ok(conn) => Pooled::node(&conn).unwrap_or_default().to_owned(),
            Err(error) => error.to_string(),
        }
    }

    async fn turns(&self, n: usize) -> String {
        let mut turns = Vec::new();
        for _ in 0..n {
            turns.push(self.get().await);
        }
        turns.join(" ")
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let servers = ["MASTER", "SLAVE1", "SLAVE2"].map(|name| (name, Script::new()));
    let by_name = servers.clone();
    let cluster = Cluster::builder(move |node: &Node| {
        let server = by_name.iter().find(|(name, _)| *name == node.address());
        Ok(server.map(|(_, script)| script.clone()).unwrap_or_default())
    })
    .name("cluster")
    // removeNodeErrorCount 5, restoreNodeTimeout 2 s.
    .health(HealthRules::pool_cluster(5, Duration::from_secs(2)))
    .when_all_down(AllDown::Fail)
    .seed(3)
    .observe(|event| println!("  event: {event}"))
    .build()?;

    println!("add");
    for (name, _) in &servers {
        cluster.add(Node::new(*name, *name))?;
    }
    println!("  twice: {}", cluster.add(Node::new("MASTER", "MASTER")).unwrap_err());
    sleep(Duration::from_millis(1)).await;

    println!("of(pattern, selector)");
    println!(
        "  of(SLAVE*, RR):     {}",
        Of::new(&cluster, "SLAVE*", RoundRobin::new()).turns(4).await
    );
    println!("  of(*, RANDOM):      {}", Of::new(&cluster, "*", Uniform).turns(6).await);
    println!("  of(*, ORDER):       {}", Of::new(&cluster, "*", Ordered).turns(3).await);
    println!("  of(SLAVE2):         {}", Of::new(&cluster, "SLAVE2", Ordered).turns(2).await);
    println!("  POOL_NOEXIST:       {}", Of::new(&cluster, "NOBODY", Ordered).get().await);

    println!("five errors in a row");
    let (_, master) = &servers[0];
    let all = Of::new(&cluster, "*", Ordered);
    for _ in 0..5 {
        let mut conn = cluster.route(all.route.clone()).await?;
        Pooled::report_fault(&mut conn, Fault::Connection);
    }
    println!("  the next one:       {}", all.get().await);
    let only = Of::new(&cluster, "MASTER", Ordered);
    println!("  POOL_NONEONLINE:    {}", only.get().await);

    println!("when the time is over");
    sleep(Duration::from_millis(2_001)).await;
    let five = tokio::join!(all.get(), all.get(), all.get(), all.get(), all.get());
    println!("  five at once:       {} {} {} {} {}", five.0, five.1, five.2, five.3, five.4);
    println!("  and then:           {}", all.turns(3).await);

    println!("a node that cannot be reached");
    master.connect_always(Step::Error(Fault::Host));
    master.kill_all();
    sleep(Duration::from_secs(10)).await;
    println!("  the others serve:   {}", all.turns(2).await);
    master.connect_always(Step::Ok);
    sleep(Duration::from_secs(2)).await;
    println!("  and it is back:     {}", all.turns(2).await);

    println!("remove by pattern");
    let removing = cluster.remove("SLAVE*", Duration::from_secs(1));
    println!("  {} removed, {}", removing.removed(), removing.await);
    println!("  left:               {}", all.turns(2).await);
    println!("end: {}", cluster.close(Duration::from_secs(1)).await);
    println!("after it: {}", cluster.add(Node::new("late", "late")).unwrap_err());
    Ok(())
}
