//! Settings from text: URLs, and the environment variables that every PostgreSQL program knows. The driver below
//! reads them; what it does not know (how certificates are checked, options of the pool) is taken out before. No
//! error repeats what may be a password.

use std::env;

use cenote::{Node, Settings};

use crate::error::PostgresError;
use crate::plan::Plan;
use crate::postgres::Postgres;
use crate::words::{KNOWN, Words, decoded};

impl Postgres {
    /// The server of a URL, as all PostgreSQL programs know it:
    /// `postgres://user:password@host:port/database?sslmode=verify-full`, or with `postgresql:`. Several hosts may be
    /// given, divided by commas, and are tried in order.
    ///
    /// Parameters: `sslmode`, `sslrootcert` (a path, or `system`), `sslcert`, `sslkey`, `channel_binding`,
    /// `sslnegotiation`, `user`, `password`, `dbname`, `host`, `hostaddr`, `port`, `options`, `application_name`,
    /// `connect_timeout`, `tcp_user_timeout`, `keepalives`, `keepalives_idle`, `keepalives_interval`,
    /// `keepalives_retries`, `target_session_attrs` (`any`, `read-write`, `read-only`) and `load_balance_hosts`.
    ///
    /// Options of the pool ride in it as parameters whose names begin with `pool_`:
    /// `postgres://db/shop?pool_max_size=20&pool_acquire_timeout=3s`. They are the defaults of every pool that is
    /// built from this value; calls of the builder come after them (P-24).
    ///
    /// # Errors
    /// [`PostgresError::Settings`] if it is no such URL, a parameter is unknown or cannot have its value. It repeats
    /// nothing that may be a password.
    ///
    /// ```
    /// use cenote_postgres::Postgres;
    ///
    /// let postgres = Postgres::from_url("postgres://app:secret@db.internal/shop?pool_max_size=20")?;
    /// assert_eq!(postgres.place(), "db.internal:5432/shop as app");
    ///
    /// let error = Postgres::from_url("postgres://app:secret@db.internal/shop?sslmode=verify").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     "sslmode in the URL is none of its values: write disable, prefer, require, verify-ca or verify-full",
    /// );
    /// # Ok::<(), cenote_postgres::PostgresError>(())
    /// ```
    pub fn from_url(url: &str) -> Result<Postgres, PostgresError> {
        let Some(rest) = without_scheme(url)? else {
            return Err(PostgresError::settings(
                "a database URL begins with its scheme: write postgres://USER:PASSWORD@HOST/DATABASE",
            ));
        };
        // What comes before the @ is nobody's but the server's; a ? in it would tear the URL.
        let (login, rest) = match rest.split_once('@') {
            Some((login, rest)) => (Some(login), rest),
            None => (None, rest),
        };
        if login.is_some_and(|login| login.contains(['?', '#', '/'])) || rest.contains('@') {
            return Err(PostgresError::settings(
                "the URL has an @, /, ? or # in its user or password, which tears it apart: write them as %40, %2F, %3F and %23",
            ));
        }
        if rest.contains('#') {
            return Err(PostgresError::settings(
                "a database URL has no fragment: write a # in it as %23",
            ));
        }
        // Only now is it known that what looks like parameters is what it looks like.
        let (pool, left) = Settings::from_url(&format!("postgres://{rest}"))
            .map_err(|error| PostgresError::settings(error.to_string()))?;
        let left = left.strip_prefix("postgres://").unwrap_or_default();
        let (address, query) = left.split_once('?').unwrap_or((left, ""));

        let mut words = Words::default();
        if let Some(login) = login {
            let (user, password) = match login.split_once(':') {
                Some((user, password)) => (user, Some(password)),
                None => (login, None),
            };
            words.add("user", decoded(user, "the user")?, "the user")?;
            if let Some(password) = password {
                words.add("password", decoded(password, "the password")?, "the password")?;
            }
        }
        let (hosts, database) = address.split_once('/').unwrap_or((address, ""));
        if !hosts.is_empty() {
            let (names, ports) = hosts_and_ports(hosts)?;
            words.add("host", names, "the host")?;
            words.add("port", ports, "the port")?;
        }
        let database = decoded(database, "the database")?;
        if !database.is_empty() {
            words.add("dbname", database, "the database")?;
        }
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let Some((name, value)) = parameter.split_once('=') else {
                return Err(PostgresError::settings(
                    "a parameter of the URL has no value: write NAME=VALUE",
                ));
            };
            let name = decoded(name, "a parameter's name")?;
            let value = decoded(value, "a parameter")?;
            let known = KNOWN.iter().find(|known| **known == name);
            let Some(known) = known else { return Err(unknown(&name)) };
            words.add(known, value, &format!("{known} in the URL"))?;
        }
        Ok(words.postgres()?.with(|plan| plan.pool = pool))
    }

    /// The server that the environment names, as libpq reads it: `PGHOST`, `PGHOSTADDR`, `PGPORT`, `PGDATABASE`,
    /// `PGUSER`, `PGPASSWORD`, `PGOPTIONS`, `PGAPPNAME`, `PGSSLMODE`, `PGSSLROOTCERT`, `PGSSLCERT`, `PGSSLKEY`,
    /// `PGSSLNEGOTIATION`, `PGCHANNELBINDING`, `PGCONNECT_TIMEOUT`, `PGTARGETSESSIONATTRS` and
    /// `PGLOADBALANCEHOSTS`. What is not set has its default; without `PGHOST` it is `localhost`. Files of passwords
    /// and services are not read.
    ///
    /// # Errors
    /// [`PostgresError::Settings`] with the name of the variable, but not its value.
    pub fn from_env() -> Result<Postgres, PostgresError> {
        let read = |name: &str| match env::var(name) {
            Ok(value) => Ok(Some(value)),
            Err(env::VarError::NotPresent) => Ok(None),
            Err(env::VarError::NotUnicode(_)) => {
                Err(PostgresError::settings(format!("{name} is not UTF-8: write it anew")))
            }
        };
        Postgres::from_variables(read)
    }

    /// As [`from_env`](Postgres::from_env), with variables from anywhere.
    ///
    /// # Errors
    /// As [`from_env`](Postgres::from_env), and those of `read`.
    pub fn from_variables(
        read: impl Fn(&str) -> Result<Option<String>, PostgresError>,
    ) -> Result<Postgres, PostgresError> {
        let mut words = Words::default();
        for (variable, name) in VARIABLES {
            if let Some(value) = read(variable)?.filter(|value| !value.is_empty()) {
                words.add(name, value, variable)?;
            }
        }
        words.postgres()
    }

    /// The server of a cluster's node, whose address is a URL.
    ///
    /// # Errors
    /// As [`from_url`](Postgres::from_url).
    pub fn to(node: &Node) -> Result<Postgres, PostgresError> {
        Postgres::from_url(node.address())
    }
}

