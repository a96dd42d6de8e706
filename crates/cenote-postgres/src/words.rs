//! Settings as words: names and values, wherever they come from. Each is looked at when it comes, so that an error
//! can say from where; the driver reads the rest of them, all together.

use std::path::PathBuf;

use tokio_postgres::Config;

use crate::error::PostgresError;
use crate::plan::{Plan, Security, SslMode};
use crate::postgres::Postgres;

/// All that a URL can say of the server.
pub(crate) const KNOWN: [&str; 22] = [
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "password",
    "port",
    "sslcert",
    "sslkey",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Settings as names and values, in the order they were given; a later one takes an earlier one's place.
#[derive(Default)]
pub(crate) struct Words {
    words: Vec<(&'static str, String)>,
    mode: Option<SslMode>,
    root_cert: Option<PathBuf>,
    cert: Option<PathBuf>,
    key: Option<PathBuf>,
}

impl Words {
    /// `origin` is how errors call it.
    pub(crate) fn add(
        &mut self,
        name: &'static str,
        value: String,
        origin: &str,
    ) -> Result<(), PostgresError> {
        let wrong = |what: &str| Err(PostgresError::settings(format!("{origin} {what}")));
        if value.contains('\0') {
            return wrong("holds a zero byte: correct it");
        }
        match name {
            "sslmode" => {
                self.mode = Some(match value.as_str() {
                    "disable" => SslMode::Disable,
                    "prefer" => SslMode::Prefer,
                    "require" => SslMode::Require,
                    "verify-ca" => SslMode::VerifyCa,
                    "verify-full" => SslMode::VerifyFull,
                    _ => {
                        return wrong(
                            "is none of its values: write disable, prefer, require, verify-ca or verify-full",
                        );
                    }
                });
            }
            "sslrootcert" => self.root_cert = Some(value.into()),
            "sslcert" => self.cert = Some(value.into()),
            "sslkey" => self.key = Some(value.into()),
            // The driver takes an empty value for the end of the text.
            _ if value.is_empty() => return wrong("is empty: write a value, or leave it out"),
            _ => {
                let alone = written(name, &value).parse::<Config>();
                if alone.is_err() {
                    return wrong(match name {
                        "port" => "is no port: write a number from 0 to 65535",
                        _ => "cannot have this value: correct it",
                    });
                }
                self.words.retain(|(known, _)| *known != name);
                self.words.push((name, value));
            }
        }
        Ok(())
    }

    pub(crate) fn postgres(self) -> Result<Postgres, PostgresError> {
        let text: Vec<String> =
            self.words.iter().map(|(name, value)| written(name, value)).collect();
        let config = text.join(" ").parse::<Config>();
        let config = config.map_err(|_| {
            PostgresError::settings("the settings do not fit together: correct them")
        })?;
        let identity = match (self.cert, self.key) {
            (None, None) => None,
            (Some(cert), Some(key)) => Some((cert, key)),
            _ => {
                return Err(PostgresError::settings(
                    "sslcert and sslkey belong together: give both, or neither",
                ));
            }
        };
        let mode = self.mode.unwrap_or_default();
        let mut plan = Plan::new(config)?;
        plan.security = Security { mode, root_cert: self.root_cert, identity };
        Ok(Postgres::of(plan))
    }
}

/// As the driver's own form of settings wants it.
fn written(name: &str, value: &str) -> String {
    format!("{name}='{}'", value.replace('\\', "\\\\").replace('\'', "\\'"))
}

/// Without its percent encoding.
pub(crate) fn decoded(text: &str, what: &str) -> Result<String, PostgresError> {
    let bytes = cenote_driver::decoded(text).ok();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or_else(|| {
        PostgresError::settings(format!(
            "{what} in the URL is encoded wrongly: write a % as %25, and letters beyond ASCII as they are"
        ))
    })
}
