//! A gateway in the test's process, and a store that answers as etcd does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) token: Option<String>,
    pub(crate) body: Value,
}

/// What becomes of it.
pub(crate) enum Reply {
    Json(u16, Value),
    /// Lines as they come, and the end when nobody sends any more.
    Lines(UnboundedReceiver<String>),
    /// These bytes, then the connection is closed.
    Raw(Vec<u8>),
    /// Nothing, for as long as the client likes.
    Silence,
}

/// A server on a port of its own, which ends with this value.
pub(crate) struct Fake {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

impl Fake {
    pub(crate) async fn start(answers: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Fake {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (log, answers) = (Arc::clone(&asked), Arc::new(answers));
        let task = tokio::spawn(async move {
            let mut clients = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let (log, answers) = (Arc::clone(&log), Arc::clone(&answers));
                clients.spawn(async move { serve(socket, &log, &*answers).await });
            }
        });
        Fake { address, asked, task }
    }

    /// One that answers as this store does.
    pub(crate) async fn of(store: &Store) -> Fake {
        let store = store.clone();
        Fake::start(move |asked| store.answer(asked)).await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests for this path so far.
    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|asked| asked.path == path).cloned().collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection, until it ends. `None`: it has.
async fn serve(
    mut socket: TcpStream,
    log: &Mutex<Vec<Asked>>,
    answers: &impl Fn(&Asked) -> Reply,
) -> Option<()> {
    let mut held = Vec::new();
    loop {
        let asked = read(&mut socket, &mut held).await?;
        log.lock().unwrap().push(asked.clone());
        match answers(&asked) {
            Reply::Json(status, body) => {
                let body = body.to_string();
                let head = format!("HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n", body.len());
                socket.write_all((head + &body).as_bytes()).await.ok()?;
            }
            Reply::Lines(mut lines) => {
                let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
                socket.write_all(head.as_bytes()).await.ok()?;
                while let Some(line) = lines.recv().await {
                    let chunk = format!("{:x}\r\n{line}\r\n", line.len());
                    socket.write_all(chunk.as_bytes()).await.ok()?;
                }
                socket.write_all(b"0\r\n\r\n").await.ok()?;
            }
            Reply::Raw(bytes) => {
                socket.write_all(&bytes).await.ok()?;
                return None;
            }
            Reply::Silence => {
                // Until the client has gone.
                let mut rest = [0; 64];
                while socket.read(&mut rest).await.ok()? > 0 {}
                return None;
            }
        }
    }
}

async fn read(socket: &mut TcpStream, held: &mut Vec<u8>) -> Option<Asked> {
    let more = async |held: &mut Vec<u8>, socket: &mut TcpStream| {
        let mut piece = [0; 4096];
        let n = socket.read(&mut piece).await.ok().filter(|n| *n > 0)?;
        held.extend_from_slice(&piece[..n]);
        Some(())
    };
    let end = loop {
        if let Some(at) = held.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
        more(held, socket).await?;
    };
    let head = String::from_utf8_lossy(&held[..end]).into_owned();
    let header = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(": "));
        lines
            .find_map(|(header, value)| header.eq_ignore_ascii_case(name).then(|| value.to_owned()))
    };
    let length: usize = header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    while held.len() < end + length {
        more(held, socket).await?;
    }
    let body = serde_json::from_slice(&held[end..end + length]).unwrap();
    held.drain(..end + length);
    let path = head.split(' ').nth(1)?.to_owned();
    Some(Asked { path, token: header("authorization"), body })
}

/// Keys with values and revisions, watches, and leases, as etcd has them. Clones are the same one.
#[derive(Clone, Default)]
pub(crate) struct Store(Arc<Mutex<Inner>>);

#[derive(Default)]
pub(crate) struct Inner {
    pub(crate) revision: i64,
    keys: BTreeMap<Vec<u8>, (String, i64)>,
    /// What happened, as a watch tells it, by revision.
    history: Vec<(i64, Value)>,
    pub(crate) compacted: i64,
    watchers: Vec<UnboundedSender<String>>,
    /// Watches that were canceled: their streams stay open, and nothing comes.
    canceled: Vec<UnboundedSender<String>>,
    /// Watches hear nothing.
    pub(crate) deaf: bool,
    pub(crate) leases: BTreeMap<i64, Lease>,
    granted: i64,
}

pub(crate) struct Lease {
    keys: Vec<Vec<u8>>,
    ttl: Duration,
    /// When it was granted, or kept alive last.
    alive: Instant,
}

impl Store {
    /// With these nodes below `/n/`.
    pub(crate) fn with(nodes: &[&str]) -> Store {
        let store = Store::default();
        nodes.iter().for_each(|node| store.node(node, 1));
        store
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    /// A node with this weight.
    pub(crate) fn node(&self, key: &str, weight: u32) {
        self.put(
            &format!("/n/{key}"),
            &format!("{{\"address\": \"{key}:1\", \"weight\": {weight}}}"),
        );
    }

    pub(crate) fn put(&self, key: &str, value: &str) {
        self.lock().put(key.as_bytes(), value);
    }

    pub(crate) fn remove(&self, key: &str) {
        self.lock().remove(format!("/n/{key}").as_bytes());
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        let mut inner = self.lock();
        inner.watchers.retain(|watcher| !watcher.is_closed());
        inner.watchers.len()
    }

    /// Ends all watches, after this line; if it cancels them, their streams stay open as etcd's do.
    pub(crate) fn end_watches(&self, line: &str) {
        let mut inner = self.lock();
        let watchers = std::mem::take(&mut inner.watchers);
        watchers.iter().for_each(|watcher| _ = watcher.send(line.to_owned()));
        if line.contains("canceled") {
            inner.canceled.extend(watchers);
        }
    }

    /// Whether this key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.lock().keys.contains_key(key.as_bytes())
    }

