//! What the pool lends: a session for one borrower, and how it ends.

use std::fmt;
use std::ops::{Deref, DerefMut};

use mysql_async::Conn;
use tokio::runtime::Handle;
use tokio::time::timeout;

use crate::cancel::Canceller;
use crate::connect::{ERRAND, Side, hang_up};
use crate::error::MysqlError;
use crate::session::Session;
use crate::transaction::TransactionBuilder;

/// A connection to a MySQL or MariaDB server, lent to one borrower. Derefs to its [`Session`].
///
/// ```no_run
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// use cenote::Pool;
/// use cenote_mysql::Mysql;
///
/// let pool = Pool::builder(Mysql::from_url("mysql://app@localhost/shop")?).build()?;
/// let mut conn = pool.acquire().await?;
/// let name = conn.exec_first::<String, _, _>("SELECT name FROM product WHERE id = ?", (7,)).await?;
/// println!("{name:?}");
/// # Ok(()) }
/// ```
pub struct MysqlConnection {
    session: Session,
    runtime: Handle,
}

impl MysqlConnection {
    pub(crate) fn new(session: Session, runtime: Handle) -> MysqlConnection {
        MysqlConnection { session, runtime }
    }

    /// Begins to describe a transaction; [`run`](TransactionBuilder::run) runs it.
    pub fn transaction(&mut self) -> TransactionBuilder<'_> {
        TransactionBuilder::new(&mut self.session)
    }

    /// What stops, from anywhere, the requests of this loan.
    pub fn canceller(&self) -> Canceller {
        Canceller::new(&self.session.fence, self.session.side().clone())
    }

    /// Says goodbye. Where a request was abandoned the server would finish that before it hears one, so it is asked to end
    /// the session, and this ends when it has.
    pub(crate) async fn close(mut self) -> Result<(), MysqlError> {
        let Some(conn) = self.session.take() else { return Ok(()) };
        let mut cut = Cut(Some(conn));
        if self.session.is_adrift() {
            return self.session.side().end_session().await;
        }
        if self.session.is_broken() {
            return Ok(());
        }
        let Some(conn) = cut.0.take() else { return Ok(()) };
        // An error is an end as well.
        let _ = conn.disconnect().await;
        Ok(())
    }
}

impl Deref for MysqlConnection {
    type Target = Session;

    fn deref(&self) -> &Session {
        &self.session
    }
}

impl DerefMut for MysqlConnection {
    fn deref_mut(&mut self) -> &mut Session {
        &mut self.session
    }
}

impl Drop for MysqlConnection {
    /// Without a close in order the goodbye is said all the same, but nobody waits for ever.
    fn drop(&mut self) {
        let Some(conn) = self.session.take() else { return };
        let cut = Cut(Some(conn));
        if self.session.is_broken() {
            return;
        }
        let adrift = self.session.is_adrift().then(|| self.session.side().clone());
        self.runtime.spawn(good_bye(cut, adrift));
    }
}

async fn good_bye(mut cut: Cut, adrift: Option<Side>) {
    match (adrift, cut.0.take()) {
        (Some(side), conn) => {
            let _cut = Cut(conn);
            let _ = side.end_session().await;
        }
        (None, Some(conn)) => _ = timeout(ERRAND, conn.disconnect()).await,
        (None, None) => {}
    }
}

impl fmt::Debug for MysqlConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MysqlConnection").field("place", self.place()).finish_non_exhaustive()
    }
}

/// A connection that is cut when dropped.
struct Cut(Option<Conn>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(conn) = self.0.take() {
            hang_up(conn);
        }
    }
}
