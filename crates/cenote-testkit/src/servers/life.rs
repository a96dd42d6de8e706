//! What all servers are: a process that may run or not, with a port and a folder that stay. It can be stopped, killed,
//! frozen and started again; dropping it ends it and removes its files.

use std::fmt;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::Signal;

use super::ServerError;
use super::place::Folder;
use super::port::Port;
use super::service::Service;

/// How long a server may take to end in good order.
const STOP_LIMIT: Duration = Duration::from_secs(60);
/// How often a server that finds its port taken is given another one.
const PORTS: usize = 5;

/// A server's process, port and folder.
pub(super) struct Life {
    // In the order in which they go: the process before its files.
    service: Mutex<Option<Service>>,
    port: Port,
    folder: Folder,
}

impl Life {
    /// One that does not run yet, with a port that nobody else has.
    pub(super) fn new(folder: Folder) -> Result<Life, ServerError> {
        Ok(Life { service: Mutex::new(None), port: Port::take()?, folder })
    }

    pub(super) fn port(&self) -> u16 {
        self.port.number()
    }

    pub(super) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port()).into()
    }

    /// Gives it another port. It does not run.
    pub(super) fn move_on(&mut self) -> Result<(), ServerError> {
        self.port = Port::take()?;
        Ok(())
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// All that it has said so far.
    pub(super) fn log(&self) -> String {
        let log = fs::read(self.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// The id of its process, if it runs.
    pub(super) fn pid(&self) -> Option<u32> {
        self.service().as_ref().map(Service::pid)
    }

    /// An error if it does not run.
    pub(super) fn must_run(&self, name: &str) -> Result<(), ServerError> {
        match self.pid() {
            Some(_) => Ok(()),
            None => Err(ServerError::NotRunning { program: name.to_owned() }),
        }
    }

    /// Has it run what `start` starts. Nothing happens if it runs.
    pub(super) fn begin(
        &self,
        start: impl FnOnce(&Folder) -> Result<Service, ServerError>,
    ) -> Result<(), ServerError> {
        let mut service = self.service();
        if service.is_none() {
            *service = Some(start(&self.folder)?);
        }
        Ok(())
    }

    /// Ends it by this signal and waits. Nothing happens if it does not run; if it is late, it still runs.
    pub(super) fn end(&self, by: Signal) -> Result<(), ServerError> {
        let mut service = self.service();
        if let Some(running) = service.as_mut() {
            running.end(by, STOP_LIMIT)?;
            *service = None;
        }
        Ok(())
    }

    /// Ends it as it ends when it is dropped. Nothing happens if it does not run.
    pub(super) fn finish(&self) {
        *self.service() = None;
    }

    /// Kills it and all that it has started. Nothing happens if it does not run.
    pub(super) fn kill(&self) {
        if let Some(mut running) = self.service().take() {
            running.kill();
        }
    }

    /// Stops it and all that it has started where they are.
    pub(super) fn freeze(&self) {
        if let Some(running) = self.service().as_mut() {
            running.freeze();
        }
    }

    pub(super) fn thaw(&self) {
        if let Some(running) = self.service().as_mut() {
            running.thaw();
        }
    }

    fn service(&self) -> MutexGuard<'_, Option<Service>> {
        self.service.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Server");
        shown.field("address", &self.address()).field("folder", &self.path());
        shown.finish_non_exhaustive()
    }
}

/// Starts a new server; on another port, a few times, where somebody has taken it between our looking and its binding.
pub(super) fn launch<S>(
    mut server: S,
    move_on: impl Fn(&mut S) -> Result<(), ServerError>,
    start: impl Fn(&S) -> Result<(), ServerError>,
) -> Result<S, ServerError> {
    for turn in 1.. {
        match start(&server) {
            Ok(()) => break,
            Err(ServerError::Failed { said, .. }) if turn < PORTS && is_taken(&said) => {
                move_on(&mut server)?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(server)
}

/// Whether a server says that somebody else has its port. Each writes it in its own way.
fn is_taken(said: &str) -> bool {
    said.to_lowercase().contains("address already in use")
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::super::user::User;
    use super::*;

    /// Launches what says this at each of its starts; how many there were, on how many ports, and what came of it.
    fn launched(says: &[&str]) -> (usize, usize, bool) {
        let life = Life::new(Folder::new(User::of_servers()).unwrap()).unwrap();
        let (starts, ports) = (Cell::new(0), Cell::new(Vec::new()));
        let started = launch(life, Life::move_on, |life| {
            ports.set([ports.take(), vec![life.port()]].concat());
            let said = says.get(starts.replace(starts.get() + 1)).map(|said| said.to_string());
            said.map_or(Ok(()), |said| Err(ServerError::Failed { program: "it".to_owned(), said }))
        });
        let mut ports = ports.take();
        ports.sort_unstable();
        ports.dedup();
        (starts.get(), ports.len(), started.is_ok())
    }

    #[test]
    fn a_server_whose_port_is_taken_is_given_another_one_and_no_other_error_is_tried_again() {
        let (postgres, etcd) = ("bind: Address already in use", "listen: address already in use");
        assert_eq!(launched(&[]), (1, 1, true));
        assert_eq!(launched(&[postgres, etcd]), (3, 3, true));
        assert_eq!(launched(&["no such option"]), (1, 1, false));
        assert_eq!(launched(&[postgres; 9]), (PORTS, PORTS, false));
    }
}
