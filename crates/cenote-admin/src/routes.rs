//! The paths. Everything below `/` that is not the page is asked for by it relatively, so the router works wherever it is
//! mounted.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::rejection::PathRejection;
use axum::extract::{OriginalUri, Path, Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, ETAG, IF_NONE_MATCH, LOCATION, RETRY_AFTER,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_response};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use cenote::Level;

use crate::admin::Shared;
use crate::answer::{Refusal, bytes, done, json, with_headers};
use crate::assets::Asset;
use crate::live::Stream;
use crate::operations::Operation;
use crate::{actions, assets, exposition, guard, metrics, query, ready};

/// The longest body, and how long it may take to come.
const LONGEST: usize = 16 * 1024;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn router(admin: Shared) -> Router {
    Router::new()
        .route("/", get(front))
        .route("/index.html", get(page))
        .route("/assets/{name}", get(asset))
        .route("/status", get(status))
        .route("/live", get(live))
        .route("/charts/{file}", get(chart))
        .route("/metrics", get(numbers))
        .route("/healthz", get(health))
        .route("/readyz", get(readiness))
        .route("/operations", post(operate))
        .route("/actions/{name}", post(act))
        .fallback(nowhere)
        .method_not_allowed_fallback(not_so)
        .layer(from_fn_with_state(admin.clone(), guard::every_request))
        .layer(map_response(with_headers))
        .with_state(admin)
}

async fn nowhere() -> Refusal {
    Refusal::not_found("there is nothing at this path")
}

async fn not_so() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this path is asked for in another way")
}

/// A mounted router answers at a path without a slash at its end, from where relative addresses lead astray: the page is
/// beside the others then.
async fn front(OriginalUri(uri): OriginalUri, headers: HeaderMap) -> Response {
    let last = uri.path().rsplit('/').next().unwrap_or_default();
    match HeaderValue::from_str(&format!("./{last}/index.html")) {
        Ok(beside) if !last.is_empty() => {
            (StatusCode::SEE_OTHER, [(LOCATION, beside)]).into_response()
        }
        _ => page(headers).await,
    }
}

async fn page(headers: HeaderMap) -> Response {
    file(assets::find("index.html"), &headers)
}

/// What a path names; a name that is no text is none that there is.
type Name = Result<Path<String>, PathRejection>;

fn text(name: Name) -> String {
    name.map_or_else(|_| String::new(), |Path(name)| name)
}

async fn asset(name: Name, headers: HeaderMap) -> Response {
    file(assets::find(&text(name)), &headers)
}

fn file(asset: Option<&'static Asset>, headers: &HeaderMap) -> Response {
    let Some(asset) = asset else {
        return Refusal::not_found("the page has no such file").into_response();
    };
    let tag = asset.tag();
    let mut response = match headers.get(IF_NONE_MATCH) {
        Some(known) if *known == tag => StatusCode::NOT_MODIFIED.into_response(),
        _ => bytes(asset.kind, asset.body),
    };
    let of = response.headers_mut();
    of.insert(ETAG, tag);
    // Kept, and asked for again each time, which costs no more than that.
    of.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

async fn status(State(admin): State<Shared>) -> Response {
    json(admin.keeper.see().json.clone())
}

async fn live(State(admin): State<Shared>) -> Response {
    let Some(stream) = Stream::new(admin.clone()) else {
        let sentence = "too many look on already: try again in a while, or ask for /status";
        return Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence).into_response();
    };
    admin.look_on();
    let mut response = bytes("text/event-stream", Body::new(stream));
    // Proxies that gather answers would hold it back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

async fn chart(State(admin): State<Shared>, file: Name, uri: Uri) -> Response {
    let of = query::value(uri.query(), "of").unwrap_or_default();
    let drawn = text(file).strip_suffix(".svg").and_then(|kind| {
        admin.look_on();
        admin.chart(kind, &of)
    });
    match drawn {
        Some(drawn) => bytes("image/svg+xml", drawn),
        None => Refusal::not_found("there is no such chart").into_response(),
    }
}

async fn numbers(State(admin): State<Shared>) -> Response {
    let seen = admin.keeper.see();
    let own = metrics::Own { streams: admin.board.streams(), written: admin.keeper.written() };
    bytes(exposition::KIND, metrics::text(&seen.look, &own, &admin.clean))
}

async fn health() -> &'static str {
    "ok\n"
}

async fn readiness(State(admin): State<Shared>) -> Response {
    let complaints = ready::complaints(&admin.keeper.see().look, &admin.clean);
    if complaints.is_empty() {
        return "ready\n".into_response();
    }
    let text = complaints.join("\n") + "\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], text).into_response()
}

