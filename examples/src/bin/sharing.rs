//! Sharing: when a connection can carry several requests at once, a hundred callers need two of them. Here the
//! server is a task that answers each request by its number, in an order of its own, as HTTP/2, Redis and
//! PostgreSQL's pipelines do in theirs.
//!
//! Time is virtual: sleeps are skipped, so the numbers are exact and the program ends at once.

#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};
use std::convert::Infallible;
use std::error::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::{Fault, Manager, Pool, Share, Shared};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

type Message = (u64, String);

/// The client's end of a connection. Everybody who has a clone can send requests.
#[derive(Clone)]
struct Client {
    to_server: mpsc::UnboundedSender<Message>,
    next: Arc<AtomicU64>,
    /// Who waits for the answer to which request.
    pending: Arc<Mutex<HashMap<u64, oneshot::Sender<String>>>>,
}

impl Client {
    fn connect() -> Client {
        let (to_server, requests) = mpsc::unbounded_channel();
        let (to_client, mut answers) = mpsc::unbounded_channel();
        let pending = Arc::<Mutex<HashMap<u64, oneshot::Sender<String>>>>::default();
        tokio::spawn(serve(requests, to_client));
        let waiting = Arc::clone(&pending);
        tokio::spawn(async move {
            while let Some((id, answer)) = answers.recv().await {
                let asker = waiting.lock().unwrap().remove(&id);
                // Whoever has left wants no answer.
                let _ = asker.map(|asker| asker.send(answer));
            }
        });
        Client { to_server, next: Arc::default(), pending }
    }

    async fn ask(&self, question: String) -> Option<String> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (asker, answer) = oneshot::channel();
        self.pending.lock().unwrap().insert(id, asker);
        self.to_server.send((id, question)).ok()?;
        answer.await.ok()
    }
}

/// The server's end: takes what comes, works for 10 ms on all of it at once, and answers the latest first.
async fn serve(
    mut requests: mpsc::UnboundedReceiver<Message>,
    to_client: mpsc::UnboundedSender<Message>,
) {
    let mut batch = Vec::new();
    while requests.recv_many(&mut batch, 1000).await > 0 {
        sleep(Duration::from_millis(10)).await;
        while let Ok(request) = requests.try_recv() {
            batch.push(request);
        }
        for (id, question) in batch.drain(..).rev() {
            let _ = to_client.send((id, format!("re: {question}")));
        }
    }
}

struct Clients;

impl Manager for Clients {
    type Connection = Client;
    type Error = Infallible;

    async fn connect(&self) -> Result<Client, Infallible> {
        sleep(Duration::from_millis(5)).await;
        Ok(Client::connect())
    }

    fn classify(&self, error: &Infallible) -> Fault {
        match *error {}
    }
}

impl Share for Clients {
    type Handle = Client;

    fn handle(&self, conn: &Client) -> Client {
        conn.clone()
    }
}

#[tokio::main(flavor = "current_thread", start_paused = true)]
async fn main() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Clients).name("mux").max_size(2).max_sharers(50).build()?;

    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for n in 0..100 {
        let pool = pool.clone();
        tasks.spawn(async move {
            let client = pool.share().await.ok()?;
            let answer = client.ask(format!("request {n}")).await?;
            Some((answer == format!("re: request {n}"), Shared::id(&client)))
        });
    }
    sleep(Duration::from_millis(6)).await;
    println!("meanwhile: {}", pool.status());
    let results: Vec<_> = tasks.join_all().await.into_iter().flatten().collect();
    let right = results.iter().filter(|(right, _)| *right).count();
    let used: BTreeSet<_> = results.iter().map(|(_, id)| id).collect();
    println!("answered:  {right} of 100 by connections {used:?} after {:?}", began.elapsed());

    // Two at once or none, so that two such callers cannot each hold one and wait for the other's.
    let sharer = pool.share().await?;
    let (both, ()) = tokio::join!(pool.acquire_many(2), async {
        sleep(Duration::from_millis(1)).await;
        println!("two:       {}", pool.status());
        drop(sharer);
    });
    println!("           got {}; {}", both?.len(), pool.status());

    exclusive().await
}

/// A transaction needs a connection of its own. There is one queue for all: whoever comes later joins no
/// connection past it, though there is room for 48 more sharers.
async fn exclusive() -> Result<(), Box<dyn Error>> {
    let pool = Pool::builder(Clients).name("mux").max_size(1).max_sharers(50).build()?;
    let (one, other) = (pool.share().await?, pool.share().await?);
    let (alone, late) = (pool.clone(), pool.clone());
    let alone = tokio::spawn(async move {
        let _conn = alone.acquire().await;
        println!("alone:     {}", alone.status());
        sleep(Duration::from_millis(10)).await;
    });
    let late = tokio::spawn(async move {
        let _share = late.share().await;
        println!("late:      {}", late.status());
    });
    sleep(Duration::from_millis(1)).await;
    println!("queue:     {}", pool.status());
    drop((one, other));
    alone.await?;
    late.await?;
    Ok(())
}
