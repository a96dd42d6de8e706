//! How a request is sent: what it is addressed to, how long its answer may take, and what an error says of whether it was
//! carried out.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use cenote::Timeout;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::header::HOST;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, Uri, Version, header::HeaderValue};
use tokio::time::{sleep, timeout};

use crate::body::{Body, Outgoing};
use crate::error::HttpError;
use crate::fault;
use crate::plan::Plan;
use crate::track::Track;

pub(crate) type Answer = Result<Response<Incoming>, TrySendError<Request<Outgoing>>>;

/// The request as it goes out: its path behind the service's, with what every request carries.
pub(crate) fn addressed<B: Into<Outgoing>>(
    plan: &Plan,
    request: Request<B>,
    two: bool,
) -> Result<Request<Outgoing>, HttpError> {
    let (mut parts, body) = request.into_parts();
    if parts.method == Method::CONNECT {
        return Err(HttpError::settings(
            "CONNECT makes a connection of its own: it has no place in a pool",
        ));
    }
    let usual = if plan.encrypted { 443 } else { 80 };
    if let Some(named) = parts.uri.authority() {
        let host = named.host().trim_start_matches('[').trim_end_matches(']');
        let port = named.port_u16().unwrap_or(usual);
        if !host.eq_ignore_ascii_case(&plan.host) || port != plan.port {
            return Err(HttpError::settings(format!(
                "a request for another service than {}: give its path only, or take that service's pool",
                plan.place()
            )));
        }
    }
    let path = parts.uri.path_and_query().map_or("/", PathAndQuery::as_str);
    let path = format!("{}{path}", plan.base);
    let wrong = |_| HttpError::settings("a request's path can be none: correct it");
    if two {
        let uri = Uri::builder().scheme(plan.scheme()).authority(plan.authority.as_str());
        parts.uri = uri.path_and_query(path).build().map_err(wrong)?;
        parts.version = Version::HTTP_2;
    } else {
        let path = PathAndQuery::try_from(path).map_err(|error| wrong(error.into()))?;
        parts.uri = path.into();
        parts.version = Version::HTTP_11;
        if !parts.headers.contains_key(HOST) {
            let host = HeaderValue::try_from(plan.authority.as_str());
            let host = host.map_err(|error| wrong(error.into()))?;
            parts.headers.insert(HOST, host);
        }
    }
    for (name, value) in &plan.headers {
        if !parts.headers.contains_key(name) {
            parts.headers.insert(name, value.clone());
        }
    }
    Ok(Request::from_parts(parts, body.into()))
}

/// How long hyper may take to hand over what it has of a connection that has ended.
const HANDED_OVER: Duration = Duration::from_secs(1);

/// The answer, or none if the connection has ended and hyper tells nothing of it.
async fn told<T>(track: &Track, answer: impl Future<Output = T>) -> Option<T> {
    let mut answer = pin!(answer);
    let mut untold = pin!(async {
        track.socket().ended().await;
        sleep(HANDED_OVER).await;
    });
    poll_fn(|cx| match answer.as_mut().poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => untold.as_mut().poll(cx).map(|()| None),
    })
    .await
}

/// Waits for the head of an answer.
pub(crate) async fn answered(
    plan: &Plan,
    place: &Arc<str>,
    track: &Arc<Track>,
    answer: impl Future<Output = Answer>,
) -> Result<Response<Body>, HttpError> {
    let answer = told(track, answer);
    let answer = match plan.answer_timeout {
        Timeout::After(after) => timeout(after, answer)
            .await
            .map_err(|_| HttpError::TimedOut { place: Arc::clone(place), after })?,
        _ => answer.await,
    };
    match answer {
        None => Err(HttpError::Lost { place: Arc::clone(place), doubtful: track.is_doubtful() }),
        Some(Ok(answer)) => {
            let (head, body) = answer.into_parts();
            track.answered(&head);
            let body = Body::new(body, Arc::clone(track), Arc::clone(place));
            Ok(Response::from_parts(head, body))
        }
        Some(Err(error)) => {
            // hyper gives the request back if not a byte of it went out.
            let unsent = error.message().is_some() || fault::is_refusal(error.error());
            let (place, doubtful) = (Arc::clone(place), track.is_doubtful());
            Err(HttpError::Request { place, unsent, doubtful, source: error.into_error() })
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use tokio::time::Instant;

    use super::*;
    use crate::ended::Socket;

    // P-3
    #[tokio::test(start_paused = true)]
    async fn who_is_not_answered_on_a_connection_that_has_ended_is_told_within_a_second() {
        let track = Track::new(true);
        let socket = Socket::new((), track.socket());
        let began = Instant::now();
        let mut waiting = pin!(told(&track, pending::<()>()));
        assert!(timeout(Duration::from_secs(60), &mut waiting).await.is_err(), "it may still come");
        drop(socket);
        assert_eq!(timeout(HANDED_OVER * 2, waiting).await, Ok(None));
        assert_eq!(began.elapsed(), Duration::from_secs(61));
        // And who asks after that.
        assert!(told(&track, pending::<()>()).await.is_none());
    }

    // P-3
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_there_outlives_its_connection() {
        let track = Track::new(true);
        drop(Socket::new((), track.socket()));
        assert!(told(&track, ready(7)).await == Some(7));
        let late = async {
            sleep(HANDED_OVER / 2).await;
            7
        };
        assert!(told(&track, late).await == Some(7));
    }
}
