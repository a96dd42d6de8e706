//! sqlx's own connections in a pool of Cenote's: a manager is thirty lines, and `&mut *guard` is an executor to sqlx. A
//! program would take it from the crate `sqlx`; this one takes the parts of it.
//!
//! `cargo run -p cenote-server-tests --example sqlx -- postgres://USER:PASSWORD@HOST/DATABASE`

#![forbid(unsafe_code)]

use std::error::Error;
use std::time::Duration;

use cenote::{Ended, Fate, Fault, Manager, Pool};
use sqlx_core::connection::{ConnectOptions, Connection};
use sqlx_core::error::Error as SqlxError;
use sqlx_core::query::query;
use sqlx_core::query_scalar::query_scalar;
use sqlx_postgres::{PgConnectOptions, PgConnection};

struct Sqlx(PgConnectOptions);

impl Manager for Sqlx {
    type Connection = PgConnection;
    type Error = SqlxError;

    async fn connect(&self) -> Result<PgConnection, SqlxError> {
        self.0.connect().await
    }

    async fn check(&self, conn: &mut PgConnection) -> Result<(), SqlxError> {
        conn.ping().await
    }

    /// Sends what sqlx still owes: a transaction that was dropped is rolled back with the next message.
    async fn reset(&self, conn: &mut PgConnection) -> Result<(), SqlxError> {
        conn.ping().await
    }

    async fn close(&self, conn: PgConnection) -> Result<(), SqlxError> {
        conn.close().await
    }

    fn released(&self, _: &mut PgConnection, how: Ended) -> Fate {
        match how {
            Ended::Returned | Ended::Failed(Fault::Query) => Fate::Reset,
            _ => Fate::Close,
        }
    }

    fn classify(&self, error: &SqlxError) -> Fault {
        match error {
            SqlxError::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                Fault::Host
            }
            SqlxError::Database(error) => match error.code().as_deref() {
                Some("57P01" | "57P02" | "57P03") => Fault::Host,
                Some("53300") => Fault::Overload,
                Some("28000" | "28P01" | "3D000") => Fault::Permanent,
                _ => Fault::Query,
            },
            SqlxError::RowNotFound | SqlxError::ColumnNotFound(_) => Fault::Query,
            SqlxError::ColumnDecode { .. } | SqlxError::Decode(_) => Fault::Query,
            _ => Fault::Connection,
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of a PostgreSQL database")?;
    let pool = Pool::builder(Sqlx(url.parse()?)).name("shop").max_size(4).build()?;

    let mut conn = pool.acquire().await?;
    let table = "CREATE TABLE product (id int PRIMARY KEY, stock int NOT NULL CHECK (stock >= 0))";
    query(table).execute(&mut *conn).await?;
    query("INSERT INTO product VALUES (1, 3), (2, 0)").execute(&mut *conn).await?;
    let count: i64 = query_scalar("SELECT count(*) FROM product").fetch_one(&mut *conn).await?;
    println!("{count} products");
    drop(conn);

    // All of it, or nothing: a transaction of sqlx's that is dropped is rolled back.
    let sold = pool
        .with(async |conn| {
            let mut tx = conn.begin().await?;
            for id in [1, 2] {
                let sell = query("UPDATE product SET stock = stock - 1 WHERE id = $1");
                sell.bind(id).execute(&mut *tx).await?;
            }
            tx.commit().await
        })
        .await;
    match sold {
        Err(cenote::Error::Run(SqlxError::Database(error))) => {
            println!("not sold: {}", error.code().unwrap_or_default());
        }
        other => println!("{other:?}"),
    }
    let mut conn = pool.acquire().await?;
    let stock = query_scalar("SELECT stock FROM product WHERE id = 1");
    let stock: i32 = stock.fetch_one(&mut *conn).await?;
    assert_eq!(stock, 3, "nothing of it was done");
    drop(conn);

    let report = pool.close(Duration::from_secs(5)).await;
    let made = pool.stats().counts.connected;
    println!("{made} connection made, {} closed", report.closed);
    Ok(())
}
