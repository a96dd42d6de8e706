//! What is lent: a connection that sends requests, one at a time under HTTP/1.1, and the handle by which HTTP/2 is shared.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cenote::Fate;
use http_body_util::BodyExt;
use hyper::body::Body as _;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::body::{Body, Outgoing};
use crate::error::HttpError;
use crate::fault::is_loss;
use crate::plan::Plan;
use crate::send::{addressed, answered};
use crate::track::{Phase, Track};

/// How long a connection that comes back may take to be ready again.
const SETTLE: Duration = Duration::from_millis(250);

/// A connection to a service.
pub struct HttpConnection {
    sender: Sender,
    track: Arc<Track>,
    plan: Arc<Plan>,
    place: Arc<str>,
    task: Task,
}

pub(crate) enum Sender {
    One(http1::SendRequest<Outgoing>),
    Two(http2::SendRequest<Outgoing>),
}

impl Sender {
    fn is_closed(&self) -> bool {
        match self {
            Sender::One(sender) => sender.is_closed(),
            Sender::Two(sender) => sender.is_closed(),
        }
    }
}

impl HttpConnection {
    pub(crate) fn new(
        sender: Sender,
        track: Arc<Track>,
        plan: Arc<Plan>,
        place: Arc<str>,
        task: JoinHandle<()>,
    ) -> HttpConnection {
        let task = Task { task: Some(task), track: Arc::clone(&track) };
        HttpConnection { sender, track, plan, place, task }
    }

    /// Sends a request and waits for the head of its answer. The request's URI is a path, and comes behind the service's
    /// own; what every request carries is added unless it is there.
    ///
    /// Every answer is one, whatever its status; [`success`](crate::success) makes errors of those that are none. Under
    /// HTTP/1.1 the body must be read or dropped before the next request. Dropping this future gives the request up:
    /// HTTP/1.1 pays with the connection.
    ///
    /// # Errors
    /// [`HttpError::Request`] and [`HttpError::Closed`] if there is no answer, [`HttpError::TimedOut`] if there is none
    /// within [`answer_timeout`](crate::Http::answer_timeout), [`HttpError::Busy`] if an earlier answer is still being read.
    pub async fn send<B: Into<Outgoing>>(
        &mut self,
        request: Request<B>,
    ) -> Result<Response<Body>, HttpError> {
        let request = addressed(&self.plan, request, matches!(self.sender, Sender::Two(_)))?;
        if let Sender::One(_) = self.sender {
            self.be_ready().await?;
        }
        let answer = match &mut self.sender {
            Sender::One(sender) => {
                self.track.ask();
                let answer = sender.try_send_request(request);
                answered(&self.plan, &self.place, &self.track, answer).await
            }
            Sender::Two(sender) => {
                let answer = sender.try_send_request(request);
                answered(&self.plan, &self.place, &self.track, answer).await
            }
        };
        end_with(&self.track, answer)
    }

    /// Between two requests of one loan.
    async fn be_ready(&mut self) -> Result<(), HttpError> {
        if self.track.look(|phase| matches!(phase, Phase::Answering)) {
            return Err(HttpError::Busy { place: Arc::clone(&self.place) });
        }
        self.settle().await
    }

    /// Brings the connection to rest: what is left of an answer that nobody reads is read, if it is little. Then it must
    /// take a request, within a bound.
    pub(crate) async fn settle(&mut self) -> Result<(), HttpError> {
        let closed = || HttpError::Closed { place: Arc::clone(&self.place) };
        if self.track.is_over() {
            return Err(closed());
        }
        let Sender::One(sender) = &mut self.sender else {
            return if self.sender.is_closed() { Err(closed()) } else { Ok(()) };
        };
        let most = self.plan.drain as u64;
        let track = &self.track;
        let settled = timeout(SETTLE, async {
            if let Some(mut left) = track.take_left() {
                let mut read = 0;
                while let Some(frame) = left.frame().await {
                    let frame = frame.ok()?;
                    read += frame.data_ref().map_or(0, |data| data.len() as u64);
                    if read > most {
                        return None;
                    }
                }
                track.drained();
            }
            track.look(|phase| matches!(phase, Phase::Rest)).then_some(())?;
            sender.ready().await.ok()
        });
        match settled.await {
            Ok(Some(())) => Ok(()),
            _ => {
                self.track.end();
                Err(closed())
            }
        }
    }

