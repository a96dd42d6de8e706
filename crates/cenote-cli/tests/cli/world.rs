//! `cenote demo --cluster`: the play of faults holds what it must, says so, and can fail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::program::{cenote, run, stderr, stdout};

/// What it printed: text for people, and the last line.
fn played(args: &[&str], code: i32) -> (String, Value, String) {
    let folder = tempfile::tempdir().unwrap();
    let all = [&["demo", "--cluster", "--headless"], args].concat();
    let output = cenote().args(all).env("TMPDIR", folder.path()).output().unwrap();
    let (text, said) = (stdout(&output), stderr(&output));
    assert_eq!(output.status.code(), Some(code), "{text}{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
    let last = text.lines().last().unwrap();
    let json = serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {last}"));
    (text, json, said)
}

fn broken(summary: &Value) -> Vec<&str> {
    let checks = summary["checks"].as_array().unwrap();
    let broken = checks.iter().filter(|check| check["holds"] == false);
    broken.map(|check| check["name"].as_str().unwrap()).collect()
}

// C-6, C-9, C-11, C-12, C-13, C-15, D-2
#[test]
fn the_world_lives_through_its_faults_and_shows_what_each_cost() {
    let (text, summary, said) = played(&[], 0);
    assert_eq!(said, "");
    assert_eq!((summary["ok"].as_bool(), broken(&summary).len()), (Some(true), 0), "{text}");
    assert_eq!(summary["trouble"], Value::Null);
    assert!(summary["seconds"].as_f64().unwrap() < 30.0, "{text}");
    assert_eq!(summary["scenes"].as_array().unwrap().len(), 10, "{text}");
    for scene in summary["scenes"].as_array().unwrap() {
        // Nobody failed, and nobody was turned away but in the rush.
        assert_eq!((&scene["reads_failed"], &scene["writes_failed"]), (&0.into(), &0.into()));
        let shed = scene["reads_shed"].as_u64().unwrap() + scene["writes_shed"].as_u64().unwrap();
        assert_eq!(shed > 0, scene["name"] == "ten times the load", "{scene}");
    }
    assert!(!text.contains('\u{1b}'), "no colours where there is no terminal");
    for part in [
        " operator  b is the primary now, of epoch 2\n",
        " cluster   b: was replica, is primary\n",
        "What happened, and what it cost",
        "What must hold",
    ] {
        assert!(text.contains(part), "{part:?} in\n{text}");
    }
    for line in text.lines().filter(|line| !line.starts_with('{')) {
        assert!(line.chars().count() <= 110, "too wide: {line}");
        assert_eq!(line.trim_end(), line);
    }
}

// C-12
#[test]
fn a_world_that_loses_a_write_fails() {
    let (text, summary, said) = played(&["--plant", "lost-write"], 1);
    assert!(broken(&summary).contains(&"lost_writes"), "{text}");
    assert!(said.starts_with("error: the world did not hold: "), "{said}");
    assert!(said.contains("acknowledged writes that are missing"), "{said}");
    assert_eq!(said.lines().count(), 1);
}

// C-11
#[test]
fn a_world_in_which_a_primary_of_the_past_is_written_to_fails() {
    let (text, summary, said) = played(&["--plant", "stray-write"], 1);
    assert!(broken(&summary).contains(&"stray_writes"), "{text}");
    assert!(said.contains("writes that reached a primary of the past"), "{said}");
}

// C-9
#[test]
fn a_world_in_which_reads_fail_fails() {
    let (text, summary, said) = played(&["--plant", "failing-reads"], 1);
    assert_eq!(broken(&summary), ["failed_reads"], "{text}");
    assert!(said.contains("reads that failed"), "{said}");
    // The first of them are told in words.
    assert!(summary["errors"][0].as_str().unwrap().starts_with("a read failed: "), "{summary}");
}

// P-23
#[test]
fn a_world_in_which_somebody_keeps_a_connection_fails() {
    let (text, summary, _) = played(&["--plant", "leak"], 1);
    assert_eq!(broken(&summary), ["kept_connections", "open_sessions"], "{text}");
}

// S
#[test]
fn what_makes_no_sense_together_is_told_in_a_sentence() {
    for (args, part) in [
        (&["demo", "--headless"][..], "--cluster"),
        (&["demo", "--listen", "127.0.0.1:0"], "--cluster"),
        (&["demo", "--cluster", "--json"], "--json"),
        (&["demo", "--cluster", "--headless", "--seconds", "5"], "--seconds"),
        (&["demo", "--cluster", "--headless", "--listen", "127.0.0.1:0"], "--listen"),
        (&["demo", "--cluster", "--seconds", "0"], "from 1 to 86400"),
        (&["demo", "--cluster", "--listen", "0.0.0.0:7070"], "an address of this machine"),
        (&["demo", "--cluster", "--listen", "7070"], "127.0.0.1:7070"),
        (&["demo", "--cluster", "--listen", ""], "--listen"),
        (&["demo", "--plant", "leak"], "--headless"),
    ] {
        let output = run(args);
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert_eq!(stdout(&output), "");
        assert!(said.starts_with("error: ") && said.contains(part), "{args:?}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

// S
#[cfg(unix)]
#[test]
fn a_world_without_a_folder_is_told_in_a_sentence() {
    let demo =
        cenote().args(["demo", "--cluster", "--headless"]).env("TMPDIR", "/dev/null/x").output();
    let output = demo.unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("set TMPDIR"), "{}", stderr(&output));
}

// S
#[test]
fn a_port_that_somebody_has_is_told_in_a_sentence() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["demo", "--cluster", "--listen", &address]);
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains(&format!("--listen: {address} cannot be had")), "{said}");
    assert_eq!((stdout(&output).as_str(), said.lines().count()), ("", 1));
}

