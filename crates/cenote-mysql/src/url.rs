//! Settings from a URL. What it says about the pool is taken out first; the rest is read here, and not by the driver,
//! whose parameters are others. No error repeats what may be a password.

use cenote::{Node, Settings};

use crate::error::MysqlError;
use crate::mysql::Mysql;
use crate::plan::{Plan, SslMode, Target, must_be_a_name};

impl Mysql {
    /// The server of a URL: `mysql://user:password@host:port/database?ssl_mode=verify_identity`, or with `mariadb:`.
    ///
    /// Parameters: `ssl_mode` (`disabled`, `preferred`, `required`, `verify_ca`, `verify_identity`), `ssl_ca` (a path)
    /// and `socket` (a path, instead of the host and the port). A `-` in a name stands for a `_`.
    ///
    /// Options of the pool ride in it as parameters whose names begin with `pool_`:
    /// `mysql://db/shop?pool_max_size=20&pool_acquire_timeout=3s`. They are the defaults of every pool that is built from
    /// this value; calls of the builder come after them (P-24).
    ///
    /// # Errors
    /// [`MysqlError::Settings`] if it is no such URL, a parameter is unknown or cannot have its value. It repeats nothing
    /// that may be a password.
    ///
    /// ```
    /// use cenote_mysql::Mysql;
    ///
    /// let mysql = Mysql::from_url("mysql://app:secret@db.internal/shop?pool_max_size=20")?;
    /// assert_eq!(mysql.place(), "db.internal:3306/shop as app");
    ///
    /// let error = Mysql::from_url("mysql://app:secret@db.internal/shop?ssl_mode=verify").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "ssl_mode in the URL is none of its values: write disabled, preferred, required, verify_ca or verify_identity",
    /// );
    /// # Ok::<(), cenote_mysql::MysqlError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Mysql, MysqlError> {
        let Some(rest) = without_scheme(url)? else {
            return wrong(
                "a database URL begins with its scheme: write mysql://USER:PASSWORD@HOST/DATABASE",
            );
        };
        // What comes before the @ is nobody's but the server's; a ? in it would tear the URL.
        let (login, rest) = match rest.split_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        if login.is_some_and(|login| login.contains(['?', '#', '/'])) || rest.contains('@') {
            return wrong(
                "the URL has an @, /, ? or # in its user or password, which tears it apart: write them as %40, %2F, %3F and %23",
            );
        }
        if rest.contains('#') {
            return wrong("a database URL has no fragment: write a # in it as %23");
        }
        // Only now is it known that what looks like parameters is what it looks like.
        let (pool, left) = Settings::from_url(&format!("mysql://{rest}"))
            .map_err(|error| MysqlError::settings(error.to_string()))?;
        let left = left.strip_prefix("mysql://").unwrap_or_default();
        let (address, query) = left.split_once('?').unwrap_or((left, ""));
        let (host, database) = address.split_once('/').unwrap_or((address, ""));

        let mut plan = Plan::new(target(host)?);
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            plan.user = Some(decoded(user, "the user")?).filter(|user| !user.is_empty());
            plan.password = match password {
                Some(password) => Some(decoded(password, "the password")?),
                None => None,
            };
        }
        plan.database = Some(decoded(database, "the database")?).filter(|name| !name.is_empty());
        plan.pool = pool;
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return wrong("a parameter of the URL has no value: write NAME=VALUE");
            };
            let name = decoded(name, "a parameter's name")?.replace('-', "_");
            set(&mut plan, &name, decoded(value, "a parameter")?)?;
        }
        Ok(Mysql::of(plan))
    }

    /// The server of a cluster's node, whose address is a URL.
    ///
    /// # Errors
    /// As [`from_url`](Mysql::from_url).
    pub fn to(node: &Node) -> Result<Mysql, MysqlError> {
        Mysql::from_url(node.address())
    }
}

fn wrong<T>(what: &str) -> Result<T, MysqlError> {
    Err(MysqlError::settings(what))
}

