//! A service that counts: hyper's server, on a port of its own, over HTTP/1.1 or HTTP/2.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use cenote_http::hyper::body::{Body, Bytes, Frame, Incoming};
use cenote_http::hyper::header::{AUTHORIZATION, CONNECTION, HOST, RETRY_AFTER};
use cenote_http::hyper::server::conn::{http1, http2};
use cenote_http::hyper::service::service_fn;
use cenote_http::hyper::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

type Answer = UnsyncBoxBody<Bytes, std::io::Error>;

/// What it has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    accepted: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: AtomicUsize,
    running: AtomicUsize,
    streaming: AtomicUsize,
    most_running: AtomicUsize,
    unwell: AtomicBool,
    /// What was posted, and how often.
    posts: Mutex<HashMap<Bytes, usize>>,
}

fn of(counter: &AtomicUsize) -> usize {
    counter.load(Ordering::SeqCst)
}

impl Seen {
    /// Connections so far.
    pub(crate) fn accepted(&self) -> usize {
        of(&self.accepted)
    }

    /// Connections now.
    pub(crate) fn open(&self) -> usize {
        of(&self.open)
    }

    /// Connections at once, at most, so far.
    pub(crate) fn most_open(&self) -> usize {
        of(&self.most_open)
    }

    /// Requests so far.
    pub(crate) fn requests(&self) -> usize {
        of(&self.requests)
    }

    /// Requests now.
    pub(crate) fn running(&self) -> usize {
        of(&self.running)
    }

    /// Answers now that come in pieces.
    pub(crate) fn streaming(&self) -> usize {
        of(&self.streaming)
    }

    /// Requests at once, at most, so far.
    pub(crate) fn most_running(&self) -> usize {
        of(&self.most_running)
    }

    /// What was posted so far, and how often.
    pub(crate) fn posts(&self) -> HashMap<Bytes, usize> {
        self.posts.lock().unwrap().clone()
    }

    /// The health check says no from now on, or yes.
    pub(crate) fn be_well(&self, well: bool) {
        self.unwell.store(!well, Ordering::SeqCst);
    }
}

/// Counted while it is there.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(counter: &'a AtomicUsize) -> (Counted<'a>, usize) {
        let now = counter.fetch_add(1, Ordering::SeqCst) + 1;
        (Counted(counter), now)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Wish {
    Serve,
    /// Finish what runs, then close.
    GoAway,
    /// Close, whatever runs.
    Die,
}

/// The service. Dropping it ends it.
pub(crate) struct Service {
    address: SocketAddr,
    seen: Arc<Seen>,
    wish: watch::Sender<Wish>,
    listens: JoinHandle<()>,
    two: bool,
}

impl Service {
    /// Over HTTP/1.1.
    pub(crate) async fn start() -> Service {
        Service::at("127.0.0.1:0".parse().unwrap(), false, Arc::default()).await
    }

    /// Over HTTP/2.
    pub(crate) async fn two() -> Service {
        Service::at("127.0.0.1:0".parse().unwrap(), true, Arc::default()).await
    }

