//! A server: its process, its port and its folder, and what can be done to it.

use std::fmt;
use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::data::{self, Installed, Role};
use super::settings::Tls;
use super::{DATABASE, NAME, ROOT, Settings};
use crate::servers::ServerError;
use crate::servers::place::Folder;
use crate::servers::port::Port;
use crate::servers::service::{EndBy, Service, last_lines};
use crate::servers::url::encoded;
use crate::servers::user::User;

/// All that it has lies in its folder, and that goes with it: nothing is worth a shutdown in good order.
const END_BY: EndBy = EndBy(Signal::KILL, "KILL");
/// How long a server may take to end in good order.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How often a server that finds its port taken is given another one.
const PORTS: usize = 5;

/// A MariaDB server that this value owns: a primary, or a replica of one. Dropping it ends the server and removes its
/// files.
pub struct Server {
    // In the order in which they go: the process before its files.
    service: Mutex<Option<Service>>,
    role: Mutex<Role>,
    /// How often it began with nothing.
    lives: AtomicU32,
    pub(super) installed: Installed,
    pub(super) settings: Settings,
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

    /// Starts a server that knows nothing yet.
    pub(super) fn launch(settings: Settings, role: Role) -> Result<Server, ServerError> {
        let user = User::of_servers();
        let installed = Installed::find(user)?;
        let folder = Folder::new(user)?;
        data::copy_of_template(&installed, &folder)?;
        let mut server = Server {
            service: Mutex::new(None),
            role: Mutex::new(role),
            lives: AtomicU32::new(0),
            installed,
            settings,
            port: Port::take()?,
            folder,
        };
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

    /// Makes it one that knows nothing, a replica, and starts it.
    pub(super) fn begin_anew(&self) -> Result<(), ServerError> {
        self.kill();
        let data = self.data();
        fs::remove_dir_all(&data).map_err(ServerError::at(&data))?;
        data::copy_of_template(&self.installed, &self.folder)?;
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
        self.port.number()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
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
        let path = self.folder().join("authority.pem");
        path.is_file().then_some(path)
    }

    /// The folder of its data, which ends with it.
    pub fn data(&self) -> PathBuf {
        self.folder().join("data")
    }

    /// All that it has said so far.
    pub fn log(&self) -> String {
        let log = fs::read(self.folder().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
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
        client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let failed = || ServerError::of("mariadb");
        let mut client = client.spawn().map_err(failed())?;
        // One that has ended early reads no more; its sentence says why.
        if let Some(mut stdin) = client.stdin.take() {
            _ = stdin.write_all(sql.as_bytes());
        }
        let output = client.wait_with_output().map_err(failed())?;
        if output.status.success() {
            let said = String::from_utf8_lossy(&output.stdout);
            return Ok(said.strip_suffix('\n').unwrap_or(&said).to_owned());
        }
        let said = last_lines(&String::from_utf8_lossy(&output.stderr));
        Err(ServerError::Failed { program: "mariadb".to_owned(), said })
    }

    /// Ends the server in good order and waits for it, for a minute at most: what is open is rolled back, and clients are
    /// sent away. Its port and its files stay. Nothing happens if it does not run.
    ///
    /// # Errors
    /// If it still runs after a minute.
    pub fn stop(&self) -> Result<(), ServerError> {
        let mut service = self.service();
        if let Some(running) = service.as_mut() {
            running.end(Signal::TERM, STOP_LIMIT)?;
            *service = None;
        }
        Ok(())
    }

    /// Kills it (SIGKILL), without a word to its clients. Its port and its files stay. Nothing happens if it does not run.
    pub fn kill(&self) {
        if let Some(mut running) = self.service().take() {
            running.kill();
        }
    }

    /// Starts it again after [`stop`](Server::stop) or [`kill`](Server::kill), and waits until it takes connections.
    /// Nothing happens if it runs.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn start_again(&self) -> Result<(), ServerError> {
        let mut service = self.service();
        if service.is_some() {
            return Ok(());
        }
        let role = *self.role.lock().unwrap_or_else(PoisonError::into_inner);
        // What a server wrote in an earlier life it would take for its own, and pass over.
        let id = u32::from(self.port()) + (self.lives.load(Ordering::Relaxed) << 16);
        data::configure(&self.folder, self.port(), id, &self.settings, role)?;
        let options = format!("--defaults-file={}", self.folder().join("options").display());
        let program = &self.installed.mariadbd;
        let mut started = Service::start(&self.folder, NAME, program, &[&options], END_BY)?;
        started.wait_ready(|pid| data::is_ready(self.folder(), self.port(), pid))?;
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

    fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn service(&self) -> MutexGuard<'_, Option<Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Server");
        shown.field("address", &self.address()).field("folder", &self.folder());
        shown.finish_non_exhaustive()
    }
}
