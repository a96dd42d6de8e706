//! The proxy: its port, its toxics and its connections.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

use super::connection::Connection;
use super::dice::Dice;
use super::line::Cut;
use super::toxics::Toxics;
use super::{Direction, Stats, Toxic, ToxicId};

/// A proxy in front of one server. See the [module](super) for an example. Dropping it ends all connections.
pub struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
    door: Mutex<Door>,
}

struct Shared {
    upstream: SocketAddr,
    seed: u64,
    toxics: watch::Sender<Toxics>,
    stats: watch::Sender<Stats>,
    open: Mutex<Open>,
}

/// The connections that are open, by their numbers.
#[derive(Default)]
struct Open {
    last: u64,
    all: BTreeMap<u64, Live>,
}

struct Live {
    order: oneshot::Sender<Cut>,
    /// Hears of its end, when the other side is dropped.
    gone: oneshot::Receiver<()>,
}

enum Door {
    /// Somebody takes what comes.
    Up(JoinHandle<()>),
    /// The port is kept and whoever comes is refused.
    Down(TcpSocket),
    /// Between the two.
    Moving,
}

impl Proxy {
    /// A proxy on a free port of 127.0.0.1, in front of the server at `upstream`, with the seed 0. It runs on the
    /// runtime that this is called on.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn start(upstream: SocketAddr) -> io::Result<Proxy> {
        Proxy::seeded(upstream, 0).await
    }

    /// The same, with what it draws by lot drawn from this seed.
    ///
    /// # Errors
    /// If no port can be listened on.
    pub async fn seeded(upstream: SocketAddr, seed: u64) -> io::Result<Proxy> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            seed,
            toxics: watch::Sender::new(Toxics::default()),
            stats: watch::Sender::new(Stats::default()),
            open: Mutex::default(),
        });
        let door = Mutex::new(Door::Up(tokio::spawn(accept(listener, Arc::clone(&shared)))));
        Ok(Proxy { address, shared, door })
    }

    /// Where clients connect.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Adds a toxic to all connections, those that are there and those to come.
    pub fn add(&self, direction: Direction, toxic: Toxic) -> ToxicId {
        self.add_to(1.0, direction, toxic)
    }

    /// Adds a toxic to a share of all connections, from 0 to 1. Which they are is drawn from the seed and the number of
    /// the connection.
    pub fn add_to(&self, share: f64, direction: Direction, toxic: Toxic) -> ToxicId {
        let mut id = None;
        self.shared.toxics.send_modify(|toxics| id = Some(toxics.add(direction, toxic, share)));
        id.expect("send_modify calls its closure")
    }

    /// Removes a toxic; false if it was removed before.
    pub fn remove(&self, id: ToxicId) -> bool {
        self.shared.toxics.send_if_modified(|toxics| toxics.remove(id))
    }

    /// Removes all toxics.
    pub fn clear(&self) {
        self.shared.toxics.send_modify(Toxics::clear);
    }

    /// What it has seen so far.
    pub fn stats(&self) -> Stats {
        *self.shared.stats.borrow()
    }

    /// Waits until it has seen so much: `proxy.wait_until(|stats| stats.open == 0).await`. It waits for ever if that
    /// never comes.
    pub async fn wait_until(&self, so: impl FnMut(&Stats) -> bool) -> Stats {
        let mut so = so;
        let mut stats = self.shared.stats.subscribe();
        let seen = stats.wait_for(|stats| so(stats)).await;
        *seen.expect("the proxy holds the other end")
    }

    /// Resets all connections that are open (RST), waits until they are gone, and says how many they were.
    pub async fn cut(&self) -> usize {
        let all = std::mem::take(&mut self.shared.open().all);
        end(all.into_values(), Cut::Reset).await
    }

    /// Resets one of the connections that are open, drawn by lot; false if there is none.
    pub async fn cut_one(&self) -> bool {
        let live = {
            let mut open = self.shared.open();
            let n = open.all.len();
            if n == 0 {
                return false;
            }
            let drawn = Dice::of(&[self.shared.seed, self.stats().cut]).below(n);
            let number = *open.all.keys().nth(drawn).expect("one below the count");
            open.all.remove(&number)
        };
        end(live.into_iter(), Cut::Reset).await == 1
    }

    /// Stops listening, so that new connections are refused, and closes those that are open. The port is kept.
    /// Nothing happens if it is down.
    ///
    /// # Errors
    /// If the port cannot be kept, because another process has taken it that moment; the proxy is down then too.
    pub async fn down(&self) -> io::Result<()> {
        let door = std::mem::replace(&mut *self.door(), Door::Moving);
        let kept = match door {
            Door::Up(accepting) => {
                accepting.abort();
                _ = accepting.await;
                keep(self.address)
            }
            Door::Down(socket) => Ok(socket),
            Door::Moving => keep(self.address),
        };
        let all = std::mem::take(&mut self.shared.open().all);
        end(all.into_values(), Cut::Close).await;
        *self.door() = Door::Down(kept?);
        Ok(())
    }

    /// Listens again after [`down`](Proxy::down), on the same port. Nothing happens if it listens.
    ///
    /// # Errors
    /// If the port cannot be listened on.
    pub fn up(&self) -> io::Result<()> {
        let mut door = self.door();
        let socket = match std::mem::replace(&mut *door, Door::Moving) {
            Door::Down(socket) => socket,
            Door::Moving => keep(self.address)?,
            up => {
                *door = up;
                return Ok(());
            }
        };
        // The connections to come inherit it.
        socket.set_reuseaddr(true)?;
        let listener = socket.listen(1024)?;
        *door = Door::Up(tokio::spawn(accept(listener, Arc::clone(&self.shared))));
        Ok(())
    }

    fn door(&self) -> MutexGuard<'_, Door> {
        self.door.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Door::Up(accepting) = &*self.door() {
            accepting.abort();
        }
        // Each hears that nobody can order it any more, and closes.
        self.shared.open().all.clear();
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Proxy");
        shown.field("address", &self.address).field("upstream", &self.shared.upstream);
        shown.field("stats", &self.stats()).finish_non_exhaustive()
    }
}

