//! A server's files: copied from a template, since making them anew takes seconds, and then written to its settings.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};

use super::{CLIENT, DATABASE, INSTALLER, MARIADB, NAME, ROOT, Settings, Tls};
use crate::servers::place::Folder;
use crate::servers::service::run;
use crate::servers::user::User;
use crate::servers::{ServerError, certificate, program, secret, template};

/// The programs, and the template that they have made.
#[derive(Clone)]
pub(super) struct Installed {
    pub(super) mariadbd: PathBuf,
    pub(super) client: PathBuf,
    template: PathBuf,
    /// Of the superuser, on every server that comes from the template.
    pub(super) password: String,
}

/// What a server begins as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Primary,
    /// It refuses writes, after a restart too.
    Replica,
}

impl Installed {
    pub(super) fn find(user: User) -> Result<Installed, ServerError> {
        let mariadbd = program::find(&MARIADB)?;
        let (installer, client) = (program::find(&INSTALLER)?, program::find(&CLIENT)?);
        let said = run(NAME, user.command(&mariadbd).args(["--no-defaults", "--version"]))?;
        let name = template_name(&said);
        let template = template::once(&name, user, |folder| make(&installer, user, folder))?;
        let file = template.join("password");
        let password = fs::read_to_string(&file).map_err(ServerError::at(&file))?;
        Ok(Installed { mariadbd, client, template, password })
    }
}

/// From `…/mariadbd  Ver 10.11.14-MariaDB-… for debian-linux-gnu …`. The number at the end is raised when [`make`]
/// changes.
fn template_name(said: &str) -> String {
    let mut words = said.split_whitespace().skip_while(|word| *word != "Ver");
    let version = words.nth(1).unwrap_or("unknown");
    let version = version.split('-').next().unwrap_or(version);
    format!("{NAME}-{version}-2")
}

/// Makes data whose superuser has a password that was drawn by lot: other users of the machine can reach the port.
fn make(installer: &Path, user: User, folder: &Path) -> Result<(), ServerError> {
    let password = secret::drawn()?;
    let file = folder.join("password");
    fs::write(&file, &password).map_err(ServerError::at(&file))?;
    // Nothing is asked of who sets up data, so rights are rows.
    let statements = folder.join("statements.sql");
    let text = format!(
        "DELETE FROM mysql.global_priv WHERE User = '{ROOT}' OR User = '';\n\
         INSERT INTO mysql.global_priv VALUES ('127.0.0.1', '{ROOT}', JSON_OBJECT('access', 18446744073709551615, \
         'plugin', 'mysql_native_password', 'authentication_string', PASSWORD('{password}')));\n\
         CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;\n"
    );
    fs::write(&statements, text).map_err(ServerError::at(&statements))?;
    user.give(&statements)?;
    let data = folder.join("data");
    let mut command = user.command(installer);
    command.current_dir(folder);
    command.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    command.arg(format!("--datadir={}", data.display()));
    command.arg(format!("--extra-file={}", statements.display()));
    command.args(PARAMETERS.iter().map(|(name, value)| format!("--{name}={value}")));
    let made = run("mariadb-install-db", &mut command).map(drop);
    _ = fs::remove_file(&statements);
    made
}

/// Lays new data into the folder.
pub(super) fn copy_of_template(installed: &Installed, folder: &Folder) -> Result<(), ServerError> {
    folder.copy(&installed.template.join("data"), &folder.path().join("data"))
}

/// What all servers have from the moment their data is made: little memory, and no waiting for the disk.
const PARAMETERS: &[(&str, &str)] = &[
    ("innodb_log_file_size", "4M"),
    ("innodb_buffer_pool_size", "16M"),
    ("innodb_flush_method", "nosync"),
    ("innodb_flush_log_at_trx_commit", "2"),
    ("innodb_doublewrite", "OFF"),
    ("innodb_use_native_aio", "OFF"),
    ("key_buffer_size", "64K"),
    ("aria_pagecache_buffer_size", "1M"),
    ("skip_name_resolve", "ON"),
];

/// And what servers have that run.
const RUNNING: &[(&str, &str)] = &[
    ("bind_address", "127.0.0.1"),
    ("character_set_server", "utf8mb4"),
    ("performance_schema", "OFF"),
    // Tests refuse each other the door all day.
    ("max_connect_errors", "1000000"),
    ("max_connections", "151"),
    ("log_bin", "binlog"),
    ("relay_log", "relay"),
    ("log_slave_updates", "ON"),
    ("binlog_format", "ROW"),
    ("sync_binlog", "0"),
    // A replica looks for its primary again soon.
    ("slave_net_timeout", "5"),
];

/// Writes the file of options, over the one that there may have been.
pub(super) fn configure(
    folder: &Folder,
    port: u16,
    id: u32,
    settings: &Settings,
    role: Role,
) -> Result<(), ServerError> {
    let data = folder.path().join("data");
    let temporary = folder.path().join("tmp");
    if !temporary.is_dir() {
        fs::create_dir(&temporary).map_err(ServerError::at(&temporary))?;
        folder.user().give(&temporary)?;
    }
    let mut text = "[mariadbd]\n".to_owned();
    let mut set = |name: &str, value: &str| {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"");
        text += &format!("{name} = \"{value}\"\n");
    };
    let path = |path: &Path| path.display().to_string();
    PARAMETERS.iter().chain(RUNNING).for_each(|(name, value)| set(name, value));
    set("port", &port.to_string());
    // No two servers that may follow each other have the same.
    set("server_id", &id.to_string());
    set("datadir", &path(&data));
    set("pid_file", &path(&data.join("mariadbd.pid")));
    set("socket", &path(&folder.path().join("socket")));
    set("tmpdir", &path(&temporary));
    if settings.tls != Tls::Off {
        let machines = certificate::of_this_machine(folder.user())?;
        for (from, name, variable) in [
            (machines.authority, "authority.pem", "ssl_ca"),
            (machines.certificate, "server.pem", "ssl_cert"),
            (machines.key, "server.key", "ssl_key"),
        ] {
            let file = folder.path().join(name);
            folder.copy(&from, &file)?;
            set(variable, &path(&file));
        }
        if settings.tls == Tls::Required {
            set("require_secure_transport", "ON");
        }
    }
    set("read_only", if role == Role::Replica { "ON" } else { "OFF" });
    settings.parameters.iter().for_each(|(name, value)| set(name, value));
    folder.write("options", &text).map(drop)
}

/// Whether the server of this id takes connections. It leaves its id in a file when it listens.
pub(super) fn is_ready(folder: &Path, port: u16, pid: u32) -> bool {
    let text = fs::read_to_string(folder.join("data/mariadbd.pid")).unwrap_or_default();
    let left_by_it = text.trim().parse() == Ok(pid);
    left_by_it
        && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok_and(|mut conn| {
            // It greets whoever it takes, or says why it does not.
            conn.set_read_timeout(Some(std::time::Duration::from_secs(1))).is_ok()
                && conn.read(&mut [0; 5]).is_ok_and(|n| n == 5)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_is_for_one_version() {
        let said =
            "/usr/sbin/mariadbd  Ver 10.11.14-MariaDB-0+deb12u2 for debian-linux-gnu on x86_64";
        assert_eq!(template_name(said), "mariadb-10.11.14-2");
        assert_eq!(template_name("mariadbd from 12.1"), "mariadb-unknown-2");
    }
}
