//! `cenote top`: on a service that serves cenote-admin, in lines and in a terminal; on addresses that are none.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

use cenote::Pool;
use cenote_admin::Admin;
use cenote_cluster::Registry;
use cenote_sqlite::Sqlite;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::http::service;
use crate::program::{cenote, json, run, stderr, stdout};

/// A service with a pool that is named like a command to the terminal; it ends when this is dropped.
struct Service {
    address: SocketAddr,
    _runtime: Runtime,
}

const NAME: &str = "orders\u{1b}[2J";

impl Service {
    fn at(address: SocketAddr) -> Service {
        let (runtime, began) = (Runtime::new().unwrap(), Instant::now());
        // A port whose last owner has just gone is free at once: nobody had connected, or both have closed.
        let listener = runtime.block_on(async {
            loop {
                match tokio::net::TcpListener::bind(address).await {
                    Ok(listener) => return listener,
                    Err(error) => assert!(began.elapsed().as_secs() < 30, "{address}: {error}"),
                }
                tokio::task::yield_now().await;
            }
        });
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let registry = Registry::new();
            let pool = Pool::builder(Sqlite::memory()).name(NAME).max_size(7).build().unwrap();
            registry.pool(&pool);
            let held = pool.acquire().await.unwrap();
            Admin::builder(registry).token("hunter2").build().serve(listener).await.unwrap();
            drop(held);
        });
        Service { address, _runtime: runtime }
    }

    fn new() -> Service {
        Service::at("127.0.0.1:0".parse().unwrap())
    }
}

// P-26
#[test]
fn a_look_is_a_table_or_the_document() {
    let service = Service::new();
    let url = format!("http://app:hunter2@{}", service.address);
    let output = run(&["top", &url, "--once"]);
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    let row = text.lines().find(|line| line.contains("orders")).unwrap();
    assert!(row.starts_with("orders\u{fffd}[2J ") && row.contains(" running "), "{text}");
    assert!(row.contains(" 1/7 "), "{text}");
    let document = json(&run(&["top", &url, "--once", "--json"]));
    assert_eq!(
        (&document["version"], &document["pools"][0]["status"]["using"]),
        (&1.into(), &1.into())
    );
    assert!(!text.contains("hunter2") && !document.to_string().contains("hunter2"));
}

fn watch(args: &[&str]) -> (Child, BufReader<ChildStdout>) {
    let child =
        cenote().arg("top").args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap();
    let out = BufReader::new(child.stdout.take().unwrap());
    (child, out)
}

// P-26
#[test]
fn a_pipe_gets_a_line_a_second_also_after_the_service_was_gone() {
    let service = Service::new();
    let address = service.address;
    let (mut child, out) = watch(&[&address.to_string(), "--json"]);
    let mut documents =
        out.lines().map(|line| serde_json::from_str::<Value>(&line.unwrap()).unwrap());
    let [first, second] = [documents.next().unwrap(), documents.next().unwrap()];
    assert!(second["at"].as_u64() > first["at"].as_u64(), "{first} {second}");
    drop(service);
    let mut told = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
    let lost = told.next().unwrap();
    assert!(
        lost.starts_with(&format!("lost: http://{address}")) && lost.contains("; again in "),
        "{lost}"
    );
    let _service = Service::at(address);
    assert_eq!(documents.next().unwrap()["pools"][0]["status"]["using"], 1);
    child.kill().unwrap();
    child.wait().unwrap();
}

// S
#[cfg(unix)]
#[test]
fn an_interrupt_ends_it_and_a_closed_pipe_too() {
    let service = Service::new();
    let (mut child, mut out) = watch(&[&service.address.to_string()]);
    out.read_line(&mut String::new()).unwrap();
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let (mut child, mut out) = watch(&[&service.address.to_string()]);
    out.read_line(&mut String::new()).unwrap();
    drop(out);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// In a terminal of its own, which `script` makes; the keys that are pressed when the screen has this in it.
#[cfg(target_os = "linux")]
fn in_a_terminal(address: SocketAddr, shows: &str, keys: &[u8]) -> (String, Option<i32>) {
    // It has no size before somebody says one, and ends by itself if what is waited for never comes.
    let program = env!("CARGO_BIN_EXE_cenote");
    let program =
        format!("stty rows 24 cols 80; exec timeout --foreground 60 {program} top {address}");
    let mut script = Command::new("script");
    script.args(["--quiet", "--return", "--command", &program, "/dev/null"]);
    script.env("TERM", "xterm-256color").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = script.spawn().expect("script is there: install bsdutils");
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut seen, mut piece, mut pressed) = (Vec::new(), [0; 4096], false);
    while let Ok(n @ 1..) = output.read(&mut piece) {
        seen.extend_from_slice(&piece[..n]);
        if !pressed && String::from_utf8_lossy(&seen).contains(shows) {
            input.write_all(keys).unwrap();
            pressed = true;
        }
    }
    let code = child.wait().unwrap().code();
    (String::from_utf8_lossy(&seen).into_owned(), code)
}