/// The body of a request, if it is short enough and comes in time.
async fn body(request: Request) -> Result<axum::body::Bytes, Refusal> {
    let too_long = || {
        let sentence = format!("the body is longer than {LONGEST} bytes");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, sentence)
    };
    let told = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    if told.and_then(|length| length.parse::<u64>().ok()).is_some_and(|n| n > LONGEST as u64) {
        return Err(too_long());
    }
    match tokio::time::timeout(PATIENCE, to_bytes(request.into_body(), LONGEST)).await {
        Ok(Ok(body)) => Ok(body),
        Ok(Err(error)) => {
            let cause = std::error::Error::source(&error);
            match cause.is_some_and(|cause| cause.is::<http_body_util::LengthLimitError>()) {
                true => Err(too_long()),
                false => Err(Refusal::bad("the body ended too early")),
            }
        }
        Err(_) => Err(Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time")),
    }
}

async fn operate(State(admin): State<Shared>, request: Request) -> Response {
    let allowed = guard::same_origin(request.headers(), request.uri())
        .and_then(|()| guard::has_token(request.headers(), admin.token.as_deref()));
    if let Err(refusal) = allowed {
        return refused(&admin, "an operation", refusal);
    }
    let outcome = async {
        let turn = turn(&admin)?;
        let operation = Operation::read(&body(request).await?)?;
        let admin = Shared::clone(&admin);
        to_its_end(async move {
            let _turn = turn;
            let outcome = operation.run(&admin).await;
            admin.keeper.forget();
            let (level, what) = match &outcome {
                Ok(done) => (Level::Warn, done),
                Err(refusal) => (Level::Info, &refusal.sentence),
            };
            let text = format!("operation {}: {what}", operation.words());
            admin.log.write_surely(level, &operation.target, &text);
            outcome
        })
        .await
    };
    answer(&admin, outcome.await)
}

/// In a task of its own: whoever begins something and leaves leaves an entry in the log all the same.
async fn to_its_end<W>(work: W) -> Result<String, Refusal>
where
    W: Future<Output = Result<String, Refusal>> + Send + 'static,
{
    let panicked = || Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "it panicked");
    tokio::spawn(work).await.unwrap_or_else(|_| Err(panicked()))
}

async fn act(State(admin): State<Shared>, name: Name, uri: Uri, headers: HeaderMap) -> Response {
    let name = text(name);
    let found = admin.actions.find(&name);
    let allowed = guard::same_origin(&headers, &uri).and_then(|()| match found {
        Ok((action, _)) if action.open => Ok(()),
        // Whoever has no token does not learn what there is either.
        _ => guard::has_token(&headers, admin.token.as_deref()),
    });
    if let Err(refusal) = allowed {
        return refused(&admin, "an action", refusal);
    }
    let outcome = async {
        let (turn, admin) = (turn(&admin)?, Shared::clone(&admin));
        to_its_end(async move {
            let _turn = turn;
            let (action, run) = admin.actions.find(&name)?;
            let begun = Begun::new(&admin, format!("action {}: begun", action.name));
            let outcome = actions::set_off(action, run).await;
            drop(begun);
            admin.keeper.forget();
            let (level, what) = match &outcome {
                Ok(done) => (Level::Warn, done),
                Err(refusal) => (Level::Error, &refusal.sentence),
            };
            admin.log.write_surely(level, "actions", &format!("action {}: {what}", action.name));
            outcome
        })
        .await
    };
    let outcome = outcome.await;
    answer(&admin, outcome)
}

/// One of the places of those who do something at the same time.
fn turn(admin: &Shared) -> Result<tokio::sync::OwnedSemaphorePermit, Refusal> {
    admin.turns.clone().try_acquire_owned().map_err(|_| {
        let sentence = "too many operations and actions are under way: try again in a while";
        Refusal::new(StatusCode::SERVICE_UNAVAILABLE, sentence)
    })
}

/// Something is under way, until this is dropped.
struct Begun<'a> {
    admin: &'a Shared,
    number: u64,
}

impl Begun<'_> {
    fn new(admin: &Shared, text: String) -> Begun<'_> {
        Begun { admin, number: admin.log.begins("actions", text) }
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.admin.log.ends(self.number);
    }
}

/// Somebody was turned away; whoever runs the service may want to know.
fn refused(admin: &Shared, what: &str, refusal: Refusal) -> Response {
    let text = format!("{what} was refused: {}", refusal.sentence);
    admin.log.write_once(Level::Warn, "admin", &text);
    refusal.into_response()
}

fn answer(admin: &Shared, outcome: Result<String, Refusal>) -> Response {
    match outcome {
        Ok(sentence) => done(&admin.clean.text(&sentence)),
        Err(refusal) => {
            Refusal { sentence: admin.clean.text(&refusal.sentence), ..refusal }.into_response()
        }
    }
}
