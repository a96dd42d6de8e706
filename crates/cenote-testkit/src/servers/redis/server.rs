//! A server: its process, its port and its folder, and what can be done to it.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::settings::configure;
use super::{CLI, NAME, REDIS, Settings};
use crate::servers::life::{self, Life};
use crate::servers::place::Folder;
use crate::servers::service::{EndBy, Service, ask, trimmed};
use crate::servers::url::encoded;
use crate::servers::user::User;
use crate::servers::{ServerError, program, secret};

/// It writes down what it has to, and ends.
const END_BY: EndBy = EndBy(Signal::TERM, "TERM");

/// A Redis server that this value owns: a primary, or a replica of one. Dropping it ends the server and removes its
/// files.
pub struct Server {
    pub(super) life: Life,
    redis: PathBuf,
    cli: PathBuf,
    pub(super) settings: Settings,
    password: String,
    /// The port of its primary, if it starts as a replica.
    follows: Mutex<Option<u16>>,
}

impl Server {
    /// Starts a primary with the usual [`Settings`].
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start() -> Result<Server, ServerError> {
        Settings::new().start()
    }

    /// Starts a server that follows this one, if there is one.
    pub(super) fn launch(
        settings: Settings,
        primary: Option<&Server>,
    ) -> Result<Server, ServerError> {
        // On Debian the program is a link to one that does different things by different names.
        let (redis, cli) = (program::find_by_name(&REDIS)?, program::find_by_name(&CLI)?);
        let user = User::of_servers();
        let folder = Folder::new(user)?;
        let data = folder.path().join("data");
        DirBuilder::new().mode(0o700).create(&data).map_err(ServerError::at(&data))?;
        user.give(&data)?;
        let password = match primary {
            // Either may take the place of the other.
            Some(primary) => primary.password.clone(),
            None => secret::drawn()?,
        };
        let follows = Mutex::new(primary.map(Server::port));
        let life = Life::new(folder)?;
        let server = Server { life, redis, cli, settings, password, follows };
        life::launch(server, |server| server.life.move_on(), Server::start_again)
    }

    /// Its port on 127.0.0.1, the same for as long as it lives.
    pub fn port(&self) -> u16 {
        self.life.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.life.address()
    }

    /// The password of the user `default`, on its replicas too.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// A URL for the user `default` and the database 0.
    pub fn url(&self) -> String {
        self.url_through(self.address())
    }

    /// [`url`](Server::url) by another way, such as through a proxy.
    pub fn url_through(&self, address: SocketAddr) -> String {
        // By its name, since redis-cli takes a user that is left out for one whose name is empty.
        format!("{}://default:{}@{address}/0", self.scheme(), encoded(&self.password))
    }

    /// A URL for somebody else.
    pub fn url_for(&self, user: &str, password: &str, database: u32) -> String {
        let [user, password] = [user, password].map(encoded);
        format!("{}://{user}:{password}@{}/{database}", self.scheme(), self.address())
    }

    fn scheme(&self) -> &'static str {
        if self.settings.tls { "rediss" } else { "redis" }
    }

    /// The authority that has signed the server's certificate, a file in PEM; None if it speaks no TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        let path = self.life.path().join("authority.pem");
        path.is_file().then_some(path)
    }

    /// The folder of its data, which ends with it.
    pub fn data(&self) -> PathBuf {
        self.life.path().join("data")
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        self.life.log()
    }

    /// Runs a command as the user `default` in the database 0, with `redis-cli`. Of an answer with several parts each is a
    /// line; the last line has no end.
    ///
    /// # Errors
    /// If the command fails, with what the server said.
    pub fn run(&self, command: &[&str]) -> Result<String, ServerError> {
        let mut cli = Command::new(&self.cli);
        // -e: an error of the server's is one of the program's.
        cli.args(["-e", "--raw", "-h", "127.0.0.1", "-p", &self.port().to_string()]);
        if let Some(authority) = self.authority() {
            cli.arg("--tls").arg("--cacert").arg(authority);
        }
        cli.args(command).env_clear().env("LC_ALL", "C").env("REDISCLI_AUTH", &self.password);
        ask(CLI.program, &mut cli, "").map(trimmed)
    }

    /// How many clients of this name there are, by the server's own list.
    ///
    /// # Errors
    /// If it cannot be asked.
    pub fn clients(&self, name: &str) -> Result<usize, ServerError> {
        let list = self.run(&["CLIENT", "LIST"])?;
        let wanted = format!("name={name}");
        Ok(list.lines().filter(|line| line.split(' ').any(|field| field == wanted)).count())
    }

    /// Ends the server in good order and waits for it, for a minute at most. Its port and its files stay. Nothing happens
    /// if it does not run.
    ///
    /// # Errors
    /// If it still runs after a minute.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.life.end(END_BY.0)
    }

    /// Kills it (SIGKILL), without a word to its clients. Its port and its files stay. Nothing happens if it does not
    /// run.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), as the primary or the replica that it was,
    /// and waits until it takes clients. Nothing happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        self.life.begin(|folder| {
            let follow = *self.follows();
            configure(folder, self.port(), &self.password, &self.settings, follow)?;
            let file = folder.path().join("redis.conf");
            let args = [file.to_str().unwrap_or_default()];
            let mut started = Service::start(folder, NAME, &self.redis, &args, END_BY)?;
            started.wait_ready(|pid| is_ready(folder.path(), pid))?;
            Ok(started)
        })
    }

    /// [`stop`](Server::stop) and [`start_again`](Server::start_again).
    ///
    /// # Errors
    /// If it does not end, or does not come up.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.stop()?;
        self.start_again()
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

    pub(super) fn follows(&self) -> MutexGuard<'_, Option<u16>> {
        self.follows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the server of this id says that it takes clients. Each of its lines begins with its id.
fn is_ready(folder: &Path, pid: u32) -> bool {
    let log = fs::read(folder.join("log")).unwrap_or_default();
    let own = format!("{pid}:");
    String::from_utf8_lossy(&log)
        .lines()
        .any(|line| line.starts_with(&own) && line.contains("Ready to accept connections"))
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
    fn a_server_is_ready_when_it_says_so_itself() {
        let folder = std::env::temp_dir().join(format!("cenote-redis-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let says = |text: &str| fs::write(folder.join("log"), text).unwrap();
        assert!(!is_ready(&folder, 77));
        says("77:M 28 Nov 2026 02:00:00.000 * Server initialized\n");
        assert!(!is_ready(&folder, 77));
        says("77:M 28 Nov 2026 02:00:00.000 * Ready to accept connections\n");
        assert!(is_ready(&folder, 77));
        // By one that was killed.
        assert!(!is_ready(&folder, 7) && !is_ready(&folder, 78));
        fs::remove_dir_all(&folder).unwrap();
    }
}
