//! All tests that need a real server live in this crate, in `tests/`, so that `cargo xtask test --no-servers` can leave it
//! out as a whole and list what is in it. A test starts its own servers with `cenote_testkit::servers`; one whose program
//! is missing fails with a sentence that says what to install.
//!
//! The program here is what `cargo xtask servers` runs.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use cenote_testkit::servers::postgres::{Server, Settings, Tls};
use cenote_testkit::servers::{self, ServerError, etcd, mariadb, redis};
use clap::{Args, Parser, Subcommand};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Private servers, as the tests start them.
#[derive(Parser)]
struct Wishes {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Name the programs that servers need and this machine does not have: server, program, Debian package
    Missing,
    /// Start servers, print their URLs, and run until Ctrl-C
    Up(Up),
}

#[derive(Args)]
struct Up {
    /// How many standbys or replicas follow each primary
    #[arg(long, default_value_t = 1)]
    standbys: usize,
    /// Speak TLS: PostgreSQL and MariaDB with clients that want it, Redis and etcd only
    #[arg(long)]
    tls: bool,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let outcome = match Wishes::parse().command {
        Command::Missing => {
            for wanted in servers::missing() {
                println!("{}\t{}\t{}", wanted.server, wanted.program, wanted.package);
            }
            Ok(())
        }
        Command::Up(wishes) => up(&wishes).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("servers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn up(wishes: &Up) -> Result<(), ServerError> {
    // Before there is a server that an early end could leave to its watchdog.
    let mut ends = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()]
        .map(|kind| signal(kind).ok());
    let tls = if wishes.tls { Tls::Offered } else { Tls::Off };
    let primary = Settings::new().tls(tls).start()?;
    println!("primary  {}", primary.url());
    let mut standbys: Vec<Server> = Vec::new();
    for _ in 0..wishes.standbys {
        let standby = primary.standby()?;
        println!("standby  {}", standby.url());
        standbys.push(standby);
    }
    let tls = if wishes.tls { mariadb::Tls::Offered } else { mariadb::Tls::Off };
    let mariadb = mariadb::Settings::new().tls(tls).start()?;
    println!("mariadb  {}", mariadb.url());
    let mut replicas: Vec<mariadb::Server> = Vec::new();
    for _ in 0..wishes.standbys {
        let replica = mariadb.replica()?;
        println!("replica  {}", replica.url());
        replicas.push(replica);
    }
    let settings = redis::Settings::new();
    let redis = if wishes.tls { settings.tls() } else { settings }.start()?;
    println!("redis    {}", redis.url());
    let mut replicas: Vec<redis::Server> = Vec::new();
    for _ in 0..wishes.standbys {
        let replica = redis.replica()?;
        println!("replica  {}", replica.url());
        replicas.push(replica);
    }
    let settings = etcd::Settings::new();
    let etcd = if wishes.tls { settings.tls() } else { settings }.start()?;
    println!("etcd     {}", etcd.url());
    if let Some(authority) = primary.authority() {
        println!("authority {}", authority.display());
    }
    println!("They run until Ctrl-C; then they end and their data goes.");
    let [interrupt, terminate, hangup] = &mut ends;
    tokio::select! {
        () = heard(interrupt) => {}
        () = heard(terminate) => {}
        () = heard(hangup) => {}
    }
    Ok(())
}

/// What cannot be listened to ends the process, and the watchdogs end the servers.
async fn heard(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => _ = signal.recv().await,
        None => std::future::pending().await,
    }
}