const VARIABLES: [(&str, &str); 17] = [
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPORT", "port"),
    ("PGDATABASE", "dbname"),
    ("PGUSER", "user"),
    ("PGPASSWORD", "password"),
    ("PGOPTIONS", "options"),
    ("PGAPPNAME", "application_name"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGSSLCERT", "sslcert"),
    ("PGSSLKEY", "sslkey"),
    ("PGSSLNEGOTIATION", "sslnegotiation"),
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGTARGETSESSIONATTRS", "target_session_attrs"),
    ("PGLOADBALANCEHOSTS", "load_balance_hosts"),
];

/// What libpq has and this crate has not.
const ELSEWHERE: [&str; 16] = [
    "client_encoding",
    "fallback_application_name",
    "gssdelegation",
    "gssencmode",
    "gsslib",
    "keepalives_count",
    "krbsrvname",
    "passfile",
    "replication",
    "require_auth",
    "requirepeer",
    "service",
    "sslcompression",
    "sslcrl",
    "sslpassword",
    "sslsni",
];

/// The rest of a PostgreSQL URL; none if it has no scheme.
fn without_scheme(url: &str) -> Result<Option<&str>, PostgresError> {
    let Some((scheme, rest)) = url.split_once(':') else { return Ok(None) };
    let is_scheme = scheme.len() <= 36
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let ours = ["postgres", "postgresql"].iter().any(|ours| scheme.eq_ignore_ascii_case(ours));
    match rest.strip_prefix("//") {
        Some(rest) if ours => Ok(Some(rest)),
        // What is no scheme may be anything, such as a password.
        Some(_) if is_scheme => Err(PostgresError::settings(format!(
            "a URL of scheme \"{scheme}\" is no PostgreSQL database: the scheme that works is postgres, as in postgres://USER:PASSWORD@HOST/DATABASE"
        ))),
        _ => Ok(None),
    }
}

/// An unknown parameter is named if it is a known one of others or nearly one of ours; else it may be anything.
fn unknown(name: &str) -> PostgresError {
    if let Some(name) = ELSEWHERE.iter().find(|known| **known == name) {
        return PostgresError::settings(format!(
            "{name} in the URL is not supported here: leave it out"
        ));
    }
    let near = |known: &&&str| {
        let begins = known.chars().zip(name.chars()).take_while(|(a, b)| a == b).count();
        begins >= 4 && known.len().abs_diff(name.len()) <= 2
    };
    PostgresError::settings(match KNOWN.iter().find(near) {
        Some(known) => {
            format!("a parameter of the URL is unknown: did you mean {known}?")
        }
        None => "a parameter of the URL is unknown: the guide lists those of PostgreSQL, and those of the pool begin with pool_".to_owned(),
    })
}

/// `a:1,b,[::1]:3` as names and ports.
fn hosts_and_ports(hosts: &str) -> Result<(String, String), PostgresError> {
    let wrong = || {
        PostgresError::settings(
            "the URL's host is no host: write NAME, NAME:PORT, [IPV6]:PORT, or several with commas between",
        )
    };
    let (mut names, mut ports) = (Vec::new(), Vec::new());
    for host in hosts.split(',') {
        let (name, port) = match host.strip_prefix('[') {
            Some(rest) => {
                let (name, after) = rest.split_once(']').ok_or_else(wrong)?;
                match after.strip_prefix(':') {
                    Some(port) => (name, port),
                    None if after.is_empty() => (name, ""),
                    None => return Err(wrong()),
                }
            }
            None => host.split_once(':').unwrap_or((host, "")),
        };
        let name = decoded(name, "the host")?;
        if name.contains(',') {
            return Err(wrong());
        }
        names.push(name);
        ports.push(if port.is_empty() { Plan::PORT.to_string() } else { port.to_owned() });
    }
    Ok((names.join(","), ports.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SslMode;
    use cenote::{Bound, Manager, Options};
    use std::time::Duration;

    fn refused(url: &str) -> String {
        Postgres::from_url(url).unwrap_err().to_string()
    }

    // P-24
    #[test]
    fn a_url_says_where_as_whom_and_how() {
        let url = "postgresql://me:p%40ss@a:5433,[::1],c:1/shop?sslmode=verify-full&sslrootcert=/ca.pem\
            &connect_timeout=3&pool_max_size=4&application_name=it%27s%20me";
        let postgres = Postgres::from_url(url).unwrap();
        let plan = &postgres.plan;
        let targets: Vec<String> = plan.targets.iter().map(ToString::to_string).collect();
        assert_eq!(targets, ["a:5433", "[::1]:5432", "c:1"]);
        assert_eq!(postgres.place(), "a:5433/shop as me");
        assert_eq!(plan.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(plan.config.get_application_name(), Some("it's me"));
        assert_eq!(plan.config.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(plan.security.mode, SslMode::VerifyFull);
        assert_eq!(plan.security.root_cert.as_deref(), Some("/ca.pem".as_ref()));
        assert_eq!(postgres.defaults(Options::default()).max_size, Bound::At(4));
    }

    // P-24
    #[test]
    fn what_a_url_leaves_out_has_its_default() {
        let postgres = Postgres::from_url("postgres://").unwrap();
        assert_eq!(postgres.place(), "localhost:5432");
        assert_eq!(postgres.plan.security.mode, SslMode::Prefer);
        let socket = Postgres::from_url("postgres:///shop?host=/run/postgresql&user=me").unwrap();
        assert_eq!(socket.place(), "/run/postgresql:5432/shop as me");
        let socket = Postgres::from_url("postgres://%2Frun%2Fpostgresql:6432/shop").unwrap();
        assert_eq!(socket.place(), "/run/postgresql:6432/shop");
        assert_eq!(Postgres::host("/run/postgresql").unwrap().targets().len(), 1);
    }

    // section S
    #[test]
    fn a_wrong_url_is_told_in_a_sentence_without_its_password() {
        for (url, says) in [
            ("db.internal/shop", "begins with its scheme"),
            ("mysql://me:hunter2@h/db", "scheme \"mysql\""),
            ("hunter2://x", "scheme \"hunter2\""),
            ("hun ter2://x", "begins with its scheme"),
            ("postgres:me:hunter2@h", "begins with its scheme"),
            ("postgres://me:hun@ter2@h/db", "%40"),
            ("postgres://me:hun/ter2@h/db", "%2F"),
            ("postgres://me:hun?ter2=1@h/db", "%3F"),
            ("postgres://me:hun#ter2@h/db", "%23"),
            ("postgres://h/db#hunter2", "no fragment"),
            ("postgres://me:hunter%2@h/db", "the password in the URL is encoded wrongly"),
            ("postgres://me:hunter2", "the port is no port"),
            ("postgres://h:99999/db", "the port is no port"),
            ("postgres://[::1/db", "is no host"),
            ("postgres://a,b/db?port=1,2,3", "2 hosts and 3 ports"),
            ("postgres://h/db?hunter2=1", "is unknown"),
            ("postgres://h/db?sslmod=require", "did you mean sslmode?"),
            ("postgres://h/db?sslmode=hunter2", "verify-full"),
            ("postgres://h/db?keepalives=hunter2", "keepalives in the URL cannot"),
            ("postgres://h/db?hunter2", "NAME=VALUE"),
            ("postgres://h/db?passfile=/hunter2", "passfile in the URL is not supported"),
            ("postgres://h/db?sslcert=/a", "belong together"),
            ("postgres://h/db?pool_max_size=hunter", "max_size"),
            ("postgres://h/db?user=a%00b", "zero byte"),
            ("postgres://h/db?user=", "is empty"),
            ("postgres://h o/db", "no host's name has"),
        ] {
            let error = refused(url);
            assert!(error.contains(says), "{url}: {error}");
            let scheme = url.starts_with("hunter2:");
            assert!(scheme || !error.contains("hunter2") && !error.contains("ter2"), "{error}");
        }
    }

    // P-24
    #[test]
    fn the_environment_says_the_same() {
        let variables = [
            ("PGHOST", "a,b"),
            ("PGPORT", "1,2"),
            ("PGDATABASE", "shop"),
            ("PGUSER", "me"),
            ("PGPASSWORD", "it's \\ hunter2"),
            ("PGSSLMODE", "require"),
            ("PGAPPNAME", ""),
        ];
        let read = |name: &str| {
            Ok(variables.iter().find(|(known, _)| *known == name).map(|(_, v)| (*v).to_owned()))
        };
        let postgres = Postgres::from_variables(read).unwrap();
        assert_eq!(postgres.place(), "a:1/shop as me");
        assert_eq!(postgres.plan.config.get_password(), Some(&b"it's \\ hunter2"[..]));
        assert_eq!(postgres.plan.security.mode, SslMode::Require);
        let wrong = |name: &str| Ok((name == "PGPORT").then(|| "hunter2".to_owned()));
        let error = Postgres::from_variables(wrong).unwrap_err().to_string();
        assert!(error.starts_with("PGPORT is no port") && !error.contains("hunter2"), "{error}");
    }

    // section S
    #[test]
    fn nothing_that_is_printed_shows_a_password() {
        let postgres = Postgres::from_url("postgres://me:hunter2@h/db").unwrap();
        let postgres = postgres.password("hunter2");
        let texts = [
            format!("{postgres:?}"),
            postgres.place(),
            format!("{:?}", crate::Credentials::new("me", "hunter2")),
        ];
        for text in texts {
            assert!(!text.contains("hunter2"), "{text}");
        }
    }
}