    /// Whether it is known to be of no use.
    pub(crate) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.track.is_done()
    }

    /// What can become of it now.
    pub(crate) fn fate(&self) -> Fate {
        if self.is_closed() {
            return Fate::Close;
        }
        let Sender::One(sender) = &self.sender else { return Fate::Keep };
        let most = self.plan.drain as u64;
        self.track.look(|phase| match phase {
            Phase::Rest if sender.is_ready() => Fate::Keep,
            // The last byte of a request or an answer has only just gone by.
            Phase::Rest => Fate::Reset,
            Phase::Left(left) if most > 0 && left.size_hint().lower() <= most => Fate::Reset,
            Phase::Asking | Phase::Answering | Phase::Left(_) => Fate::Close,
        })
    }

    /// Ends when the connection has, on our side; while an answer of it is still being read, not before that. If nobody
    /// waits for it any more it goes on by itself.
    pub(crate) async fn close(self) {
        let HttpConnection { sender, track, mut task, .. } = self;
        drop(sender);
        // An answer that nobody reads ends with this.
        drop(track.take_left());
        task.ended().await;
    }

    pub(crate) fn handle(&self) -> Option<HttpHandle> {
        let Sender::Two(sender) = &self.sender else { return None };
        Some(HttpHandle {
            sender: sender.clone(),
            track: Arc::clone(&self.track),
            plan: Arc::clone(&self.plan),
            place: Arc::clone(&self.place),
        })
    }

    /// Where it leads to, as errors say it: `https://host:port`.
    pub fn place(&self) -> &str {
        &self.place
    }
}

impl fmt::Debug for HttpConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConnection").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A share of an HTTP/2 connection: what [`Pool::share`](cenote::Pool::share) lends.
pub struct HttpHandle {
    sender: http2::SendRequest<Outgoing>,
    track: Arc<Track>,
    plan: Arc<Plan>,
    place: Arc<str>,
}

impl HttpHandle {
    /// As [`HttpConnection::send`], any number at a time. What the server does not take at once
    /// (`SETTINGS_MAX_CONCURRENT_STREAMS`) waits on the connection. Dropping this future, or the body of the answer, tells
    /// the server to stop, and costs nobody anything.
    ///
    /// # Errors
    /// As [`HttpConnection::send`].
    pub async fn send<B: Into<Outgoing>>(
        &self,
        request: Request<B>,
    ) -> Result<Response<Body>, HttpError> {
        let request = addressed(&self.plan, request, true)?;
        let answer = self.sender.clone().try_send_request(request);
        let answer = answered(&self.plan, &self.place, &self.track, answer).await;
        end_with(&self.track, answer)
    }
}

impl fmt::Debug for HttpHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpHandle").field("place", &self.place).finish_non_exhaustive()
    }
}

/// A connection that one request found lost takes no other: who shares it next gets another one.
fn end_with(
    track: &Track,
    answer: Result<Response<Body>, HttpError>,
) -> Result<Response<Body>, HttpError> {
    match answer {
        Err(HttpError::Request { place, unsent, doubtful, source }) if is_loss(&source) => {
            track.end();
            Err(match unsent && doubtful {
                true => HttpError::hung_up(place),
                false => HttpError::Request { place, unsent, doubtful, source },
            })
        }
        Err(HttpError::Lost { place, doubtful }) => {
            track.end();
            Err(HttpError::Lost { place, doubtful })
        }
        answer => answer,
    }
}

/// What speaks on the wire, a task of the runtime's.
struct Task {
    task: Option<JoinHandle<()>>,
    track: Arc<Track>,
}

impl Task {
    async fn ended(&mut self) {
        if let Some(task) = &mut self.task {
            let _ = task.await;
            self.task = None;
        }
    }
}

/// Ends it, unless somebody reads an answer of it.
impl Drop for Task {
    fn drop(&mut self) {
        if let Some(task) = self.task.take() {
            if !self.track.is_read() {
                task.abort();
            }
        }
    }
}