/// The demo while it runs.
struct Demo {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    address: String,
    token: String,
}

impl Demo {
    fn start(folder: &std::path::Path) -> Demo {
        let mut demo = cenote();
        demo.args(["demo", "--cluster", "--seconds", "60"]).env("TMPDIR", folder);
        let mut child = demo.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut demo = Demo { child, lines, address: String::new(), token: String::new() };
        let told = demo.line("Dashboard");
        let (_, url) = told.split_once("http://").unwrap();
        demo.address = url.split_once('/').unwrap().0.to_owned();
        demo.token = demo.line("Token").split_whitespace().nth(1).unwrap().to_owned();
        demo
    }

    /// The next line with this in it.
    fn line(&mut self, part: &str) -> String {
        let mut line = String::new();
        while self.lines.read_line(&mut line).unwrap() > 0 {
            if line.contains(part) {
                return line;
            }
            line.clear();
        }
        panic!("it ended without a line with {part:?}");
    }

    /// The code of an answer, and what it says.
    fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let mut socket = TcpStream::connect(&self.address).unwrap();
        let host = &self.address;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        socket.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head[9..12].parse().unwrap(), body.to_owned())
    }

    fn press(&self, button: &str) -> String {
        let (code, said) = self.ask("POST", &format!("/actions/{button}"));
        assert_eq!(code, 200, "{button}: {said}");
        said
    }

    fn node(&self, key: &str) -> Value {
        let (code, text) = self.ask("GET", "/status");
        assert_eq!(code, 200, "{text}");
        assert!(!text.contains(&self.token), "the token is shown");
        let status: Value = serde_json::from_str(&text).unwrap();
        let nodes = status["clusters"][0]["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["key"] == key).unwrap().clone()
    }

    /// Looks into the dashboard's log until it has all these lines, by their beginnings, below the first.
    fn until_log(&self, first: &str, then: &[&str]) {
        let began = Instant::now();
        loop {
            let (code, text) = self.ask("GET", "/status");
            assert_eq!(code, 200, "{text}");
            let status: Value = serde_json::from_str(&text).unwrap();
            let line = |entry: &Value| {
                let [of, text] = ["of", "text"].map(|name| entry[name].as_str().unwrap());
                format!("{of} {text}")
            };
            let log: Vec<String> = status["log"].as_array().unwrap().iter().map(line).collect();
            let rest = || log.iter().skip_while(|line| !line.starts_with(first));
            if then.iter().all(|part| rest().any(|line| line.starts_with(part))) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "something is missing: {log:#?}");
        }
    }

    /// Looks again and again.
    fn until(&self, key: &str, so: impl Fn(&Value) -> bool) {
        let began = Instant::now();
        loop {
            let node = self.node(key);
            if so(&node) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "it stays so: {node}");
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // It has ended already unless the test has failed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

// C-11, C-17
#[cfg(unix)]
#[test]
fn the_buttons_of_the_dashboard_do_what_they_say_and_ctrl_c_ends_it_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = Demo::start(folder.path());
    assert!(demo.ask("GET", "/").1.contains("<html"), "the page is there");
    demo.until("a", |node| node["role"] == "primary");
    assert!(demo.press("kill-primary").contains("a, the primary, is killed"));
    demo.line("a, the primary, is killed");
    demo.line("b is the primary now, of epoch 2");
    demo.until("b", |node| node["role"] == "primary");
    demo.until("a", |node| node["condition"] == "unreachable");
    // The dashboard tells the story: what was done, then what came of it, and what the operator did.
    demo.until_log(
        "actions action kill-primary: ",
        &[
            "actions action kill-primary: a, the primary, is killed; 600 ms until somebody is promoted",
            "shop cluster \"shop\", node \"a\": offline: ",
            "operator operator: b is the primary now, of epoch 2",
            "load load: writes are back ",
            "shop cluster \"shop\", node \"b\": was replica, is primary",
        ],
    );
    demo.press("revive");
    demo.until("a", |node| node["role"] == "replica" && node["serves"] == true);
    // A button that has nothing to do says so.
    let (code, said) = demo.ask("POST", "/actions/revive");
    assert!(code >= 400 && said.contains("nobody is dead"), "{code} {said}");
    demo.press("break-replica");
    demo.until("a", |node| node["condition"] == "ejected" || node["condition"] == "half_open");
    demo.press("heal");
    demo.until("a", |node| node["condition"] == "slow_start" || node["condition"] == "online");
    // What it can do to the pools wants the token.
    assert_eq!(demo.ask("POST", "/operations").0, 401);

    let kill = Command::new("kill").args(["-INT", &demo.child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    let mut rest = String::new();
    demo.lines.read_to_string(&mut rest).unwrap();
    assert_eq!(demo.child.wait().unwrap().code(), Some(130), "{rest}");
    for part in [" reads, 0 failed, 0 turned away\n", " writes, 0 failed, 0 turned away\n"] {
        assert!(rest.contains(part), "{part:?} in\n{rest}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
