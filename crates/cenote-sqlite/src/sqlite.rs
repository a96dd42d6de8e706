//! `Sqlite`: which database, and how its connections are set up. A value to be built and handed to a pool;
//! nothing is opened before the pool connects.

use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cenote::Settings;
use rusqlite::types::Value;

use crate::open::{Memory, Plan, Target};
use crate::split::SplitBuilder;

/// The longest wait for a lock that makes sense; arithmetic with it cannot overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Makes connections to an SQLite database.
///
/// Set on every connection, unless you say otherwise by [`pragma`](Sqlite::pragma) or
/// [`without_pragma`](Sqlite::without_pragma): `journal_mode = WAL` (readers and the writer do not block each
/// other), `synchronous = NORMAL` (safe with WAL; a power cut may lose the last commits, never the file),
/// `foreign_keys = ON`, and a busy timeout of 5 s.
///
/// ```
/// use cenote_sqlite::Sqlite;
/// use std::time::Duration;
///
/// let sqlite = Sqlite::file("app.db")
///     .pragma("cache_size", -64_000) // 64 MB
///     .pragma("synchronous", "FULL")
///     .busy_timeout(Duration::from_secs(2));
/// ```
#[derive(Clone)]
pub struct Sqlite {
    pub(crate) plan: Arc<Plan>,
}

impl Sqlite {
    /// The database in this file; it is created if it does not exist. `":memory:"` is
    /// [`Sqlite::memory`].
    pub fn file(path: impl Into<PathBuf>) -> Sqlite {
        let path = path.into();
        if path.as_os_str() == ":memory:" {
            return Sqlite::memory();
        }
        let shown = path.display().to_string();
        Sqlite::new(Target::File(path), shown)
    }

    /// A new database in memory, which all connections of the pool share. It is gone with the pool and the
    /// clones of this value.
    pub fn memory() -> Sqlite {
        static NUMBER: AtomicU64 = AtomicU64::new(1);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let uri = format!("file:/cenote-{number}?vfs=memdb");
        let memory = Memory { uri, anchor: Mutex::new(None) };
        Sqlite::new(Target::Memory(Arc::new(memory)), ":memory:".to_owned())
    }

    fn new(target: Target, shown: String) -> Sqlite {
        let plan = Plan {
            target,
            shown: shown.into(),
            pragmas: Vec::new(),
            busy_timeout: Duration::from_secs(5),
            create: true,
            read_only: false,
            query_only: false,
            statement_cache: 64,
            pool: Settings::default(),
            closing: Arc::default(),
        };
        Sqlite { plan: Arc::new(plan) }
    }

    /// A pool of one writer and a pool of readers for this file: writers never collide, and no
    /// reader waits for them. See [`Split`](crate::Split).
    pub fn split(path: impl Into<PathBuf>) -> SplitBuilder {
        Sqlite::file(path).into_split()
    }

    /// As [`Sqlite::split`], with the settings made so far.
    pub fn into_split(self) -> SplitBuilder {
        SplitBuilder::new(self)
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Plan)) -> Sqlite {
        change(Arc::make_mut(&mut self.plan));
        self
    }

    /// Sets a pragma on every new connection, in the order of these calls and before the defaults. A
    /// default of the same name is replaced. One that SQLite does not know fails the connect.
    pub fn pragma(self, name: &str, value: impl ToString) -> Sqlite {
        let value = value.to_string();
        let number = value.parse::<i64>();
        // SQLite's own would take the place of the wait that an abandoned call can leave.
        if let ("busy_timeout", Ok(millis)) = (name.to_ascii_lowercase().as_str(), &number) {
            return self.busy_timeout(Duration::from_millis(u64::try_from(*millis).unwrap_or(0)));
        }
        let value = number.map_or(Value::Text(value), Value::Integer);
        self.set(name, Some(value))
    }

    /// Leaves a default pragma out: the connection has what the file or SQLite says.
    pub fn without_pragma(self, name: &str) -> Sqlite {
        self.set(name, None)
    }

    fn set(self, name: &str, value: Option<Value>) -> Sqlite {
        self.with(|plan| {
            plan.pragmas.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
            plan.pragmas.push((name.to_owned(), value));
        })
    }

    /// How long a statement waits for another connection's lock before it fails with `SQLITE_BUSY`.
    /// Default 5 s; zero fails at once. An abandoned call stops waiting at once.
    pub fn busy_timeout(self, timeout: Duration) -> Sqlite {
        self.with(|plan| plan.busy_timeout = timeout.min(LONGEST))
    }

    /// Whether a file that does not exist is created. Default true.
    pub fn create(self, create: bool) -> Sqlite {
        self.with(|plan| plan.create = create)
    }

    /// Opens the file for reading only; it must exist. Default false.
    ///
    /// A file in WAL mode that nobody else has open can only be read so where its folder may be written.
    pub fn read_only(self, read_only: bool) -> Sqlite {
        self.with(|plan| plan.read_only = read_only)
    }

    /// Opens the file as usual, but lets no statement change it (`PRAGMA query_only`). Default false.
    /// What the readers of [`Sqlite::split`] use.
    pub fn query_only(self, query_only: bool) -> Sqlite {
        self.with(|plan| plan.query_only = query_only)
    }

    /// How many prepared statements each connection keeps for
    /// [`prepare_cached`](rusqlite::Connection::prepare_cached). Default 64.
    pub fn statement_cache(self, statements: usize) -> Sqlite {
        self.with(|plan| plan.statement_cache = statements)
    }

    /// The database's path.
    pub fn path(&self) -> &str {
        self.plan.path_str()
    }
}

impl fmt::Debug for Sqlite {
    /// Names of pragmas, not their values: one may be a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Plan { pragmas, busy_timeout, create, read_only, query_only, .. } = &*self.plan;
        let names: Vec<_> = pragmas.iter().map(|(name, _)| name).collect();
        f.debug_struct("Sqlite")
            .field("path", &self.path())
            .field("pragmas", &names)
            .field("busy_timeout", busy_timeout)
            .field("create", create)
            .field("read_only", read_only)
            .field("query_only", query_only)
            .finish_non_exhaustive()
    }
}
