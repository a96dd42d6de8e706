//! What one little server keeps: an SQLite file with counters, and with the place in history where it stands. Counters and
//! place change in one transaction, so a server that is killed anywhere comes back to a moment that was.

use std::path::Path;

use cenote::{Manager, Role};
use cenote_sqlite::rusqlite::{OptionalExtension, Result as Rows, Transaction};
use cenote_sqlite::{Sqlite, SqliteConnection, SqliteError};

/// One write, as it goes from the primary to those who follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The how many-th write of all.
    pub(crate) position: i64,
    pub(crate) counter: u32,
    pub(crate) value: i64,
}

/// Where a server stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) role: Role,
    /// The how many-th primary's time it is of.
    pub(crate) epoch: u64,
    pub(crate) position: i64,
}

/// All that a server has, for one that joins it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) epoch: u64,
    pub(crate) position: i64,
    pub(crate) counters: Vec<(u32, i64)>,
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    Done(Entry),
    /// It came before, up to here.
    Already {
        position: i64,
    },
    /// The one before it is missing.
    Gap {
        has: i64,
    },
}

/// An open file.
pub(crate) struct Store {
    sqlite: Sqlite,
    conn: SqliteConnection,
}

impl Store {
    /// Opens the file; a new one is that of a replica that knows nothing.
    pub(crate) async fn open(path: &Path) -> Result<Store, SqliteError> {
        // Power cuts are none of this world's faults.
        let sqlite = Sqlite::file(path).pragma("synchronous", "OFF");
        let mut conn = sqlite.connect().await?;
        conn.transaction(|tx| {
            tx.execute_batch(
                "CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY, value INTEGER NOT NULL);
                 CREATE TABLE IF NOT EXISTS place (
                     id INTEGER PRIMARY KEY CHECK (id = 1), role TEXT NOT NULL, epoch INTEGER NOT NULL, position INTEGER NOT NULL
                 );
                 INSERT OR IGNORE INTO place VALUES (1, 'replica', 0, 0)",
            )
        })
        .await?;
        Ok(Store { sqlite, conn })
    }

    pub(crate) async fn close(self) -> Result<(), SqliteError> {
        self.sqlite.close(self.conn).await
    }

    pub(crate) async fn place(&mut self) -> Result<Place, SqliteError> {
        let query = "SELECT role = 'primary', epoch, position FROM place";
        self.conn
            .call(move |db| {
                db.query_row(query, [], |row| {
                    let role = if row.get(0)? { Role::Primary } else { Role::Replica };
                    let epoch = row.get::<_, i64>(1)?.cast_unsigned();
                    Ok(Place { role, epoch, position: row.get(2)? })
                })
            })
            .await
    }

    /// From now on it is this.
    pub(crate) async fn become_one(&mut self, role: Role, epoch: u64) -> Result<(), SqliteError> {
        self.conn
            .transaction(move |tx| {
                let update = "UPDATE place SET role = ?1, epoch = ?2";
                tx.execute(update, (role.name(), epoch.cast_signed())).map(drop)
            })
            .await
    }

    pub(crate) async fn read(&mut self, counter: u32) -> Result<i64, SqliteError> {
        self.conn
            .call(move |db| {
                let query = "SELECT value FROM counter WHERE id = ?1";
                let row = db.prepare_cached(query)?.query_row([counter], |row| row.get(0));
                Ok(row.optional()?.unwrap_or(0))
            })
            .await
    }

    /// Counts a counter up to this value, if it is the next one.
    pub(crate) async fn write(&mut self, counter: u32, value: i64) -> Result<Written, SqliteError> {
        self.conn
            .transaction(move |tx| {
                let query = "SELECT value FROM counter WHERE id = ?1";
                let has = tx.prepare_cached(query)?.query_row([counter], |row| row.get(0));
                let has: i64 = has.optional()?.unwrap_or(0);
                if value > has + 1 {
                    return Ok(Written::Gap { has });
                }
                if value <= has {
                    let query = "SELECT position FROM place";
                    let position = tx.prepare_cached(query)?.query_row([], |row| row.get(0))?;
                    return Ok(Written::Already { position });
                }
                put(tx, counter, value)?;
                let step = "UPDATE place SET position = position + 1 RETURNING position";
                let position = tx.prepare_cached(step)?.query_row([], |row| row.get(0))?;
                Ok(Written::Done(Entry { position, counter, value }))
            })
            .await
    }