    async fn at(address: SocketAddr, two: bool, seen: Arc<Seen>) -> Service {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (wish, wishes) = watch::channel(Wish::Serve);
        let served = Arc::clone(&seen);
        let listens = tokio::spawn(async move {
            let mut ends = wishes.clone();
            loop {
                let accepted = tokio::select! {
                    accepted = listener.accept() => accepted,
                    // Whoever ends it may wish for it, or be gone.
                    _ = ends.wait_for(|wish| *wish == Wish::Die) => return,
                };
                let Ok((socket, _)) = accepted else { continue };
                let id = served.accepted.fetch_add(1, Ordering::SeqCst) + 1;
                tokio::spawn(serve(socket, id, two, Arc::clone(&served), wishes.clone()));
            }
        });
        Service { address, seen, wish, listens, two }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// Closes all connections in order; new ones are served.
    pub(crate) fn go_away(&self) {
        self.wish.send_replace(Wish::GoAway);
        self.wish.send_replace(Wish::Serve);
    }

    /// Ends at once, and waits until it has. It stops to listen first, so that it takes nobody whom it does not serve.
    pub(crate) async fn die(&self) {
        self.listens.abort();
        super::until("deaf", || self.listens.is_finished()).await;
        self.wish.send_replace(Wish::Die);
        super::until("dead", || self.seen.open() == 0).await;
    }

    /// Starts again where it was.
    pub(crate) async fn again(&self) -> Service {
        Service::at(self.address, self.two, Arc::clone(&self.seen)).await
    }
}

async fn serve(
    socket: TcpStream,
    id: usize,
    two: bool,
    seen: Arc<Seen>,
    wishes: watch::Receiver<Wish>,
) {
    serve_on(socket, id, two, seen, wishes).await;
}

/// Serves a connection, encrypted or not.
async fn serve_on(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    id: usize,
    two: bool,
    seen: Arc<Seen>,
    mut wishes: watch::Receiver<Wish>,
) {
    let (_open, open) = Counted::new(&seen.open);
    seen.most_open.fetch_max(open, Ordering::SeqCst);
    // It may have been accepted in the last moment.
    if *wishes.borrow_and_update() == Wish::Die {
        return;
    }
    let io = TokioIo::new(io);
    let service = service_fn(|request| answer(request, id, Arc::clone(&seen)));
    macro_rules! drive {
        ($conn:expr) => {{
            let mut conn = std::pin::pin!($conn);
            let mut asked = false;
            loop {
                tokio::select! {
                    _ = conn.as_mut() => return,
                    changed = wishes.changed(), if !asked => match changed {
                        Ok(()) if *wishes.borrow() != Wish::Die => {
                            asked = true;
                            conn.as_mut().graceful_shutdown();
                        }
                        _ => return,
                    },
                }
            }
        }};
    }
    if two {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.timer(TokioTimer::new()).max_concurrent_streams(3);
        drive!(builder.serve_connection(io, service))
    } else {
        drive!(http1::Builder::new().serve_connection(io, service))
    }
}

/// One connection of a stranger's, as this service serves it.
#[cfg(feature = "tls")]
pub(crate) async fn serve_once(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    two: bool,
) {
    let (_wish, wishes) = watch::channel(Wish::Serve);
    serve_on(io, 1, two, Arc::default(), wishes).await;
}

async fn answer(
    request: Request<Incoming>,
    id: usize,
    seen: Arc<Seen>,
) -> Result<Response<Answer>, Infallible> {
    seen.requests.fetch_add(1, Ordering::SeqCst);
    let (_running, running) = Counted::new(&seen.running);
    seen.most_running.fetch_max(running, Ordering::SeqCst);
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let number = || query.parse::<u64>().unwrap_or(0);
    let head = Response::builder();
    let answer = match path.as_str() {
        // Which connection it is.
        "/id" => head.body(whole(id.to_string())),
        "/echo" => {
            let posted = request.method() == Method::POST;
            let Ok(bytes) = request.into_body().collect().await.map(|all| all.to_bytes()) else {
                return Ok(head.status(400).body(whole("half a request")).unwrap());
            };
            if posted {
                *seen.posts.lock().unwrap().entry(bytes.clone()).or_default() += 1;
            }
            head.body(whole(bytes))
        }
        "/v1/told" => {
            let told = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
            let authority = request.uri().authority().map(|authority| authority.as_str());
            let host = told(HOST.as_str()).or(authority).unwrap_or("?");
            let [login, extra] =
                [AUTHORIZATION.as_str(), "x-extra"].map(|name| told(name).unwrap_or("-"));
            head.body(whole(format!("{host} {query} {login} {extra}")))
        }
        "/long" => head.body(whole(vec![b'x'; number() as usize])),
        // The same without saying how long it will be.
        "/pieces" => head.body(pieces(&seen, number(), None)),
        // A first piece, and a second one when it likes.
        "/stuck" => head.body(pieces(&seen, 1, Some(Duration::from_secs(3600)))),
        "/slow" => {
            sleep(Duration::from_millis(number())).await;
            head.body(whole(query))
        }
        "/close" => head.header(CONNECTION, "close").body(whole("last")),
        "/impatient" => head.header("keep-alive", "timeout=1").body(whole("x")),
        "/full" => head.status(503).header(RETRY_AFTER, "7").body(whole("too many")),
        "/status" => head.status(number() as u16).body(whole("no")),
        "/healthz" => {
            let unwell = seen.unwell.load(Ordering::SeqCst);
            head.status(if unwell { 503 } else { 200 }).body(whole("health"))
        }
        _ => head.status(StatusCode::NOT_FOUND).body(whole("not found")),
    };
    Ok(answer.unwrap())
}

fn whole(bytes: impl Into<Bytes>) -> Answer {
    Full::new(bytes.into()).map_err(|never| match never {}).boxed_unsync()
}

/// So many kilobytes, each a piece, then a rest after this time, if there is to be one.
fn pieces(seen: &Arc<Seen>, n: u64, rest: Option<Duration>) -> Answer {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    let seen = Arc::clone(seen);
    tokio::spawn(async move {
        let (_streaming, _) = Counted::new(&seen.streaming);
        let piece = || Ok(Frame::data(Bytes::from(vec![b'x'; 1024])));
        for _ in 0..n {
            if sender.send(piece()).await.is_err() {
                return;
            }
        }
        if let Some(rest) = rest {
            tokio::select! {
                () = sleep(rest) => { _ = sender.send(piece()).await; }
                () = sender.closed() => {}
            }
        }
    });
    Receiver(receiver).boxed_unsync()
}

/// A channel as a body.
struct Receiver(tokio::sync::mpsc::Receiver<Result<Frame<Bytes>, std::io::Error>>);

impl Body for Receiver {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        self.0.poll_recv(cx)
    }
}
