//! How a connection is opened and set up, on its own thread. SQLite opens lazily and falls back to
//! reading when it may not write, so the file is read and its rights are asked before anybody gets the
//! connection: what is wrong shows at the first connect, not at the first query.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use cenote::Settings;
use rusqlite::types::Value;
use rusqlite::{Connection, Error, ErrorCode, OpenFlags};

use crate::control::Control;
use crate::error::SqliteError;
use crate::explain::{explain, must_be_a_file};

/// How many steps of SQLite's machine pass between two looks at whether the call is abandoned. So few that
/// the shortest statement on a table has a look, for a call may be a loop of those. A look is two loads: it
/// costs a query that does nothing but compute 4 %, and others nothing that can be measured.
const STEPS: i32 = 5;

/// The defaults for a file that is written, before the user's own.
const FOR_WRITING: [(&str, &str); 1] = [("journal_mode", "WAL")];
const FOR_ALL: [(&str, &str); 2] = [("synchronous", "NORMAL"), ("foreign_keys", "ON")];

/// Where the data is.
#[derive(Clone)]
pub(crate) enum Target {
    File(PathBuf),
    Memory(Arc<Memory>),
}

/// A database in memory. It lives as long as a connection to it, so one is kept aside.
pub(crate) struct Memory {
    pub(crate) uri: String,
    pub(crate) anchor: Mutex<Option<Connection>>,
}

/// What all connections of a pool have in common.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) target: Target,
    /// The path as messages show it.
    pub(crate) shown: Arc<str>,
    /// The user's pragmas; `None` leaves a default out.
    pub(crate) pragmas: Vec<(String, Option<Value>)>,
    pub(crate) busy_timeout: Duration,
    pub(crate) create: bool,
    pub(crate) read_only: bool,
    pub(crate) query_only: bool,
    pub(crate) statement_cache: usize,
    /// What the URL says about the pool.
    pub(crate) pool: Settings,
    /// Held while a connection closes. Of two that close at the same moment neither is the last, and
    /// then nobody folds the log into the file.
    pub(crate) closing: Arc<Mutex<()>>,
}

impl Plan {
    pub(crate) fn path(&self) -> Arc<str> {
        Arc::clone(&self.shown)
    }

    pub(crate) fn path_str(&self) -> &str {
        &self.shown
    }

    pub(crate) fn only_reads(&self) -> bool {
        self.read_only || self.query_only
    }

    pub(crate) fn close(&self, db: Connection) -> Result<(), Error> {
        let _alone = self.closing.lock().unwrap_or_else(PoisonError::into_inner);
        db.close().map_err(|(_, error)| error)
    }

    fn flags(&self) -> OpenFlags {
        let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
        match (self.read_only, self.create) {
            (true, _) => flags |= OpenFlags::SQLITE_OPEN_READ_ONLY,
            (false, true) => {
                flags |= OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE;
            }
            (false, false) => flags |= OpenFlags::SQLITE_OPEN_READ_WRITE,
        }
        if matches!(self.target, Target::Memory(_)) {
            flags |= OpenFlags::SQLITE_OPEN_URI;
        }
        flags
    }

    fn connect(&self) -> Result<Connection, Error> {
        match &self.target {
            // SQLite takes such a name for a URI.
            Target::File(path) if path.as_os_str().as_encoded_bytes().starts_with(b"file:") => {
                Connection::open_with_flags(Path::new(".").join(path), self.flags())
            }
            Target::File(path) => Connection::open_with_flags(path, self.flags()),
            Target::Memory(memory) => {
                let mut anchor = memory.anchor.lock().unwrap_or_else(PoisonError::into_inner);
                if anchor.is_none() {
                    let kept = OpenFlags::SQLITE_OPEN_READ_WRITE
                        | OpenFlags::SQLITE_OPEN_CREATE
                        | OpenFlags::SQLITE_OPEN_URI;
                    *anchor = Some(Connection::open_with_flags(&memory.uri, kept)?);
                }
                Connection::open_with_flags(&memory.uri, self.flags())
            }
        }
    }

