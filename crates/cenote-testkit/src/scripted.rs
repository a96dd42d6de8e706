//! The scripted connection. It knows its serial number and whether it is alive, keeps notes, and tells its
//! script when it is gone: a connection is seen to end exactly once.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cenote::Fault;

use crate::script::Shared;
use crate::step::ScriptError;

/// What the outside can do to a living connection.
#[derive(Debug, Default)]
pub(crate) struct Fuse {
    /// The driver knows that it is dead.
    pub(crate) killed: AtomicBool,
    /// It is dead and the driver does not know.
    pub(crate) severed: AtomicBool,
}

impl Fuse {
    pub(crate) fn is_killed(&self) -> bool {
        self.killed.load(Ordering::SeqCst)
    }

    pub(crate) fn works(&self) -> bool {
        !self.is_killed() && !self.severed.load(Ordering::SeqCst)
    }
}

/// A connection made by a [`Script`](crate::Script).
pub struct Scripted {
    serial: u64,
    fuse: Arc<Fuse>,
    notes: Vec<String>,
    pub(crate) closing: bool,
    shared: Arc<Shared>,
}

impl Scripted {
    pub(crate) fn new(serial: u64, fuse: Arc<Fuse>, shared: Arc<Shared>) -> Scripted {
        Scripted { serial, fuse, notes: Vec::new(), closing: false, shared }
    }

    /// Its number: 1, 2, 3 … in the order in which connections were made.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Writes something down, as session settings are: it stays with the connection.
    pub fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    /// What was written down, in order.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Forgets what was written down.
    pub fn clear_notes(&mut self) {
        self.notes.clear();
    }

    /// Whether it was neither [killed](crate::Script::kill) nor [severed](crate::Script::sever).
    pub fn is_alive(&self) -> bool {
        self.fuse.works()
    }

    pub(crate) fn is_killed(&self) -> bool {
        self.fuse.is_killed()
    }

    pub(crate) fn must_be_alive(&self) -> Result<(), ScriptError> {
        if self.is_alive() {
            return Ok(());
        }
        Err(ScriptError::new(Fault::Connection, format!("connection {} is dead", self.serial)))
    }
}

/// What a sharer of a [`Scripted`] connection has.
pub struct ScriptedHandle {
    serial: u64,
    fuse: Arc<Fuse>,
    shared: Arc<Shared>,
}

impl ScriptedHandle {
    pub(crate) fn new(conn: &Scripted) -> ScriptedHandle {
        conn.shared.count(|counts| counts.handles += 1);
        let Scripted { serial, fuse, shared, .. } = conn;
        ScriptedHandle { serial: *serial, fuse: Arc::clone(fuse), shared: Arc::clone(shared) }
    }

    /// The number of its connection.
    pub fn serial(&self) -> u64 {
        self.serial
    }

    /// Whether its connection was neither [killed](crate::Script::kill) nor
    /// [severed](crate::Script::sever).
    pub fn is_alive(&self) -> bool {
        self.fuse.works()
    }
}

impl Drop for ScriptedHandle {
    fn drop(&mut self) {
        self.shared.count(|counts| counts.handles -= 1);
    }
}

impl fmt::Debug for ScriptedHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedHandle").field("serial", &self.serial).finish_non_exhaustive()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.shared.gone(self.serial, self.closing);
    }
}

impl fmt::Debug for Scripted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripted")
            .field("serial", &self.serial)
            .field("alive", &self.is_alive())
            .field("notes", &self.notes)
            .finish_non_exhaustive()
    }
}
