//! A server: its process, its port and its folder, and what can be done to it.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::process::Signal;

use super::data::{self, Installed, Role};
use super::{DATABASE, NAME, ROOT, Settings, Tls};
use crate::servers::ServerError;
use crate::servers::life::{self, Life};
use crate::servers::place::Folder;
use crate::servers::service::{EndBy, Service, ask, trimmed};
use crate::servers::url::encoded;
use crate::servers::user::User;

/// All that it has lies in its folder, and that goes with it: nothing is worth a shutdown in good order.
const END_BY: EndBy = EndBy(Signal::KILL, "KILL");

/// A MariaDB server that this value owns: a primary, or a replica of one. Dropping it ends the server and removes its
/// files.
pub struct Server {
    pub(super) life: Life,
    role: Mutex<Role>,
    /// How often it began with nothing.
    lives: AtomicU32,
    pub(super) installed: Installed,
    pub(super) settings: Settings,
}

impl Server {
    /// Starts a primary with the usual [`Settings`].
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start() -> Result<Server, ServerError> {
        Settings::new().start()
    }

    /// Starts a server that knows nothing yet.
    pub(super) fn launch(settings: Settings, role: Role) -> Result<Server, ServerError> {
        let user = User::of_servers();
        let installed = Installed::find(user)?;
        let folder = Folder::new(user)?;
        data::copy_of_template(&installed, &folder)?;
        let (life, role, lives) = (Life::new(folder)?, Mutex::new(role), AtomicU32::new(0));
        let server = Server { life, role, lives, installed, settings };
        life::launch(server, |server| server.life.move_on(), Server::start_again)
    }

    /// Makes it one that knows nothing, a replica, and starts it.
    pub(super) fn begin_anew(&self) -> Result<(), ServerError> {
        self.kill();
        let data = self.data();
        fs::remove_dir_all(&data).map_err(ServerError::at(&data))?;
        data::copy_of_template(&self.installed, self.life.folder())?;
        self.lives.fetch_add(1, Ordering::Relaxed);
        self.becomes(Role::Replica);
        self.start_again()
    }

    /// Also after a restart.
    pub(super) fn becomes(&self, role: Role) {
        *self.role.lock().unwrap_or_else(PoisonError::into_inner) = role;
    }

    /// Its port on 127.0.0.1, the same for as long as it lives.
    pub fn port(&self) -> u16 {
        self.life.port()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.life.address()
    }

    /// The superuser's password.
    pub fn password(&self) -> &str {
        &self.installed.password
    }

    /// A URL for the superuser `root` and the database `cenote`, which is empty.
    pub fn url(&self) -> String {
        self.url_for(ROOT, self.password(), DATABASE)
    }

    /// A URL for somebody else.
    pub fn url_for(&self, user: &str, password: &str, database: &str) -> String {
        self.url_at(self.address(), user, password, database)
    }

    /// [`url`](Server::url) by another way, such as through a proxy.
    pub fn url_through(&self, address: SocketAddr) -> String {
        self.url_at(address, ROOT, self.password(), DATABASE)
    }

    fn url_at(&self, address: SocketAddr, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] = [user, password, database].map(encoded);
        format!("mysql://{user}:{password}@{address}/{database}")
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

    /// Runs statements as the superuser in the database `cenote`, with the program `mariadb`. A row is a line, its
    /// columns are parted by tabs; the last line has no end.
    ///
    /// # Errors
    /// If a statement fails, with what the server said; those before it have run.
    pub fn run_sql(&self, sql: &str) -> Result<String, ServerError> {
        self.client(&["--skip-column-names"], sql)
    }

    pub(super) fn client(&self, args: &[&str], sql: &str) -> Result<String, ServerError> {
        let mut client = Command::new(&self.installed.client);
        client.args(["--no-defaults", "--protocol=TCP", "--batch", "--raw"]).args(args);
        client.args(["--host=127.0.0.1", &format!("--port={}", self.port())]);
        client.args([&format!("--user={ROOT}"), &format!("--database={DATABASE}")]);
        client.args(["--connect-timeout=10", "--default-character-set=utf8mb4"]);
        if self.settings.tls == Tls::Required {
            client.args(["--ssl", "--skip-ssl-verify-server-cert"]);
        }
        client.env_clear().env("LC_ALL", "C").env("MYSQL_PWD", self.password());
        ask("mariadb", &mut client, sql).map(trimmed)
    }

    /// Ends the server in good order and waits for it, for a minute at most: what is open is rolled back, and clients are
    /// sent away. Its port and its files stay. Nothing happens if it does not run.
    ///
    /// # Errors
    /// If it still runs after a minute.
    pub fn stop(&self) -> Result<(), ServerError> {
        self.life.end(Signal::TERM)
    }

    /// Kills it (SIGKILL), without a word to its clients. Its port and its files stay. Nothing happens if it does not run.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), and waits until it takes connections.
    /// Nothing happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        self.life.begin(|folder| {
            let role = *self.role.lock().unwrap_or_else(PoisonError::into_inner);
            // What a server wrote in an earlier life it would take for its own, and pass over.
            let id = u32::from(self.port()) + (self.lives.load(Ordering::Relaxed) << 16);
            data::configure(folder, self.port(), id, &self.settings, role)?;
            let options = format!("--defaults-file={}", folder.path().join("options").display());
            let program = &self.installed.mariadbd;
            let mut started = Service::start(folder, NAME, program, &[&options], END_BY)?;
            started.wait_ready(|pid| data::is_ready(folder.path(), self.port(), pid))?;
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
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.life, f)
    }
}