const KNOWN: [&str; 3] = ["socket", "ssl_ca", "ssl_mode"];

fn set(plan: &mut Plan, name: &str, value: String) -> Result<(), MysqlError> {
    if KNOWN.contains(&name) && value.is_empty() {
        return wrong(&format!("{name} in the URL is empty: write a value, or leave it out"));
    }
    match name {
        "socket" if cfg!(unix) && value.starts_with('/') => {
            plan.target = Target::Unix(value.into());
        }
        "socket" => return wrong("socket in the URL is no path: write one that begins with /"),
        "ssl_ca" => plan.ssl_ca = Some(value.into()),
        "ssl_mode" => {
            plan.ssl_mode = match value.to_ascii_lowercase().replace('-', "_").as_str() {
                "disabled" => SslMode::Disabled,
                "preferred" => SslMode::Preferred,
                "required" => SslMode::Required,
                "verify_ca" => SslMode::VerifyCa,
                "verify_identity" => SslMode::VerifyIdentity,
                _ => {
                    return wrong(
                        "ssl_mode in the URL is none of its values: write disabled, preferred, required, verify_ca or verify_identity",
                    );
                }
            }
        }
        _ => return Err(unknown(name)),
    }
    Ok(())
}

/// An unknown parameter is named if it is nearly one of ours; else it may be anything.
fn unknown(name: &str) -> MysqlError {
    let alike = |known: &str| known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
    let nearest = KNOWN.iter().max_by_key(|known| alike(known));
    let nearest =
        nearest.filter(|known| alike(known) >= 4 && known.len().abs_diff(name.len()) <= 2);
    MysqlError::settings(match nearest {
        Some(known) => format!("a parameter of the URL is unknown: did you mean {known}?"),
        None => "a parameter of the URL is unknown: those of MySQL are ssl_mode, ssl_ca and socket, and those of the pool begin with pool_".to_owned(),
    })
}

/// The rest of a MySQL URL; none if it has no scheme.
fn without_scheme(url: &str) -> Result<Option<&str>, MysqlError> {
    let Some((scheme, rest)) = url.split_once(':') else { return Ok(None) };
    let is_scheme = scheme.len() <= 36
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let ours = ["mysql", "mariadb"].iter().any(|ours| scheme.eq_ignore_ascii_case(ours));
    match rest.strip_prefix("//") {
        Some(rest) if ours => Ok(Some(rest)),
        // What is no scheme may be anything, such as a password.
        Some(_) if is_scheme => Err(MysqlError::settings(format!(
            "a URL of scheme \"{scheme}\" is no MySQL database: the scheme that works is mysql, as in mysql://USER:PASSWORD@HOST/DATABASE"
        ))),
        _ => Ok(None),
    }
}

