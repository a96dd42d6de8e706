//! A little server: a file, a port, and the one life after the other that it has there. It comes back as what it was, at the
//! moment in which it was killed: a primary that was replaced meanwhile still thinks that it is one, until it is told.
//!
//! While it is dead its port is kept and refuses everybody, so that no other program gets its clients.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cenote::Role;
use cenote_sqlite::SqliteError;
use tokio::net::TcpSocket;
use tokio::sync::{Mutex as AsyncMutex, oneshot};
use tokio::task::JoinHandle;

use super::body::{Body, Counts, Standing};
use super::faults::Faults;
use super::following::Following;
use super::plant::Plant;
use super::register::Register;
use super::session;
use super::store::{Contents, Place, Store};

/// How many clients may wait to be accepted.
const BACKLOG: u32 = 256;

pub(crate) struct Server {
    pub(crate) name: Arc<str>,
    pub(crate) address: SocketAddr,
    pub(crate) faults: Arc<Faults>,
    pub(crate) counts: Arc<Counts>,
    file: PathBuf,
    register: Arc<Register>,
    plant: Option<Plant>,
    /// One thing is done to a server at a time.
    life: AsyncMutex<Life>,
    /// Of the life that it has, to be looked at.
    body: Mutex<Option<Arc<Body>>>,
}

enum Life {
    /// The socket keeps the port.
    Dead(TcpSocket),
    Alive {
        stop: oneshot::Sender<()>,
        accepting: JoinHandle<()>,
        following: Option<Following>,
    },
    /// Its port was lost, or its file cannot be opened: nobody brings it back.
    Over,
}

/// What can be seen of a server that lives.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) role: Role,
    pub(crate) epoch: u64,
    /// Up to where it has everything; of a primary, where it began.
    pub(crate) heard: i64,
    /// Of a replica that follows somebody.
    pub(crate) lag: Option<Duration>,
}

/// What can go wrong with a server of ours.
#[derive(Debug)]
pub(crate) enum Mishap {
    Port(io::Error),
    File(SqliteError),
    /// It is not alive, or it is.
    Life(&'static str),
}

impl std::fmt::Display for Mishap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mishap::Port(error) => write!(f, "its port on 127.0.0.1 cannot be had: {error}"),
            Mishap::File(error) => error.fmt(f),
            Mishap::Life(word) => f.write_str(word),
        }
    }
}

impl From<SqliteError> for Mishap {
    fn from(error: SqliteError) -> Mishap {
        Mishap::File(error)
    }
}

impl From<io::Error> for Mishap {
    fn from(error: io::Error) -> Mishap {
        Mishap::Port(error)
    }
}

impl Server {
    /// A server without a life, on a port of its own, with a file in this folder.
    pub(crate) fn new(
        name: &str,
        folder: &Path,
        register: Arc<Register>,
        plant: Option<Plant>,
    ) -> Result<Server, Mishap> {
        let socket = keep((Ipv4Addr::LOCALHOST, 0).into())?;
        Ok(Server {
            name: name.into(),
            address: socket.local_addr()?,
            faults: Arc::default(),
            counts: Arc::default(),
            file: folder.join(format!("{name}.db")),
            register,
            plant,
            life: AsyncMutex::new(Life::Dead(socket)),
            body: Mutex::default(),
        })
    }

