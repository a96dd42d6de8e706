//! What a server is started with, and the file that tells it.

use std::path::Path;

use super::Server;
use crate::servers::place::Folder;
use crate::servers::{ServerError, certificate};

/// What a server is started with. The defaults are a server with a password, without TLS, for 1,000 clients.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub(super) tls: bool,
    pub(super) parameters: Vec<(String, String)>,
}

/// What all servers have, beside their port.
const PARAMETERS: &[(&str, &str)] = &[
    ("bind", "127.0.0.1"),
    ("protected-mode", "no"),
    // What was left behind is found by the folder in its command line.
    ("set-proc-title", "no"),
    ("always-show-logo", "no"),
    ("maxclients", "1000"),
    ("save", "\"\""),
    ("appendonly", "yes"),
    ("appendfsync", "no"),
    ("auto-aof-rewrite-percentage", "0"),
    // It looks at signals and at dead clients that often in a second.
    ("hz", "100"),
    ("dynamic-hz", "no"),
    ("shutdown-timeout", "0"),
    ("repl-diskless-sync", "yes"),
    ("repl-diskless-sync-delay", "0"),
    ("repl-ping-replica-period", "1"),
];

impl Settings {
    /// The defaults.
    pub fn new() -> Settings {
        Settings::default()
    }

    /// How many clients there may be. Default: 1,000.
    #[must_use]
    pub fn max_clients(self, n: u32) -> Settings {
        self.set("maxclients", n)
    }

    /// It speaks TLS only, with a certificate for `localhost` and `127.0.0.1` from [an authority of the testkit's
    /// own](Server::authority). Clients need none. Default: it does not.
    #[must_use]
    pub fn tls(mut self) -> Settings {
        self.tls = true;
        self
    }

    /// Any other parameter, as in `redis.conf`, its value in quotes if it has blanks. The last value counts.
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
        Server::launch(self, None)
    }
}

/// Writes the server's file of settings. With `follow` it is a replica of the server on that port, whose password is its
/// own.
pub(super) fn configure(
    folder: &Folder,
    port: u16,
    password: &str,
    settings: &Settings,
    follow: Option<u16>,
) -> Result<(), ServerError> {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| text += &format!("{name} {value}\n");
    PARAMETERS.iter().for_each(|(name, value)| set(name, value));
    set("dir", &quoted(&folder.path().join("data")));
    set("requirepass", password);
    set("masterauth", password);
    if settings.tls {
        let machines = certificate::of_this_machine(folder.user())?;
        for (from, name, parameter) in [
            (machines.authority, "authority.pem", "tls-ca-cert-file"),
            (machines.certificate, "server.pem", "tls-cert-file"),
            (machines.key, "server.key", "tls-key-file"),
        ] {
            let to = folder.path().join(name);
            folder.copy(&from, &to)?;
            set(parameter, &quoted(&to));
        }
        set("port", "0");
        set("tls-port", &port.to_string());
        set("tls-auth-clients", "no");
        set("tls-replication", "yes");
    } else {
        set("port", &port.to_string());
    }
    settings.parameters.iter().for_each(|(name, value)| set(name, value));
    if let Some(primary) = follow {
        set("replicaof", &format!("127.0.0.1 {primary}"));
    }
    folder.write("redis.conf", &text).map(drop)
}

fn quoted(path: &Path) -> String {
    let escaped = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_word_whatever_is_in_it() {
        assert_eq!(quoted(Path::new("/a b/\"c\"")), r#""/a b/\"c\"""#);
    }
}
