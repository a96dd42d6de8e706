//! Settings from a URL. No error repeats what may be a password.

use cenote::{Node, Settings};

use crate::error::RedisError;
use crate::options::Redis;
use crate::plan::{Plan, Target, must_be_a_name};

/// All that a URL's parameters can say of the server.
const KNOWN: [&str; 9] =
    ["ca_cert", "cert", "client_name", "db", "key", "password", "protocol", "skip_verify", "user"];

impl Redis {
    /// The server of a URL, as most Redis programs know it: `redis://user:password@host:port/database`, with TLS
    /// `rediss://…`; on Unix also a socket on the disk, `redis+unix:///path/to/socket?db=2` or `unix:///…`. What is left
    /// out has its default: `redis://` is `localhost:6379`, database 0, nobody logs in.
    ///
    /// Parameters: `db`, `user`, `password`, `client_name`, `ca_cert` (a path), `cert` and `key` (paths), `skip_verify`
    /// (`true` looks at no certificate) and `protocol` (only 2 works).
    ///
    /// Options of the pool ride in it as parameters whose names begin with `pool_`:
    /// `redis://cache/0?pool_max_size=20&pool_acquire_timeout=3s`. They are the defaults of every pool that is
    /// built from this value; calls of the builder come after them (P-24).
    ///
    /// # Errors
    /// [`RedisError::Settings`] if it is no such URL, a parameter is unknown or cannot have its value. It repeats
    /// nothing that may be a password.
    ///
    /// ```
    /// use cenote_redis::Redis;
    ///
    /// let redis = Redis::from_url("redis://app:secret@cache.internal/2?pool_max_size=20")?;
    /// assert_eq!(redis.place(), "cache.internal:6379/2 as app");
    ///
    /// let error = Redis::from_url("redis://app:secret@cache.internal/two").unwrap_err();
    /// assert_eq!(error.to_string(), "the database in the URL is no number: write redis://HOST/0, or leave it out");
    /// # Ok::<(), cenote_redis::RedisError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Redis, RedisError> {
        let (scheme, rest) = scheme(url)?;
        // What comes before the @ is nobody's but the server's; a ? in it would tear the URL.
        let (login, rest) = match rest.split_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        if login.is_some_and(|login| login.contains(['?', '#', '/'])) || rest.contains('@') {
            return Err(RedisError::settings(
                "the URL has an @, /, ? or # in its user or password, which tears it apart: write them as %40, %2F, %3F and %23",
            ));
        }
        if rest.contains('#') {
            return Err(RedisError::settings(
                "a Redis URL has no fragment: write a # in it as %23, and #insecure as ?skip_verify=true",
            ));
        }
        // Only now is it known that what looks like parameters is what it looks like.
        let (pool, left) = Settings::from_url(&format!("redis://{rest}"))
            .map_err(|error| RedisError::settings(error.to_string()))?;
        let left = left.strip_prefix("redis://").unwrap_or_default();
        let (address, query) = left.split_once('?').unwrap_or((left, ""));

        let mut plan = match scheme {
            Scheme::Unix => Plan::new(Target::Unix { path: path(address)?.into() }),
            Scheme::Redis | Scheme::Rediss => {
                let (host, database) = address.split_once('/').unwrap_or((address, ""));
                let mut plan = Plan::new(target(host)?);
                let database = decoded(database, "the database")?;
                if !database.is_empty() {
                    plan.database = number(&database)?;
                }
                plan
            }
        };
        plan.security.tls = scheme == Scheme::Rediss;
        plan.pool = pool;
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            let user = decoded(user, "the user")?;
            plan.user = (!user.is_empty()).then_some(user);
            plan.password =
                password.map(|password| decoded(password, "the password")).transpose()?;
        }
        let mut identity = (None, None);
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err(RedisError::settings(
                    "a parameter of the URL has no value: write NAME=VALUE",
                ));
            };
            let name = decoded(name, "a parameter's name")?;
            let value = decoded(value, "a parameter")?;
            match name.as_str() {
                "db" => plan.database = number(&value)?,
                "user" => plan.user = Some(value),
                "password" => plan.password = Some(value),
                "client_name" if value.contains(|c: char| !('!'..='~').contains(&c)) => {
                    return Err(RedisError::settings(
                        "client_name in the URL has a blank or a letter that no client's name has: correct it",
                    ));
                }
                "client_name" => plan.client_name = Some(value),
                "ca_cert" => plan.security.ca_cert = Some(value.into()),
                "cert" => identity.0 = Some(value.into()),
                "key" => identity.1 = Some(value.into()),
                "skip_verify" => {
                    plan.security.skip_verify = value.parse().map_err(|_| {
                        RedisError::settings("skip_verify in the URL is true or false: correct it")
                    })?;
                }
                "protocol" if value == "2" || value == "resp2" => {}
                "protocol" => {
                    return Err(RedisError::settings(
                        "protocol in the URL can only be 2: leave it out",
                    ));
                }
                name => return Err(unknown(name)),
            }
        }
        plan.security.identity = match identity {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => {
                return Err(RedisError::settings(
                    "cert and key belong together: give both, or neither",
                ));
            }
        };
        Ok(Redis::of(plan))
    }

    /// The server of a cluster's node, whose address is a URL.
    ///
    /// # Errors
    /// As [`from_url`](Redis::from_url).
    pub fn to(node: &Node) -> Result<Redis, RedisError> {
        Redis::from_url(node.address())
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Redis,
    Rediss,
    Unix,
}

