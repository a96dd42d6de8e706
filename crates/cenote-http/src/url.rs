//! A service from the text of its URL. No error repeats what may be a password.

use cenote::Settings;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::http::uri::{Authority, PathAndQuery};

use crate::error::HttpError;
use crate::plan::Plan;

pub(crate) fn read(url: &str) -> Result<Plan, HttpError> {
    let wrong = |reason: &str| Err(HttpError::settings(reason));
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    let encrypted = match scheme.to_ascii_lowercase().as_str() {
        "http" => false,
        "https" => true,
        _ => {
            return wrong(
                "the URL of a service begins with its scheme: write http://HOST or https://HOST",
            );
        }
    };
    // What comes before the @ is nobody's but the server's; a ? in it would tear the URL.
    let (login, rest) = match rest.split_once('@') {
        Some((login, rest)) => (Some(login), rest),
        None => (None, rest),
    };
    if login.is_some_and(|login| login.contains(['?', '#', '/'])) || rest.contains('@') {
        return wrong(
            "the URL has an @, /, ? or # where it tears it apart: in user and password write them as %40, %2F, %3F and %23, and an @ in the path as %40",
        );
    }
    if rest.contains('#') {
        return wrong("the URL of a service has no fragment: write a # in it as %23");
    }
    // Only now is it known that what looks like parameters is what it looks like.
    let (pool, left) = Settings::from_url(&format!("http://{rest}"))
        .map_err(|error| HttpError::settings(error.to_string()))?;
    let left = left.strip_prefix("http://").unwrap_or_default();
    let (address, query) = left.split_once('?').unwrap_or((left, ""));
    if !query.is_empty() {
        return wrong(
            "the URL of a service has no parameters but the pool's, whose names begin with pool_: requests have their own",
        );
    }
    let at = address.find('/').unwrap_or(address.len());
    let (authority, path) = address.split_at(at);
    let mut plan = service(authority, encrypted)?;
    let base = path.trim_end_matches('/');
    if bad_path(base) {
        return wrong("the path in the URL can be none: correct it");
    }
    base.clone_into(&mut plan.base);
    if let Some(login) = login {
        plan.headers.insert(AUTHORIZATION, basic(login)?);
    }
    plan.pool = pool;
    Ok(plan)
}

fn service(authority: &str, encrypted: bool) -> Result<Plan, HttpError> {
    let wrong = || {
        HttpError::settings(
            "the URL has no host that could be one, or a port that is none: write http://HOST:PORT",
        )
    };
    let authority = Authority::try_from(authority).map_err(|_| wrong())?;
    let host = authority.host();
    let port = authority.port_u16();
    // What is left besides host and port.
    let rest = authority.as_str().strip_prefix(host).ok_or_else(wrong)?;
    if host.is_empty() || (port.is_none() && !rest.is_empty()) || port == Some(0) {
        return Err(wrong());
    }
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    Ok(Plan::new(bare.to_owned(), port, encrypted))
}

/// Whether that can be no path. An empty one can.
pub(crate) fn bad_path(path: &str) -> bool {
    !path.is_empty() && PathAndQuery::try_from(path).is_err()
}

/// User and password as every request shows them.
fn basic(login: &str) -> Result<HeaderValue, HttpError> {
    let bytes = cenote_driver::decoded(login).map_err(|_| {
        HttpError::settings("user or password in the URL is encoded wrongly: write a % as %25")
    })?;
    // A user without a password has an empty one.
    let colon: &[u8] = if bytes.contains(&b':') { b"" } else { b":" };
    let mut value = HeaderValue::try_from(format!("Basic {}", base64(&[&bytes, colon].concat())))
        .map_err(|_| {
        HttpError::settings("user or password in the URL can be none: correct them")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// RFC 4648.
fn base64(bytes: &[u8]) -> String {
    const SIGNS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sign = SIGNS[(bits >> (18 - 6 * at) & 63) as usize];
            text.push(if at <= three.len() { char::from(sign) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> String {
        let plan = read(url).unwrap();
        format!("{} {} {}", plan.place(), plan.authority, plan.base)
    }

    // P-24, S
    #[test]
    fn urls_say_where_to() {
        for (url, is) in [
            ("http://orders", "http://orders:80 orders "),
            ("HTTPS://orders/", "https://orders:443 orders "),
            ("http://orders:8080/v1/", "http://orders:8080 orders:8080 /v1"),
            ("https://orders:443/a/b", "https://orders:443 orders /a/b"),
            ("http://[::1]:80", "http://[::1]:80 [::1] "),
            ("http://10.0.0.1:443?pool_max_size=3", "http://10.0.0.1:443 10.0.0.1:443 "),
        ] {
            assert_eq!(place(url), is, "{url}");
        }
    }

    // P-24, S
    #[test]
    fn what_is_no_url_of_a_service_is_told_without_its_secrets() {
        for (url, says) in [
            ("orders:hunter2", "begins with its scheme"),
            ("", "begins with its scheme"),
            ("postgres://app:hunter2@db", "begins with its scheme"),
            ("http://", "no host"),
            ("http:///hunter2", "no host"),
            ("http://orders:hunter2", "no host"),
            ("http://orders:", "no host"),
            ("http://orders:0", "no host"),
            ("http://orders:99999", "no host"),
            ("http://app:hun/ter2@orders", "tears it apart"),
            ("http://app:hun@ter2@orders", "tears it apart"),
            ("http://app:hun?ter2@orders", "tears it apart"),
            ("http://app:hun%zzter2@orders", "encoded wrongly"),
            ("http://orders/hunter2#x", "no fragment"),
            ("http://orders?token=hunter2", "no parameters but the pool's"),
            ("http://orders/a b", "the path in the URL"),
            ("http://orders?pool_max_size=0", "max_size"),
            ("http://orders?pool_size=1", "pool_size"),
        ] {
            let error = read(url).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("ter2"), "{url}: {error}");
        }
    }

    // S
    #[test]
    fn a_login_is_basic_and_hidden() {
        let plan = read("http://Aladdin:open%20sesame@orders").unwrap();
        let value = &plan.headers[AUTHORIZATION];
        assert_eq!(value, "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(format!("{value:?}"), "Sensitive");
        assert_eq!(read("http://ab@orders").unwrap().headers[AUTHORIZATION], "Basic YWI6");
    }

    // S
    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, is) in
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(text.as_bytes()), is);
        }
    }
}
