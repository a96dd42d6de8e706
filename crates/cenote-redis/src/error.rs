//! What can go wrong with Redis, each as one sentence that names the server, the reason and what to do, and as a [`Fault`]
//! that tells the pool what it means. Keys, values and passwords are in none of them.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use cenote::Fault;
use redis::{ErrorKind, RedisError as Error};

use crate::fault;
use crate::login::Refusal;
use crate::plan::Target;

/// Why a connection could not be made or a command failed. `Debug` shows the sentence, too: what the driver shows may hold
/// values.
#[non_exhaustive]
pub enum RedisError {
    /// A URL or a setting cannot be used.
    #[non_exhaustive]
    Settings {
        /// What is wrong and what to do.
        reason: String,
    },
    /// The connection could not be made.
    #[non_exhaustive]
    Connect {
        /// Where: `host:port/database as user`.
        place: Arc<str>,
        /// What is wrong and what to do.
        reason: String,
        /// What it means for the pool.
        fault: Fault,
    },
    /// [`Redis::credentials`](crate::Redis::credentials) returned this error.
    #[non_exhaustive]
    Credentials {
        /// Where they were for.
        place: Arc<str>,
        /// What it returned.
        source: Box<dyn StdError + Send + Sync>,
    },
    /// A command failed.
    #[non_exhaustive]
    Command {
        /// Where, if it was one of the pool's own.
        place: Option<Arc<str>>,
        /// The driver's own error.
        source: Error,
    },
    /// The connection is closed.
    #[non_exhaustive]
    Closed {
        /// Where it led to.
        place: Arc<str>,
    },
}