impl Shared {
    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A socket that holds the port and does not listen: who connects is refused.
fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections that have just ended do not hold the port against us, and nobody else can take it after.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.set_reuseaddr(false)?;
    Ok(socket)
}

/// Ends connections and waits for it. Those count that had not ended by themselves.
async fn end(all: impl Iterator<Item = Live>, how: Cut) -> usize {
    let mut ordered = 0;
    let going: Vec<_> = all
        .map(|live| {
            ordered += usize::from(live.order.send(how).is_ok());
            live.gone
        })
        .collect();
    for gone in going {
        _ = gone.await;
    }
    ordered
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((client, _)) => serve(client, &shared),
            // Too many files, or a client that has gone: the next one may do better.
            Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
        }
    }
}

fn serve(client: TcpStream, shared: &Arc<Shared>) {
    let (order, ordered) = oneshot::channel();
    let (going, gone) = oneshot::channel();
    let number = {
        let mut open = shared.open();
        open.last += 1;
        let number = open.last;
        open.all.insert(number, Live { order, gone });
        number
    };
    shared.stats.send_modify(|stats| {
        stats.accepted += 1;
        stats.open += 1;
    });
    let counted = Counted { number, shared: Arc::clone(shared), _going: going };
    let connection = Connection {
        number,
        seed: shared.seed,
        upstream: shared.upstream,
        toxics: shared.toxics.subscribe(),
        stats: shared.stats.clone(),
        order: ordered,
    };
    // Without the lock: a runtime that ends drops what is spawned at once.
    tokio::spawn(async move {
        connection.run(client).await;
        drop(counted);
    });
}

/// A connection that counts as open until this is dropped, also when its runtime ends.
struct Counted {
    number: u64,
    shared: Arc<Shared>,
    _going: oneshot::Sender<()>,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.shared.open().all.remove(&self.number);
        self.shared.stats.send_modify(|stats| stats.open -= 1);
    }
}
