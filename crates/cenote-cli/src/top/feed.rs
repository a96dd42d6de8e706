//! Where the news comes from: `/live` of a cenote-admin address, followed, and asked for again when it ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use cenote::Manager;
use cenote_admin::document::{Document, Entry, VERSION};
use cenote_http::hyper::body::Body as _;
use cenote_http::hyper::{Request, Response, StatusCode};
use cenote_http::{Body, Http, HttpError, success};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::clean;
use super::sse::{Message, Parser};
use crate::failure::Failure;

/// The most bytes of a document that is asked for once.
const MOST: usize = 8 << 20;
/// How long it may take to be connected, and to be answered.
const PATIENCE: Duration = Duration::from_secs(5);
/// With nothing for so long, a stream that should bring something each second is dead.
const SILENCE: Duration = Duration::from_secs(10);
/// How long after a stream has ended it is asked for again; twice as long each time that fails, up to the last.
const AGAIN: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(8)];
/// A server that says when to come again is believed up to here.
const LATEST: Duration = Duration::from_secs(60);

/// An address that cenote-admin may be served at.
pub(crate) struct Address {
    http: Http,
}

/// What is heard from there.
pub(crate) enum News {
    /// Everything as it is now; the same as it came, made harmless.
    Status(Box<Document>, Value),
    /// Something happened.
    Log(Entry),
    /// The stream is over, why, and when it is asked for again.
    Lost(String, Duration),
}

/// Why there is no stream, in a sentence.
struct Ended {
    why: String,
    /// The server has said so.
    come_again: Option<Duration>,
}

impl Ended {
    fn because(why: impl Into<String>) -> Ended {
        Ended { why: why.into(), come_again: None }
    }
}

impl From<HttpError> for Ended {
    fn from(error: HttpError) -> Ended {
        let come_again = error.retry_after();
        let why = match &error {
            HttpError::Status { place, status: StatusCode::SERVICE_UNAVAILABLE, .. } => {
                format!("{place}: as many watch already as may: come again later")
            }
            HttpError::Status { place, status, .. } if status.is_client_error() => {
                format!("{place} answered {status}: {WHERE}")
            }
            error => error.to_string(),
        };
        Ended { why, come_again }
    }
}

const WHERE: &str =
    "give the address that cenote-admin's router is mounted at, such as http://HOST:PORT/pools";

