//! etcd from one text, as configurations and command lines have it. No error repeats what may be a password.

use crate::error::EtcdError;
use crate::etcd::Etcd;

/// The servers, and the path behind them, which is a prefix of keys.
pub(crate) fn read(url: &str) -> Result<(Etcd, String), EtcdError> {
    let wrong = |reason: &str| Err(EtcdError::settings(reason));
    let (scheme, rest) = url.split_once("://").unwrap_or((url, ""));
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return wrong(
            "the URL of etcd begins with its scheme: write http://HOST:2379 or https://HOST:2379",
        );
    }
    let (login, rest) = match rest.split_once('@') {
        Some((login, rest)) => (Some(login), rest),
        None => (None, rest),
    };
    if login.is_some_and(|login| login.contains(['?', '#', '/'])) || rest.contains(['@', '#']) {
        return wrong(
            "the URL of etcd has an @, /, ? or # where it tears it apart: write them as %40, %2F, %3F and %23",
        );
    }
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (hosts, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let mut etcd = Etcd::new(hosts.split(',').map(|host| format!("{scheme}://{host}")))?;
    let Some(path) = decoded(path) else {
        return wrong("the prefix in the URL of etcd is encoded wrongly: write a % as %25");
    };
    if let Some(login) = login {
        let (user, password) = login.split_once(':').unwrap_or((login, ""));
        let (Some(user), Some(password)) = (decoded(user), decoded(password)) else {
            return wrong(
                "user or password in the URL of etcd is encoded wrongly: write a % as %25",
            );
        };
        etcd = etcd.user(user, password);
    }
    let (mut cert, mut key) = (None, None);
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        let Some(value) = decoded(value).filter(|value| !value.is_empty()) else {
            return wrong(
                "a parameter in the URL of etcd has no value, or one that is encoded wrongly",
            );
        };
        match name {
            "root_cert" => etcd = etcd.root_cert(value),
            "cert" => cert = Some(value),
            "key" => key = Some(value),
            _ => {
                return wrong(
                    "the URL of etcd has a parameter that is not known: these are root_cert, cert and key",
                );
            }
        }
    }
    match (cert, key) {
        (Some(cert), Some(key)) => Ok((etcd.identity(cert, key), path)),
        (None, None) => Ok((etcd, path)),
        _ => wrong("the URL of etcd has a cert or a key alone: give both, or none"),
    }
}

/// Without its percent encoding.
fn decoded(text: &str) -> Option<String> {
    String::from_utf8(cenote_driver::decoded(text).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // P-24, S
    #[test]
    fn a_url_says_servers_and_prefix() {
        for (url, servers, prefix) in [
            ("http://a:2379/shop/", r#"["http://a:2379"]"#, "/shop/"),
            ("HTTPS://a:1,b:2", r#"["https://a:1", "https://b:2"]"#, ""),
            ("http://u:p%40%2F@a:1/x%20y", r#"["http://a:1"]"#, "/x y"),
            ("https://a:1/n/?root_cert=/c%3F&cert=c&key=k", r#"["https://a:1"]"#, "/n/"),
            ("http://[::1]:2379//", r#"["http://[::1]:2379"]"#, "//"),
        ] {
            let (etcd, path) = read(url).unwrap();
            assert_eq!(format!("{etcd:?}"), format!("Etcd {{ servers: {servers}, .. }}"), "{url}");
            assert_eq!(path, prefix, "{url}");
        }
        assert_eq!(decoded("p%40%2f"), Some("p@/".to_owned()));
    }

    // S
    #[test]
    fn what_is_no_url_of_etcd_is_told_without_its_secrets() {
        for (url, says) in [
            ("", "begins with its scheme"),
            ("shop:hunter2@a:2379", "begins with its scheme"),
            ("etcd://shop:hunter2@a:2379", "begins with its scheme"),
            ("http://shop:hun/ter2@a", "tears it apart"),
            ("http://shop:hun@ter2@a", "tears it apart"),
            ("http://shop:hun#ter2@a", "tears it apart"),
            ("http://shop:hun%zzter2@a", "encoded wrongly"),
            ("http://shop:hunter2@", "no host"),
            ("http://shop:hunter2@a,,b", "no host"),
            ("http://shop:hunter2@a:99999", "no host"),
            ("http://a?password=hunter2", "is not known"),
            ("http://a?root_cert=", "has no value"),
            ("http://a?cert=hunter2", "cert or a key alone"),
            ("http://a/%ff", "encoded wrongly"),
        ] {
            let error = read(url).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(says) && !error.contains("ter2"), "{url}: {error}");
        }
        for url in ["http://shop:hunter2@a:1", "http://a?hunter2", "hunter2"] {
            let error = Etcd::new([url]).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(Etcd::new([""; 0]).unwrap_err().to_string().contains("no server"));
        assert!(Etcd::from_url("http://a/shop/").unwrap_err().to_string().contains("has a path"));
    }
}
