//! `cenote bench` on a service.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::program::{json, number, run, stderr};

/// A service that answers every GET, on a thread for each connection, and counts. It ends with the test's process.
fn service() -> (SocketAddr, Arc<[AtomicUsize; 2]>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let seen = Arc::clone(&counts);
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            seen[0].fetch_add(1, Ordering::SeqCst);
            let seen = Arc::clone(&seen);
            thread::spawn(move || serve(&socket, &seen[1]));
        }
    });
    (address, counts)
}

fn serve(socket: &TcpStream, requests: &AtomicUsize) {
    let mut lines = BufReader::new(socket).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        requests.fetch_add(1, Ordering::SeqCst);
        let (status, length) = match first.as_str() {
            "GET /orders?open=1 HTTP/1.1" => ("200 OK", 2),
            _ => ("404 Not Found", 2),
        };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\nok");
        if (&mut &*socket).write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

// P-27
#[test]
fn a_service_is_asked_for_its_url_over_a_pool_of_the_size_asked_for() {
    let (address, counts) = service();
    let url = format!("http://app:hunter2@{address}/orders?open=1");
    let args = ["bench", "--url", &url, "--size", "3", "--tasks", "20", "--seconds", "1", "--json"];
    let figures = json(&run(&args));
    assert_eq!(figures["target"], format!("HTTP/1.1 at http://{address}"));
    assert_eq!(number(&figures, "errors"), 0, "{figures}");
    assert!(number(&figures, "queries") > 100, "{figures}");
    // One looked before the others came.
    let [connections, requests] = [&counts[0], &counts[1]].map(|n| n.load(Ordering::SeqCst));
    assert!((2..=4).contains(&connections), "{connections}");
    assert!(requests as u64 > number(&figures, "queries"), "{requests} of {figures}");
}

// S
#[test]
fn what_cannot_be_measured_is_told_in_a_sentence() {
    let (address, _) = service();
    let of = |rest: &str| format!("http://app:hunter2@{address}{rest}");
    for (url, more, says) in [
        (of("/other"), &[][..], "the service answered 404 Not Found"),
        (of("/orders?open=1"), &["--share"], "if it speaks no HTTP/2"),
        (of("/"), &["--sql", "SELECT 1"], "--sql: a service is asked for the path of its URL"),
        (of("/a b"), &[], "--url: its path or its parameters can be none"),
        ("http://app:hun/ter2@orders".into(), &[], "--url: the URL has no host"),
        ("http://127.0.0.1:1".into(), &[], "nothing listens there: start the service"),
    ] {
        let output = run(&[&["bench", "--seconds", "1", "--url", &url], more].concat());
        let said = stderr(&output);
        assert!(!output.status.success() && said.contains(says), "{url}: {said}");
        assert!(said.lines().count() == 1 && !said.contains("ter2"), "{said}");
    }
}