    /// Does what the primary has done.
    pub(crate) async fn apply(&mut self, entries: Vec<Entry>) -> Result<(), SqliteError> {
        let Some(last) = entries.last().map(|entry| entry.position) else { return Ok(()) };
        self.conn
            .transaction(move |tx| {
                for Entry { counter, value, .. } in &entries {
                    put(tx, *counter, *value)?;
                }
                tx.prepare_cached("UPDATE place SET position = ?1")?.execute([last]).map(drop)
            })
            .await
    }

    /// The newest write of each counter never was: what a check must notice.
    pub(crate) async fn forget(&mut self) -> Result<(), SqliteError> {
        let forget = "UPDATE counter SET value = value - 1 WHERE value > 0";
        self.conn.call(move |db| db.execute(forget, []).map(drop)).await
    }

    pub(crate) async fn contents(&mut self) -> Result<Contents, SqliteError> {
        let Place { epoch, position, .. } = self.place().await?;
        let counters = self.conn.call(|db| {
            let mut query = db.prepare_cached("SELECT id, value FROM counter ORDER BY id")?;
            query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        });
        Ok(Contents { epoch, position, counters: counters.await? })
    }

    /// Forgets what it has and takes this instead, as a replica.
    pub(crate) async fn replace(&mut self, contents: Contents) -> Result<(), SqliteError> {
        self.conn
            .transaction(move |tx| {
                let Contents { epoch, position, counters } = contents;
                tx.execute("DELETE FROM counter", [])?;
                for (counter, value) in counters {
                    put(tx, counter, value)?;
                }
                let place = "UPDATE place SET role = 'replica', epoch = ?1, position = ?2";
                tx.execute(place, (epoch.cast_signed(), position)).map(drop)
            })
            .await
    }
}

fn put(tx: &Transaction<'_>, counter: u32, value: i64) -> Rows<()> {
    let put =
        "INSERT INTO counter VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(put)?.execute((counter, value)).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn store(folder: &tempfile::TempDir, name: &str) -> Store {
        Store::open(&folder.path().join(name)).await.unwrap()
    }

    fn entry(position: i64, counter: u32, value: i64) -> Entry {
        Entry { position, counter, value }
    }

    // C-12
    #[tokio::test]
    async fn a_write_counts_once_however_often_it_is_sent_and_a_lost_one_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = store(&folder, "a").await;
        assert_eq!(store.write(3, 1).await.unwrap(), Written::Done(entry(1, 3, 1)));
        assert_eq!(store.write(3, 1).await.unwrap(), Written::Already { position: 1 });
        assert_eq!(store.write(3, 2).await.unwrap(), Written::Done(entry(2, 3, 2)));
        assert_eq!(store.write(3, 4).await.unwrap(), Written::Gap { has: 2 });
        assert_eq!(store.write(9, 2).await.unwrap(), Written::Gap { has: 0 });
        assert_eq!((store.read(3).await.unwrap(), store.read(9).await.unwrap()), (2, 0));
    }

    // C-11
    #[tokio::test]
    async fn a_file_knows_what_its_server_was_and_a_copy_is_a_replicas() {
        let folder = tempfile::tempdir().unwrap();
        let mut a = store(&folder, "a").await;
        let new = Place { role: Role::Replica, epoch: 0, position: 0 };
        assert_eq!(a.place().await.unwrap(), new);
        a.become_one(Role::Primary, 4).await.unwrap();
        a.write(1, 1).await.unwrap();
        a.close().await.unwrap();
        let mut a = store(&folder, "a").await;
        let was = Place { role: Role::Primary, epoch: 4, position: 1 };
        assert_eq!(a.place().await.unwrap(), was);

        let mut b = store(&folder, "b").await;
        b.apply(vec![entry(1, 8, 1), entry(2, 8, 2)]).await.unwrap();
        b.replace(a.contents().await.unwrap()).await.unwrap();
        assert_eq!(b.contents().await.unwrap(), a.contents().await.unwrap());
        assert_eq!(b.place().await.unwrap(), Place { role: Role::Replica, ..was });
        b.apply(vec![entry(2, 1, 2), entry(3, 5, 1)]).await.unwrap();
        let counters = vec![(1, 2), (5, 1)];
        assert_eq!(b.contents().await.unwrap(), Contents { epoch: 4, position: 3, counters });
    }
}
