//! Signals to processes that we have started, and to those that they have started.
//!
//! Who is below whom is read from `/proc`. Where there is none, only the process itself is reached.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to end before it is killed, where nobody waits for its good-bye.
pub(super) const END_LIMIT: Duration = Duration::from_secs(5);
/// How often a condition is looked at.
pub(super) const TURN: Duration = Duration::from_millis(2);

/// Waits until it is so; false if it was not within the limit.
pub(super) fn wait_until(limit: Duration, mut so: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if so() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(TURN);
    }
}

/// Sends a signal. Nothing happens if the process is gone.
pub(super) fn signal(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    if let Some(pid) = pid {
        _ = kill_process(pid, signal);
    }
}

/// Stops a process and all below it, and says who they are. A stopped process starts none and does not see the end of
/// one, so none of the ids can come to stand for a process of somebody else.
pub(super) fn freeze(pid: u32) -> Vec<u32> {
    signal(pid, Signal::STOP);
    wait_until(Duration::from_secs(1), || !matches!(look(pid), Some(seen) if seen.runs()));
    let mut all = vec![pid];
    for child in children(pid) {
        all.extend(freeze(child));
    }
    all
}

/// Lets all of them go on.
pub(super) fn thaw(pids: &[u32]) {
    pids.iter().for_each(|pid| signal(*pid, Signal::CONT));
}

/// Kills a process and all below it. The caller waits for the process itself if it is a child of ours.
pub(super) fn kill_tree(pid: u32) -> Vec<u32> {
    let all = freeze(pid);
    all.iter().for_each(|pid| signal(*pid, Signal::KILL));
    all
}

/// Waits until they are gone, or dead and not yet buried by their parent.
pub(super) fn wait_for_end(pids: &[u32], limit: Duration) -> bool {
    wait_until(limit, || pids.iter().all(|pid| look(*pid).is_none_or(|seen| seen.state == 'Z')))
}

/// Ends what runs in a folder that was left behind. Processes have left their ids in it, and how they want to be
/// ended. An id that went to another process since is told by its command line, where the folder is named.
pub(super) fn end_all_of(folder: &Path) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    let files = entries.filter_map(|entry| Some(entry.ok()?.path()));
    for file in files.filter(|path| path.extension().is_some_and(|ending| ending == "pid")) {
        let text = fs::read_to_string(&file).unwrap_or_default();
        let Some((pid, name)) = text.trim().split_once(' ') else { continue };
        let Some(pid) = pid.parse().ok().filter(|pid| command_line_names(*pid, folder)) else {
            continue;
        };
        let all = freeze(pid);
        if let Some(by) = named(name) {
            signal(pid, by);
            thaw(&all);
        }
        if !wait_for_end(&all, END_LIMIT) {
            wait_for_end(&kill_tree(pid), END_LIMIT);
        }
    }
}

/// The signals that servers are ended by, as a shell knows them.
fn named(name: &str) -> Option<Signal> {
    [("QUIT", Signal::QUIT), ("TERM", Signal::TERM), ("INT", Signal::INT), ("KILL", Signal::KILL)]
        .into_iter()
        .find_map(|(known, signal)| (known == name).then_some(signal))
}

fn command_line_names(pid: u32, folder: &Path) -> bool {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let folder = folder.as_os_str().as_encoded_bytes();
    line.windows(folder.len()).any(|part| part == folder)
}

/// What `/proc` tells of a process.
struct Seen {
    state: char,
    parent: u32,
}

impl Seen {
    fn runs(&self) -> bool {
        !matches!(self.state, 'T' | 't' | 'Z' | 'X')
    }
}

fn look(pid: u32) -> Option<Seen> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may have any character in it.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some(Seen { state: fields.next()?.chars().next()?, parent: fields.next()?.parse().ok()? })
}

fn children(parent: u32) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|pid| look(*pid).is_some_and(|seen| seen.parent == parent && seen.state != 'Z'))
        .collect()
}
