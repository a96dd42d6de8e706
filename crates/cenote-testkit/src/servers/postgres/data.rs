//! A server's files: copied from a template, since making them anew takes seconds, and then written to its settings.

use std::fs;
use std::path::{Path, PathBuf};

use super::{NAME, POSTGRES, Settings, Tls};
use crate::servers::place::Folder;
use crate::servers::service::run;
use crate::servers::user::User;
use crate::servers::{ServerError, certificate, program, secret, template};

/// The programs of one version, and the template that it has made.
#[derive(Clone)]
pub(super) struct Installed {
    pub(super) postgres: PathBuf,
    pub(super) psql: PathBuf,
    pub(super) pg_basebackup: PathBuf,
    template: PathBuf,
    /// Of the superuser, on every server that comes from the template.
    pub(super) password: String,
}

impl Installed {
    pub(super) fn find(user: User) -> Result<Installed, ServerError> {
        let postgres = program::find(&POSTGRES)?;
        let beside = |name| program::beside(&postgres, name, POSTGRES.package);
        let initdb = beside("initdb")?;
        let (psql, pg_basebackup) = (beside("psql")?, beside("pg_basebackup")?);
        let said = run(NAME, user.command(&postgres).arg("--version"))?;
        let name = template_name(&said);
        let template = template::once(&name, user, |folder| make(&initdb, user, folder))?;
        let file = template.join("password");
        let password = fs::read_to_string(&file).map_err(ServerError::at(&file))?;
        Ok(Installed { postgres, psql, pg_basebackup, template, password })
    }
}

/// From `postgres (PostgreSQL) 15.18 (Debian …)`. The number at the end is raised when [`make`] changes.
fn template_name(version: &str) -> String {
    let version = version.split_whitespace().nth(2).unwrap_or("unknown");
    format!("postgres-{version}-1")
}

/// Makes a cluster whose superuser has a password that was drawn by lot: other users of the machine can reach the port.
fn make(initdb: &Path, user: User, folder: &Path) -> Result<(), ServerError> {
    let password = folder.join("password");
    fs::write(&password, secret::drawn()?).map_err(ServerError::at(&password))?;
    let mut command = user.command(initdb);
    command.current_dir(folder);
    command.args(["--pgdata", "data", "--username", NAME, "--pwfile", "password"]);
    command.args(["--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale"]);
    command.args(["--wal-segsize", "1", "--no-sync", "--no-instructions"]);
    run("initdb", &mut command).map(drop)
}

/// Lays a new cluster into the folder.
pub(super) fn copy_of_template(installed: &Installed, folder: &Folder) -> Result<(), ServerError> {
    folder.copy(&installed.template.join("data"), &folder.path().join("data"))
}

/// What all servers have, beside their port. A standby must not have less of some of it than its primary.
const PARAMETERS: &[(&str, &str)] = &[
    ("listen_addresses", "127.0.0.1"),
    ("unix_socket_directories", ""),
    ("cluster_name", "cenote"),
    // Everything lies in the folder, so that nothing is left when it goes.
    ("dynamic_shared_memory_type", "mmap"),
    ("fsync", "off"),
    ("autovacuum", "off"),
    ("jit", "off"),
    ("shared_buffers", "16MB"),
    ("min_wal_size", "4MB"),
    ("wal_keep_size", "64MB"),
    ("wal_receiver_status_interval", "1s"),
    // A standby looks for its primary again soon.
    ("wal_retrieve_retry_interval", "100ms"),
];

/// Writes the settings into the cluster's folder, over those that it may have had.
pub(super) fn configure(
    folder: &Folder,
    port: u16,
    settings: &Settings,
) -> Result<(), ServerError> {
    let mut text = String::new();
    let mut set = |name: &str, value: &str| {
        text += &format!("{name} = '{}'\n", value.replace('\'', "''"));
    };
    PARAMETERS.iter().for_each(|(name, value)| set(name, value));
    set("port", &port.to_string());
    if settings.tls != Tls::Off {
        let machines = certificate::of_this_machine(folder.user())?;
        let data = folder.path().join("data");
        for (from, name) in [
            (machines.authority, "authority.pem"),
            (machines.certificate, "server.pem"),
            (machines.key, "server.key"),
        ] {
            folder.copy(&from, &data.join(name))?;
        }
        set("ssl", "on");
        set("ssl_cert_file", "server.pem");
        set("ssl_key_file", "server.key");
    }
    settings.parameters.iter().for_each(|(name, value)| set(name, value));
    folder.write("data/postgresql.conf", &text)?;
    let kind = if settings.tls == Tls::Required { "hostssl" } else { "host" };
    let who = format!(
        "{kind} all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 scram-sha-256\n"
    );
    folder.write("data/pg_hba.conf", &who).map(drop)
}

/// Whether the server of this id says that it takes connections, as a primary or as a standby. It says so on the
/// eighth line of a file that begins with its id.
pub(super) fn is_ready(folder: &Path, pid: u32) -> bool {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    lines.next().and_then(|line| line.parse().ok()) == Some(pid)
        && matches!(lines.nth(6), Some("ready" | "standby"))
}

/// The number of the one small piece of the system's shared memory that a server keeps, if one that was killed has
/// left it behind.
pub(super) fn memory_left_behind(folder: &Path) -> Option<String> {
    let text = fs::read_to_string(folder.join("data/postmaster.pid")).ok()?;
    text.lines().nth(6)?.split_whitespace().nth(1).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_for_one_version() {
        assert_eq!(
            template_name("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            "postgres-15.18-1"
        );
        assert_eq!(template_name("postgres (PostgreSQL) 18beta1"), "postgres-18beta1-1");
    }

    #[test]
    fn a_server_is_ready_when_it_says_so_itself() {
        let folder = std::env::temp_dir().join(format!("cenote-ready-{}", std::process::id()));
        fs::create_dir_all(folder.join("data")).unwrap();
        let says = |status: &str| {
            let text =
                format!("77\n/data\n1700000000\n20001\n\n127.0.0.1\n  1234567      42\n{status}\n");
            fs::write(folder.join("data/postmaster.pid"), text).unwrap();
        };
        says("starting");
        assert!(!is_ready(&folder, 77));
        says("ready   ");
        assert!(is_ready(&folder, 77));
        // Left by one that was killed.
        assert!(!is_ready(&folder, 78));
        says("standby ");
        assert!(is_ready(&folder, 77));
        assert_eq!(memory_left_behind(&folder).as_deref(), Some("42"));
        fs::remove_dir_all(&folder).unwrap();
        assert!(!is_ready(&folder, 77));
    }
}
