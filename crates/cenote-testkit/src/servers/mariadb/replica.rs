//! Replicas: servers that follow another one by GTID, and can take its place.

use std::time::Duration;

use super::data::Role;
use super::{NAME, ROOT, Server, Settings, Tls};
use crate::servers::service::last_lines;
use crate::servers::{ServerError, process};

/// How long a replica may take until it follows, has caught up, or is promoted.
const LIMIT: Duration = Duration::from_secs(30);

impl Server {
    /// Starts a replica of this server, with its settings, and waits until it has what this server has. It takes writes
    /// from nobody but a superuser (`read_only`). A replica can have replicas too.
    ///
    /// # Errors
    /// If this server does not run, or the replica does not come up.
    pub fn replica(&self) -> Result<Server, ServerError> {
        self.replica_with(self.settings.clone())
    }

    /// The same with other settings.
    ///
    /// # Errors
    /// If this server does not run, or the replica does not come up.
    pub fn replica_with(&self, settings: Settings) -> Result<Server, ServerError> {
        self.life.must_run(NAME)?;
        let replica = Server::launch(settings, Role::Replica)?;
        replica.point_at(self)?;
        replica.catch_up(self)?;
        Ok(replica)
    }

    /// Makes a primary of a replica, after it has applied all that it received, and waits until it takes writes. What it
    /// followed is not told.
    ///
    /// # Errors
    /// If it is no replica, or does not become a primary.
    pub fn promote(&self) -> Result<(), ServerError> {
        let status = self.replication()?;
        let Some(received) = status.field("Gtid_IO_Pos") else {
            let said = "it is no replica".to_owned();
            return Err(ServerError::Failed { program: NAME.to_owned(), said });
        };
        let received = received.to_owned();
        self.run_sql("STOP SLAVE IO_THREAD; START SLAVE SQL_THREAD")?;
        self.wait_for_gtid(&received, "up with what it has received")?;
        self.run_sql("STOP SLAVE; RESET SLAVE ALL; SET GLOBAL read_only = OFF")?;
        self.becomes(Role::Primary);
        Ok(())
    }

    /// Makes this server a replica of `primary`, and waits until it follows. A replica turns to it with what it has; a
    /// server that has been a primary, or does not run, begins with nothing and keeps its port.
    ///
    /// # Errors
    /// If `primary` does not run, or this server does not come to follow it.
    pub fn follow(&self, primary: &Server) -> Result<(), ServerError> {
        primary.life.must_run(NAME)?;
        let replica = self.pid().is_some() && self.replication()?.is_there();
        if replica {
            self.run_sql("STOP SLAVE")?;
        } else {
            self.begin_anew()?;
        }
        self.point_at(primary)
    }

    /// Waits until this replica has applied all that `primary` has written so far.
    ///
    /// # Errors
    /// If it has not within half a minute.
    pub fn catch_up(&self, primary: &Server) -> Result<(), ServerError> {
        let written = primary.run_sql("SELECT @@gtid_binlog_pos")?;
        self.wait_for_gtid(&written, "up with its primary")
    }

    fn point_at(&self, primary: &Server) -> Result<(), ServerError> {
        let secret = if primary.settings.tls == Tls::Required { 1 } else { 0 };
        self.run_sql(&format!(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = {}, MASTER_USER = '{ROOT}', \
             MASTER_PASSWORD = '{}', MASTER_USE_GTID = slave_pos, MASTER_CONNECT_RETRY = 1, \
             MASTER_SSL = {secret}, MASTER_SSL_VERIFY_SERVER_CERT = 0; START SLAVE",
            primary.port(),
            primary.password()
        ))?;
        let port = primary.port().to_string();
        let mut failed = Ok(());
        let follows = process::wait_until(LIMIT, || match self.replication() {
            Ok(status) => {
                status.field("Slave_IO_Running") == Some("Yes")
                    && status.field("Slave_SQL_Running") == Some("Yes")
                    && status.field("Master_Port") == Some(&port)
            }
            Err(error) => {
                failed = Err(error);
                true
            }
        });
        failed?;
        if follows { Ok(()) } else { Err(self.late("following")) }
    }

    fn wait_for_gtid(&self, gtid: &str, awaited: &'static str) -> Result<(), ServerError> {
        let wait = format!("SELECT MASTER_GTID_WAIT('{gtid}', {})", LIMIT.as_secs());
        if self.run_sql(&wait)? == "0" { Ok(()) } else { Err(self.late(awaited)) }
    }

    fn late(&self, awaited: &'static str) -> ServerError {
        let said = last_lines(&self.log());
        ServerError::Late { program: NAME.to_owned(), awaited, limit: LIMIT, said }
    }

    /// What it says of its replication; nothing if it is no replica.
    fn replication(&self) -> Result<Replication, ServerError> {
        Ok(Replication(self.client(&[], "SHOW SLAVE STATUS\\G")?))
    }
}

/// Lines of names and values.
struct Replication(String);

impl Replication {
    fn is_there(&self) -> bool {
        self.field("Master_Host").is_some()
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.0.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            (known.trim() == name).then_some(value.trim())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let status = Replication(
            "*** 1. row ***\n      Master_Host: 127.0.0.1\n      Gtid_IO_Pos: 0-1-5,1-2-3\n".into(),
        );
        assert!(status.is_there() && !Replication(String::new()).is_there());
        assert_eq!(status.field("Gtid_IO_Pos"), Some("0-1-5,1-2-3"));
        assert_eq!(status.field("IO_Pos"), None);
    }
}