// P-26, S
#[cfg(target_os = "linux")]
#[test]
fn in_a_terminal_it_is_a_screen_that_is_restored() {
    let service = Service::new();
    for keys in [&b"q"[..], b"\x03", b"jkp?q"] {
        let (seen, code) = in_a_terminal(service.address, "orders", keys);
        assert_eq!(code, Some(0), "{seen:?}");
        let (enter, leave) = ("\u{1b}[?1049h", "\u{1b}[?1049l");
        let left = seen.rfind(leave).unwrap_or_else(|| panic!("restored: {seen:?}"));
        assert!(seen.find(enter).unwrap() < left, "{seen:?}");
        // The name came with a command in it, which is text by now.
        assert!(seen.contains("orders\u{fffd}[2J") && !seen.contains(NAME), "{seen:?}");
    }
}

/// Answers every request with this, and closes.
fn says(answer: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let mut lines = BufReader::new(&socket).lines();
            while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
            // Whoever has heard enough has gone.
            let _ = (&socket).write_all(&answer);
        }
    });
    address
}

fn stream(body: &[u8]) -> SocketAddr {
    let head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
    says([head, body].concat())
}

// P-26, S
#[test]
fn an_address_that_is_none_is_told_in_a_sentence() {
    let (other, _) = service();
    let page = says(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\nhome".to_vec(),
    );
    let full = says(
        b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 3\r\ncontent-length: 0\r\n\r\n".to_vec(),
    );
    let at = |address: SocketAddr| format!("http://app:hunter2@{address}/pools");
    for (url, code, says) in [
        ("http://127.0.0.1:1".to_owned(), 1, "nothing listens there"),
        ("127.0.0.1:1".to_owned(), 1, "nothing listens there"),
        ("ftp://app:hunter2@host".to_owned(), 2, "write http://HOST or https://HOST"),
        (String::new(), 2, "no host"),
        (
            at(other),
            1,
            "answered 404 Not Found: give the address that cenote-admin's router is mounted at",
        ),
        (at(page), 1, "answers, but not as cenote-admin does: give the address"),
        (at(full), 1, "as many watch already as may: come again later"),
        (at(stream(b"")), 1, "has ended the stream"),
        (
            at(stream(b"event: status\ndata: {\"version\": 99}\n\n")),
            1,
            "speaks version 99 of the document",
        ),
        (at(stream(b"event: status\ndata: {\"pools\": []}\n\n")), 1, "not as cenote-admin does"),
        (
            at(stream(b"event: status\ndata: {\"version\": 1, \"pools\": 3}\n\n")),
            1,
            "not as cenote-admin does",
        ),
        (at(stream(b"event: status\ndata: \xff\xfe\x1b[2J\n\n")), 1, "not as cenote-admin does"),
        (
            at(stream(&[b"data: ", "[".repeat(100_000).as_bytes(), b"\n\n"].concat())),
            1,
            "has ended",
        ),
        (
            at(stream(
                &[b"event: status\ndata: ", "[".repeat(100_000).as_bytes(), b"\n\n"].concat(),
            )),
            1,
            "not as cenote",
        ),
        (at(stream(&vec![b'x'; 9 << 20])), 1, "sends more than 8 MiB in one message"),
    ] {
        let output = run(&["top", &url]);
        let said = stderr(&output);
        assert_eq!(
            (output.status.code(), stdout(&output)),
            (Some(code), String::new()),
            "{url}: {said}"
        );
        assert!(said.starts_with("error: ") && said.contains(says), "{url}: {said}");
        assert!(said.lines().count() == 1 && !said.contains("hunter2"), "{said}");
        assert!(!said.contains('\u{1b}') && !said.contains("panicked"), "{said}");
    }
    assert_eq!(run(&["top"]).status.code(), Some(2));
}
