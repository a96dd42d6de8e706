//! Who may do what. Everybody who reaches the router may look. Whoever wants to do something must come from the page itself,
//! if he comes from a page at all, and must have the token, which is compared in constant time and stands in a header,
//! never in a URL, where logs and histories would keep it. Whoever serves the router on a loopback address is asked for by
//! a loopback name only: else any site could point its own name there and read along.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq;

use crate::admin::Shared;
use crate::answer::Refusal;
use crate::query;

/// Where the router is served, if [`Admin::serve`](crate::Admin::serve) does it.
#[derive(Clone, Copy)]
pub(crate) struct Bound(pub(crate) SocketAddr);

/// Names of values in a query that look like an attempt to send a token.
const TOKENS: [&str; 7] =
    ["token", "access_token", "auth", "authorization", "bearer", "api_key", "apikey"];

/// What holds for every request.
pub(crate) async fn every_request(
    State(admin): State<Shared>,
    request: Request,
    next: Next,
) -> Response {
    let bound = request.extensions().get::<Bound>().copied();
    let checked = known_host(bound, request.headers(), request.uri())
        .and_then(|()| no_token_in_url(request.uri(), admin.token.as_deref()));
    match checked {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

fn known_host(bound: Option<Bound>, headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    if !bound.is_some_and(|Bound(address)| address.ip().is_loopback()) {
        return Ok(());
    }
    let host = host(headers, uri).unwrap_or_default();
    if is_loopback(&host) {
        return Ok(());
    }
    Err(Refusal::forbidden(
        "this is served on a loopback address: ask for it as localhost, 127.0.0.1 or [::1]",
    ))
}

/// The host and port that were asked for, in lower case, without a port that is the usual one.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or(uri.authority().map(|authority| authority.as_str()))?;
    Some(usual(host))
}

fn usual(host: &str) -> String {
    let host = host.trim().to_ascii_lowercase();
    let short = host.strip_suffix(":80").or(host.strip_suffix(":443"));
    short.map_or(host.clone(), str::to_owned)
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn no_token_in_url(uri: &Uri, token: Option<&str>) -> Result<(), Refusal> {
    let Some(query) = uri.query() else { return Ok(()) };
    let names = |(name, value): (String, String)| {
        TOKENS.contains(&name.to_lowercase().as_str())
            || token.is_some_and(|token| name.contains(token) || value.contains(token))
    };
    if !query::pairs(query).any(names) {
        return Ok(());
    }
    Err(Refusal::bad(
        "a token does not belong into a URL, where logs and histories keep it: send it in the header Authorization, as Bearer, and take a new one",
    ))
}

/// Refuses what a page of another site sends in a browser.
pub(crate) fn same_origin(headers: &HeaderMap, uri: &Uri) -> Result<(), Refusal> {
    let refused = || Err(Refusal::forbidden("this came from another site's page and is refused"));
    if let Some(site) = headers.get("sec-fetch-site") {
        if site != "same-origin" && site != "none" {
            return refused();
        }
    }
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let origin = origin.to_str().unwrap_or_default();
    let authority = origin.split_once("://").map(|(_, authority)| usual(authority));
    match (authority, host(headers, uri)) {
        (Some(authority), Some(host)) if authority == host => Ok(()),
        _ => refused(),
    }
}

/// Whether the request has the token.
pub(crate) fn has_token(headers: &HeaderMap, token: Option<&str>) -> Result<(), Refusal> {
    let Some(token) = token else {
        return Err(Refusal::forbidden(
            "operations are off: configure a token to switch them on, then send it as Bearer in the header Authorization",
        ));
    };
    let given = headers.get(AUTHORIZATION).map(|value| value.as_bytes()).unwrap_or_default();
    let is_bearer = given.get(..7).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"bearer "));
    let given = if is_bearer { given[7..].trim_ascii() } else { &[] };
    // Of both only the lengths can be learned from how long this takes.
    if bool::from(given.ct_eq(token.as_bytes())) {
        return Ok(());
    }
    let sentence = match given {
        [] => "this needs the token: send it as Bearer in the header Authorization",
        _ => "the token is wrong",
    };
    Err(Refusal::new(StatusCode::UNAUTHORIZED, sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_names_are_told_from_others() {
        for host in [
            "localhost",
            "localhost:8080",
            "127.0.0.1:80",
            "127.8.9.1",
            "[::1]:80",
            "a.localhost:1",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "10.0.0.1:80",
            "127.0.0.1.evil.example",
            "[::2]",
            "1",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
