//! diesel-async over a pool of Cenote's: the guard is a connection to diesel, as it derefs to one. Its manager is the one
//! that diesel-async has for bb8.
//!
//! `cargo run -p cenote-server-tests --example diesel -- postgres://USER:PASSWORD@HOST/DATABASE`

#![forbid(unsafe_code)]

use std::error::Error;

use cenote::Pool;
use cenote_compat::Bb8;
use diesel::prelude::*;
use diesel_async::pooled_connection::AsyncDieselConnectionManager;
use diesel_async::{AsyncConnection, AsyncPgConnection, RunQueryDsl, SimpleAsyncConnection};

diesel::table! {
    /// What is sold.
    product (id) {
        /// Its number.
        id -> Integer,
        /// How many there are.
        stock -> Integer,
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::args().nth(1).ok_or("give the URL of a PostgreSQL database")?;
    let manager = AsyncDieselConnectionManager::<AsyncPgConnection>::new(url);
    let pool = Pool::builder(Bb8::new(manager)).name("shop").max_size(4).build()?;

    let mut conn = pool.acquire().await?;
    conn.batch_execute(
        "CREATE TABLE product (id int PRIMARY KEY, stock int NOT NULL CHECK (stock >= 0))",
    )
    .await?;
    let new =
        vec![(product::id.eq(1), product::stock.eq(3)), (product::id.eq(2), product::stock.eq(0))];
    diesel::insert_into(product::table).values(new).execute(&mut conn).await?;
    println!("{} products", product::table.count().get_result::<i64>(&mut conn).await?);

    // All of it, or nothing.
    let sold = conn
        .transaction(async |conn| {
            for id in [1, 2] {
                let one = product::table.find(id);
                let stock = product::stock.eq(product::stock - 1);
                diesel::update(one).set(stock).execute(conn).await?;
            }
            diesel::QueryResult::Ok(())
        })
        .await;
    match sold {
        Err(diesel::result::Error::DatabaseError(_, about))
            if about.message().contains("check") =>
        {
            println!("not sold: stock would be negative");
        }
        other => println!("{other:?}"),
    }
    let stock: i32 = product::table.find(1).select(product::stock).get_result(&mut conn).await?;
    assert_eq!(stock, 3, "nothing of it was done");
    drop(conn);

    let made = pool.stats().counts.connected;
    println!("{made} connection{} made", if made == 1 { "" } else { "s" });
    Ok(())
}
