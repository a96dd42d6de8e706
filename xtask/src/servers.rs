//! The programs that tests start beside themselves, the servers of `tests/servers` and the browser of `tests/dashboard`: they
//! are made available, and the same servers can be had to try things out.

use std::process::{Command, Stdio};

use clap::{Args, Subcommand};

use crate::test::{cargo, run_instead};
use crate::{Failure, Outcome, source};

/// The crate of all tests that need a server, and the one of those that need a browser.
pub(crate) const TESTS: [&str; 2] = [SERVERS, "cenote-dashboard-tests"];
pub(crate) const SERVERS: &str = "cenote-server-tests";
/// What names the programs that are missing, each in its crate.
const LISTS: [&[&str]; 2] =
    [&["--package", SERVERS, "--", "missing"], &["--package", "cenote-dashboard-tests"]];

#[derive(Subcommand)]
pub(crate) enum Wishes {
    /// Start primaries of PostgreSQL, MariaDB and Redis and what follows them, and etcd; print their URLs, and run until Ctrl-C
    Up(Up),
    /// Install the programs that are missing from Debian's packages, as root or with sudo -n
    Install,
}

#[derive(Args)]
pub(crate) struct Up {
    /// How many standbys or replicas follow each primary
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) standbys: usize,
    /// Speak TLS: PostgreSQL and MariaDB with clients that want it, Redis and etcd with all
    #[arg(long)]
    pub(crate) tls: bool,
}

pub(crate) fn run(wishes: &Wishes) -> Outcome {
    let Wishes::Up(wishes) = wishes else { return install() };
    install_servers()?;
    let mut up = program(&["--package", SERVERS, "--", "up"]);
    up.args(["--standbys", &wishes.standbys.to_string()]);
    if wishes.tls {
        up.arg("--tls");
    }
    // Ctrl-C is the program's, and the prompt comes back when it has ended its servers.
    run_instead(up)
}

fn program(which: &[&str]) -> Command {
    let mut program = Command::new(cargo());
    program.args(["run", "--quiet", "--locked"]).args(which);
    program.current_dir(source::root());
    program
}

/// A program that is not there.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    server: String,
    program: String,
    package: String,
}

/// Sees to it that all programs are there: those that are missing are installed, if we may.
pub(crate) fn install() -> Outcome {
    see_to(&LISTS)
}

/// The same of the servers alone.
pub(crate) fn install_servers() -> Outcome {
    see_to(&LISTS[..1])
}

fn see_to(lists: &[&[&str]]) -> Outcome {
    let before = missing(lists)?;
    if before.is_empty() {
        return Ok(());
    }
    let packages = packages(&before);
    println!(
        "Programs that tests start are missing; installing {} with apt-get",
        packages.join(" ")
    );
    if let Err(why) = apt_get(&packages) {
        return Err(not_installed(&before, &why));
    }
    match missing(lists)? {
        after if after.is_empty() => Ok(()),
        after => Err(not_installed(&after, "the packages did not bring them")),
    }
}

fn missing(lists: &[&[&str]]) -> Result<Vec<Missing>, Failure> {
    let mut all = Vec::new();
    for list in lists {
        let output = program(list).stderr(Stdio::inherit()).output();
        let output =
            output.map_err(|error| Failure::one(format!("cargo cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(Failure::one("the program that knows what tests need could not be run"));
        }
        all.extend(read(&String::from_utf8_lossy(&output.stdout)));
    }
    Ok(all)
}

/// One a line: server, program and package, with tabs between.
fn read(listed: &str) -> Vec<Missing> {
    let one = |line: &str| {
        let mut fields = line.split('\t').map(str::to_owned);
        Some(Missing { server: fields.next()?, program: fields.next()?, package: fields.next()? })
    };
    listed.lines().filter_map(one).collect()
}

fn packages(missing: &[Missing]) -> Vec<&str> {
    let mut packages: Vec<&str> = missing.iter().map(|one| one.package.as_str()).collect();
    packages.sort_unstable();
    packages.dedup();
    packages
}

fn not_installed(missing: &[Missing], why: &str) -> Failure {
    let programs: Vec<String> =
        missing.iter().map(|one| format!("{} ({})", one.program, one.server)).collect();
    Failure::one(format!(
        "{} is missing and could not be installed, because {why}: install it (on Debian: apt-get install {}), or run cargo xtask test --no-servers",
        programs.join(", "),
        packages(missing).join(" ")
    ))
}

/// Installs packages, with lists of them that may be old, or with new ones.
fn apt_get(packages: &[&str]) -> Result<(), String> {
    let prefix: &[&str] = if succeeds("id", &["-u"], "0") {
        &[]
    } else if succeeds("sudo", &["-n", "id", "-u"], "0") {
        &["sudo", "-n"]
    } else {
        return Err("this user may not install packages (neither root nor sudo -n)".to_owned());
    };
    let run = |args: &[&str]| {
        let words = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        let mut words = prefix.iter().chain(&words).chain(args);
        let mut command = Command::new(words.next().expect("env at least"));
        let status = command.args(words).stdin(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    };
    let install: Vec<&str> =
        ["install", "-y", "--no-install-recommends"].iter().chain(packages).copied().collect();
    if run(&install) || (run(&["update"]) && run(&install)) {
        return Ok(());
    }
    Err("apt-get failed or is not there".to_owned())
}

/// Whether a program ends well and says this.
fn succeeds(program: &str, args: &[&str], said: &str) -> bool {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output();
    output.is_ok_and(|output| {
        output.status.success() && String::from_utf8_lossy(&output.stdout).trim() == said
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn some() -> Vec<Missing> {
        read("PostgreSQL\tpostgres\tpostgresql\nTLS\topenssl\topenssl\nnot a line\n")
    }

    #[test]
    fn what_is_missing_is_read_and_packages_are_named_once() {
        let mut missing = some();
        assert_eq!(missing.len(), 2);
        missing.extend(some());
        assert_eq!(packages(&missing), ["openssl", "postgresql"]);
    }

    #[test]
    fn what_cannot_be_installed_is_one_sentence_with_the_packages() {
        let Failure::Said(said) = not_installed(&some(), "it is forbidden") else { panic!() };
        assert_eq!(
            said,
            [
                "postgres (PostgreSQL), openssl (TLS) is missing and could not be installed, because it is forbidden: \
                 install it (on Debian: apt-get install openssl postgresql), or run cargo xtask test --no-servers"
            ]
        );
    }
}
