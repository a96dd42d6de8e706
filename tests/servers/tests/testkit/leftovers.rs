//! However a test ends, its servers end too, and their folders go.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use cenote_testkit::servers::postgres::Server;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};

use crate::{children, is_alive, until};

/// What a process of ours does once it has servers.
const CHILD: &str = "CENOTE_LEFTOVERS_CHILD";

/// What one of its servers could leave behind.
#[derive(Debug)]
struct Traces {
    processes: Vec<u32>,
    folder: PathBuf,
    /// The number of its piece of the system's shared memory.
    memory: String,
}

impl Traces {
    fn of(server: &Server) -> Traces {
        let main = server.pid().unwrap();
        // It is ready before the last of its processes has begun.
        let mut processes = Vec::new();
        until("its processes have begun", || {
            processes = [vec![main], children(main)].concat();
            processes.len() > 4
        });
        let folder = server.data().parent().unwrap().to_owned();
        let status = fs::read_to_string(server.data().join("postmaster.pid")).unwrap();
        let memory = status.lines().nth(6).unwrap().split_whitespace().nth(1).unwrap().to_owned();
        Traces { processes, folder, memory }
    }

    fn wait_until_gone(&self) {
        until(&format!("{self:?} is gone"), || {
            !self.processes.iter().any(|pid| is_alive(*pid))
                && !self.folder.exists()
                && !self.has_memory()
        });
    }

    fn has_memory(&self) -> bool {
        let all = fs::read_to_string("/proc/sysvipc/shm").unwrap();
        all.lines().any(|line| line.split_whitespace().nth(1) == Some(&self.memory))
    }
}

/// Runs the same test in a process of its own, which starts a server and a standby, does what `ends` says, and tells
/// what it could leave behind.
fn a_test_that(ends: &str, name: &str) -> (Child, Vec<Traces>) {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", &format!("leftovers::{name}"), "--nocapture"]).env(CHILD, ends);
    child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.process_group(0).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let told = lines.by_ref().take_while(|line| line != "all told");
    let traces = told.filter_map(|line| {
        let mut parts = line.strip_prefix("traces ")?.split(' ');
        let mut next = || parts.next().unwrap();
        let processes = next().split(',').map(|pid| pid.parse().unwrap()).collect();
        Some(Traces { processes, folder: next().into(), memory: next().to_owned() })
    });
    let traces: Vec<Traces> = traces.collect();
    assert_eq!(traces.len(), 2);
    // Nobody is to fail because nobody reads.
    std::thread::spawn(move || lines.for_each(drop));
    (child, traces)
}

/// In that process.
fn child(ends: &str) {
    let primary = Server::start().unwrap();
    let standby = primary.standby().unwrap();
    println!();
    for traces in [&primary, &standby].map(Traces::of) {
        let processes: Vec<_> = traces.processes.iter().map(u32::to_string).collect();
        println!("traces {} {} {}", processes.join(","), traces.folder.display(), traces.memory);
    }
    if ends == "frozen" {
        primary.freeze();
    }
    println!("all told");
    // Until we are looked at.
    std::io::stdin().read_line(&mut String::new()).unwrap();
    match ends {
        "panic" => panic!("on purpose"),
        "exit" => std::process::exit(0),
        "forget" => std::mem::forget((primary, standby)),
        _ => unreachable!("it is killed before"),
    }
}

/// Lets it go on, to the end that it was made for.
fn go_on(mut child: Child) -> bool {
    drop(child.stdin.take());
    child.wait().unwrap().success()
}

/// All of it is there now. Of the processes the main one: others come and go.
fn there(traces: &[Traces]) {
    for one in traces {
        assert!(is_alive(one.processes[0]) && one.folder.is_dir() && one.has_memory(), "{one:?}");
    }
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.try_into().unwrap()).unwrap()
}

fn is_child(run: fn(&str)) -> bool {
    let ends = std::env::var(CHILD);
    ends.is_ok_and(|ends| {
        run(&ends);
        true
    })
}

#[test]
fn a_server_that_was_killed_leaves_no_memory_behind() {
    let server = Server::start().unwrap();
    let traces = Traces::of(&server);
    server.kill();
    assert!(traces.has_memory(), "what is killed cleans up nothing itself");
    drop(server);
    traces.wait_until_gone();
}

#[test]
fn a_test_that_panics_leaves_nothing_behind() {
    if is_child(child) {
        return;
    }
    let (child, traces) = a_test_that("panic", "a_test_that_panics_leaves_nothing_behind");
    there(&traces);
    assert!(!go_on(child));
    // At once: the values were dropped.
    assert!(traces.iter().all(|one| !one.folder.exists()));
    traces.iter().for_each(Traces::wait_until_gone);
}

#[test]
fn a_process_that_ends_without_drops_leaves_nothing_behind() {
    if is_child(child) {
        return;
    }
    for ends in ["exit", "forget"] {
        let (child, traces) =
            a_test_that(ends, "a_process_that_ends_without_drops_leaves_nothing_behind");
        there(&traces);
        assert!(go_on(child));
        traces.iter().for_each(Traces::wait_until_gone);
    }
}

#[test]
fn a_process_that_is_killed_leaves_nothing_behind() {
    if is_child(child) {
        return;
    }
    for ends in ["killed", "frozen"] {
        let (mut child, traces) =
            a_test_that(ends, "a_process_that_is_killed_leaves_nothing_behind");
        there(&traces);
        kill_process(pid(child.id()), Signal::KILL).unwrap();
        child.wait().unwrap();
        traces.iter().for_each(Traces::wait_until_gone);
    }
}

#[test]
fn a_whole_group_that_is_killed_leaves_nothing_behind() {
    if is_child(child) {
        return;
    }
    // As by a test runner that has lost its patience, or by Ctrl-C.
    for signal in [Signal::KILL, Signal::INT] {
        let (mut child, traces) =
            a_test_that("killed", "a_whole_group_that_is_killed_leaves_nothing_behind");
        there(&traces);
        kill_process_group(pid(child.id()), signal).unwrap();
        child.wait().unwrap();
        traces.iter().for_each(Traces::wait_until_gone);
    }
}

#[test]
fn what_a_killed_watchdog_left_behind_is_swept_by_the_next_server() {
    if is_child(child) {
        return;
    }
    let (mut child, traces) =
        a_test_that("killed", "what_a_killed_watchdog_left_behind_is_swept_by_the_next_server");
    let watches = |pid: &u32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("cenote-watchdog")
    };
    let watchdogs: Vec<u32> = children(child.id()).into_iter().filter(watches).collect();
    assert_eq!(watchdogs.len(), 2);
    for watchdog in watchdogs {
        kill_process(pid(watchdog), Signal::KILL).unwrap();
    }
    kill_process(pid(child.id()), Signal::KILL).unwrap();
    child.wait().unwrap();
    there(&traces);
    let server = Server::start().unwrap();
    for one in &traces {
        until("the processes have ended", || !one.processes.iter().any(|pid| is_alive(*pid)));
        assert!(!one.folder.exists());
    }
    assert!(Path::new(&server.data()).is_dir());
}