impl RedisError {
    /// The driver's own error, if it came to that.
    pub fn redis(&self) -> Option<&Error> {
        match self {
            RedisError::Command { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The word that the server's error begins with, such as `WRONGTYPE`, if it sent one.
    pub fn code(&self) -> Option<String> {
        Some(fault::said(self.redis()?)?.code)
    }

    /// What the error means for the pool (P-14).
    pub fn fault(&self) -> Fault {
        match self {
            RedisError::Connect { fault, .. } => *fault,
            RedisError::Command { source, .. } => fault::of_request(source),
            RedisError::Closed { .. } => Fault::Connection,
            // Whoever hands out passwords may be back in a moment.
            RedisError::Credentials { .. } => Fault::Connection,
            RedisError::Settings { .. } => Fault::Permanent,
        }
    }

    pub(crate) fn settings(reason: impl Into<String>) -> RedisError {
        RedisError::Settings { reason: reason.into() }
    }

    /// The error of a connect that nobody answered.
    pub(crate) fn unreachable(place: Arc<str>, error: &io::Error) -> RedisError {
        let fault = cenote_driver::io::fault(error);
        let reason = cenote_driver::io::unreachable(error, "server");
        RedisError::Connect { place, reason, fault }
    }

    pub(crate) fn unresolved(place: &Arc<str>, target: &Target, error: &io::Error) -> RedisError {
        RedisError::Connect {
            place: Arc::clone(place),
            reason: format!(
                "the name of the host {target} is not known ({error}): correct it, or see whether names are resolved here"
            ),
            // Names come back as servers do.
            fault: Fault::Host,
        }
    }

    /// The error of a login.
    pub(crate) fn refused(place: &Arc<str>, refusal: Refusal) -> RedisError {
        let (reason, fault) = match refusal {
            Refusal::Said(said) => {
                let (code, detail) = said.split_once(' ').unwrap_or((&said, ""));
                let advice = advice_on_login(code, detail).or(advice(code, detail));
                let words = words(Some(code), detail);
                let reason = match advice {
                    Some(advice) => format!("{words}: {advice}"),
                    None => words,
                };
                (reason, fault::of_refusal(&said))
            }
            Refusal::Strange => (
                "whoever listens there is no Redis server, or wants TLS: correct host and port, or write rediss://".to_owned(),
                Fault::Connection,
            ),
            Refusal::Io(error) => (
                format!(
                    "whoever listens there hung up ({error}): see whether it is a Redis server, and without TLS if the URL is redis://"
                ),
                cenote_driver::io::fault(&error),
            ),
        };
        RedisError::Connect { place: Arc::clone(place), reason, fault }
    }

    /// TLS cannot be had on our side.
    pub(crate) fn no_tls(place: &Arc<str>, reason: String) -> RedisError {
        RedisError::Connect { place: Arc::clone(place), reason, fault: Fault::Permanent }
    }

    /// The server and we do not come to terms on TLS.
    #[cfg(feature = "tls")]
    pub(crate) fn tls(place: &Arc<str>, error: &io::Error) -> RedisError {
        // The peer went away in the middle of it.
        let away = error.get_ref().is_none();
        let fault = if away { cenote_driver::io::fault(error) } else { Fault::Permanent };
        let advice = match away {
            true => "see whether it speaks TLS, else write redis://",
            false => {
                "correct the host or ca_cert, or the server's certificate; without TLS write redis://"
            }
        };
        let reason = format!("it does not come to TLS ({error}): {advice}");
        RedisError::Connect { place: Arc::clone(place), reason, fault }
    }
}

/// The server's words, in one line. A server repeats the words of a command that it does not know, and these may be
/// anything.
fn words(code: Option<&str>, detail: &str) -> String {
    let detail = detail.split(", with args beginning with").next().unwrap_or_default();
    let detail = detail.split_whitespace().collect::<Vec<_>>().join(" ");
    match code {
        Some(code) if detail.is_empty() => code.to_owned(),
        Some(code) => format!("{detail} ({code})"),
        None => detail,
    }
}

/// What to do about an error of the server's, where there is something to be said.
fn advice(code: &str, detail: &str) -> Option<&'static str> {
    Some(match code {
        "WRONGPASS" => "correct the user or the password",
        "NOAUTH" => "the server asks for a password: set one",
        "NOPERM" => "give the user the right to it (ACL SETUSER), or leave it out",
        "DENIED" => "set a password on the server, or let it be reached from here (protected-mode)",
        "READONLY" => "this server is a replica: write to the primary",
        "MASTERDOWN" => {
            "it has lost its primary: read from another one, or set replica-serve-stale-data"
        }
        "LOADING" => "it starts up: try again in a moment",
        "CLUSTERDOWN" => "see to the nodes of the cluster",
        "TRYAGAIN" => "keys are on their way to another node: try again in a moment",
        "MOVED" | "ASK" => "this is one node of a Redis Cluster: ask the node of the key's slot",
        "CROSSSLOT" => "let the keys share a hash tag",
        "BUSY" => "wait for the script, or stop it (SCRIPT KILL)",
        "OOM" => "raise maxmemory, or let it evict keys (maxmemory-policy)",
        "MISCONF" => "see to the server's disk",
        "NOREPLICAS" => "see to the replicas, or lower min-replicas-to-write",
        "NOSCRIPT" => "load the script first",
        "EXECABORT" => "correct the command before EXEC that failed",
        "UNBLOCKED" if detail.contains("instance state changed") => {
            "the server became a replica: acquire another connection"
        }
        "ERR" if detail.contains("max number of clients") => {
            "lower max_size in the processes that use it, or raise maxclients"
        }
        _ => return None,
    })
}

/// Where the same error has another cure before there is a session.
fn advice_on_login(code: &str, detail: &str) -> Option<&'static str> {
    match code {
        "ERR" if detail.contains("DB index") => {
            Some("correct the database, or raise databases on the server")
        }
        "ERR" if detail.contains("without any password configured") => {
            Some("leave the password out, or set one on the server")
        }
        "ERR" if detail.contains("wrong number of arguments for 'auth'") => {
            Some("it is older than Redis 6 and knows no users: leave the user out")
        }
        "ERR" if detail.contains("invalid password") => Some("correct the password"),
        _ => None,
    }
}

fn tell(f: &mut fmt::Formatter<'_>, error: &Error) -> fmt::Result {
    if let Some(said) = fault::said(error) {
        f.write_str(&words(Some(&said.code), &said.detail))?;
        return match advice(&said.code, &said.detail) {
            Some(advice) => write!(f, ": {advice}"),
            None => Ok(()),
        };
    }
    match error.kind() {
        ErrorKind::Io => write!(f, "the connection has ended ({error}): acquire another"),
        // It shows the value.
        ErrorKind::UnexpectedReturnType | ErrorKind::Parse => f.write_str(
            "the answer is of another type than was asked for: ask for the type that it has",
        ),
        // A command that was not sent says itself what to do.
        _ => f.write_str(&words(None, error.detail().unwrap_or(error.category()))),
    }
}

/// What a closure of [`Pool::with`](cenote::Pool::with) needs for its `?`.
impl From<Error> for RedisError {
    fn from(source: Error) -> RedisError {
        RedisError::Command { place: None, source }
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RedisError::Settings { reason } => f.write_str(reason),
            RedisError::Connect { place, reason, .. } => write!(f, "Redis at {place}: {reason}"),
            RedisError::Credentials { place, source } => write!(
                f,
                "Redis at {place}: there are no credentials for it ({source}): see what hands them out"
            ),
            RedisError::Command { place, source } => {
                match place {
                    Some(place) => write!(f, "Redis at {place}: ")?,
                    None => f.write_str("Redis: ")?,
                }
                tell(f, source)
            }
            RedisError::Closed { place } => {
                write!(f, "Redis at {place}: this connection is closed: acquire another")
            }
        }
    }
}

impl fmt::Debug for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl StdError for RedisError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        // The sentence holds the words of the error below: go on with what is below that.
        match self {
            RedisError::Credentials { source, .. } => source.source(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // section S
    #[test]
    fn what_a_server_repeats_is_not_shown() {
        let said = "unknown command 'AUHT', with args beginning with: 'hunter2' ";
        let refusal = Refusal::Said(format!("ERR {said}"));
        let error = RedisError::refused(&"h:1/0".into(), refusal);
        assert_eq!(error.to_string(), "Redis at h:1/0: unknown command 'AUHT' (ERR)");
        assert!(!format!("{error:?}").contains("hunter2"));
    }

    // P-14
    #[test]
    fn a_refusal_says_what_to_do() {
        for (said, says, fault) in [
            ("WRONGPASS invalid", "correct the user or the password", Fault::Permanent),
            ("ERR max number of clients reached", "raise maxclients", Fault::Overload),
            ("ERR DB index is out of range", "correct the database", Fault::Permanent),
            ("LOADING Redis is loading", "try again in a moment", Fault::Host),
        ] {
            let error = RedisError::refused(&"h:1/0".into(), Refusal::Said(said.into()));
            assert!(error.to_string().contains(says), "{error}");
            assert_eq!(error.fault(), fault);
        }
    }
}
