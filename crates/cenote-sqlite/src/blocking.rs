//! `Sqlite` for threads: what the pool lends is the [`rusqlite::Connection`] itself, used on the borrower's thread.
//! Opening, set-up, messages and closing are those of the async face.

use std::sync::Arc;
use std::thread;

use cenote::blocking::Manager;
use cenote::{Ended, Fate, Fault, Options, TestOnAcquire};
use rusqlite::Connection;

use crate::control::Control;
use crate::error::{SqliteError, without_sql};
use crate::open::open;
use crate::sqlite::Sqlite;
use crate::thread::OPENING;

impl Manager for Sqlite {
    type Connection = Connection;
    type Error = SqliteError;

    fn connect(&self) -> Result<Connection, SqliteError> {
        let control = Arc::new(Control::default());
        control.runs_on(thread::current());
        let mut db = open(&self.plan, &control)?;
        control.end(OPENING, false);
        // Nobody can abandon a call here, so SQLite's own wait for locks will do, and nothing looks for a stop.
        let failed = |source| SqliteError::Call { path: self.plan.path(), source };
        db.progress_handler(0, None::<fn() -> bool>).map_err(failed)?;
        db.busy_timeout(self.plan.busy_timeout).map_err(failed)?;
        Ok(db)
    }

    fn check(&self, db: &mut Connection) -> Result<(), SqliteError> {
        Ok(db.query_row("SELECT 1", [], |_| Ok(()))?)
    }

    fn reset(&self, db: &mut Connection) -> Result<(), SqliteError> {
        Ok(if db.is_autocommit() { Ok(()) } else { db.execute_batch("ROLLBACK") }?)
    }

    fn close(&self, db: Connection) -> Result<(), SqliteError> {
        self.plan.close(db).map_err(|source| SqliteError::Call {
            path: self.plan.path(),
            source: without_sql(source),
        })
    }

    /// A transaction that was left open is rolled back before anybody else gets the connection.
    fn released(&self, db: &mut Connection, how: Ended) -> Fate {
        match how {
            Ended::Returned | Ended::Failed(Fault::Query | Fault::Timeout | Fault::Overload) => {
                if db.is_autocommit() {
                    Fate::Keep
                } else {
                    Fate::Reset
                }
            }
            _ => Fate::Close,
        }
    }

    fn classify(&self, error: &SqliteError) -> Fault {
        error.fault()
    }

    /// There is no network, so nothing is tested before lending.
    fn defaults(&self, mut options: Options) -> Options {
        options.test_on_acquire = TestOnAcquire::Never;
        options
    }
}
