//! Every connection that a manager handed to a pool is in its books until it is gone: closed by the manager, taken
//! out by a borrower, or (which never should be) just dropped.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

#[derive(Debug, Default)]
pub(crate) struct Books {
    made: AtomicU64,
    closed: AtomicU64,
    detached: AtomicU64,
    dropped: AtomicU64,
    /// Shares that are out.
    shares: AtomicU64,
}

/// How many there were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) made: u64,
    pub(crate) closed: u64,
    pub(crate) detached: u64,
    pub(crate) dropped: u64,
    pub(crate) shares: u64,
}

impl Count {
    pub(crate) fn living(self) -> u64 {
        self.made - self.closed - self.detached - self.dropped
    }
}

impl Books {
    pub(crate) fn count(&self) -> Count {
        // Ends first: whatever ends meanwhile was made before.
        let [closed, detached, dropped, shares] =
            [&self.closed, &self.detached, &self.dropped, &self.shares]
                .map(|n| n.load(Ordering::SeqCst));
        Count { made: self.made.load(Ordering::SeqCst), closed, detached, dropped, shares }
    }
}

#[derive(Clone, Copy, Debug)]
enum End {
    Closed,
    Detached,
    Dropped,
}

/// A connection that is in the books.
#[derive(Debug)]
pub(crate) struct Booked<C> {
    conn: Option<C>,
    end: End,
    books: Arc<Books>,
    /// It died while nobody looked.
    pub(crate) dead: AtomicBool,
}

impl<C> Booked<C> {
    pub(crate) fn new(conn: C, books: &Arc<Books>) -> Booked<C> {
        books.made.fetch_add(1, Ordering::SeqCst);
        let books = Arc::clone(books);
        Booked { conn: Some(conn), end: End::Dropped, books, dead: AtomicBool::new(false) }
    }

    /// The manager closes it.
    pub(crate) fn close(mut self) -> C {
        self.end = End::Closed;
        self.conn.take().expect("it is there until it ends")
    }

    /// A borrower has taken it out of the pool.
    pub(crate) fn detached(mut self) {
        self.end = End::Detached;
    }

    pub(crate) fn share(&self) -> Share {
        self.books.shares.fetch_add(1, Ordering::SeqCst);
        Share(Arc::clone(&self.books))
    }
}

impl<C> Deref for Booked<C> {
    type Target = C;

    fn deref(&self) -> &C {
        self.conn.as_ref().expect("it is there until it ends")
    }
}

impl<C> DerefMut for Booked<C> {
    fn deref_mut(&mut self) -> &mut C {
        self.conn.as_mut().expect("it is there until it ends")
    }
}

impl<C> Drop for Booked<C> {
    fn drop(&mut self) {
        let Books { closed, detached, dropped, .. } = &*self.books;
        let counter = match self.end {
            End::Closed => closed,
            End::Detached => detached,
            End::Dropped => dropped,
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }
}

/// What a sharer has. Nothing is asked through it: an SQLite connection takes one call at a time.
#[derive(Debug)]
pub(crate) struct Share(Arc<Books>);

impl Drop for Share {
    fn drop(&mut self) {
        self.0.shares.fetch_sub(1, Ordering::SeqCst);
    }
}
