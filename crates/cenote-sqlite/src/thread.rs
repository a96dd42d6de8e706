//! The thread of one connection: it opens the database, runs the calls in order and closes it. Nobody joins
//! it and it keeps nothing alive: when its connection is dropped it closes the database and ends.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use tokio::sync::oneshot;

use crate::control::Control;
use crate::error::SqliteError;
use crate::open::{Plan, open};

/// The number of the call that opens the database.
pub(crate) const OPENING: u64 = 1;

/// Enough for the deepest SQL that SQLite takes and for closures of ordinary depth; only what is touched
/// takes memory.
const STACK: usize = 1 << 20;

pub(crate) type Call = Box<dyn FnOnce(&mut rusqlite::Connection, &Control) + Send>;

pub(crate) enum Job {
    Call(Call),
    Close(oneshot::Sender<Result<(), rusqlite::Error>>),
}

/// A thread's inbox, and its word that the database is open.
pub(crate) struct Started {
    pub(crate) jobs: Sender<Job>,
    pub(crate) opened: oneshot::Receiver<Result<(), SqliteError>>,
}

pub(crate) fn start(plan: Arc<Plan>, control: Arc<Control>) -> io::Result<Started> {
    let (jobs, inbox) = mpsc::channel();
    let (answer, opened) = oneshot::channel();
    thread::Builder::new()
        .name("cenote-sqlite".to_owned())
        .stack_size(STACK)
        .spawn(move || run(&plan, &control, &inbox, answer))?;
    Ok(Started { jobs, opened })
}

fn run(
    plan: &Plan,
    control: &Arc<Control>,
    inbox: &Receiver<Job>,
    answer: oneshot::Sender<Result<(), SqliteError>>,
) {
    control.runs_on(thread::current());
    let opened = open(plan, control);
    control.end(OPENING, false);
    let mut db = match opened {
        Ok(db) => db,
        Err(error) => {
            let _ = answer.send(Err(error));
            return;
        }
    };
    // If nobody waits for it any more, the inbox is closed too.
    let _ = answer.send(Ok(()));
    for job in inbox {
        match job {
            Job::Call(call) => call(&mut db, control),
            Job::Close(answer) => {
                let _ = answer.send(plan.close(db));
                return;
            }
        }
    }
    // The connection was dropped without a goodbye.
    let _ = plan.close(db);
}
