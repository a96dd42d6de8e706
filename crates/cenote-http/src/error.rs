//! What can go wrong with a service, each as one sentence that names the service, the reason and what to do, and as a
//! [`Fault`] that tells the pool what it means. Paths, headers and bodies are in none of them.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cenote::Fault;
use hyper::header::RETRY_AFTER;
use hyper::{HeaderMap, Method, Response, StatusCode};

use crate::fault;

/// Why a connection could not be made or a request failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum HttpError {
    /// A URL, a setting or a request cannot be used.
    #[non_exhaustive]
    Settings {
        /// What is wrong and what to do.
        reason: String,
    },
    /// The connection could not be made.
    #[non_exhaustive]
    Connect {
        /// Where: `https://host:port`.
        place: Arc<str>,
        /// What is wrong and what to do.
        reason: String,
        /// What it means for the pool.
        fault: Fault,
    },
    /// A request had no answer.
    #[non_exhaustive]
    Request {
        /// Where.
        place: Arc<str>,
        /// The service has certainly not carried it out.
        unsent: bool,
        /// Nobody has answered in HTTP/2 on this connection, and it was spoken to in it.
        doubtful: bool,
        /// hyper's own error.
        source: hyper::Error,
    },
    /// The connection ended, and nobody said what became of the request.
    #[non_exhaustive]
    Lost {
        /// Where it led to.
        place: Arc<str>,
        /// Nobody has answered in HTTP/2 on this connection, and it was spoken to in it.
        doubtful: bool,
    },
    /// The head of an answer did not come within [`answer_timeout`](crate::Http::answer_timeout). Whether the request was
    /// carried out is not known.
    #[non_exhaustive]
    TimedOut {
        /// Where.
        place: Arc<str>,
        /// That timeout.
        after: Duration,
    },
    /// The body of an answer broke off.
    #[non_exhaustive]
    Body {
        /// Where.
        place: Arc<str>,
        /// hyper's own error.
        source: hyper::Error,
    },
    /// The body of an answer is longer than the limit that was given, or no text.
    #[non_exhaustive]
    Unfit {
        /// Where.
        place: Arc<str>,
        /// The limit in bytes, if it is too long.
        limit: Option<usize>,
    },
    /// A request was made while an earlier answer on the same connection was still being read.
    #[non_exhaustive]
    Busy {
        /// Where.
        place: Arc<str>,
    },
    /// The connection was closed before anything was sent.
    #[non_exhaustive]
    Closed {
        /// Where it led to.
        place: Arc<str>,
    },
    /// An answer whose status is no success, by [`success`] or a [health check](crate::Http::health).
    #[non_exhaustive]
    Status {
        /// Where.
        place: Arc<str>,
        /// The status.
        status: StatusCode,
        /// When to come again, if the answer says so.
        retry_after: Option<Duration>,
    },
}

/// The answer if its status is a success (2xx), else [`HttpError::Status`]: 429 and 503 are overload to the pool and its
/// cluster.
///
/// # Errors
/// If it is none.
///
/// ```no_run
/// # async fn example(pool: cenote::Pool<cenote_http::Http>) -> Result<(), Box<dyn std::error::Error>> {
/// # use cenote_http::{hyper::Request, success};
/// let text = pool
///     .with(async |conn| success(conn.send(Request::get("/orders/7").body(()).unwrap()).await?)?.into_body().text(1 << 20).await)
///     .await?;
/// # Ok(()) }
/// ```
pub fn success(answer: Response<crate::Body>) -> Result<Response<crate::Body>, HttpError> {
    if answer.status().is_success() {
        return Ok(answer);
    }
    let place = Arc::clone(answer.body().place());
    Err(HttpError::of_status(place, answer.status(), answer.headers()))
}

impl HttpError {
    /// hyper's own error, if it came to that.
    pub fn hyper(&self) -> Option<&hyper::Error> {
        match self {
            HttpError::Request { source, .. } | HttpError::Body { source, .. } => Some(source),
            _ => None,
        }
    }

    /// When to come again, if the service says so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            HttpError::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// What the error means for the pool (P-14).
    pub fn fault(&self) -> Fault {
        match self {
            HttpError::Connect { fault, .. } => *fault,
            HttpError::Request { source, .. } => fault::of_request(source),
            HttpError::Body { source, .. } => fault::of_request(source),
            HttpError::TimedOut { .. } => Fault::Timeout,
            HttpError::Unfit { .. } | HttpError::Busy { .. } => Fault::Query,
            HttpError::Closed { .. } | HttpError::Lost { .. } => Fault::Connection,
            HttpError::Status { status, .. } => fault::of_status(*status),
            HttpError::Settings { .. } => Fault::Permanent,
        }
    }

