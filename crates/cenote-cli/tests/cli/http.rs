//! `cenote bench` on a service, and services to measure.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::program::{json, number, run, stderr};

/// What a service has seen.
#[derive(Default)]
pub(crate) struct Counts {
    connections: AtomicUsize,
    open: AtomicUsize,
    most_open: AtomicUsize,
    requests: AtomicUsize,
}

impl Counts {
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// The most connections that were open at once.
    pub(crate) fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

/// A service that answers every GET, on a thread for each connection, and counts. It ends with the test's process.
pub(crate) fn service() -> (SocketAddr, Arc<Counts>) {
    start(|| {})
}

/// One that works for 4 ms on each request, on so many at a time.
pub(crate) fn service_that_waits(at_a_time: usize) -> SocketAddr {
    let free = (Mutex::new(at_a_time), Condvar::new());
    let work = move || {
        let (count, freed) = &free;
        let mut here = freed.wait_while(count.lock().unwrap(), |free| *free == 0).unwrap();
        *here -= 1;
        drop(here);
        let began = Instant::now();
        let (mutex, never) = (Mutex::new(()), Condvar::new());
        let work = Duration::from_millis(4);
        drop(never.wait_timeout_while(mutex.lock().unwrap(), work, |()| began.elapsed() < work));
        *count.lock().unwrap() += 1;
        freed.notify_one();
    };
    start(work).0
}

fn start(work: impl Fn() + Send + Sync + 'static) -> (SocketAddr, Arc<Counts>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let counts = Arc::new(Counts::default());
    let (seen, work) = (Arc::clone(&counts), Arc::new(work));
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            seen.connections.fetch_add(1, Ordering::SeqCst);
            let open = seen.open.fetch_add(1, Ordering::SeqCst) + 1;
            seen.most_open.fetch_max(open, Ordering::SeqCst);
            let (seen, work) = (Arc::clone(&seen), Arc::clone(&work));
            thread::spawn(move || {
                serve(&socket, &seen.requests, &*work);
                seen.open.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    (address, counts)
}

fn serve(socket: &TcpStream, requests: &AtomicUsize, work: &dyn Fn()) {
    let mut lines = BufReader::new(socket).lines();
    while let Some(Ok(first)) = lines.next() {
        while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
        requests.fetch_add(1, Ordering::SeqCst);
        work();
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
    let [connections, requests] = [counts.connections(), counts.requests()];
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
