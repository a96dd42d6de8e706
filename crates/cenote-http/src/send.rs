//! How a request is sent: what it is addressed to, how long its answer may take, and what an error says of whether it was
//! carried out.

use std::sync::Arc;

use cenote::Timeout;
use hyper::body::Incoming;
use hyper::client::conn::TrySendError;
use hyper::header::HOST;
use hyper::http::uri::PathAndQuery;
use hyper::{Method, Request, Response, Uri, Version, header::HeaderValue};
use tokio::time::timeout;

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

/// Waits for the head of an answer.
pub(crate) async fn answered(
    plan: &Plan,
    place: &Arc<str>,
    track: &Arc<Track>,
    answer: impl Future<Output = Answer>,
) -> Result<Response<Body>, HttpError> {
    let answer = match plan.answer_timeout {
        Timeout::After(after) => timeout(after, answer)
            .await
            .map_err(|_| HttpError::TimedOut { place: Arc::clone(place), after })?,
        _ => answer.await,
    };
    match answer {
        Ok(answer) => {
            let (head, body) = answer.into_parts();
            track.answered(&head);
            let body = Body::new(body, Arc::clone(track), Arc::clone(place));
            Ok(Response::from_parts(head, body))
        }
        Err(error) => {
            // hyper gives the request back if not a byte of it went out.
            let unsent = error.message().is_some() || fault::is_refusal(error.error());
            let (place, doubtful) = (Arc::clone(place), track.is_doubtful());
            Err(HttpError::Request { place, unsent, doubtful, source: error.into_error() })
        }
    }
}
