//! A server: its process, its ports and its folder, and what can be done to it.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::Signal;

use super::{CTL, ETCD, NAME, Settings};
use crate::servers::life::{self, Life};
use crate::servers::place::Folder;
use crate::servers::port::Port;
use crate::servers::service::{EndBy, Service, ask, trimmed};
use crate::servers::user::User;
use crate::servers::{ServerError, certificate, program, secret};

/// It would wait for those who watch, and has nothing to write down.
const END_BY: EndBy = EndBy(Signal::KILL, "KILL");

/// An etcd server that this value owns. Dropping it ends the server and removes its files.
pub struct Server {
    life: Life,
    etcd: PathBuf,
    ctl: PathBuf,
    settings: Settings,
    password: Option<String>,
    /// Where other servers of its cluster would reach it. There are none, and it wants one all the same.
    peers: Port,
}

impl Server {
    /// Starts a server with the usual [`Settings`].
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start() -> Result<Server, ServerError> {
        Settings::new().start()
    }

    pub(super) fn launch(settings: Settings) -> Result<Server, ServerError> {
        let (etcd, ctl) = (program::find(&ETCD)?, program::find(&CTL)?);
        let folder = Folder::new(User::of_servers())?;
        if settings.tls {
            let machines = certificate::of_this_machine(folder.user())?;
            for (from, name) in [
                (machines.authority, "authority.pem"),
                (machines.certificate, "server.pem"),
                (machines.key, "server.key"),
                (machines.client.0, "client.pem"),
                (machines.client.1, "client.key"),
            ] {
                folder.copy(&from, &folder.path().join(name))?;
            }
        }
        let (life, peers) = (Life::new(folder)?, Port::take()?);
        let server = Server { life, etcd, ctl, settings, password: None, peers };
        let other_ports = |server: &mut Server| {
            server.peers = Port::take()?;
            server.life.move_on()
        };
        let mut server = life::launch(server, other_ports, Server::start_again)?;
        if server.settings.password {
            let password = secret::drawn()?;
            server.run(&["user", "add", &format!("root:{password}")])?;
            server.run(&["user", "grant-role", "root", "root"])?;
            server.run(&["auth", "enable"])?;
            server.password = Some(password);
        }
        Ok(server)
    }

    /// Its port on 127.0.0.1, the same for as long as it lives.
    pub fn port(&self) -> u16 {
        self.life.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.life.address()
    }

    /// Its URL, without a user.
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// [`url`](Server::url) by another way, such as through a proxy.
    pub fn url_through(&self, address: SocketAddr) -> String {
        format!("{}://{address}", if self.settings.tls { "https" } else { "http" })
    }