    fn body(&self) -> Option<Arc<Body>> {
        self.body.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set_body(&self, body: Option<Arc<Body>>) {
        *self.body.lock().unwrap_or_else(PoisonError::into_inner) = body;
    }

    pub(crate) fn is_alive(&self) -> bool {
        self.body().is_some()
    }

    pub(crate) fn view(&self) -> Option<View> {
        let standing = self.body()?.standing();
        let lag = standing.progress.as_ref().map(|progress| progress.lag());
        Some(View { role: standing.role, epoch: standing.epoch, heard: standing.heard(), lag })
    }

    pub(crate) fn sessions(&self) -> u64 {
        self.counts.sessions.load(Ordering::Relaxed)
    }

    /// It comes to life, as what it was.
    pub(crate) async fn revive(&self) -> Result<(), Mishap> {
        let mut life = self.life.lock().await;
        let socket = match std::mem::replace(&mut *life, Life::Over) {
            Life::Dead(socket) => socket,
            other => {
                *life = other;
                return Err(Mishap::Life("it is alive"));
            }
        };
        socket.set_reuseaddr(true)?;
        let listener = socket.listen(BACKLOG)?;
        let mut store = Store::open(&self.file).await?;
        let place = store.place().await?;
        let lies = self.plant == Some(Plant::StrayWrite) && place.role == Role::Primary;
        let claim = lies.then(|| self.register.epoch() + 1);
        let (counts, faults) = (Arc::clone(&self.counts), Arc::clone(&self.faults));
        let register = Arc::clone(&self.register);
        let body = Body::new(store, Standing::of(place), counts, faults, register, claim);
        let body = Arc::new(body);
        let (stop, stopped) = oneshot::channel();
        let accepting = tokio::spawn(session::accept(listener, Arc::clone(&body), stopped));
        *life = Life::Alive { stop, accepting, following: None };
        self.set_body(Some(body));
        Ok(())
    }

    /// Every connection is cut and nobody can connect any more. What was heard and not applied is lost.
    pub(crate) async fn kill(&self) -> Result<(), Mishap> {
        let mut life = self.life.lock().await;
        let Life::Alive { stop, accepting, following } = std::mem::replace(&mut *life, Life::Over)
        else {
            return Err(Mishap::Life("it is dead"));
        };
        let body = self.body();
        self.set_body(None);
        drop(stop);
        // A panic in there has ended it as well.
        _ = accepting.await;
        if let Some(body) = &body {
            body.feed.end();
        }
        if let Some(following) = following {
            following.end().await;
        }
        let store = body.and_then(Arc::into_inner).and_then(|body| Arc::into_inner(body.store));
        if let Some(store) = store {
            // It is killed: what its file says about its end concerns nobody.
            _ = store.into_inner().close().await;
        }
        *life = Life::Dead(keep(self.address)?);
        Ok(())
    }

    /// It leads from now on, with everything that it has heard.
    pub(crate) async fn promote(&self) -> Result<u64, Mishap> {
        let mut life = self.life.lock().await;
        let (body, following) = self.alive(&mut life)?;
        if let Some(following) = following.take() {
            let rest = following.end().await;
            body.store.lock().await.apply(rest).await?;
        }
        let mut store = body.store.lock().await;
        if self.plant == Some(Plant::LostWrite) {
            store.forget().await?;
        }
        let epoch = self.register.next_epoch();
        store.become_one(Role::Primary, epoch).await?;
        body.stand(Standing::of(store.place().await?));
        Ok(epoch)
    }

    /// It takes no more writes. Returns up to where it took them.
    pub(crate) async fn step_down(&self) -> Result<i64, Mishap> {
        let mut life = self.life.lock().await;
        let (body, _) = self.alive(&mut life)?;
        // No write is half taken.
        let mut store = body.store.lock().await;
        let place = Place { role: Role::Replica, ..store.place().await? };
        store.become_one(place.role, place.epoch).await?;
        body.stand(Standing::of(place));
        Ok(place.position)
    }

    /// It follows this one from now on: it takes a copy and forgets what it had, whatever it was.
    pub(crate) async fn follow(&self, primary: &Server) -> Result<(), Mishap> {
        let upstream = primary.body().ok_or(Mishap::Life("whom it is to follow is dead"))?;
        let mut life = self.life.lock().await;
        let (body, following) = self.alive(&mut life)?;
        if let Some(following) = following.take() {
            following.end().await;
        }
        let epoch = upstream.standing().epoch;
        let (contents, subscription) = upstream.join().await?;
        let position = contents.position;
        body.feed.end();
        let mut store = body.store.lock().await;
        store.replace(contents).await?;
        let begun = Following::begin(
            Arc::clone(&primary.name),
            epoch,
            position,
            subscription,
            Arc::clone(&body.store),
            self.faults.held(),
        );
        let progress = Some(Arc::clone(&begun.progress));
        *following = Some(begun);
        body.stand(Standing { role: Role::Replica, epoch, position, progress });
        Ok(())
    }

    /// Whether it follows this server in this time, and hears what it says.
    pub(crate) async fn follows(&self, primary: &Server, epoch: u64) -> bool {
        let life = self.life.lock().await;
        let Life::Alive { following: Some(following), .. } = &*life else { return false };
        following.upstream == primary.name
            && following.epoch == epoch
            && !following.progress.is_lost()
    }

    /// What it has, down to what is heard and not applied.
    pub(crate) async fn contents(&self) -> Result<Contents, Mishap> {
        let body = self.body().ok_or(Mishap::Life("it is dead"))?;
        let contents = body.store.lock().await.contents().await?;
        Ok(contents)
    }

    fn alive<'a>(
        &self,
        life: &'a mut Life,
    ) -> Result<(Arc<Body>, &'a mut Option<Following>), Mishap> {
        match (self.body(), life) {
            (Some(body), Life::Alive { following, .. }) => Ok((body, following)),
            _ => Err(Mishap::Life("it is dead")),
        }
    }
}

/// A port that nobody else gets and that refuses everybody.
fn keep(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // Connections of the life before may not have been forgotten yet.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.set_reuseaddr(false)?;
    Ok(socket)
}