/// `host`, `host:port` or `[ipv6]:port`; nothing is localhost.
fn target(text: &str) -> Result<Target, MysqlError> {
    let no_host = "the URL's host is no host: write NAME, NAME:PORT or [IPV6]:PORT";
    let (name, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let Some((name, after)) = rest.split_once(']') else { return wrong(no_host) };
            match after.strip_prefix(':') {
                Some(port) => (name, port),
                None if after.is_empty() => (name, ""),
                None => return wrong(no_host),
            }
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let host = match decoded(name, "the host")? {
        name if name.is_empty() => "localhost".to_owned(),
        name => name,
    };
    must_be_a_name(&host)?;
    let port = match port {
        "" => Plan::PORT,
        port => match port.parse() {
            Ok(port) if port > 0 => port,
            _ => return wrong("the port is no port: write a number from 1 to 65535"),
        },
    };
    Ok(Target::Tcp { host, port })
}

/// Without its percent encoding.
fn decoded(text: &str, what: &str) -> Result<String, MysqlError> {
    let bytes = cenote_driver::decoded(text).ok();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) if text.contains('\0') => {
            wrong(&format!("{what} in the URL holds a zero byte: correct it"))
        }
        Some(text) => Ok(text),
        None => wrong(&format!(
            "{what} in the URL is encoded wrongly: write a % as %25, and letters beyond ASCII as they are"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cenote::{Bound, Manager, Options};

    fn refused(url: &str) -> String {
        Mysql::from_url(url).unwrap_err().to_string()
    }

    // P-24
    #[test]
    fn a_url_says_where_as_whom_and_how() {
        let url =
            "mariadb://me:p%40ss@a:3307/shop?ssl-mode=VERIFY_CA&ssl_ca=/ca.pem&pool_max_size=4";
        let mysql = Mysql::from_url(url).unwrap();
        assert_eq!(mysql.place(), "a:3307/shop as me");
        assert_eq!(mysql.plan.password.as_deref(), Some("p@ss"));
        assert_eq!(mysql.plan.ssl_mode, SslMode::VerifyCa);
        assert_eq!(mysql.plan.ssl_ca.as_deref(), Some("/ca.pem".as_ref()));
        assert_eq!(mysql.defaults(Options::default()).max_size, Bound::At(4));
    }

    // P-24
    #[test]
    fn what_a_url_leaves_out_has_its_default() {
        let mysql = Mysql::from_url("mysql://").unwrap();
        assert_eq!(mysql.place(), "localhost:3306");
        assert_eq!(mysql.plan.ssl_mode, SslMode::Preferred);
        assert_eq!(Mysql::from_url("mysql://[::1]").unwrap().place(), "[::1]:3306");
        let socket = Mysql::from_url("mysql://me@/shop?socket=/run/mysqld.sock").unwrap();
        assert_eq!(socket.place(), "/run/mysqld.sock/shop as me");
        assert_eq!(Mysql::host("/run/mysqld.sock").unwrap().place(), "/run/mysqld.sock");
    }

    // section S
    #[test]
    fn a_wrong_url_is_told_in_a_sentence_without_its_password() {
        for (url, says) in [
            ("db.internal/shop", "begins with its scheme"),
            ("postgres://me:hunter2@h/db", "scheme \"postgres\""),
            ("hun ter2://x", "begins with its scheme"),
            ("mysql:me:hunter2@h", "begins with its scheme"),
            ("mysql://me:hun@ter2@h/db", "%40"),
            ("mysql://me:hun/ter2@h/db", "%2F"),
            ("mysql://me:hun?ter2=1@h/db", "%3F"),
            ("mysql://me:hun#ter2@h/db", "%23"),
            ("mysql://h/db#hunter2", "no fragment"),
            ("mysql://me:hunter%2@h/db", "the password in the URL is encoded wrongly"),
            ("mysql://me:%ff@h/db", "the password in the URL is encoded wrongly"),
            ("mysql://me:hunter2", "the port is no port"),
            ("mysql://h:0/db", "the port is no port"),
            ("mysql://[::1/db", "is no host"),
            ("mysql://[::1]2/db", "is no host"),
            ("mysql://h/db?hunter2=1", "is unknown"),
            ("mysql://h/db?ssl_mod=required", "did you mean ssl_mode?"),
            ("mysql://h/db?ssl_mode=hunter2", "verify_identity"),
            ("mysql://h/db?ssl_ca=", "is empty"),
            ("mysql://h/db?socket=hunter2", "no path"),
            ("mysql://h/db?hunter2", "NAME=VALUE"),
            ("mysql://h/db?pool_max_size=hunter", "max_size"),
            ("mysql://a%00b@h/db", "zero byte"),
            ("mysql://h o/db", "no host's name has"),
        ] {
            let error = refused(url);
            assert!(error.contains(says), "{url}: {error}");
            assert!(!error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    // section S
    #[test]
    fn no_password_is_printed() {
        let mysql = Mysql::from_url("mysql://me:hunter2@h/db").unwrap();
        assert!(!format!("{mysql:?}").contains("hunter2"));
        let given = crate::Credentials::new("me", "hunter2");
        assert!(!format!("{given:?}").contains("hunter2"));
    }
}
