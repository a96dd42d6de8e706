//! Services as nodes of a cluster: what befalls requests over a shared connection is held against their node.

use cenote::{Fault, Node, Shared};
use cenote_cluster::balance::Ordered;
use cenote_cluster::{Cluster, Condition};
use cenote_http::{Fetch, Http, success};

use super::{LIMIT, get};
use crate::service::Service;

// C-14, C-8, P-32
#[tokio::test]
async fn requests_over_shares_take_their_node_out_as_others_do() {
    let (a, b) = (Service::two().await, Service::two().await);
    let node =
        |key: &str, service: &Service| Node::new(key, format!("http://{}", service.address()));
    let cluster = Cluster::builder(|node: &Node| Ok(Http::to(node)?.http2()))
        .nodes([node("a", &a), node("b", &b)])
        .balance(Ordered)
        .build()
        .unwrap();
    let condition = |key: &str| cluster.status().node(key).unwrap().condition;
    let in_use = |key: &str| cluster.status().node(key).unwrap().in_use;
    let pool = cluster.pool("a").unwrap();

    // Too much to do, a request of its own fault: nothing of it is the node's.
    for path in ["/full", "/status?429", "/status?404"].repeat(4) {
        drop(pool.fetch(get(path)).await.unwrap());
    }
    assert_eq!((condition("a"), in_use("a")), (Condition::Online, 0));

    // Five at a time that took too long, over one connection.
    let mut shares = Vec::new();
    for _ in 0..5 {
        shares.push(pool.share().await.unwrap());
    }
    assert_eq!(in_use("a"), 5);
    for share in &mut shares {
        let result = share.send(get("/status?504")).await.and_then(success).map(drop);
        assert_eq!(Shared::report(share, &result), Some(Fault::Timeout));
    }
    assert_eq!((condition("a"), a.seen().accepted()), (Condition::Ejected, 1));
    drop(shares);
    assert_eq!(in_use("a"), 0);

    // The other is well, and a share of it is whoever's that reads.
    let answer = cluster.pool("b").unwrap().fetch(get("/pieces?100")).await.unwrap();
    assert_eq!(in_use("b"), 1);
    assert_eq!(answer.into_body().bytes(LIMIT).await.unwrap().len(), 100 * 1024);
    assert_eq!((condition("b"), in_use("b")), (Condition::Online, 0));
}
