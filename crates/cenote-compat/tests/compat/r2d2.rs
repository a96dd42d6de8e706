//! Managers of r2d2's, on threads and in async code.

use std::cell::Cell;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use cenote::blocking::{self, Offload};
use cenote::{Pool, TestOnAcquire};
use cenote_compat::R2d2;
use r2d2::{CustomizeConnection, ManageConnection};

use super::{Book, count, is, set, until};

/// Makes connections that only one thread at a time may have: numbers in a cell.
struct Numbers(Arc<Book>);

impl ManageConnection for Numbers {
    type Connection = Cell<usize>;
    type Error = io::Error;

    fn connect(&self) -> io::Result<Cell<usize>> {
        Ok(Cell::new(count(&self.0.made)))
    }

    fn is_valid(&self, _: &mut Cell<usize>) -> io::Result<()> {
        count(&self.0.tested);
        match is(&self.0.invalid) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    fn has_broken(&self, _: &mut Cell<usize>) -> bool {
        is(&self.0.broken)
    }
}

fn manager(book: &Arc<Book>) -> R2d2<Numbers> {
    R2d2::new(Numbers(Arc::clone(book)))
}

// P-25, P-8, P-15, P-16
#[test]
fn on_threads_it_is_asked_what_r2d2_would_ask() {
    let book = Arc::new(Book::default());
    let builder = blocking::Pool::builder(manager(&book)).max_size(1);
    let pool = builder.test_on_acquire(TestOnAcquire::Never).build().unwrap();
    drop(pool.acquire().unwrap());
    let conn = pool.acquire().unwrap();
    assert_eq!((conn.get(), book.tested()), (1, 0));
    set(&book.broken, true);
    drop(conn);
    set(&book.broken, false);
    assert_eq!(pool.acquire().unwrap().get(), 2, "what has broken is closed");

    pool.reconfigure(|options| options.test_on_acquire = TestOnAcquire::Always).unwrap();
    assert_eq!((pool.acquire().unwrap().get(), book.tested()), (2, 1));
    set(&book.invalid, true);
    assert_eq!((pool.acquire().unwrap().get(), book.tested()), (3, 2), "it failed its test");
    set(&book.invalid, false);

    pool.reconfigure(|options| options.test_on_acquire = TestOnAcquire::Never).unwrap();
    let failed = pool.with(|_| Err::<(), _>(io::Error::other("no such table").into()));
    assert_eq!(failed.unwrap_err().to_string(), "no such table");
    assert_eq!((pool.acquire().unwrap().get(), book.tested()), (3, 3), "tested after an error");
}

// P-25
#[tokio::test]
async fn in_async_code_nothing_of_it_runs_on_the_callers_thread() {
    let book = Arc::new(Book::default());
    let where_to = Arc::new(Mutex::new(Vec::new()));
    let manager = manager(&book).customize(Box::new(Threads(Arc::clone(&where_to))));
    let pool = Pool::builder(Offload::new(manager)).max_size(1).build().unwrap();
    let mut conn = pool.acquire().await.unwrap();
    assert_eq!(conn.call(|conn| conn.get()).await, 1);
    drop(conn);
    pool.close(Duration::from_secs(5)).await;
    until("closed", || where_to.lock().unwrap().len() == 2).await;
    let steps = where_to.lock().unwrap().clone();
    assert_eq!(steps.iter().map(|(step, _)| *step).collect::<Vec<_>>(), ["acquire", "release"]);
    assert!(steps.iter().all(|(_, on)| *on != thread::current().id()));
}

#[derive(Debug)]
struct Threads(Arc<Mutex<Vec<(&'static str, ThreadId)>>>);

impl CustomizeConnection<Cell<usize>, io::Error> for Threads {
    fn on_acquire(&self, _: &mut Cell<usize>) -> io::Result<()> {
        self.0.lock().unwrap().push(("acquire", thread::current().id()));
        Ok(())
    }

    fn on_release(&self, _: Cell<usize>) {
        self.0.lock().unwrap().push(("release", thread::current().id()));
    }
}

// P-20, P-28
#[test]
fn a_customizer_has_each_connection_at_its_beginning_and_at_its_end() {
    let book = Arc::new(Book::default());
    let manager = manager(&book).customize(Box::new(Ends(Arc::clone(&book))));
    let pool = blocking::Pool::builder(manager).max_size(1).build().unwrap();
    assert_eq!(pool.acquire().unwrap().get(), 20, "the first was refused");
    assert_eq!(book.ended(), 0, "one that was refused is dropped, as r2d2 does");
    blocking::Pooled::discard(pool.acquire().unwrap());
    assert_eq!(pool.acquire().unwrap().get(), 30);
    pool.close(Duration::from_secs(5));
    assert_eq!(book.ended(), 2);
}

#[derive(Debug)]
struct Ends(Arc<Book>);

impl CustomizeConnection<Cell<usize>, io::Error> for Ends {
    fn on_acquire(&self, conn: &mut Cell<usize>) -> io::Result<()> {
        conn.set(conn.get() * 10);
        match conn.get() {
            10 => Err(io::Error::other("not the first")),
            _ => Ok(()),
        }
    }

    fn on_release(&self, _: Cell<usize>) {
        count(&self.0.ended);
    }
}

/// An error that stays on its thread.
#[derive(Debug)]
struct Unshared(Rc<str>);

impl fmt::Display for Unshared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl StdError for Unshared {}

struct Loose;

impl ManageConnection for Loose {
    type Connection = ();
    type Error = Unshared;

    fn connect(&self) -> Result<(), Unshared> {
        Err(Unshared("nobody there".into()))
    }

    fn is_valid(&self, _: &mut ()) -> Result<(), Unshared> {
        Ok(())
    }

    fn has_broken(&self, _: &mut ()) -> bool {
        false
    }
}

// P-14, S
#[test]
fn an_error_that_stays_on_its_thread_is_told_in_its_own_words() {
    let manager = R2d2::with_errors(Loose, |error: Unshared| io::Error::other(error.to_string()));
    let builder = blocking::Pool::builder(manager);
    let pool = builder.on_connect_error(cenote::OnConnectError::FailFirst).build().unwrap();
    let error = pool.acquire().map(drop).unwrap_err().to_string();
    assert!(error.contains("no connection could be made: nobody there: see whether"), "{error}");
}
