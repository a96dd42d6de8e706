//! dnsmasq: a DNS server whose records a test writes, changes and takes away.
//!
//! ```no_run
//! use cenote_testkit::servers::{ServerError, dnsmasq};
//!
//! fn main() -> Result<(), ServerError> {
//!     let dns = dnsmasq::Server::start(&["host-record=db.test,10.0.0.1", "srv-host=_db._tcp.test,db.test,5432,10,60"])?;
//!     println!("{}", dns.address());                        // 127.0.0.1:20123
//!     dns.serve(&["host-record=db.test,10.0.0.2"])?;        // other records from now on
//!     dns.kill();
//!     Ok(())
//! }
//! ```

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use super::ServerError;
use super::place::Folder;
use super::port::Port;
use super::program::{self, Requirement};
use super::service::{EndBy, Service};
use super::user::User;

/// The program itself. It lies in `/usr/sbin`.
pub(super) const DNSMASQ: Requirement =
    Requirement { server: "DNS", program: NAME, package: "dnsmasq-base" };
const NAME: &str = "dnsmasq";
const END_BY: EndBy = EndBy(Signal::TERM, "TERM");

/// A DNS server that this value owns. It knows what it is told, asks nobody, and says that its answers hold for a second.
/// Dropping it ends it.
pub struct Server {
    // In the order in which they go: the process before its files.
    service: Mutex<Option<Service>>,
    program: PathBuf,
    port: Port,
    folder: Folder,
}

impl Server {
    /// Starts a server with these lines of its configuration.
    ///
    /// # Errors
    /// If the program is missing, or the server does not come up.
    pub fn start(lines: &[&str]) -> Result<Server, ServerError> {
        let program = program::find(&DNSMASQ)?;
        let folder = Folder::new(User::of_servers())?;
        let server = Server { service: Mutex::new(None), program, port: Port::take()?, folder };
        server.serve(lines)?;
        Ok(server)
    }

    /// Where it listens, for UDP and TCP; the same for as long as it lives.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port.number()).into()
    }

    /// Has these lines from now on, and no others. For a moment nobody answers.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn serve(&self, lines: &[&str]) -> Result<(), ServerError> {
        self.kill();
        let own = [
            format!("port={}", self.port.number()),
            "listen-address=127.0.0.1".to_owned(),
            "bind-interfaces".to_owned(),
            "no-resolv".to_owned(),
            "no-hosts".to_owned(),
            "no-poll".to_owned(),
            "cache-size=0".to_owned(),
            "local-ttl=1".to_owned(),
            "local=/test/".to_owned(),
        ];
        let lines = own.iter().map(String::as_str).chain(lines.iter().copied());
        let text: String = lines.map(|line| format!("{line}\n")).collect();
        let path = self.folder.write("dnsmasq.conf", &text)?;
        let path = path.to_string_lossy();
        let args =
            ["--keep-in-foreground", "--log-facility=-", "--user=", "--pid-file=", "-C", &path];
        let mut started = Service::start(&self.folder, NAME, &self.program, &args, END_BY)?;
        started.wait_ready(|_| TcpStream::connect(self.address()).is_ok())?;
        *self.service() = Some(started);
        Ok(())
    }

    /// Kills it. Its port stays its own, and nobody listens there.
    pub fn kill(&self) {
        if let Some(mut running) = self.service().take() {
            running.kill();
        }
    }

    /// Stops it where it is (SIGSTOP): it is asked, and answers nothing.
    pub fn freeze(&self) {
        if let Some(running) = self.service().as_mut() {
            running.freeze();
        }
    }

    fn service(&self) -> MutexGuard<'_, Option<Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("address", &self.address()).finish_non_exhaustive()
    }
}
