//! Secrets that stand wherever they can: in keys, names, errors, files and answers. They are in no output.

use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use cenote::{Fault, Manager, Node, Pool, Role};
use cenote_admin::Admin;
use cenote_cluster::discovery::file;
use cenote_cluster::{Cluster, Registry};

use crate::common::{TOKEN, ask, frame, operation, send};

/// A driver that says too much.
struct Talkative(String);

#[derive(Debug)]
struct TooMuch(String);

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot log in at {} (password=hunter2-option, token {TOKEN})", self.0)
    }
}

impl std::error::Error for TooMuch {}

impl Manager for Talkative {
    type Connection = ();
    type Error = TooMuch;

    async fn connect(&self) -> Result<(), TooMuch> {
        Err(TooMuch(self.0.clone()))
    }

    fn classify(&self, _: &TooMuch) -> Fault {
        Fault::Host
    }
}

const PLANTED: [&str; 2] = ["hunter2", TOKEN];

fn look(what: &str, text: &str) {
    for secret in PLANTED {
        assert!(!text.contains(secret), "{what} shows {secret}: {text}");
    }
}

// section S
#[tokio::test]
async fn no_planted_secret_is_in_any_output() {
    let folder = tempfile::tempdir().unwrap();
    let nodes = folder.path().join("nodes.toml");
    let good = "[[nodes]]\nkey = \"f\"\naddress = \"postgres://app:hunter2-file@127.0.0.1/x\"\n";
    std::fs::write(&nodes, good).unwrap();
    let registry = Registry::new();
    let url = "postgres://app:hunter2-pool@db/shop";
    let pool = Pool::builder(Talkative(url.to_owned())).name(url).build().unwrap();
    registry.pool(&pool);
    let key = "redis://:hunter2-key@10.0.0.1:6379";
    let shop = Cluster::builder(|node: &Node| Ok(Talkative(node.address().to_owned())))
        .name("shop")
        .node(Node::new(key, "mysql://app:hunter2-address@db/x").role(Role::Primary))
        .discover(file(&nodes))
        .register(&registry)
        .build()
        .unwrap();
    let lines = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&lines);
    let admin = Admin::builder(registry.clone())
        .token(TOKEN)
        .log_with(move |_, line| kept.lock().unwrap().push_str(&format!("{line}\n")))
        .open_action("tell", "Tell", || async {
            Ok(format!("it is https://u:hunter2@h and {TOKEN}"))
        })
        .open_action("fail", "Fail", || async { Err("password: hunter2".to_owned()) })
        .build();
    let router = admin.router();
    let live = send(&router, Request::get("/live").body(Body::empty()).unwrap()).await;
    let mut stream = live.into_body();
    let patience = Duration::from_millis(200);
    assert!(pool.acquire().timeout(patience).await.is_err());
    assert!(shop.write().timeout(patience).await.is_err());
    // What the file says next is wrong, with a secret in it.
    std::fs::write(&nodes, "[[nodes]]\nkey = \"f\"\naddress = postgres://app:hunter2-file@h/x\n")
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1_300)).await;

    let of_pool = "/charts/connections.svg?of=postgres%3A%2F%2Fapp%3A***%40db%2Fshop";
    let by_its_secret = "/charts/wait.svg?of=postgres%3A%2F%2Fapp%3Ahunter2-pool%40db%2Fshop";
    for path in [
        "/status",
        "/metrics",
        "/readyz",
        "/healthz",
        "/",
        "/charts/wait.svg?of=shop",
        "/charts/traffic.svg?of=shop",
        of_pool,
        by_its_secret,
    ] {
        let answer = ask(&router, Request::get(path).body(Body::empty()).unwrap()).await;
        look(path, &answer.text);
        look(path, &format!("{:?}", answer.headers));
    }
    for name in ["tell", "fail"] {
        let request = Request::post(format!("/actions/{name}")).body(Body::empty()).unwrap();
        look(name, &ask(&router, request).await.text);
    }
    let shown = "redis://:***@10.0.0.1:6379";
    for body in [
        format!(r#"{{"op": "eject_node", "target": "shop", "node": "{shown}"}}"#),
        format!(r#"{{"op": "restore_node", "target": "shop", "node": "{key}"}}"#),
        r#"{"op": "resize", "target": "postgres://app:***@db/shop", "value": 3}"#.to_owned(),
        r#"{"op": "clear", "target": "shop"}"#.to_owned(),
        r#"{"op": "eject_node", "target": "shop", "node": "nobody"}"#.to_owned(),
        format!(r#"{{"op": "pause", "target": "orders", "value": "{TOKEN}"}}"#),
    ] {
        let answer = ask(&router, operation(&body)).await;
        look(&body, &answer.text);
        // A key is known by what is shown of it as well.
        assert!(
            answer.code.is_success() || body.contains("nobody") || body.contains("orders"),
            "{}",
            answer.text
        );
    }
    let status = ask(&router, Request::get("/status").body(Body::empty()).unwrap()).await.text;
    look("/status", &status);
    // They were there to be seen.
    for part in ["postgres://app:***@db/shop", shown, "password=***", "token ***"] {
        assert!(status.contains(part), "{part} is not in {status}");
    }
    assert!(status.contains("line 3"), "the file's mistake is told: {status}");
    drop(admin);
    let mut streamed = String::new();
    while let Ok(Some(bytes)) = tokio::time::timeout(patience, frame(&mut stream)).await {
        streamed.push_str(&String::from_utf8_lossy(&bytes));
    }
    assert!(streamed.contains("event: log") && streamed.contains("event: status"));
    look("/live", &streamed);
    look("the log", &lines.lock().unwrap());
    assert!(lines.lock().unwrap().contains("operation resize"));
}

// section S
#[test]
fn what_is_debugged_of_an_admin_has_no_token() {
    let builder = Admin::builder(Registry::new()).token(TOKEN);
    look("Builder", &format!("{builder:?}"));
    look("Admin", &format!("{:?}", builder.build()));
}