    /// Whether a request with this method that failed so may be sent again, as RFC 9110 (9.2.2) has it: if the service
    /// has certainly not carried it out, or if its connection was lost and the method is one that may be repeated: GET,
    /// HEAD, OPTIONS, TRACE, PUT, DELETE.
    ///
    /// A server that closes a connection that rested, at the very moment in which a request goes out on it, is such a
    /// loss: nobody can tell it from a server that died of the request.
    pub fn may_repeat(&self, method: &Method) -> bool {
        match self {
            HttpError::Closed { .. } | HttpError::Connect { .. } => true,
            HttpError::Request { unsent: true, .. } => true,
            HttpError::Request { source, .. } => method.is_idempotent() && fault::is_loss(source),
            HttpError::Lost { .. } => method.is_idempotent(),
            _ => false,
        }
    }

    pub(crate) fn settings(reason: impl Into<String>) -> HttpError {
        HttpError::Settings { reason: reason.into() }
    }

    pub(crate) fn of_status(place: Arc<str>, status: StatusCode, headers: &HeaderMap) -> HttpError {
        HttpError::Status { place, status, retry_after: retry_after(headers, SystemTime::now()) }
    }

    /// The error of a connection over HTTP/2 that ended before it took anything.
    pub(crate) fn hung_up(place: Arc<str>) -> HttpError {
        let reason = "it hung up before its first answer: if it speaks no HTTP/2, leave out http2(), else try again";
        HttpError::Connect { place, reason: reason.to_owned(), fault: Fault::Connection }
    }

    /// The error of a connect that nobody answered.
    pub(crate) fn unreachable(place: Arc<str>, error: &io::Error) -> HttpError {
        let fault = cenote_driver::io::fault(error);
        let reason = cenote_driver::io::unreachable(error, "service");
        HttpError::Connect { place, reason, fault }
    }
}

/// What a `Retry-After` says: seconds, or a date. One that makes no sense says nothing.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Duration::from_secs(seconds.into()));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

/// hyper's words for an error and those of what is below it, in one line.
fn words(error: &hyper::Error) -> String {
    let mut words = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        let more = error.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        below = error.source();
    }
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

const NO_TWO: &str = "if it speaks no HTTP/2, leave out http2(), else ";
const NOT_KNOWN: &str =
    "whether the request was carried out is not known, so look before you repeat it";

impl fmt::Display for HttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HttpError::Settings { reason } => f.write_str(reason),
            HttpError::Connect { place, reason, .. } => write!(f, "{place}: {reason}"),
            HttpError::Request { place, unsent: true, source, .. } => write!(
                f,
                "{place}: the request was not carried out ({}): send it again",
                words(source)
            ),
            HttpError::Request { place, source, doubtful, .. } => {
                write!(f, "{place}: there was no answer ({}): ", words(source))?;
                f.write_str(if *doubtful { NO_TWO } else { "" })?;
                f.write_str(if source.is_parse() {
                    "whoever listens there speaks another protocol, or another version of HTTP"
                } else {
                    NOT_KNOWN
                })
            }
            HttpError::Lost { place, doubtful } => {
                write!(f, "{place}: there was no answer (the connection was lost): ")?;
                f.write_str(if *doubtful { NO_TWO } else { "" })?;
                f.write_str(NOT_KNOWN)
            }
            HttpError::TimedOut { place, after } => write!(
                f,
                "{place}: no answer within {after:?}: make the service faster, or raise answer_timeout"
            ),
            HttpError::Body { place, source } => write!(
                f,
                "{place}: the answer broke off ({}): what came of it is not all",
                words(source)
            ),
            HttpError::Unfit { place, limit: Some(limit) } => write!(
                f,
                "{place}: the answer is longer than {limit} bytes: raise the limit, or read it piece by piece"
            ),
            HttpError::Unfit { place, limit: None } => {
                write!(f, "{place}: the answer is no text in UTF-8: read its bytes")
            }
            HttpError::Busy { place } => write!(
                f,
                "{place}: the last answer on this connection is still being read: read it to its end or drop it before the next request"
            ),
            HttpError::Closed { place } => {
                write!(f, "{place}: this connection is closed: acquire another")
            }
            HttpError::Status { place, status, retry_after } => {
                write!(f, "{place}: the service answered {status}")?;
                match (retry_after, fault::of_status(*status)) {
                    (Some(after), _) => write!(f, ": come again in {after:?}"),
                    (None, Fault::Overload) => f.write_str(": it has too much to do, ask less"),
                    (None, _) => f.write_str(": see its log"),
                }
            }
        }
    }
}

impl StdError for HttpError {
    // The sentence holds the words of all that is below it.
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-14
    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let said = |text: &str| {
            let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse().unwrap())]);
            retry_after(&headers, now).map(|after| after.as_secs())
        };
        assert_eq!(said("120"), Some(120));
        assert_eq!(said(" 0 "), Some(0));
        assert_eq!(said("Sun, 06 Nov 1994 08:49:37 GMT"), Some(90));
        assert_eq!(said("Sat, 06 Nov 1993 08:49:37 GMT"), Some(0), "it is past");
        for nothing in ["", "soon", "-1", "1.5", "99999999999999999999"] {
            assert_eq!(said(nothing), None, "{nothing}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
