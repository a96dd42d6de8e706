//! What a cluster adds to a hit: an acquire and a release of one of eight nodes, less those of a single pool. The
//! cheapest of many rounds, since the machine may have other work.
//!
//! ```text
//! cargo run --release -p cenote-cluster --example picking
//! ```

use std::sync::Arc;
use std::time::{Duration, Instant};

use cenote::{Fault, Manager, Node, Pool};
use cenote_cluster::balance::{
    Balance, DynamicWeight, LeastLoaded, Ordered, PeakEwma, Pick, Rendezvous, RoundRobin, Scoring,
    Seat, SmoothWeighted, StaticWeight, Uniform,
};
use cenote_cluster::{Cluster, Route};

/// A manager that does nothing, so that nothing but the pool and the cluster is measured.
struct Nothing;

impl Manager for Nothing {
    type Connection = u64;
    type Error = std::convert::Infallible;

    async fn connect(&self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn classify(&self, error: &Self::Error) -> Fault {
        match *error {}
    }
}

/// A balancer behind a pointer.
struct Shared(Arc<dyn Balance>);

impl Balance for Shared {
    fn choose(&self, among: &[Seat<'_>], pick: &Pick<'_>) -> usize {
        self.0.choose(among, pick)
    }

    fn scoring(&self) -> Option<Scoring> {
        self.0.scoring()
    }
}

const ROUNDS: u32 = 200;
const TURNS: u32 = 2_000;

fn balancers() -> Vec<(&'static str, Arc<dyn Balance>)> {
    vec![
        ("least loaded", Arc::new(LeastLoaded)),
        ("round robin", Arc::new(RoundRobin::new())),
        ("random", Arc::new(Uniform)),
        ("ordered", Arc::new(Ordered)),
        ("static weight", Arc::new(StaticWeight)),
        ("smooth weighted", Arc::new(SmoothWeighted::new())),
        ("dynamic weight", Arc::new(DynamicWeight::default())),
        ("peak EWMA", Arc::new(PeakEwma)),
        ("rendezvous", Arc::new(Rendezvous)),
    ]
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder(Nothing).build_ready().await?;
    let mut alone = Duration::MAX;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        for _ in 0..TURNS {
            drop(pool.acquire().await?);
        }
        alone = alone.min(began.elapsed() / TURNS);
    }
    println!("a pool alone: {alone:?}");
    for (name, balance) in balancers() {
        let cluster = Cluster::builder(|_: &Node| Ok(Nothing))
            .nodes((0..8).map(|n| Node::new(format!("node-{n}"), "").weight(1 + n % 3)))
            .balance(Shared(balance))
            .build_ready()
            .await?;
        // Until every node has a connection.
        while cluster.status().total().available < 8 {
            tokio::task::yield_now().await;
        }
        let route = Route::any().key("a key");
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            let began = Instant::now();
            for _ in 0..TURNS {
                drop(cluster.route(route.clone()).await?);
            }
            best = best.min(began.elapsed() / TURNS);
        }
        let more = best.saturating_sub(alone);
        println!("{name}: {best:?}, so choosing one of eight costs {more:?}");
    }
    Ok(())
}
