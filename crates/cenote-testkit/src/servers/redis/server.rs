//! A server: its process, its port and its folder, and what can be done to it.

use std::fmt;
use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::settings::configure;
use super::{CLI, NAME, REDIS, Settings};
use crate::servers::place::Folder;
use crate::servers::port::Port;
use crate::servers::service::{EndBy, Service, last_lines};
use crate::servers::url::encoded;
use crate::servers::user::User;
use crate::servers::{ServerError, program, secret};

/// It writes down what it has to, and ends.
const END_BY: EndBy = EndBy(Signal::TERM, "TERM");
/// How long a server may take to end in good order.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How often a server that finds its port taken is given another one.
const PORTS: usize = 5;

/// A Redis server that this value owns: a primary, or a replica of one. Dropping it ends the server and removes its
/// files.
pub struct Server {
    // In the order in which they go: the process before its files.
    service: Mutex<Option<Service>>,
    redis: PathBuf,
    cli: PathBuf,
    pub(super) settings: Settings,
    password: String,
    /// The port of its primary, if it starts as a replica.
    follows: Mutex<Option<u16>>,
    port: Port,
    folder: Folder,
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
        let (service, port) = (Mutex::new(None), Port::take()?);
        let mut server = Server { service, redis, cli, settings, password, follows, port, folder };
        for _ in 1..PORTS {
            match server.start_again() {
                Err(ServerError::Failed { said, .. })
                    if said.contains("Address already in use") =>
                {
                    server.port = Port::take()?;
                }
                ended => return ended.map(|()| server),
            }
        }
        server.start_again().map(|()| server)
    }

    /// Its port on 127.0.0.1, the same for as long as it lives.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
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
        let path = self.folder.path().join("authority.pem");
        path.is_file().then_some(path)
    }

    /// The folder of its data, which ends with it.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
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
        let output = cli.stdin(Stdio::null()).output().map_err(ServerError::of(CLI.program))?;
        let said = String::from_utf8_lossy(&output.stdout);
        if output.status.success() {
            return Ok(said.trim_end_matches('\n').to_owned());
        }
        let said = last_lines(&(said + String::from_utf8_lossy(&output.stderr)));
        Err(ServerError::Failed { program: CLI.program.to_owned(), said })
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
        let mut service = self.service();
        if let Some(running) = service.as_mut() {
            running.end(END_BY.0, STOP_LIMIT)?;
            *service = None;
        }
        Ok(())
    }

    /// Kills it (SIGKILL), without a word to its clients. Its port and its files stay. Nothing happens if it does not
    /// run.
    pub fn kill(&self) {
        if let Some(mut running) = self.service().take() {
            running.kill();
        }
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), as the primary or the replica that it was,
    /// and waits until it takes clients. Nothing happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        let mut service = self.service();
        if service.is_some() {
            return Ok(());
        }
        let follow = *self.follows();
        configure(&self.folder, self.port(), &self.password, &self.settings, follow)?;
        let file = self.folder.path().join("redis.conf");
        let args = [file.to_str().unwrap_or_default()];
        let mut started = Service::start(&self.folder, NAME, &self.redis, &args, END_BY)?;
        started.wait_ready(|pid| is_ready(self.folder.path(), pid))?;
        *service = Some(started);
        Ok(())
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
        if let Some(running) = self.service().as_mut() {
            running.freeze();
        }
    }

    /// Lets it go on after [`freeze`](Server::freeze).
    pub fn thaw(&self) {
        if let Some(running) = self.service().as_mut() {
            running.thaw();
        }
    }

    /// The id of its process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.service().as_ref().map(Service::pid)
    }

    pub(super) fn follows(&self) -> MutexGuard<'_, Option<u16>> {
        self.follows.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn service(&self) -> MutexGuard<'_, Option<Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
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
        let mut shown = f.debug_struct("Server");
        shown.field("address", &self.address()).field("folder", &self.folder.path());
        shown.finish_non_exhaustive()
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
