//! Services as nodes of a cluster: what befalls requests over a shared connection is held against their node.

use std::time::Duration;

use cenote::{Node, Timeout};
use cenote_cluster::balance::Ordered;
use cenote_cluster::{Cluster, Condition};
use cenote_http::{Fetch, Http};

use super::{LIMIT, get, until};
use crate::service::Service;

// C-14, C-8, P-32
#[tokio::test]
async fn requests_over_shares_take_their_node_out_as_others_do() {
    let (a, b) = (Service::two().await, Service::two().await);
    let patience = Timeout::After(Duration::from_secs(2));
    let node =
        |key: &str, service: &Service| Node::new(key, format!("http://{}", service.address()));
    let cluster =
        Cluster::builder(move |node: &Node| Ok(Http::to(node)?.http2().answer_timeout(patience)))
            .nodes([node("a", &a), node("b", &b)])
            .balance(Ordered)
            .build()
            .unwrap();
    let condition = |key: &str| cluster.status().node(key).unwrap().condition;
    let pool = cluster.pool("a").unwrap();

    // Too much to do, a request of its own fault, one that nobody waits for: nothing of it is the node's.
    for path in ["/full", "/status?429", "/status?404"].repeat(4) {
        drop(pool.fetch(get(path)).await.unwrap());
    }
    for _ in 0..6 {
        let given_up =
            tokio::time::timeout(Duration::from_millis(1), pool.fetch(get("/slow?60000")));
        assert!(given_up.await.is_err());
    }
    assert_eq!(condition("a"), Condition::Online);

    // Five at a time that get no answer, over one connection.
    let late: Vec<_> = (0..5)
        .map(|_| {
            let pool = pool.clone();
            tokio::spawn(async move { pool.fetch(get("/slow?60000")).await.map(drop) })
        })
        .collect();
    until("five loans", || cluster.status().node("a").unwrap().in_use == 5).await;
    for task in late {
        assert!(task.await.unwrap().is_err());
    }
    assert_eq!((condition("a"), a.seen().accepted()), (Condition::Ejected, 1));

    // The other is well, and its connection is whoever's that reads.
    let answer = cluster.pool("b").unwrap().fetch(get("/pieces?100")).await.unwrap();
    assert_eq!(cluster.status().node("b").unwrap().in_use, 1);
    assert_eq!(answer.into_body().bytes(LIMIT).await.unwrap().len(), 100 * 1024);
    assert_eq!(
        (condition("b"), cluster.status().node("b").unwrap().in_use),
        (Condition::Online, 0)
    );
}
