//! SQLite as both faces of the pool see it, with a fault in every step now and then and every connection in the
//! books.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Options, blocking};
use cenote_sqlite::{Sqlite, SqliteConnection, rusqlite};

use crate::books::{Booked, Books, Share};
use crate::error::SoakError;
use crate::faults::{Act, Faults};

#[derive(Clone, Debug)]
pub(crate) struct Faulty {
    driver: Sqlite,
    faults: Arc<Faults>,
    books: Arc<Books>,
}

impl Faulty {
    pub(crate) fn new(driver: Sqlite, faults: &Arc<Faults>, books: &Arc<Books>) -> Faulty {
        Faulty { driver, faults: Arc::clone(faults), books: Arc::clone(books) }
    }

    /// Some die while they rest, and stay dead.
    fn dies<C>(&self, conn: &Booked<C>) -> bool {
        if self.faults.one_in(500) {
            conn.dead.store(true, Ordering::SeqCst);
        }
        conn.dead.load(Ordering::SeqCst)
    }

    /// The driver's opinion, but a tainted connection is worth a reset, and some others are reset for no reason.
    fn fate(&self, driver: Fate, how: Ended) -> Fate {
        match driver {
            Fate::Close if how == Ended::Tainted => Fate::Reset,
            Fate::Keep if self.faults.one_in(20) => Fate::Reset,
            fate => fate,
        }
    }
}

impl Manager for Faulty {
    type Connection = Booked<SqliteConnection>;
    type Error = SoakError;

    async fn connect(&self) -> Result<Booked<SqliteConnection>, SoakError> {
        let charge = self.faults.draw(Act::Connect);
        charge.before().await?;
        let conn = Manager::connect(&self.driver).await?;
        charge.after().await?;
        Ok(Booked::new(conn, &self.books))
    }

    async fn check(&self, conn: &mut Booked<SqliteConnection>) -> Result<(), SoakError> {
        let charge = self.faults.draw(Act::Check);
        charge.before().await?;
        Manager::check(&self.driver, conn).await?;
        charge.after().await
    }

    async fn reset(&self, conn: &mut Booked<SqliteConnection>) -> Result<(), SoakError> {
        let charge = self.faults.draw(Act::Reset);
        charge.before().await?;
        Manager::reset(&self.driver, conn).await?;
        charge.after().await
    }

    async fn close(&self, conn: Booked<SqliteConnection>) -> Result<(), SoakError> {
        let conn = conn.close();
        let charge = self.faults.draw(Act::Close);
        charge.before().await?;
        Manager::close(&self.driver, conn).await?;
        charge.after().await
    }

    fn is_closed(&self, conn: &Booked<SqliteConnection>) -> bool {
        Manager::is_closed(&self.driver, conn) || self.dies(conn)
    }

    fn released(&self, conn: &mut Booked<SqliteConnection>, how: Ended) -> Fate {
        self.fate(Manager::released(&self.driver, conn, how), how)
    }

    fn classify(&self, error: &SoakError) -> Fault {
        error.fault()
    }

    /// Every step has an end.
    fn defaults(&self, options: Options) -> Options {
        let mut options = Manager::defaults(&self.driver, options);
        let patience = Duration::from_millis(300);
        options.connect_timeout = patience.into();
        options.test_timeout = patience.into();
        options.reset_timeout = patience.into();
        options.close_timeout = patience.into();
        options
    }
}

impl cenote::Share for Faulty {
    type Handle = Share;

    fn handle(&self, conn: &Booked<SqliteConnection>) -> Share {
        let _ = self.faults.draw(Act::Hook).at_once();
        conn.share()
    }
}

impl blocking::Manager for Faulty {
    type Connection = Booked<rusqlite::Connection>;
    type Error = SoakError;

    fn connect(&self) -> Result<Booked<rusqlite::Connection>, SoakError> {
        let charge = self.faults.draw(Act::Connect);
        charge.before_blocking()?;
        let conn = blocking::Manager::connect(&self.driver)?;
        charge.after_blocking()?;
        Ok(Booked::new(conn, &self.books))
    }

    fn check(&self, conn: &mut Booked<rusqlite::Connection>) -> Result<(), SoakError> {
        let charge = self.faults.draw(Act::Check);
        charge.before_blocking()?;
        blocking::Manager::check(&self.driver, conn)?;
        charge.after_blocking()
    }

    fn reset(&self, conn: &mut Booked<rusqlite::Connection>) -> Result<(), SoakError> {
        let charge = self.faults.draw(Act::Reset);
        charge.before_blocking()?;
        blocking::Manager::reset(&self.driver, conn)?;
        charge.after_blocking()
    }

    fn close(&self, conn: Booked<rusqlite::Connection>) -> Result<(), SoakError> {
        let conn = conn.close();
        let charge = self.faults.draw(Act::Close);
        charge.before_blocking()?;
        blocking::Manager::close(&self.driver, conn)?;
        charge.after_blocking()
    }

    fn is_closed(&self, conn: &Booked<rusqlite::Connection>) -> bool {
        self.dies(conn)
    }

    fn released(&self, conn: &mut Booked<rusqlite::Connection>, how: Ended) -> Fate {
        self.fate(blocking::Manager::released(&self.driver, conn, how), how)
    }

    fn classify(&self, error: &SoakError) -> Fault {
        error.fault()
    }

    fn defaults(&self, options: Options) -> Options {
        let mut options = blocking::Manager::defaults(&self.driver, options);
        let patience = Duration::from_millis(300);
        options.connect_timeout = patience.into();
        options.test_timeout = patience.into();
        options
    }
}
