//! What a server is started with.

use super::Server;
use crate::servers::ServerError;

/// What a server is started with. The defaults are a server that asks nobody who he is, without TLS.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) password: bool,
    pub(super) tls: bool,
    pub(super) client_certificates: bool,
    pub(super) flags: Vec<String>,
}

impl Settings {
    /// The defaults.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// There is a user `root`, who may do everything, and nobody else may do anything unless he says so. Default: no.
    #[must_use]
    pub fn password(mut self) -> Settings {
        self.password = true;
        self
    }

    /// It speaks TLS only, with a certificate for `localhost` and `127.0.0.1` from [an authority of the testkit's
    /// own](Server::authority). Default: it does not.
    #[must_use]
    pub fn tls(mut self) -> Settings {
        self.tls = true;
        self
    }

    /// It speaks TLS, and only with clients that show [a certificate](Server::client) from the same authority. Default: no.
    #[must_use]
    pub fn client_certificates(mut self) -> Settings {
        (self.tls, self.client_certificates) = (true, true);
        self
    }

    /// Any other flag of the server's: `--quota-backend-bytes=16777216`.
    #[must_use]
    pub fn flag(mut self, flag: impl Into<String>) -> Settings {
        self.flags.push(flag.into());
        self
    }

    /// Starts a server with these settings.
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start(self) -> Result<Server, ServerError> {
        Server::launch(self)
    }
}
