//! One file, two pools: SQLite has one writer at a time and any number of readers. With one writing
//! connection, writers queue in the pool, first come, first served, instead of polling for the file's lock;
//! readers have connections of their own and wait for nobody.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::Poll;
use std::time::Duration;

use cenote::{
    Acquire, BuildError, Builder, Error, Lend, Manager, Options, Pool, Report, State, Status,
    Switched,
};

use crate::error::SqliteError;
use crate::sqlite::Sqlite;

/// A writer pool of one and a reader pool over the same file; made by [`Sqlite::split`].
///
/// As a [`Lend`], its `read` is the reader pool's acquire; its `write` and `acquire` are the
/// writer's. Code written against `Lend` takes it unchanged.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("app.db");
/// use cenote_sqlite::Sqlite;
///
/// let db = Sqlite::split(path).reader(|pool| pool.max_size(4)).build_ready().await?;
///
/// let mut writer = db.writer().acquire().await?;
/// writer.transaction(|tx| tx.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (7)")).await?;
///
/// let mut reader = db.reader().acquire().await?;
/// let x: i64 = reader.call(|db| db.query_row("SELECT x FROM t", [], |row| row.get(0))).await?;
/// assert_eq!(x, 7);
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Split {
    writer: Pool<Sqlite>,
    reader: Pool<Sqlite>,
}

/// Builds a [`Split`]; made by [`Sqlite::split`] and [`Sqlite::into_split`].
#[derive(Debug)]
#[must_use = "a builder does nothing until it builds"]
pub struct SplitBuilder {
    writer: Builder<Sqlite>,
    reader: Builder<Sqlite>,
}

impl SplitBuilder {
    pub(crate) fn new(sqlite: Sqlite) -> SplitBuilder {
        let mut options = sqlite.defaults(Options::default());
        // Sizes that a URL gives are meant for the readers.
        options.max_size = 1.into();
        options.min_size = options.min_size.min(1);
        options.min_idle = options.min_idle.min(1);
        SplitBuilder {
            writer: Pool::builder(sqlite.clone()).name("writer").options(options),
            // Not read-only at the file: a reader may come first, and then it makes the file.
            reader: Pool::builder(sqlite.query_only(true)).name("reader"),
        }
    }

    /// Changes the writer pool's settings. Its `max_size` is 1: more writers would only wait for
    /// each other in the file.
    pub fn writer(mut self, change: impl FnOnce(Builder<Sqlite>) -> Builder<Sqlite>) -> Self {
        self.writer = change(self.writer);
        self
    }

    /// Changes the reader pool's settings.
    pub fn reader(mut self, change: impl FnOnce(Builder<Sqlite>) -> Builder<Sqlite>) -> Self {
        self.reader = change(self.reader);
        self
    }

    /// Builds both pools.
    ///
    /// # Errors
    /// As [`Builder::build`].
    pub fn build(self) -> Result<Split, BuildError<SqliteError>> {
        let SplitBuilder { writer, reader } = self;
        Ok(Split { writer: writer.build()?, reader: reader.build()? })
    }

    /// Builds both pools and waits until each could make its connections.
    ///
    /// # Errors
    /// As [`Builder::build_ready`].
    pub async fn build_ready(self) -> Result<Split, BuildError<SqliteError>> {
        let SplitBuilder { writer, reader } = self;
        let writer = writer.build_ready().await?;
        Ok(Split { writer, reader: reader.build_ready().await? })
    }
}

impl Split {
    /// The pool of the one writer.
    pub fn writer(&self) -> &Pool<Sqlite> {
        &self.writer
    }

    /// The pool of readers.
    pub fn reader(&self) -> &Pool<Sqlite> {
        &self.reader
    }

    /// Readers first: the last connection to close folds the log into the file, and that is the
    /// writer's work.
    fn both<F>(&self, end: impl Fn(&Pool<Sqlite>) -> F) -> SplitSettling
    where
        F: Future<Output = Report<SqliteError>> + Send + 'static,
    {
        let (reader, writer) = (end(&self.reader), end(&self.writer));
        SplitSettling(Box::pin(async move {
            let (reader, writer) = join(reader, writer).await;
            SplitReport { writer, reader }
        }))
    }
}

/// How the end of a [`Split`] went.
#[derive(Debug)]
pub struct SplitReport {
    /// The writer pool's report.
    pub writer: Report<SqliteError>,
    /// The reader pool's report.
    pub reader: Report<SqliteError>,
}

impl SplitReport {
    /// Whether everything came back and closed without an error.
    pub fn is_clean(&self) -> bool {
        self.writer.is_clean() && self.reader.is_clean()
    }
}

impl fmt::Display for SplitReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "writer: {}; reader: {}", self.writer, self.reader)
    }
}

/// The future of a [`Split`]'s drain and close.
pub struct SplitSettling(Pin<Box<dyn Future<Output = SplitReport> + Send>>);

impl Future for SplitSettling {
    type Output = SplitReport;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<SplitReport> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for SplitSettling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SplitSettling").finish_non_exhaustive()
    }
}

async fn join<A, B>(a: impl Future<Output = A>, b: impl Future<Output = B>) -> (A, B) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut of_a, mut of_b) = (None, None);
    poll_fn(move |cx| {
        if of_a.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(cx)
        {
            of_a = Some(value);
        }
        if of_b.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(cx)
        {
            of_b = Some(value);
        }
        match (of_a.take(), of_b.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (of_a, of_b) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

impl Lend for Split {
    type Manager = Sqlite;
    type Error = Error<SqliteError>;
    type Acquire<'a> = Acquire<'a, Sqlite>;
    type Switched = Switched;
    type Settling = SplitSettling;

    #[track_caller]
    fn acquire(&self) -> Acquire<'_, Sqlite> {
        self.writer.acquire()
    }

    #[track_caller]
    fn read(&self) -> Acquire<'_, Sqlite> {
        self.reader.acquire()
    }

    #[track_caller]
    fn write(&self) -> Acquire<'_, Sqlite> {
        self.writer.acquire()
    }

    /// The sums of both pools' counts, and the later of their states.
    fn status(&self) -> Status {
        let (reader, mut sum) = (self.reader.status(), self.writer.status());
        sum.size += reader.size;
        sum.available += reader.available;
        sum.using += reader.using;
        sum.waiting += reader.waiting;
        sum.connecting += reader.connecting;
        sum.testing += reader.testing;
        sum.resetting += reader.resetting;
        sum.closing += reader.closing;
        sum.max = sum.max.saturating_add(reader.max);
        sum.min += reader.min;
        sum.spare = sum.spare.saturating_add(reader.spare);
        sum.peak_waiting += reader.peak_waiting;
        sum.state = State::max(sum.state, reader.state);
        sum
    }

    fn pause(&self) -> Switched {
        // Either call has its effect at once; its future has nothing left to wait for.
        self.writer.pause();
        self.reader.pause()
    }

    fn resume(&self) -> Switched {
        self.writer.resume();
        self.reader.resume()
    }

    fn drain(&self, deadline: Duration) -> SplitSettling {
        self.both(|pool| pool.drain(deadline))
    }

    fn close(&self, deadline: Duration) -> SplitSettling {
        self.both(|pool| pool.close(deadline))
    }

    fn close_now(&self) -> SplitSettling {
        self.both(Pool::close_now)
    }
}
