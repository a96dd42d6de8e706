//! All servers of the world, in the order of their names, and whoever of them leads. What is done to several of them at once
//! is done by one at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cenote::Role;
use tokio::sync::Mutex as AsyncMutex;

use super::plant::Plant;
use super::register::Register;
use super::server::{Mishap, Server};

/// The names that there are.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

pub(crate) struct Servers {
    folder: PathBuf,
    plant: Option<Plant>,
    register: Arc<Register>,
    all: Mutex<Vec<Arc<Server>>>,
    order: AsyncMutex<()>,
}

impl Servers {
    /// None yet; their files will be in this folder.
    pub(crate) fn new(folder: &Path, register: Arc<Register>, plant: Option<Plant>) -> Servers {
        let (all, order) = Default::default();
        Servers { folder: folder.to_owned(), plant, register, all, order }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Server>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whoever is about to do something to them waits for this.
    pub(crate) async fn order(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.order.lock().await
    }

    /// A new one, with the first name that is free and without a life. `None`: there is no name left.
    pub(crate) fn make(&self) -> Option<Result<Arc<Server>, Mishap>> {
        let mut all = self.lock();
        let is_free = |name: &&&str| all.iter().all(|server| &*server.name != **name);
        let name = NAMES.iter().find(is_free)?;
        let made = Server::new(name, &self.folder, Arc::clone(&self.register), self.plant);
        Some(made.map(|server| {
            let server = Arc::new(server);
            all.push(Arc::clone(&server));
            all.sort_by(|a, b| a.name.cmp(&b.name));
            server
        }))
    }

    /// It is none of them any more.
    pub(crate) fn forget(&self, server: &Server) {
        self.lock().retain(|other| other.name != server.name);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Server>> {
        self.lock().clone()
    }

    /// Whoever leads, if anybody does: it lives, says that it is a primary, and is of the present time.
    pub(crate) fn primary(&self) -> Option<Arc<Server>> {
        let epoch = self.register.epoch();
        let leads = |server: &Arc<Server>| {
            server.view().is_some_and(|view| view.role == Role::Primary && view.epoch == epoch)
        };
        self.all().into_iter().find(leads)
    }

    /// Those that live and do not lead.
    pub(crate) fn replicas(&self) -> Vec<Arc<Server>> {
        let follows =
            |server: &Arc<Server>| server.view().is_some_and(|view| view.role == Role::Replica);
        self.all().into_iter().filter(follows).collect()
    }

    pub(crate) fn dead(&self) -> Vec<Arc<Server>> {
        self.all().into_iter().filter(|server| !server.is_alive()).collect()
    }
}
