//! What a server is started with.

use super::{Server, data};
use crate::servers::{ServerError, Tls};

/// What a server is started with. The defaults are a server with passwords, without TLS, for 100 connections.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) tls: Tls,
    pub(super) parameters: Vec<(String, String)>,
}

impl Settings {
    /// The defaults.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// How many connections there may be; three of them are for superusers only. Default: 100. The smallest that the
    /// server takes with its own senders of the log is about 10.
    #[must_use]
    pub fn max_connections(self, n: u32) -> Settings {
        self.set("max_connections", n)
    }

    /// Whether it speaks TLS. Default: no.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Settings {
        self.tls = tls;
        self
    }

    /// Any other parameter, as in `postgresql.conf`. The last value counts.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl ToString) -> Settings {
        self.parameters.push((name.to_owned(), value.to_string()));
        self
    }

    /// Starts a primary with these settings.
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start(self) -> Result<Server, ServerError> {
        Server::launch(self, data::copy_of_template)
    }
}
