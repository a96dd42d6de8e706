//! Managers of bb8's.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bb8::{CustomizeConnection, ManageConnection};
use cenote::{Error, Fault, OnConnectError, Pool, TestOnAcquire};
use cenote_compat::{Bb8, CompatError};

use super::{Book, count, is, set, until};

/// Makes connections that are numbers.
struct Numbers(Arc<Book>);

impl ManageConnection for Numbers {
    type Connection = usize;
    type Error = io::Error;

    async fn connect(&self) -> io::Result<usize> {
        Ok(count(&self.0.made))
    }

    async fn is_valid(&self, _: &mut usize) -> io::Result<()> {
        count(&self.0.tested);
        match is(&self.0.invalid) {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(()),
        }
    }

    fn has_broken(&self, _: &mut usize) -> bool {
        is(&self.0.broken)
    }
}

fn pool(book: &Arc<Book>) -> Pool<Bb8<Numbers>> {
    let builder = Pool::builder(Bb8::new(Numbers(Arc::clone(book)))).max_size(1);
    builder.test_on_acquire(TestOnAcquire::Never).build().unwrap()
}

// P-8
#[tokio::test]
async fn a_connection_that_has_broken_is_closed_when_it_comes_back() {
    let book = Arc::new(Book::default());
    let pool = pool(&book);
    drop(pool.acquire().await.unwrap());
    assert_eq!(*pool.acquire().await.unwrap(), 1, "a well one is kept");
    let conn = pool.acquire().await.unwrap();
    set(&book.broken, true);
    drop(conn);
    set(&book.broken, false);
    assert_eq!(*pool.acquire().await.unwrap(), 2);
    assert_eq!(book.tested(), 0);
}

// P-15
#[tokio::test]
async fn is_valid_is_the_test_and_has_broken_comes_before_it() {
    let book = Arc::new(Book::default());
    let pool = pool(&book);
    pool.reconfigure(|options| options.test_on_acquire = TestOnAcquire::Always).unwrap();
    drop(pool.acquire().await.unwrap());
    assert_eq!((*pool.acquire().await.unwrap(), book.tested()), (1, 1));
    set(&book.invalid, true);
    let conn = pool.acquire().await.unwrap();
    assert_eq!((*conn, book.tested()), (2, 2), "the one that failed is replaced");
    set(&book.invalid, false);
    drop(conn);
    // It breaks while it rests.
    set(&book.broken, true);
    let conn = pool.acquire().await.unwrap();
    assert_eq!((*conn, book.tested()), (3, 2), "what has broken is not asked any more");
}

// P-16, P-8
#[tokio::test]
async fn after_an_error_of_a_request_the_next_borrower_gets_a_tested_connection() {
    let book = Arc::new(Book::default());
    let pool = pool(&book);
    let failed = pool.with(async |_| Err::<(), _>(io::Error::other("no such table").into())).await;
    let error = failed.unwrap_err();
    assert_eq!(error.to_string(), "no such table");
    assert!(matches!(error, Error::Run(CompatError::Request { .. })), "{error:?}");
    assert_eq!(*pool.acquire().await.unwrap(), 1);
    assert_eq!(book.tested(), 1);
    set(&book.invalid, true);
    assert!(pool.with(async |_| Err::<(), _>(io::Error::other("?").into())).await.is_err());
    assert_eq!((*pool.acquire().await.unwrap(), book.tested()), (2, 2));
}

// P-8
#[tokio::test]
async fn what_was_cut_short_is_closed() {
    let book = Arc::new(Book::default());
    let pool = pool(&book);
    let never = pool.with(async |_| std::future::pending().await);
    let never: Result<Result<(), _>, _> =
        tokio::time::timeout(std::time::Duration::from_millis(5), never).await;
    assert!(never.is_err());
    assert_eq!(*pool.acquire().await.unwrap(), 2);
}

#[derive(Debug)]
struct Tenfold;

impl CustomizeConnection<usize, io::Error> for Tenfold {
    fn on_acquire<'a>(
        &'a self,
        conn: &'a mut usize,
    ) -> Pin<Box<dyn Future<Output = io::Result<()>> + Send + 'a>> {
        Box::pin(async {
            *conn *= 10;
            match *conn {
                10 => Err(io::Error::other("not the first")),
                _ => Ok(()),
            }
        })
    }
}

// P-28, P-14
#[tokio::test]
async fn a_customizer_prepares_each_new_connection() {
    let book = Arc::new(Book::default());
    let manager = Bb8::new(Numbers(Arc::clone(&book))).customize(Box::new(Tenfold));
    let pool = Pool::builder(manager).max_size(1).build().unwrap();
    let conn = pool.acquire().await.unwrap();
    assert_eq!((*conn, book.made()), (20, 2), "the first failed and was made again");
    drop(conn);
    assert_eq!(*pool.acquire().await.unwrap(), 20, "once for each");
    assert_eq!(pool.stats().counts.connect_failures.total(), 1);
}

/// One whose error is no error.
struct Loose;

impl ManageConnection for Loose {
    type Connection = ();
    type Error = String;

    async fn connect(&self) -> Result<(), String> {
        Err("nobody there".into())
    }

    async fn is_valid(&self, _: &mut ()) -> Result<(), String> {
        Ok(())
    }

    fn has_broken(&self, _: &mut ()) -> bool {
        false
    }
}

// P-14, S
#[tokio::test]
async fn an_error_that_is_none_is_told_in_its_own_words() {
    let manager = Bb8::with_errors(Loose, |words: String| io::Error::other(words));
    let builder = Pool::builder(manager).name("orders");
    let pool = builder.on_connect_error(OnConnectError::FailFirst).build().unwrap();
    let error = pool.acquire().await.map(drop).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool \"orders\": cannot connect: no connection could be made: nobody there: see whether the server is up and the manager's settings are right"
    );
}

// P-14
#[tokio::test]
async fn who_knows_the_driver_says_what_its_errors_mean() {
    let manager = Bb8::with_errors(Loose, |words: String| io::Error::other(words));
    let builder = Pool::builder(manager).classify_with(|error| match error.inner() {
        Some(inner) if inner.to_string() == "nobody there" => Fault::Permanent,
        _ => error.fault(),
    });
    let pool = builder.build().unwrap();
    let error = pool.acquire().await.map(drop).unwrap_err();
    let Error::Connect { error, .. } = error else { panic!("at once, not {error}") };
    assert_eq!(error.fault(), Fault::Permanent);
}

// P-23
#[tokio::test]
async fn its_futures_can_be_spawned_and_dropped() {
    let book = Arc::new(Book::default());
    let pool = pool(&book);
    let task = tokio::spawn({
        let pool = pool.clone();
        async move { *pool.acquire().await.unwrap() }
    });
    assert_eq!(task.await.unwrap(), 1);
    until("at rest", || pool.status().available == 1).await;
}