fn scheme(url: &str) -> Result<(Scheme, &str), RedisError> {
    let none = || {
        RedisError::settings(
            "a Redis URL begins with its scheme: write redis://USER:PASSWORD@HOST/DATABASE",
        )
    };
    let (scheme, rest) = url.split_once(':').ok_or_else(none)?;
    let rest = rest.strip_prefix("//").ok_or_else(none)?;
    let known = [
        ("redis", Scheme::Redis),
        ("valkey", Scheme::Redis),
        ("rediss", Scheme::Rediss),
        ("valkeys", Scheme::Rediss),
        ("redis+unix", Scheme::Unix),
        ("unix", Scheme::Unix),
    ];
    if let Some((_, known)) = known.iter().find(|(known, _)| scheme.eq_ignore_ascii_case(known)) {
        return Ok((*known, rest));
    }
    // What is no scheme may be anything, such as a password.
    let is_scheme = scheme.len() <= 36
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    match is_scheme {
        true => Err(RedisError::settings(format!(
            "a URL of scheme \"{scheme}\" is no Redis server: the schemes that work are redis, rediss with TLS, and redis+unix"
        ))),
        false => Err(none()),
    }
}

/// `name`, `name:1`, `[::1]:1`, or nothing.
fn target(text: &str) -> Result<Target, RedisError> {
    let wrong =
        || RedisError::settings("the URL's host is no host: write NAME, NAME:PORT or [IPV6]:PORT");
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or_else(wrong)?;
            match after.strip_prefix(':') {
                Some(port) => (host, port),
                None if after.is_empty() => (host, ""),
                None => return Err(wrong()),
            }
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let host = match decoded(host, "the host")? {
        host if host.is_empty() => "localhost".to_owned(),
        host => host,
    };
    must_be_a_name(&host)?;
    let port = match port {
        "" => Plan::PORT,
        port => port.parse().map_err(|_| {
            RedisError::settings("the port is no port: write a number from 0 to 65535")
        })?,
    };
    Ok(Target::Tcp { host, port })
}

fn path(text: &str) -> Result<String, RedisError> {
    let path = decoded(text, "the path")?;
    match path.starts_with('/') && cfg!(unix) {
        true => Ok(path),
        false => Err(RedisError::settings(
            "a socket's URL has its whole path: write redis+unix:///PATH/TO/SOCKET",
        )),
    }
}

fn number(text: &str) -> Result<u32, RedisError> {
    text.parse().map_err(|_| {
        RedisError::settings(
            "the database in the URL is no number: write redis://HOST/0, or leave it out",
        )
    })
}

/// An unknown parameter is named if it is nearly one of ours; else it may be anything.
fn unknown(name: &str) -> RedisError {
    let near = |known: &&&str| {
        let begins = known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
        begins >= 3 && known.len().abs_diff(name.len()) <= 2
    };
    RedisError::settings(match KNOWN.iter().find(near) {
        Some(known) => format!("a parameter of the URL is unknown: did you mean {known}?"),
        None => "a parameter of the URL is unknown: the guide lists those of Redis, and those of the pool begin with pool_".to_owned(),
    })
}