    pub(crate) fn answer(&self, asked: &Asked) -> Reply {
        let (mut inner, body) = (self.lock(), &asked.body);
        match asked.path.as_str() {
            "/v3/kv/range" => Reply::Json(200, inner.range(body)),
            "/v3/watch" => inner.watch(&body["create_request"]),
            "/v3/kv/put" => {
                let (key, value) = (bytes(&body["key"]), bytes(&body["value"]));
                let lease = number(&body["lease"]);
                let Some(lease) = inner.leases.get_mut(&lease) else {
                    let error = "etcdserver: requested lease not found";
                    return Reply::Json(
                        404,
                        json!({ "error": error, "message": error, "code": 5 }),
                    );
                };
                lease.keys.push(key.clone());
                inner.put(&key, &String::from_utf8(value).unwrap());
                Reply::Json(200, json!({}))
            }
            "/v3/lease/grant" => {
                inner.granted += 1;
                let id = inner.granted;
                let ttl = Duration::from_secs(number(&body["TTL"]) as u64);
                inner.leases.insert(id, Lease { keys: Vec::new(), ttl, alive: Instant::now() });
                Reply::Json(200, json!({ "ID": id.to_string(), "TTL": body["TTL"] }))
            }
            "/v3/lease/keepalive" => {
                let id = number(&body["ID"]);
                let mut result = json!({ "ID": body["ID"] });
                if inner.leases.get(&id).is_some_and(|lease| lease.alive.elapsed() >= lease.ttl) {
                    inner.expire(id);
                }
                if let Some(lease) = inner.leases.get_mut(&id) {
                    lease.alive = Instant::now();
                    result["TTL"] = lease.ttl.as_secs().to_string().into();
                }
                Reply::Json(200, json!({ "result": result }))
            }
            "/v3/lease/revoke" => {
                let Some(()) = inner.expire(number(&body["ID"])) else {
                    return Reply::Json(
                        404,
                        json!({ "error": "requested lease not found", "code": 5 }),
                    );
                };
                Reply::Json(200, json!({}))
            }
            path => panic!("nobody should ask for {path}"),
        }
    }
}

impl Inner {
    fn put(&mut self, key: &[u8], value: &str) {
        self.revision += 1;
        self.keys.insert(key.to_vec(), (value.to_owned(), self.revision));
        self.tell(json!({ "kv": self.shown(key) }));
    }

    fn remove(&mut self, key: &[u8]) {
        if self.keys.remove(key).is_some() {
            self.revision += 1;
            let kv =
                json!({ "key": STANDARD.encode(key), "mod_revision": self.revision.to_string() });
            self.tell(json!({ "type": "DELETE", "kv": kv }));
        }
    }

    /// Somebody else has put the keys of this lease there since.
    pub(crate) fn disown(&mut self, lease: i64) {
        self.leases.get_mut(&lease).unwrap().keys.clear();
    }

    /// A lease that runs out takes its keys with it.
    pub(crate) fn expire(&mut self, lease: i64) -> Option<()> {
        let lease = self.leases.remove(&lease)?;
        lease.keys.iter().for_each(|key| self.remove(key));
        Some(())
    }

    fn shown(&self, key: &[u8]) -> Value {
        let (value, changed) = &self.keys[key];
        json!({ "key": STANDARD.encode(key), "value": STANDARD.encode(value), "mod_revision": changed.to_string() })
    }

    fn header(&self) -> Value {
        json!({ "revision": self.revision.to_string() })
    }

    fn tell(&mut self, event: Value) {
        let line = json!({ "result": { "header": self.header(), "events": [event] } });
        if !self.deaf {
            self.watchers.retain(|watcher| watcher.send(format!("{line}\n")).is_ok());
        }
        self.history.push((self.revision, event));
    }

    fn range(&self, body: &Value) -> Value {
        let (from, to) = (bytes(&body["key"]), bytes(&body["range_end"]));
        let mut found: Vec<&Vec<u8>> = self.keys.range(from..to).map(|(key, _)| key).collect();
        if body["sort_target"] == "MOD" {
            found.sort_by_key(|key| std::cmp::Reverse(self.keys[*key].1));
        }
        let limit = number(&body["limit"]) as usize;
        let mut answer = json!({
            "header": self.header(),
            "kvs": found.iter().take(limit).map(|key| self.shown(key)).collect::<Vec<_>>(),
            "count": found.len().to_string(),
        });
        if found.len() > limit {
            answer["more"] = true.into();
        }
        answer
    }

    fn watch(&mut self, request: &Value) -> Reply {
        let from = number(&request["start_revision"]);
        let (sender, lines) = unbounded_channel();
        let say =
            |result: Value| sender.send(format!("{}\n", json!({ "result": result }))).unwrap();
        say(json!({ "header": self.header(), "created": true }));
        if from <= self.compacted {
            say(json!({ "canceled": true, "compact_revision": self.compacted.to_string() }));
            self.canceled.push(sender);
            return Reply::Lines(lines);
        }
        let missed: Vec<&Value> =
            self.history.iter().filter(|(at, _)| *at >= from).map(|(_, event)| event).collect();
        if !missed.is_empty() && !self.deaf {
            say(json!({ "events": missed }));
        }
        self.watchers.push(sender);
        Reply::Lines(lines)
    }
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn number(value: &Value) -> i64 {
    value.as_str().unwrap().parse().unwrap()
}
