//! Requests to the admin router: each has an answer with a code that means something and the headers of every answer, what is
//! refused is refused with one sentence, and no secret comes out, neither in the answer nor in what is shown afterwards.

use std::sync::OnceLock;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use cenote::{Node, Pool, Role};
use cenote_admin::Admin;
use cenote_cluster::{Cluster, Registry};
use cenote_testkit::Script;
use tokio::runtime::{Builder, Runtime};
use tower::ServiceExt;

use crate::claims;

/// What is asked; its clock is virtual, so that nobody waits for a drain.
struct House {
    runtime: Runtime,
    router: Router,
    _pool: Pool<Script>,
    _shop: Cluster<Script>,
}

impl House {
    fn new() -> House {
        let runtime = Builder::new_current_thread().enable_all().start_paused(true).build();
        let runtime = runtime.expect("a runtime can be made");
        let (router, pool, shop) = runtime.block_on(async {
            let registry = Registry::new();
            let pool = Pool::builder(Script::new()).name("orders").build().expect("it is right");
            registry.pool(&pool);
            let key = format!("redis://:{}@b", claims::SECRET_NUMBER);
            let shop = Cluster::builder(|_: &Node| Ok(Script::new()))
                .name("shop")
                .node(Node::new("a", "a").role(Role::Primary))
                .node(Node::new(key, "b").role(Role::Replica))
                .register(&registry)
                .build()
                .expect("it is right");
            // The token is a secret like any other.
            let admin = Admin::builder(registry).token(claims::SECRET);
            let admin = admin.open_action("echo", "Echo", || async { Ok("done".to_owned()) });
            (admin.build().router(), pool, shop)
        });
        House { runtime, router, _pool: pool, _shop: shop }
    }

    async fn ask(&self, request: Request<Body>) -> (StatusCode, HeaderMap, String) {
        let goes_on = request.uri().path() == "/live";
        let answer = self.router.clone().oneshot(request).await;
        let (parts, body) = answer.unwrap_or_else(|never| match never {}).into_parts();
        // Streams have no end.
        let body = if goes_on && parts.status.is_success() { Body::empty() } else { body };
        let body = to_bytes(body, usize::MAX).await.expect("an answer is whole");
        (parts.status, parts.headers, String::from_utf8_lossy(&body).into_owned())
    }
}

/// A request: `METHOD PATH` in the first line, headers in those that follow, then an empty one and the body. A `$` stands for
/// the token.
pub fn admin(input: &[u8]) -> bool {
    static HOUSE: OnceLock<House> = OnceLock::new();
    let text = String::from_utf8_lossy(input).replace('$', claims::SECRET);
    let Some(request) = request(&text) else { return false };
    let house = HOUSE.get_or_init(House::new);
    let (is_head, is_post) = (request.method() == Method::HEAD, request.method() == Method::POST);
    let (code, headers, answer) = house.runtime.block_on(house.ask(request));
    let known = [200, 303, 304, 400, 401, 403, 404, 405, 409, 413, 503];
    assert!(known.contains(&code.as_u16()), "{code}: {text:?}");
    assert!(headers.contains_key("content-security-policy"), "{text:?}");
    assert!(!claims::shows_a_secret(&format!("{headers:?} {answer}")), "{text:?}: {answer}");
    if code.is_client_error() && !is_head {
        let refusal: serde_json::Value = serde_json::from_str(&answer).expect("it is JSON");
        claims::is_one_sentence(refusal["error"].as_str().expect("it says why"));
    }
    // What an operation leaves in the log is seen by the next one who looks.
    if is_post {
        let look = Request::get("/status").body(Body::empty()).expect("it is right");
        let (_, _, status) = house.runtime.block_on(house.ask(look));
        assert!(!claims::shows_a_secret(&status), "{text:?}: {status}");
    }
    code.is_success()
}

fn request(text: &str) -> Option<Request<Body>> {
    let (head, body) = text.split_once("\n\n").unwrap_or((text, ""));
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut request =
        Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(path);
    for line in lines {
        let (name, value) = line.split_once(':')?;
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        request = request.header(name, HeaderValue::from_str(value.trim()).ok()?);
    }
    request.body(Body::from(body.to_owned())).ok()
}