impl Address {
    /// `http://` need not be said.
    pub(crate) fn new(url: &str) -> Result<Address, Failure> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let http = Http::from_url(&url).map_err(Failure::usage)?;
        Ok(Address { http: http.answer_timeout(PATIENCE) })
    }

    /// Where it is, without what may be a password.
    pub(crate) fn place(&self) -> String {
        self.http.place()
    }

    /// Asks once.
    pub(crate) async fn ask(&self) -> Result<(Box<Document>, Value), Failure> {
        let asked = async {
            let answer = self.get("/status", "application/json").await?;
            let text = answer.into_body().text(MOST).await?;
            self.read(&text)
        };
        match timeout(PATIENCE * 2, asked).await {
            Ok(asked) => asked.map_err(|ended| Failure::new(ended.why)),
            Err(_) => Err(Failure::new(format!("{} did not answer within 10 s", self.place()))),
        }
    }

    /// A stream of it, and the first that it says.
    pub(crate) async fn open(&self) -> Result<(Stream<'_>, News), Failure> {
        self.begin().await.map_err(|ended| Failure::new(ended.why))
    }

    /// Tells what is heard until nobody listens; `stream` comes first, and others when it has ended.
    pub(crate) async fn follow(&self, stream: Stream<'_>, mut tell: impl AsyncFnMut(News) -> bool) {
        let mut stream = Some(stream);
        let mut pause = AGAIN[0];
        loop {
            let ended = match stream.take() {
                Some(mut stream) => loop {
                    match stream.next().await {
                        Ok(news) => {
                            pause = AGAIN[0];
                            if !tell(news).await {
                                return;
                            }
                        }
                        Err(ended) => break ended,
                    }
                },
                None => match self.begin().await {
                    Ok((next, news)) => {
                        stream = Some(next);
                        if !tell(news).await {
                            return;
                        }
                        continue;
                    }
                    Err(ended) => ended,
                },
            };
            let wait = ended.come_again.map_or(pause, |told| told.clamp(pause, LATEST));
            if !tell(News::Lost(ended.why, wait)).await {
                return;
            }
            sleep(wait).await;
            pause = (pause * 2).min(AGAIN[1]);
        }
    }

    async fn begin(&self) -> Result<(Stream<'_>, News), Ended> {
        let answer = self.get("/live", "text/event-stream").await?;
        let mut stream = Stream {
            address: self,
            body: answer.into_body(),
            parser: Parser::default(),
            heard: Vec::new().into_iter(),
        };
        loop {
            // What happened before is in the document.
            if let status @ News::Status(..) = stream.next().await? {
                return Ok((stream, status));
            }
        }
    }

    async fn get(&self, path: &'static str, kind: &'static str) -> Result<Response<Body>, Ended> {
        let connected = timeout(PATIENCE, self.http.connect()).await;
        let silent = || Ended::because(format!("{} did not answer within 5 s", self.place()));
        let mut conn = connected.map_err(|_| silent())??;
        let request = Request::get(path).header("accept", kind).body(());
        let request = request.map_err(|error| Ended::because(error.to_string()))?;
        let answer = success(conn.send(request).await?)?;
        let is = answer.headers().get("content-type").and_then(|is| is.to_str().ok());
        if !is.is_some_and(|is| is.starts_with(kind)) {
            return Err(self.stranger());
        }
        Ok(answer)
    }

    fn read(&self, text: &str) -> Result<(Box<Document>, Value), Ended> {
        let value = serde_json::from_str(text).map_err(|_| self.stranger())?;
        let value: Value = clean::value(value);
        match value["version"].as_u64() {
            Some(version) if version == u64::from(VERSION) => {}
            Some(version) => {
                return Err(Ended::because(format!(
                    "{} speaks version {version} of the document, and this program version {VERSION}: take the program of the same release",
                    self.place()
                )));
            }
            None => return Err(self.stranger()),
        }
        let document = serde_json::from_value(value.clone()).map_err(|_| self.stranger())?;
        Ok((Box::new(document), value))
    }

    /// Somebody else is there.
    fn stranger(&self) -> Ended {
        Ended::because(format!("{} answers, but not as cenote-admin does: {WHERE}", self.place()))
    }
}

/// An answer that goes on.
pub(crate) struct Stream<'a> {
    address: &'a Address,
    body: Body,
    parser: Parser,
    /// What was read and not yet told.
    heard: std::vec::IntoIter<Message>,
}

impl Stream<'_> {
    async fn next(&mut self) -> Result<News, Ended> {
        loop {
            for message in self.heard.by_ref() {
                match message.event.as_str() {
                    "status" => {
                        let (document, value) = self.address.read(&message.data)?;
                        return Ok(News::Status(document, value));
                    }
                    "log" => {
                        let entry = serde_json::from_str(&message.data).map(clean::value);
                        let entry = entry.and_then(serde_json::from_value);
                        return entry.map(News::Log).map_err(|_| self.address.stranger());
                    }
                    // Of a later release.
                    _ => {}
                }
            }
            let place = || self.address.place();
            let frame = poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx));
            let Ok(frame) = timeout(SILENCE, frame).await else {
                return Err(Ended::because(format!("{} has said nothing for 10 s", place())));
            };
            let Some(frame) = frame else {
                return Err(Ended::because(format!("{} has ended the stream", place())));
            };
            let Ok(bytes) = frame?.into_data() else { continue };
            let mut heard = Vec::new();
            if self.parser.feed(&bytes, |message| heard.push(message)).is_err() {
                return Err(Ended::because(format!(
                    "{} sends more than 8 MiB in one message: nobody reads that",
                    place()
                )));
            }
            self.heard = heard.into_iter();
        }
    }
}