    /// The password of the user `root`, if it wants one.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The authority that has signed the server's certificate, a file in PEM; None if it speaks no TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        self.file("authority.pem")
    }

    /// A certificate for clients and its key, files in PEM; None if it speaks no TLS.
    pub fn client(&self) -> Option<(PathBuf, PathBuf)> {
        Some((self.file("client.pem")?, self.file("client.key")?))
    }

    fn file(&self, name: &str) -> Option<PathBuf> {
        Some(self.life.path().join(name)).filter(|path| path.is_file())
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        self.life.log()
    }

    /// Runs a command as `root`, with `etcdctl`. The last line of what it says has no end.
    ///
    /// # Errors
    /// If the command fails, with what was said.
    pub fn run(&self, command: &[&str]) -> Result<String, ServerError> {
        let mut ctl = Command::new(&self.ctl);
        ctl.args(["--endpoints", &self.url(), "--command-timeout", "30s"]);
        ctl.env_clear().env("LC_ALL", "C").env("ETCDCTL_API", "3");
        if let (Some(authority), Some((cert, key))) = (self.authority(), self.client()) {
            ctl.arg("--cacert").arg(authority).arg("--cert").arg(cert).arg("--key").arg(key);
        }
        if let Some(password) = &self.password {
            ctl.env("ETCDCTL_USER", format!("root:{password}"));
        }
        ask(CTL.program, ctl.args(command), "").map(trimmed)
    }

    /// The revision that it has come to.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn revision(&self) -> Result<u64, ServerError> {
        let said = self.run(&["get", "--write-out=json", "nothing"])?;
        let number = said.split("\"revision\":").nth(1).unwrap_or_default();
        let number: String = number.chars().take_while(char::is_ascii_digit).collect();
        number.parse().map_err(|_| ServerError::Failed { program: CTL.program.to_owned(), said })
    }

    /// Has it forget all that was before the revision that it has come to.
    ///
    /// # Errors
    /// If it cannot be asked, or has done so already.
    pub fn compact(&self) -> Result<(), ServerError> {
        self.run(&["compact", "--physical", &self.revision()?.to_string()]).map(drop)
    }

    /// Ends the server in good order and waits for it, for a minute at most. Its port and its files stay. Nothing happens
    /// if it does not run.
    ///
    /// # Errors
    /// If it still runs after a minute.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.life.end(Signal::TERM)
    }

    /// Kills it (SIGKILL), without a word to its clients. Its port and its files stay. Nothing happens if it does not
    /// run.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Removes all that it has written: when it is started again it has nothing, no users and passwords either. It must
    /// not run.
    ///
    /// # Errors
    /// If its files cannot be removed.
    pub fn forget(&self) -> Result<(), ServerError> {
        let data = self.life.path().join("data");
        match fs::remove_dir_all(&data) {
            Err(error) if data.exists() => Err(ServerError::at(&data)(error)),
            _ => Ok(()),
        }
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), and waits until it takes clients. Nothing
    /// happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        self.life.begin(|folder| {
            let args = self.args(folder);
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let log = folder.path().join("log");
            let begins = fs::read(&log).unwrap_or_default().len();
            let mut started = Service::start(folder, NAME, &self.etcd, &args, END_BY)?;
            started.wait_ready(|_| is_ready(&log, begins))?;
            Ok(started)
        })
    }

    /// What it is started with.
    fn args(&self, folder: &Folder) -> Vec<String> {
        let (client, peers) = (self.url(), format!("http://127.0.0.1:{}", self.peers.number()));
        let path = |name: &str| folder.path().join(name).display().to_string();
        let mut args = vec![
            "--name=cenote".to_owned(),
            format!("--data-dir={}", path("data")),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peers}"),
            format!("--initial-advertise-peer-urls={peers}"),
            format!("--initial-cluster=cenote={peers}"),
            // It is alone: nobody is waited for.
            "--heartbeat-interval=10".to_owned(),
            "--election-timeout=100".to_owned(),
            // A hash of a password need not be slow where it is drawn by lot and gone in a minute.
            "--bcrypt-cost=4".to_owned(),
        ];
        if self.settings.tls {
            args.push(format!("--cert-file={}", path("server.pem")));
            args.push(format!("--key-file={}", path("server.key")));
        }
        if self.settings.client_certificates {
            args.push("--client-cert-auth".to_owned());
            args.push(format!("--trusted-ca-file={}", path("authority.pem")));
        }
        args.extend(self.settings.flags.iter().cloned());
        args
    }

    /// Stops it where it is (SIGSTOP): connections are still taken, by the system, and nothing is answered.
    pub fn freeze(&self) {
        self.life.freeze();
    }

    /// Lets it go on after [`freeze`](Server::freeze).
    pub fn thaw(&self) {
        self.life.thaw();
    }

    /// The id of its process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.life.pid()
    }
}

/// Whether it says, in what it has said since then, that it takes clients.
fn is_ready(log: &Path, begins: usize) -> bool {
    let log = fs::read(log).unwrap_or_default();
    let said = String::from_utf8_lossy(log.get(begins..).unwrap_or_default());
    said.contains("ready to serve client requests")
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.life, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_ready_when_it_says_so_after_its_start() {
        let log = std::env::temp_dir().join(format!("cenote-etcd-{}", std::process::id()));
        assert!(!is_ready(&log, 0), "it has no log yet");
        let before = "I | embed: ready to serve client requests\n";
        fs::write(&log, before).unwrap();
        assert!(is_ready(&log, 0));
        assert!(!is_ready(&log, before.len()), "an old server's word");
        fs::write(&log, format!("{before}{before}")).unwrap();
        assert!(is_ready(&log, before.len()));
        fs::remove_file(&log).unwrap();
    }
}