    /// The pragmas in the order in which they are set: the user's first, for some count only
    /// before the file has its first page, then the defaults that the user did not replace.
    fn all_pragmas(&self) -> Vec<(&str, Value)> {
        let own = |name: &str| self.pragmas.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let writes = !self.read_only && matches!(self.target, Target::File(_));
        let defaults = FOR_WRITING.iter().filter(|_| writes).chain(&FOR_ALL);
        let defaults = defaults.filter(|(name, _)| !own(name));
        let own = self.pragmas.iter().filter_map(|(name, value)| Some((&**name, value.clone()?)));
        let mut all: Vec<_> = own.collect();
        all.extend(defaults.map(|&(name, value)| (name, Value::Text(value.to_owned()))));
        if self.query_only {
            all.push(("query_only", Value::Text("ON".to_owned())));
        }
        all
    }
}

/// Opens a connection and sets it up.
pub(crate) fn open(plan: &Plan, control: &Arc<Control>) -> Result<Connection, SqliteError> {
    let until = Instant::now() + plan.busy_timeout;
    let fail = |error| explain(plan, error, None);
    must_be_a_file(plan)?;
    let mut db = plan.connect().map_err(fail)?;
    control.opened(db.get_interrupt_handle());
    let waiting = Arc::clone(control);
    db.busy_handler(Some(wait_for_lock(waiting, plan.busy_timeout))).map_err(fail)?;
    let running = Arc::clone(control);
    db.progress_handler(STEPS, Some(move || running.must_stop())).map_err(fail)?;
    db.set_prepared_statement_cache_capacity(plan.statement_cache);

    if !plan.read_only && db.is_readonly("main").map_err(fail)? {
        let refused = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_READONLY);
        return Err(fail(Error::SqliteFailure(refused, None)));
    }
    let patiently = |run: &dyn Fn() -> Result<(), Error>| loop {
        match run() {
            // Some locks are refused without asking the busy handler, such as that for going over to WAL.
            Err(error) if is_busy(&error) && Instant::now() < until && !control.must_stop() => {
                thread::park_timeout(Duration::from_millis(1));
            }
            result => return result,
        }
    };
    patiently(&|| db.query_row("PRAGMA schema_version", [], |_| Ok(()))).map_err(fail)?;
    for (name, _) in &plan.pragmas {
        check_name(plan, &db, name)?;
    }
    for (name, value) in plan.all_pragmas() {
        patiently(&|| db.pragma_update(None, name, &value))
            .map_err(|error| explain(plan, error, Some(name)))?;
    }
    Ok(db)
}

/// SQLite ignores a pragma that it does not know: a slip of the pen would go unnoticed.
fn check_name(plan: &Plan, db: &Connection, name: &str) -> Result<(), SqliteError> {
    let known = "SELECT count(*) FROM pragma_pragma_list WHERE name = lower(?1)";
    match db.query_row(known, [name], |row| row.get(0)) {
        Ok(0) => Err(SqliteError::Open {
            path: plan.path(),
            reason: format!(
                "SQLite {} knows no PRAGMA \"{name}\": correct its name",
                rusqlite::version()
            ),
            fault: cenote::Fault::Permanent,
            source: None,
        }),
        Ok(_) => Ok(()),
        Err(error) => Err(explain(plan, error, Some(name))),
    }
}

fn is_busy(error: &Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}

/// The wait for another connection's lock: short at first, because writes mostly are, and over at
/// once when the call is abandoned.
fn wait_for_lock(
    control: Arc<Control>,
    patience: Duration,
) -> impl FnMut(i32) -> bool + Send + 'static {
    const FIRST: Duration = Duration::from_micros(100);
    const LONGEST: Duration = Duration::from_millis(5);
    let mut until = Instant::now();
    move |asked_before| {
        let now = Instant::now();
        if asked_before == 0 {
            until = now + patience;
        }
        if control.must_stop() || now >= until {
            return false;
        }
        let pause = FIRST * 2u32.pow(asked_before.clamp(0, 16) as u32);
        thread::park_timeout(pause.min(LONGEST).min(until - now));
        true
    }
}
