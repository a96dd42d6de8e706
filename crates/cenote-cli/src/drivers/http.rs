//! HTTP: every task asks for the URL, and reads the answer to its end. Shared connections speak HTTP/2.

use cenote::Manager;
use cenote_http::hyper::{Request, Uri};
use cenote_http::{Http, HttpConnection, HttpError, HttpHandle, Two, Version, success};

use super::{Asked, Driver, Limits, Sharing, Work};
use crate::failure::Failure;

impl<V: Version> Driver for Http<V> {
    type Query = Uri;

    /// Our own end of it is waited for.
    const GOODBYE_IS_ANSWERED: bool = false;

    async fn ask(conn: &mut HttpConnection, path: &Uri, _: u64) -> Result<(), HttpError> {
        success(conn.send(request(path)).await?)?.into_body().skip().await.map(drop)
    }

    async fn limits(_: &mut HttpConnection) -> Result<Limits, HttpError> {
        Ok(Limits::Untold("HTTP has no question for it".to_owned()))
    }
}

impl Sharing for Http<Two> {
    async fn ask_shared(handle: &mut HttpHandle, path: &Uri) -> Result<(), HttpError> {
        success(handle.send(request(path)).await?)?.into_body().skip().await.map(drop)
    }
}

fn request(path: &Uri) -> Request<()> {
    let mut request = Request::new(());
    *request.uri_mut() = path.clone();
    request
}

pub(super) async fn open<W: Work>(asked: &Asked<'_>, work: &mut W) -> Result<W::Made, Failure> {
    if asked.sql.is_some() {
        return Err(Failure::usage(
            "--sql: a service is asked for the path of its URL: leave it out",
        ));
    }
    let (service, path) = parts(asked.url);
    let http = Http::from_url(service);
    let http = http.map_err(|error| Failure::usage(format!("--url: {error}")))?;
    let path: Uri = path.parse().map_err(|_| {
        Failure::usage("--url: its path or its parameters can be none: correct them")
    })?;
    if asked.share {
        let http = http.http2();
        check(&http, &path).await?;
        let target = format!("HTTP/2 at {}", http.place());
        return work.shared(http, target, path).await;
    }
    check(&http, &path).await?;
    let target = format!("HTTP/1.1 at {}", http.place());
    work.alone(http, target, path).await
}

/// Where to, and what for.
fn parts(url: &str) -> (&str, String) {
    let after = url.find("://").map_or(0, |at| at + 3);
    let end = url[after..].find(['/', '?']).map_or(url.len(), |at| after + at);
    let (service, path) = url.split_at(end);
    let slash = if path.starts_with('/') { "" } else { "/" };
    (service, format!("{slash}{path}"))
}

/// Asks once, before many do.
async fn check<V: Version>(http: &Http<V>, path: &Uri) -> Result<(), Failure> {
    let mut conn = super::first(http, http.place()).await?;
    let asked = Http::<V>::ask(&mut conn, path, 0).await;
    http.close(conn).await.map_err(Failure::new)?;
    asked.map_err(Failure::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-27
    #[test]
    fn a_url_is_where_to_and_what_for() {
        for (url, service, path) in [
            ("http://orders", "http://orders", "/"),
            ("https://orders:1/a/b?c=d", "https://orders:1", "/a/b?c=d"),
            ("http://orders?x", "http://orders", "/?x"),
            ("http:", "http:", "/"),
        ] {
            assert_eq!(parts(url), (service, path.to_owned()));
        }
    }
}
