//! Leaks on purpose, to see that they are found: `--leak` makes the borrowers of a run careless in one way.

use std::fs::File;
use std::mem::forget;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use clap::ValueEnum;

/// The visit that leaks, of all kinds but the memory.
const AT: u64 = 20;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Leak {
    /// A guard that is never dropped.
    Connection,
    /// A file that stays open.
    File,
    /// A thread that sleeps for ever.
    Thread,
    /// A task that waits for ever.
    Task,
    /// A few bytes for each visit.
    Memory,
}

/// What the borrowers of a run leak.
#[derive(Debug)]
pub(crate) struct Leaks {
    leak: Option<Leak>,
    visits: AtomicU64,
    hoard: Mutex<Vec<[u8; 64]>>,
}

impl Leaks {
    pub(crate) fn new(leak: Option<Leak>) -> Leaks {
        Leaks { leak, visits: AtomicU64::new(0), hoard: Mutex::default() }
    }

    /// A borrower comes; once in a while it leaks.
    pub(crate) fn touch(&self) {
        let Some(leak) = self.leak.filter(|leak| *leak != Leak::Connection) else { return };
        if leak == Leak::Memory {
            self.hoard.lock().expect("no panic under this lock").push([1; 64]);
        } else if self.visits.fetch_add(1, Ordering::Relaxed) == AT {
            match leak {
                Leak::File => forget(File::open("/proc/self/status")),
                Leak::Thread => drop(thread::spawn(|| {
                    loop {
                        thread::park()
                    }
                })),
                Leak::Task => drop(tokio::spawn(std::future::pending::<()>())),
                Leak::Connection | Leak::Memory => {}
            }
        }
    }

    /// Whether a borrower forgets the guard that it has.
    pub(crate) fn forgets(&self) -> bool {
        self.leak == Some(Leak::Connection) && self.visits.fetch_add(1, Ordering::Relaxed) == AT
    }
}
