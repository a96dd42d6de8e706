//! Replicas: servers that follow another one, and can take its place.

use std::time::Duration;

use super::{NAME, Server, Settings};
use crate::servers::service::last_lines;
use crate::servers::{ServerError, process};

/// How long a replica may take until it follows.
const LIMIT: Duration = Duration::from_secs(30);

impl Server {
    /// Starts a replica of this server, with its settings and its password, and waits until it follows. A replica can
    /// have replicas too.
    ///
    /// # Errors
    /// If this server does not run, or the replica does not come up.
    pub fn replica(&self) -> Result<Server, ServerError> {
        self.replica_with(self.settings.clone())
    }

    /// The same with other settings; both must speak TLS, or neither.
    ///
    /// # Errors
    /// If this server does not run, or the replica does not come up.
    pub fn replica_with(&self, settings: Settings) -> Result<Server, ServerError> {
        self.life.must_run(NAME)?;
        let replica = Server::launch(settings, Some(self))?;
        replica.wait_until_it_follows(self)?;
        Ok(replica)
    }

    /// Makes a primary of a replica, at once and whenever it starts again. Those that followed the same one are not told.
    ///
    /// # Errors
    /// If it does not run.
    pub fn promote(&self) -> Result<(), ServerError> {
        self.life.must_run(NAME)?;
        self.run(&["REPLICAOF", "NO", "ONE"])?;
        *self.follows() = None;
        Ok(())
    }

    /// Makes this server a replica of `primary`, and waits until it follows. It is started if it does not run, and what
    /// only it had is lost. If it runs its clients stay, those excepted who wait in a blocking command.
    ///
    /// # Errors
    /// If `primary` does not run, or this server does not come to follow it.
    pub fn follow(&self, primary: &Server) -> Result<(), ServerError> {
        primary.life.must_run(NAME)?;
        *self.follows() = Some(primary.port());
        if self.pid().is_some() {
            self.run(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()])?;
        } else {
            self.start_again()?;
        }
        self.wait_until_it_follows(primary)
    }

    /// Waits until this replica has all that `primary` has written so far.
    ///
    /// # Errors
    /// If it has not within half a minute.
    pub fn catch_up(&self, primary: &Server) -> Result<(), ServerError> {
        let written = primary.offset("master_repl_offset")?;
        self.wait_for("up with its primary", || Ok(self.offset("slave_repl_offset")? >= written))
    }

    fn offset(&self, name: &str) -> Result<u64, ServerError> {
        let said = self.replication(name)?;
        said.parse().map_err(|_| ServerError::Failed { program: NAME.to_owned(), said })
    }

    /// A field of what it says of its replication; empty if there is none of this name.
    pub fn replication(&self, name: &str) -> Result<String, ServerError> {
        let all = self.run(&["INFO", "replication"])?;
        let found = all.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(found.unwrap_or_default().trim().to_owned())
    }

    fn wait_until_it_follows(&self, primary: &Server) -> Result<(), ServerError> {
        let port = primary.port().to_string();
        self.wait_for("following", || {
            Ok(self.replication("master_link_status")? == "up"
                && self.replication("master_port")? == port)
        })
    }

    fn wait_for(
        &self,
        awaited: &'static str,
        mut so: impl FnMut() -> Result<bool, ServerError>,
    ) -> Result<(), ServerError> {
        let mut failed = Ok(());
        let ended = process::wait_until(LIMIT, || match so() {
            Ok(so) => so,
            Err(error) => {
                failed = Err(error);
                true
            }
        });
        failed?;
        if ended {
            return Ok(());
        }
        let said = last_lines(&self.log());
        Err(ServerError::Late { program: NAME.to_owned(), awaited, limit: LIMIT, said })
    }
}
