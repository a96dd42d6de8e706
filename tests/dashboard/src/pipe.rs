//! Messages to the browser and from it: a request gets its answer, and everything else is news, which is kept in the order in
//! which it came.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{Result, Trouble};

/// No answer takes so long, on a busy machine either.
const LIMIT: Duration = Duration::from_secs(60);

/// What has come and nobody has taken yet.
#[derive(Default)]
struct Inbox {
    answers: BTreeMap<u64, Value>,
    news: Vec<Value>,
    ended: bool,
}

pub(crate) struct Pipe {
    out: Mutex<(ChildStdin, u64)>,
    inbox: Arc<(Mutex<Inbox>, Condvar)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Pipe {
    pub(crate) fn new(to: ChildStdin, from: ChildStdout) -> Pipe {
        let inbox = Arc::new((Mutex::new(Inbox::default()), Condvar::new()));
        let filled = Arc::clone(&inbox);
        thread::spawn(move || {
            let (inbox, bell) = &*filled;
            let mut from = BufReader::new(from);
            let mut message = Vec::new();
            while let Ok(1..) = from.read_until(0, &mut message) {
                message.pop();
                if let Ok(value) = serde_json::from_slice::<Value>(&message) {
                    let mut inbox = lock(inbox);
                    match value["id"].as_u64() {
                        Some(id) => _ = inbox.answers.insert(id, value),
                        None => inbox.news.push(value),
                    }
                    bell.notify_all();
                }
                message.clear();
            }
            lock(inbox).ended = true;
            bell.notify_all();
        });
        Pipe { out: Mutex::new((to, 0)), inbox }
    }

    /// Asks for something, of the browser or of a page by its session.
    pub(crate) fn ask(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let mut request = json!({ "method": method, "params": params });
        if let Some(session) = session {
            request["sessionId"] = json!(session);
        }
        let id = {
            let mut out = lock(&self.out);
            out.1 += 1;
            request["id"] = json!(out.1);
            let mut bytes = request.to_string().into_bytes();
            bytes.push(0);
            let sent = out.0.write_all(&bytes).and_then(|()| out.0.flush());
            sent.map_err(|error| Trouble::new(format!("the browser takes nothing: {error}")))?;
            out.1
        };
        let answer = self.wait(method, |inbox| inbox.answers.remove(&id))?;
        match answer.get("error") {
            None => Ok(answer["result"].clone()),
            Some(error) => Err(Trouble::new(format!("{method}: {}", error["message"]))),
        }
    }

    /// All news of a page so far.
    pub(crate) fn news(&self, session: &str) -> Vec<Value> {
        let of = |value: &&Value| value["sessionId"] == session;
        lock(&self.inbox.0).news.iter().filter(of).cloned().collect()
    }

    /// Waits for news of a page, from the first such on.
    pub(crate) fn wait_for(&self, session: &str, method: &str) -> Result<Value> {
        self.wait(method, |inbox| {
            let is_it = |value: &&Value| value["sessionId"] == session && value["method"] == method;
            inbox.news.iter().find(is_it).cloned()
        })
    }

    /// Waits until the browser has ended; false if it has not within the limit.
    pub(crate) fn ends_within(&self, limit: Duration) -> bool {
        let (inbox, bell) = &*self.inbox;
        let waited = bell.wait_timeout_while(lock(inbox), limit, |inbox| !inbox.ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.ended
    }

    fn wait<T>(&self, what: &str, mut ready: impl FnMut(&mut Inbox) -> Option<T>) -> Result<T> {
        let (inbox, bell) = &*self.inbox;
        let end = Instant::now() + LIMIT;
        let mut inbox = lock(inbox);
        loop {
            if let Some(found) = ready(&mut inbox) {
                return Ok(found);
            }
            if inbox.ended {
                return Err(Trouble::new(format!("the browser ended before {what} came")));
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Trouble::new(format!("{what} did not come within {LIMIT:?}")));
            }
            inbox = bell.wait_timeout(inbox, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
