//! Requests that nobody sends who means well.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, Uri};
use cenote::State;

use crate::common::{House, TOKEN, ask};

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    fn one<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len())]
    }

    fn bytes(&mut self, most: usize) -> Vec<u8> {
        (0..self.below(most)).map(|_| self.next() as u8).collect()
    }
}

const METHODS: [&str; 7] = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "NONSENSE"];
const PARTS: [&str; 24] = [
    "/",
    "status",
    "live",
    "charts",
    "metrics",
    "healthz",
    "readyz",
    "operations",
    "actions",
    "kill",
    "assets",
    "index.html",
    "..",
    "%2e%2e",
    "%00",
    "%ff",
    "wait.svg",
    ".svg",
    "a",
    "%",
    "%2F",
    "//",
    "é",
    "{name}",
];
const QUERIES: [&str; 9] =
    ["", "?", "?of=shop", "?of=%ff%00", "?of=", "?a=1&a=2", "?token=x", "?%", "?=&=&"];
const HEADERS: [(&str, &str); 14] = [
    ("host", "localhost"),
    ("host", ""),
    ("host", "[::1"),
    ("origin", "null"),
    ("origin", "://"),
    ("origin", "http://localhost"),
    ("authorization", "Bearer x"),
    ("authorization", "bearer"),
    ("sec-fetch-site", "same-origin"),
    ("if-none-match", "*"),
    ("content-length", "18446744073709551615"),
    ("content-length", "-1"),
    ("transfer-encoding", "chunked"),
    ("accept", "text/html;q=2"),
];
const BODIES: [&str; 8] = [
    "",
    "{}",
    "null",
    "[[[[[[",
    r#"{"op": "pause", "target": "orders"}"#,
    r#"{"op": "resize", "target": "orders", "value": 1e400}"#,
    r#"{"op": "eject_node", "target": "shop", "node": "\u0000"}"#,
    "\u{feff}{\"op\": 1}",
];

fn request(dice: &mut Dice) -> Option<Request<Body>> {
    let mut path = String::from("/");
    for _ in 0..dice.below(3) {
        path.push_str(dice.one(&PARTS));
        path.push('/');
    }
    if dice.below(4) > 0 {
        path.push_str(dice.one(&PARTS));
    }
    path.push_str(dice.one(&QUERIES));
    if dice.below(4) == 0 {
        path.push_str(&String::from_utf8_lossy(&dice.bytes(20)));
    }
    let uri = path.parse::<Uri>().ok()?;
    let method = Method::from_bytes(dice.one(&METHODS).as_bytes()).ok()?;
    let mut request = Request::builder().method(method).uri(uri);
    for _ in 0..dice.below(4) {
        let (name, value) = HEADERS[dice.below(HEADERS.len())];
        request = request.header(name, value);
    }
    if dice.below(3) == 0 {
        let value = HeaderValue::from_bytes(&dice.bytes(30)).ok()?;
        let name = HeaderName::from_bytes(&dice.bytes(10)).ok();
        request = request.header(name.unwrap_or(HeaderName::from_static("origin")), value);
    }
    let body = match dice.below(3) {
        0 => Body::from(dice.bytes(40_000)),
        _ => Body::from(dice.one(&BODIES).to_owned()),
    };
    request.body(body).ok()
}

/// Whatever is asked, the answer has a code that means something, the headers of every answer, and does nothing.
// section S
#[tokio::test(start_paused = true)]
async fn whatever_is_asked_is_answered_and_nothing_is_done() {
    let kills = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let house = House::new(|builder| {
        builder.token(TOKEN).action("kill", "Kill", move || {
            kills.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            async { panic!("it was set off") }
        })
    })
    .await;
    let router = house.admin.router();
    let mut dice = Dice(7);
    let (mut asked, mut good) = (0, 0);
    for _ in 0..6_000 {
        let Some(request) = request(&mut dice) else { continue };
        let what = format!("{request:?}");
        let path = request.uri().path().to_owned();
        if path == "/live" {
            // It goes on for ever, as it should.
            continue;
        }
        let answer = ask(&router, request).await;
        let code = answer.code.as_u16();
        let known = [200, 303, 304, 400, 401, 403, 404, 405, 413];
        assert!(known.contains(&code), "{code} to {what}");
        assert!(answer.headers.contains_key("content-security-policy"), "{what}");
        if code >= 400 && !what.contains("method: HEAD") {
            let sentence = answer.sentence();
            assert!(!sentence.is_empty() && !sentence.contains('\n'), "{sentence:?} to {what}");
        }
        asked += 1;
        good += u32::from(code == 200);
    }
    assert!(asked > 3_000 && good > 20, "{asked} asked, {good} good");
    assert_eq!(house.pool.status().state, State::Running);
    assert!(house.shop.status().nodes.iter().all(|node| node.by_hand.is_none()));
}
