//! The testkit's private servers do what they say, and leave nothing behind.

mod etcd;
mod leftovers;
mod many;
mod mariadb;
mod postgres;
mod redis;
mod standbys;
mod tls;

use std::fs;
use std::time::{Duration, Instant};

use cenote_testkit::servers::ServerError;

/// What went wrong, in its words.
fn said<T>(outcome: Result<T, ServerError>) -> String {
    outcome.err().expect("an error").to_string()
}

/// Waits until it is so, for 20 s at most.
fn until(what: &str, mut so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !so() {
        assert!(began.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Dead processes whose parent does not care are no servers any more.
fn is_alive(pid: u32) -> bool {
    look(pid).is_some_and(|(state, _)| state != "Z")
}

/// The processes that this one has started.
fn children(parent: u32) -> Vec<u32> {
    let all = fs::read_dir("/proc").unwrap();
    let pids = all.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
    pids.filter(|pid| look(*pid).is_some_and(|(_, of)| of == parent)).collect()
}

/// The state and the parent of a process.
fn look(pid: u32) -> Option<(String, u32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    Some((fields.next()?.to_owned(), fields.next()?.parse().ok()?))
}
