//! A pool, a cluster and their admin, and how to ask it.

use std::future::Future;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use cenote::{Node, Pool, Role};
use cenote_admin::document::Document;
use cenote_admin::{Admin, Builder};
use cenote_cluster::{Cluster, Registry};
use cenote_testkit::Script;
use http_body_util::BodyExt;
use tower::ServiceExt;

pub(crate) const TOKEN: &str = "0f9d-a-token-that-nobody-guesses";

/// What is administered.
pub(crate) struct House {
    pub(crate) registry: Registry,
    pub(crate) script: Script,
    pub(crate) pool: Pool<Script>,
    pub(crate) shop: Cluster<Script>,
    pub(crate) admin: Admin,
}

impl House {
    /// The pool "orders" of four, and the cluster "shop": a primary "a" and two replicas, "b" and "c".
    pub(crate) async fn new(build: impl FnOnce(Builder) -> Builder) -> House {
        let registry = Registry::new();
        let script = Script::new();
        let pool = Pool::builder(script.clone()).name("orders").max_size(4).build().unwrap();
        registry.pool(&pool);
        let shop = Cluster::builder(|_: &Node| Ok(Script::new()))
            .name("shop")
            .node(Node::new("a", "a").role(Role::Primary))
            .node(Node::new("b", "b").role(Role::Replica))
            .node(Node::new("c", "c").role(Role::Replica))
            .register(&registry)
            .build_ready()
            .await
            .unwrap();
        until(async || shop.status().nodes.iter().all(|node| node.pool.available > 0)).await;
        let admin = build(Admin::builder(registry.clone())).build();
        House { registry, script, pool, shop, admin }
    }

    /// With a token.
    pub(crate) async fn locked() -> House {
        House::new(|builder| builder.token(TOKEN)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        ask(&self.admin.router(), Request::get(path).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn status(&self) -> Document {
        let answer = self.get("/status").await;
        assert_eq!(answer.code, StatusCode::OK);
        serde_json::from_str(&answer.text).unwrap()
    }

    /// An operation, with the token.
    pub(crate) async fn operate(&self, body: &str) -> Answer {
        ask(&self.admin.router(), operation(body)).await
    }

    /// The number that a metric without labels has.
    pub(crate) async fn metric(&self, name: &str) -> f64 {
        let text = self.get("/metrics").await.text;
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}"))[name.len() + 1..].parse().unwrap()
    }
}

/// An operation's request, with the token.
pub(crate) fn operation(body: &str) -> Request<Body> {
    Request::post("/operations")
        .header(header::AUTHORIZATION, format!("Bearer {TOKEN}"))
        .body(Body::from(body.to_owned()))
        .unwrap()
}

/// An answer, whole.
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The sentence of `{"done": …}` or `{"error": …}`.
    pub(crate) fn sentence(&self) -> String {
        let json: serde_json::Value = serde_json::from_str(&self.text).unwrap();
        let word = if self.code.is_success() { "done" } else { "error" };
        json[word].as_str().unwrap_or_else(|| panic!("{}: {}", self.code, self.text)).to_owned()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn ask(router: &Router, request: Request<Body>) -> Answer {
    let response = send(router, request).await;
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    Answer { code: parts.status, headers: parts.headers, text }
}

pub(crate) async fn send(router: &Router, request: Request<Body>) -> Response {
    router.clone().oneshot(request).await.unwrap()
}

/// The next part of an answer that goes on.
pub(crate) async fn frame(body: &mut Body) -> Option<Bytes> {
    let minute = std::time::Duration::from_secs(60);
    let frame = tokio::time::timeout(minute, body.frame()).await.expect("something comes");
    Some(frame?.unwrap().into_data().unwrap())
}

/// Waits until something is so.
pub(crate) async fn until<F: Future<Output = bool>>(mut holds: impl FnMut() -> F) {
    for _ in 0..10_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    panic!("it does not come to that");
}
