//! A password that changes while the pool runs. The manager's `connect` is called for every new connection and
//! fetches what it needs there, so the pool keeps no password; `clear` retires the connections of the old
//! one and cuts nobody off. A wrong password fails callers at once instead of at their deadline, and when it is
//! put right, the pool goes on by itself.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{Event, Fault, Manager, Pool};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

const PASSWORDS: [&str; 3] = ["correct horse", "battery staple", "tr0ub4dor&3"];

const LOGIN: Duration = Duration::from_millis(5);

/// The manager knows where the password is to be had, not what it is. Here that is a channel that whoever
/// rotates it sends to; a file or a vault's client could stand in its place.
struct Login {
    password: watch::Receiver<&'static str>,
    /// What the server accepts at the moment.
    accepted: watch::Receiver<&'static str>,
}

/// The driver's error says whose password was wrong, and not which password that was.
#[derive(Debug)]
struct WrongPassword;

impl fmt::Display for WrongPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the server does not accept the password of user \"app\"")
    }
}

impl Error for WrongPassword {}

/// A logged-in connection: servers ask for the password once, so it survives a change of it.
struct Session;

impl Manager for Login {
    type Connection = Session;
    type Error = WrongPassword;

    async fn connect(&self) -> Result<Session, WrongPassword> {
        sleep(LOGIN).await;
        // Fetched now, not when the pool was built.
        let password = *self.password.borrow();
        if password == *self.accepted.borrow() { Ok(Session) } else { Err(WrongPassword) }
    }

    /// Trying again with the same password makes no sense, and locks accounts.
    fn classify(&self, _error: &WrongPassword) -> Fault {
        Fault::Permanent
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let (rotate, password) = watch::channel(PASSWORDS[0]);
    let (server, accepted) = watch::channel(PASSWORDS[0]);
    let log = Arc::new(Mutex::new(String::new()));
    let lines = Arc::clone(&log);
    let pool = Pool::builder(Login { password, accepted })
        .name("app")
        .max_size(2)
        .observer(move |event: &Event<'_>| {
            *lines.lock().unwrap() += &format!("{event:?} {event}\n")
        })
        .build()?;

    let busy = pool.acquire().await?;
    drop(pool.acquire().await?);
    println!("at first:  {}", pool.status());

    // The order of a rotation: the server first, then who logs in, then an end to the old logins. What is lent
    // finishes its work and is closed when it comes back; what rests is closed now.
    server.send_replace(PASSWORDS[1]);
    rotate.send_replace(PASSWORDS[1]);
    println!("rotated:   {}", pool.clear().await);
    println!("           {}", pool.status());
    drop(busy);
    drop(pool.acquire().await?);
    println!("at last:   {}", pool.status());
    let closes = pool.stats().counts.closes;
    println!("           closed: {:?}", closes.iter().collect::<Vec<_>>());

    // Somebody changes the server's and tells nobody: connections that are logged in work on, a new one fails,
    // and so does whoever waits for it. The next try comes after a pause, so that no account is locked.
    server.send_replace(PASSWORDS[2]);
    let busy = pool.acquire().await?;
    let began = Instant::now();
    let error = pool.acquire().await.unwrap_err();
    println!("wrong:     {error}");
    println!(
        "           after {:?} of 30s; worth another try: {}",
        began.elapsed(),
        error.is_transient()
    );

    // Put right, the next try succeeds. Nobody must restart anything.
    rotate.send_replace(PASSWORDS[2]);
    let began = Instant::now();
    drop(pool.acquire().await?);
    let soon = began.elapsed() <= pool.options().backoff_max + LOGIN;
    println!("healed:    {}", pool.status());
    println!("           within the longest pause between two tries: {soon}");
    drop(busy);

    pool.close(Duration::from_secs(1)).await;
    let log = log.lock().unwrap();
    let told = PASSWORDS.iter().any(|password| log.contains(password));
    println!("log:       {} events, a password in one of them: {told}", log.lines().count());
    Ok(())
}