/// Without its percent encoding.
fn decoded(text: &str, what: &str) -> Result<String, RedisError> {
    let bytes = cenote_driver::decoded(text).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        RedisError::settings(format!(
            "{what} in the URL is encoded wrongly: write a % as %25, and letters beyond ASCII as they are"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cenote::{Bound, Manager, Options};

    fn refused(url: &str) -> String {
        Redis::from_url(url).unwrap_err().to_string()
    }

    // P-24
    #[test]
    fn a_url_says_where_as_whom_and_how() {
        let url =
            "rediss://me:p%40ss@[::1]:6380/3?client_name=shop&ca_cert=/ca.pem&pool_max_size=4";
        let redis = Redis::from_url(url).unwrap();
        let plan = &redis.plan;
        assert_eq!(redis.place(), "[::1]:6380/3 as me");
        assert_eq!(plan.password.as_deref(), Some("p@ss"));
        assert_eq!(plan.client_name.as_deref(), Some("shop"));
        assert!(plan.security.tls && !plan.security.skip_verify);
        assert_eq!(plan.security.ca_cert.as_deref(), Some("/ca.pem".as_ref()));
        assert_eq!(redis.defaults(Options::default()).max_size, Bound::At(4));
    }

    // P-24
    #[test]
    fn what_a_url_leaves_out_has_its_default() {
        for (url, place) in [
            ("redis://", "localhost:6379/0"),
            ("REDIS://cache", "cache:6379/0"),
            ("valkey://cache:1/", "cache:1/0"),
            ("redis://:secret@cache?db=7", "cache:6379/7"),
            ("redis+unix:///run/redis.sock?db=2&user=me&password=x", "/run/redis.sock/2 as me"),
            ("unix://me:x@/run/redis.sock", "/run/redis.sock/0 as me"),
        ] {
            let redis = Redis::from_url(url).unwrap();
            assert_eq!(redis.place(), place);
            assert!(!redis.plan.security.tls);
        }
        let redis = Redis::from_url("redis://:secret@cache").unwrap();
        assert_eq!((&redis.plan.user, redis.plan.password.as_deref()), (&None, Some("secret")));
        assert_eq!(Redis::host("/run/redis.sock").unwrap().place(), "/run/redis.sock/0");
    }

    // section S
    #[test]
    fn a_wrong_url_is_told_in_a_sentence_without_its_password() {
        for (url, says) in [
            ("cache/0", "begins with its scheme"),
            ("http://me:hunter2@h/0", "scheme \"http\""),
            ("hunter2://x", "scheme \"hunter2\""),
            ("hun ter2://x", "begins with its scheme"),
            ("redis:me:hunter2@h", "begins with its scheme"),
            ("redis://me:hun@ter2@h/0", "%40"),
            ("redis://me:hun/ter2@h/0", "%2F"),
            ("redis://me:hun?ter2=1@h/0", "%3F"),
            ("redis://me:hun#ter2@h/0", "%23"),
            ("rediss://h/0#insecure", "skip_verify=true"),
            ("redis://me:hunter%2@h/0", "the password in the URL is encoded wrongly"),
            ("redis://me:hunter2", "the port is no port"),
            ("redis://h:99999/0", "the port is no port"),
            ("redis://[::1/0", "is no host"),
            ("redis://h/hunter2", "no number"),
            ("redis://h/0?hunter2=1", "is unknown"),
            ("redis://h/0?skip_verfy=true", "did you mean skip_verify?"),
            ("redis://h/0?skip_verify=hunter2", "true or false"),
            ("redis://h/0?hunter2", "NAME=VALUE"),
            ("redis://h/0?protocol=3", "only be 2"),
            ("redis://h/0?cert=/a", "belong together"),
            ("redis://h/0?client_name=a%20b", "no client's name has"),
            ("redis://h/0?pool_max_size=hunter", "max_size"),
            ("redis://h o/0", "no host's name has"),
            ("unix://run/redis.sock", "its whole path"),
        ] {
            let error = refused(url);
            assert!(error.contains(says), "{url}: {error}");
            let scheme = url.starts_with("hunter2:");
            assert!(scheme || !error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    // section S
    #[test]
    fn nothing_that_is_printed_shows_a_password() {
        let redis = Redis::from_url("redis://me:hunter2@h/0").unwrap();
        let redis = redis.password("hunter2");
        let texts = [
            format!("{redis:?}"),
            redis.place(),
            format!("{:?}", crate::Credentials::new("me", "hunter2")),
        ];
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
