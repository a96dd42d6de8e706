//! A server: its process, its port and its folder, and what can be done to it.

use std::fmt;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::data::{self, Installed};
use super::{NAME, Settings};
use crate::servers::ServerError;
use crate::servers::life::{self, Life};
use crate::servers::place::Folder;
use crate::servers::service::{EndBy, Service, ask, trimmed};
use crate::servers::url::encoded;
use crate::servers::user::User;

/// PostgreSQL's immediate shutdown: everything ends at once, and the shared memory is given back.
const END_BY: EndBy = EndBy(Signal::QUIT, "QUIT");

/// A PostgreSQL server that this value owns: a primary, or a standby of one. Dropping it ends the server and removes
/// its files.
pub struct Server {
    pub(super) life: Life,
    pub(super) installed: Installed,
    pub(super) settings: Settings,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// It takes no new clients and waits until the present ones have left.
    Smart,
    /// It rolls back what is open, tells its clients (SQLSTATE 57P01) and sends them away.
    Fast,
    /// It ends without rolling back, and recovers at its next start. Its clients get SQLSTATE 57P01 at best.
    Immediate,
}

impl Server {
    /// Starts a primary with the usual [`Settings`].
    ///
    /// # Errors
    /// If a program is missing, or the server does not come up.
    pub fn start() -> Result<Server, ServerError> {
        Settings::new().start()
    }

    /// Starts a server on files that `fill` lays into its folder.
    pub(super) fn launch(
        settings: Settings,
        fill: impl FnOnce(&Installed, &Folder) -> Result<(), ServerError>,
    ) -> Result<Server, ServerError> {
        let user = User::of_servers();
        let installed = Installed::find(user)?;
        let folder = Folder::new(user)?;
        fill(&installed, &folder)?;
        let server = Server { life: Life::new(folder)?, installed, settings };
        life::launch(server, |server| server.life.move_on(), Server::configure_and_start)
    }

    /// Starts it on other files, with its settings. It does not run.
    pub(super) fn fill_again(
        &self,
        fill: impl FnOnce(&Installed, &Folder) -> Result<(), ServerError>,
    ) -> Result<(), ServerError> {
        self.forget_memory();
        let data = self.data();
        fs::remove_dir_all(&data).map_err(ServerError::at(&data))?;
        fill(&self.installed, self.life.folder())?;
        self.configure_and_start()
    }

    fn configure_and_start(&self) -> Result<(), ServerError> {
        data::configure(self.life.folder(), self.port(), &self.settings)?;
        self.start_again()
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

    /// A URL for the superuser `postgres` and the database `postgres`.
    pub fn url(&self) -> String {
        self.url_for(NAME, self.password(), NAME)
    }

    /// A URL for somebody else.
    pub fn url_for(&self, user: &str, password: &str, database: &str) -> String {
        self.url_at(self.address(), user, password, database)
    }

    /// [`url`](Server::url) by another way, such as through a proxy.
    pub fn url_through(&self, address: SocketAddr) -> String {
        self.url_at(address, NAME, self.password(), NAME)
    }

    fn url_at(&self, address: SocketAddr, user: &str, password: &str, database: &str) -> String {
        let [user, password, database] = [user, password, database].map(encoded);
        format!("postgres://{user}:{password}@{address}/{database}")
    }

    /// The authority that has signed the server's certificate, a file in PEM; None if it speaks no TLS.
    pub fn authority(&self) -> Option<PathBuf> {
        let path = self.data().join("authority.pem");
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

    /// Runs statements as the superuser in the database `postgres`, with `psql`. A row is a line, its columns are
    /// parted by `|`; the last line has no end.
    ///
    /// # Errors
    /// If a statement fails, with what the server said; those before it have run.
    pub fn run_sql(&self, sql: &str) -> Result<String, ServerError> {
        self.run_sql_in(NAME, sql)
    }

    /// The same in another database.
    ///
    /// # Errors
    /// If a statement fails, or the database does not exist.
    pub fn run_sql_in(&self, database: &str, sql: &str) -> Result<String, ServerError> {
        let mut psql = Command::new(&self.installed.psql);
        psql.args(["-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-f", "-"]);
        psql.args(["-h", "127.0.0.1", "-p", &self.port().to_string(), "-U", NAME, "-d", database]);
        psql.env_clear().env("LC_ALL", "C").env("PGCONNECT_TIMEOUT", "10");
        psql.env("PGPASSWORD", self.password()).env("PGCLIENTENCODING", "UTF8");
        ask("psql", &mut psql, sql).map(trimmed)
    }

    /// Ends the server and waits for it, for a minute at most. Its port and its files stay. Nothing happens if it does
    /// not run.
    ///
    /// # Errors
    /// If it still runs after a minute: with [`Stop::Smart`], because a client has not left.
    pub fn stop(&self, how: Stop) -> Result<(), ServerError> {
        let signal = match how {
            Stop::Smart => Signal::TERM,
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        self.life.end(signal)
    }

    /// Kills it and its processes (SIGKILL), without a word to its clients. Its port and its files stay. Nothing
    /// happens if it does not run.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), and waits until it takes connections.
    /// Nothing happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        let data = self.data();
        self.life.begin(|folder| {
            let args = ["-D", data.to_str().unwrap_or_default()];
            let mut started =
                Service::start(folder, NAME, &self.installed.postgres, &args, END_BY)?;
            started.wait_ready(|pid| data::is_ready(folder.path(), pid))?;
            Ok(started)
        })
    }

    /// [`stop`](Server::stop), fast, and [`start_again`](Server::start_again).
    ///
    /// # Errors
    /// If it does not end, or does not come up.
    pub fn restart(&self) -> Result<(), ServerError> {
        self.stop(Stop::Fast)?;
        self.start_again()
    }

    /// Stops all its processes where they are (SIGSTOP): connections are still taken, by the system, and nothing is
    /// answered.
    pub fn freeze(&self) {
        self.life.freeze();
    }

    /// Lets it go on after [`freeze`](Server::freeze).
    pub fn thaw(&self) {
        self.life.thaw();
    }

    /// The id of its main process, if it runs.
    pub fn pid(&self) -> Option<u32> {
        self.life.pid()
    }

    /// Gives back what a server that was killed could not. It does not run.
    fn forget_memory(&self) {
        if let Some(memory) = data::memory_left_behind(self.life.path()) {
            _ = Command::new("ipcrm")
                .args(["-m", &memory])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.life, f)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The shared memory outlives its process, and is known by a file of its folder.
        self.life.finish();
        self.forget_memory();
    }
}
