//! Standbys: servers that stream from another one, and can take its place.

use std::path::PathBuf;
use std::time::Duration;

use super::data::Installed;
use super::{NAME, Server, Settings, Stop};
use crate::servers::place::Folder;
use crate::servers::service::run;
use crate::servers::{ServerError, process};

/// How long a standby may take until it streams, and to be promoted.
const LIMIT: Duration = Duration::from_secs(30);

impl Server {
    /// Starts a standby of this server, with its settings, and waits until it streams. It takes about a second. A
    /// standby can have standbys too.
    ///
    /// # Errors
    /// If this server does not run, or the standby does not come up.
    pub fn standby(&self) -> Result<Server, ServerError> {
        self.standby_with(self.settings.clone())
    }

    /// The same with other settings. Fewer connections than this server's are refused by PostgreSQL.
    ///
    /// # Errors
    /// If this server does not run, or the standby does not come up.
    pub fn standby_with(&self, settings: Settings) -> Result<Server, ServerError> {
        let standby =
            Server::launch(settings, |installed, folder| self.copy_to(installed, folder))?;
        standby.wait_for(
            "streaming",
            "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'",
            "1",
        )?;
        Ok(standby)
    }

    /// Makes a primary of a standby, on a timeline of its own, and waits until it takes writes. What it streamed from
    /// is not told.
    ///
    /// # Errors
    /// If it is no standby, or does not become a primary.
    pub fn promote(&self) -> Result<(), ServerError> {
        self.run_sql(&format!("SELECT pg_promote(true, {})", LIMIT.as_secs()))?;
        self.wait_for("promoted", "SELECT pg_is_in_recovery()", "f")
    }

    /// Makes this server a standby of `primary`, and waits until it streams. A standby turns to it with what it has; a
    /// server that has been a primary, or does not run, gets a copy of the new primary's data, and keeps its port.
    ///
    /// # Errors
    /// If `primary` does not run, or this server does not come to stream from it.
    pub fn follow(&self, primary: &Server) -> Result<(), ServerError> {
        let standby = self.pid().is_some() && self.run_sql("SELECT pg_is_in_recovery()")? == "t";
        if standby {
            let info = format!(
                "host=127.0.0.1 port={} user={NAME} password={}",
                primary.port(),
                primary.password()
            );
            self.run_sql(&format!("ALTER SYSTEM SET primary_conninfo = '{info}'"))?;
            self.run_sql("SELECT pg_reload_conf()")?;
        } else {
            self.stop(Stop::Immediate)?;
            self.fill_again(|installed, folder| primary.copy_to(installed, folder))?;
        }
        let from = format!(
            "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming' AND sender_port = {}",
            primary.port()
        );
        self.wait_for("streaming", &from, "1")
    }

    /// Waits until this standby has replayed all that `primary` has written so far.
    ///
    /// # Errors
    /// If it has not within half a minute.
    pub fn catch_up(&self, primary: &Server) -> Result<(), ServerError> {
        let written = primary.run_sql("SELECT pg_current_wal_lsn()")?;
        let replayed = format!("SELECT pg_last_wal_replay_lsn() >= '{written}'");
        self.wait_for("up with its primary", &replayed, "t")
    }

    /// Waits until a question has this answer.
    fn wait_for(&self, awaited: &'static str, sql: &str, answer: &str) -> Result<(), ServerError> {
        let mut failed = Ok(());
        let so = process::wait_until(LIMIT, || match self.run_sql(sql) {
            Ok(said) => said == answer,
            Err(error) => {
                failed = Err(error);
                true
            }
        });
        failed?;
        if so {
            return Ok(());
        }
        let said = crate::servers::service::last_lines(&self.log());
        Err(ServerError::Late { program: NAME.to_owned(), awaited, limit: LIMIT, said })
    }

    /// Copies the running server's files, with the order to stream from it.
    fn copy_to(&self, installed: &Installed, folder: &Folder) -> Result<(), ServerError> {
        self.life.must_run(NAME)?;
        let data: PathBuf = folder.path().join("data");
        let mut copy = folder.user().command(&installed.pg_basebackup);
        copy.arg("-D").arg(&data).args([
            "-h",
            "127.0.0.1",
            "-p",
            &self.port().to_string(),
            "-U",
            NAME,
            "-w",
        ]);
        copy.args(["-R", "-X", "stream", "-c", "fast", "--no-sync"]).current_dir(folder.path());
        copy.env("PGPASSWORD", self.password());
        run("pg_basebackup", &mut copy).map(drop)
    }
}
