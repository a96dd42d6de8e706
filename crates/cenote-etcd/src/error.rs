//! What can go wrong with etcd, each as one sentence. Passwords, tokens and values are in none of them.

use std::fmt;

use crate::answer::LONGEST;

/// Why etcd could not be asked, or what it refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EtcdError {
    /// A setting cannot be used.
    #[non_exhaustive]
    Settings {
        /// What is wrong and what to do.
        reason: String,
    },
    /// No server answered.
    #[non_exhaustive]
    Unreachable {
        /// What each said, in the order in which they were asked.
        tried: Vec<String>,
    },
    /// etcd answered, and does not do it.
    #[non_exhaustive]
    Refused {
        /// Which server: `http://host:port`.
        place: String,
        /// The code of the refusal, one of gRPC's.
        code: i64,
        /// etcd's own words.
        message: String,
    },
    /// An answer is longer than is read.
    #[non_exhaustive]
    TooLong {
        /// Which server.
        place: String,
    },
    /// An answer is none of etcd's.
    #[non_exhaustive]
    Odd {
        /// Which server.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// There is more below a prefix than is kept.
    #[non_exhaustive]
    TooMuch {
        /// Which server.
        place: String,
        /// The most that is kept, in bytes.
        limit: usize,
    },
}

/// The codes of gRPC that mean something to us.
pub(crate) mod code {
    pub(crate) const DEADLINE_EXCEEDED: i64 = 4;
    pub(crate) const NOT_FOUND: i64 = 5;
    pub(crate) const PERMISSION_DENIED: i64 = 7;
    pub(crate) const RESOURCE_EXHAUSTED: i64 = 8;
    pub(crate) const FAILED_PRECONDITION: i64 = 9;
    pub(crate) const OUT_OF_RANGE: i64 = 11;
    pub(crate) const UNAVAILABLE: i64 = 14;
    pub(crate) const UNAUTHENTICATED: i64 = 16;
}

impl EtcdError {
    pub(crate) fn settings(reason: impl Into<String>) -> EtcdError {
        EtcdError::Settings { reason: reason.into() }
    }

    pub(crate) fn odd(place: &str, what: &str) -> EtcdError {
        EtcdError::Odd { place: place.to_owned(), what: what.to_owned() }
    }

    /// The code of etcd's refusal, if it is one.
    pub(crate) fn code(&self) -> Option<i64> {
        match self {
            EtcdError::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether another token may help.
    pub(crate) fn is_about_the_token(&self) -> bool {
        let EtcdError::Refused { code, message, .. } = self else { return false };
        *code == code::UNAUTHENTICATED
            || message.contains("invalid auth token")
            || message.contains("user name is empty")
            || message.contains("auth store is old")
    }
}

impl fmt::Display for EtcdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EtcdError::Settings { reason } => f.write_str(reason),
            EtcdError::Unreachable { tried } => {
                write!(f, "no server of etcd answers: {}", tried.join("; "))
            }
            EtcdError::Refused { place, code, message } => {
                write!(f, "{place}: etcd refuses it ({message}): ")?;
                f.write_str(match *code {
                    code::PERMISSION_DENIED => "grant this user the prefix, or take another one",
                    code::UNAUTHENTICATED => "correct user and password",
                    _ if message.contains("user name is empty") => {
                        "it wants a user and a password: give them"
                    }
                    _ if message.contains("authentication failed") => "correct user and password",
                    code::NOT_FOUND => "it has run out, or was taken away",
                    _ => "see its log",
                })
            }
            EtcdError::TooLong { place } => write!(
                f,
                "{place}: an answer is longer than {} MiB: keep nothing but nodes below the prefix",
                LONGEST >> 20
            ),
            EtcdError::Odd { place, what } => {
                write!(f, "{place}: the answer {what}: see whether etcd listens there")
            }
            EtcdError::TooMuch { place, limit } => write!(
                f,
                "{place}: there are more than {} MiB below the prefix: keep nothing but nodes there",
                limit >> 20
            ),
        }
    }
}

impl std::error::Error for EtcdError {
    // The sentence holds the words of all that is below it.
}
