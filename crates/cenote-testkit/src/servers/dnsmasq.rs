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
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;

use rustix::process::Signal;

use super::ServerError;
use super::life::Life;
use super::place::Folder;
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
    life: Life,
    program: PathBuf,
}

impl Server {
    /// Starts a server with these lines of its configuration.
    ///
    /// # Errors
    /// If the program is missing, or the server does not come up.
    pub fn start(lines: &[&str]) -> Result<Server, ServerError> {
        let program = program::find(&DNSMASQ)?;
        let folder = Folder::new(User::of_servers())?;
        let server = Server { life: Life::new(folder)?, program };
        server.serve(lines)?;
        Ok(server)
    }

    /// Where it listens, for UDP and TCP; the same for as long as it lives.
    pub fn address(&self) -> SocketAddr {
        self.life.address()
    }

    /// Has these lines from now on, and no others. For a moment nobody answers.
    ///
    /// # Errors
    /// If it does not come up.
    pub fn serve(&self, lines: &[&str]) -> Result<(), ServerError> {
        self.kill();
        let own = [
            format!("port={}", self.life.port()),
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
        self.life.begin(|folder| {
            let path = folder.write("dnsmasq.conf", &text)?;
            let path = path.to_string_lossy();
            let args =
                ["--keep-in-foreground", "--log-facility=-", "--user=", "--pid-file=", "-C", &path];
            let mut started = Service::start(folder, NAME, &self.program, &args, END_BY)?;
            started.wait_ready(|_| TcpStream::connect(self.address()).is_ok())?;
            Ok(started)
        })
    }

    /// Kills it. Its port stays its own, and nobody listens there.
    pub fn kill(&self) {
        self.life.kill();
    }

    /// Stops it where it is (SIGSTOP): it is asked, and answers nothing.
    pub fn freeze(&self) {
        self.life.freeze();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.life, f)
    }
}
