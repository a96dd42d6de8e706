//! What servers that can do both say to clients with TLS and without.

/// Whether a server speaks TLS. Its certificate is for `localhost` and `127.0.0.1`, from an authority of the testkit's own
/// (`Server::authority`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Tls {
    /// It does not. The default.
    #[default]
    Off,
    /// It does with clients that want it.
    Offered,
    /// It refuses clients that do not.
    Required,
}
