//! A replica that is behind its primary: whoever looks sees how far, and that nobody reads from it, until it has caught up.

use std::sync::Arc;
use std::time::Duration;

use cenote::env::Tokio;
use cenote::{Lend, Node, Role};
use cenote_cluster::{Cluster, Route};
use cenote_testkit::{Net, Remote};

use crate::visit::Visit;
use crate::world::World;

/// A primary and two replicas, which say by themselves what they are and how far they are behind; and some that read.
async fn mirrored(net: &Net) -> Cluster<Remote> {
    for (name, role) in [("p", Role::Primary), ("q", Role::Replica), ("r", Role::Replica)] {
        net.host(name).role(role).lag(Duration::ZERO);
    }
    let quick = Duration::from_millis(100);
    let cluster = Cluster::builder(net.driver())
        .name("mirrored")
        .nodes(["p", "q", "r"].map(|name| Node::new(name, name)))
        .probe_roles()
        .probe_times(quick, quick, quick, Duration::from_secs(10))
        .max_lag(Duration::from_secs(1))
        .build_ready()
        .await
        .unwrap();
    for _ in 0..4 {
        let cluster = cluster.clone();
        tokio::spawn(async move {
            loop {
                if let Ok(mut conn) = cluster.route(Route::read()).await {
                    _ = conn.read().await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
    }
    cluster
}

// C-13, C-17
#[test]
fn a_replica_that_is_behind_says_so_and_gets_no_reads_until_it_has_caught_up() {
    let world = World::new();
    let (net, cluster) = world.run(async {
        let net = Net::in_env(Arc::new(Tokio::current().unwrap()));
        let cluster = mirrored(&net).await;
        (net, cluster)
    });
    world.registry.cluster(&cluster);
    let visit = Visit::of(world);
    let card = visit.card("mirrored");
    let row = format!("{card} .nodes tr[data-key=q]");
    let number =
        |cell: &str| format!("parseFloat(document.querySelector('{row} {cell}').innerText)");
    let of_other =
        format!("parseFloat(document.querySelector('{card} tr[data-key=r] .traffic').innerText)");
    visit.reads(&format!("{row} .badge"), "online");
    visit.reads(&format!("{row} .role"), "replica");
    visit.sees(&format!("{} > 10", number(".traffic")));

    net.host("q").lag(Duration::from_secs(5));
    visit.reads(&format!("{row} .badge"), "lagging");
    visit.sees(&format!(
        "document.querySelector('{row} .lag').innerText.replace(/\\s/, ' ') === '5.00 s'"
    ));
    visit.reads(&format!("{row} .why"), "too far for reads");
    visit.reads("#problems", "replica q: 5.00");
    visit.sees(&format!("{} === 0", number(".traffic")));
    // What the page says is what the server sees; the primary and the other one go on.
    let reads = |name: &str| net.host(name).traffic().reads;
    let (of_q, of_r) = (reads("q"), reads("r"));
    visit.sees(&format!("{of_other} > 10"));
    visit.reads("#events-list", "node \"q\": behind by 5.0s");
    let again = visit.sees("document.getElementById('link-text').innerText");
    visit.sees(&format!("document.getElementById('link-text').innerText !== '{again}'"));
    assert_eq!(reads("q"), of_q, "nobody reads from it");
    assert!(reads("r") > of_r);

    net.host("q").lag(Duration::ZERO);
    visit.reads(&format!("{row} .badge"), "online");
    visit.sees(&format!("{} > 10 && {} === 0", number(".traffic"), number(".lag")));
    visit.reads("#events-list", "node \"q\": caught up");
    visit.sees("!document.getElementById('problems').innerText.includes('replica q')");
    drop(Lend::close(&cluster, Duration::ZERO));
    visit.leave(&[]);
}
