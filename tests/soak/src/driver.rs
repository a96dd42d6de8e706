//! What the borrowers of every async pool need of its driver, so that one kind of borrower fits all.

use std::future::Future;
use std::time::Duration;

use cenote::blocking::{Offload, Offloaded};
use cenote::{Error, Manager, Pool, Pooled};
use cenote_sqlite::SqliteConnection;
use cenote_sqlite::rusqlite::{self, Connection};

use crate::books::Booked;
use crate::error::SoakError;
use crate::manager::Faulty;

pub(crate) trait Driver: Manager<Error = SoakError> + Sized {
    /// Runs a closure with the database.
    fn call<T: Send + 'static>(
        conn: &mut Self::Connection,
        run: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> impl Future<Output = Result<T, SoakError>> + Send;

    /// A connection that left its pool.
    fn detached(conn: Self::Connection);

    /// Holds a share, where connections can be shared; else one of its own.
    fn share(
        pool: &Pool<Self>,
        timeout: Duration,
        hold: Duration,
    ) -> impl Future<Output = Result<(), Error<SoakError>>> + Send;
}

impl Driver for Faulty {
    async fn call<T: Send + 'static>(
        conn: &mut Booked<SqliteConnection>,
        run: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SoakError> {
        Ok(SqliteConnection::call(conn, run).await?)
    }

    fn detached(conn: Booked<SqliteConnection>) {
        conn.detached();
    }

    async fn share(
        pool: &Pool<Faulty>,
        timeout: Duration,
        hold: Duration,
    ) -> Result<(), Error<SoakError>> {
        let share = pool.share().timeout(timeout).await?;
        tokio::time::sleep(hold).await;
        drop(share);
        Ok(())
    }
}

impl Driver for Offload<Faulty> {
    async fn call<T: Send + 'static>(
        conn: &mut Offloaded<Faulty>,
        run: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, SoakError> {
        let called = conn.call(move |booked| run(booked)).await;
        Ok(called.map_err(cenote_sqlite::SqliteError::from)?)
    }

    /// Its thread says goodbye to it, which the books call closed.
    fn detached(conn: Offloaded<Faulty>) {
        drop(conn);
    }

    async fn share(
        pool: &Pool<Offload<Faulty>>,
        timeout: Duration,
        hold: Duration,
    ) -> Result<(), Error<SoakError>> {
        let conn: Pooled<_> = pool.acquire().timeout(timeout).await?;
        tokio::time::sleep(hold).await;
        drop(conn);
        Ok(())
    }
}
