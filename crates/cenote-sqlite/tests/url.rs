//! Options of the pool in a database's URL.

use std::time::Duration;

use cenote::{Bound, FreeSlot, Pool};
use cenote_sqlite::Sqlite;

// P-24
#[tokio::test]
async fn options_of_the_pool_ride_in_the_url() {
    let url = "sqlite::memory:?pool_max_size=4&pool_acquire_timeout=3s";
    let sqlite = Sqlite::from_url(url).unwrap();
    assert_eq!(sqlite.path(), ":memory:");
    let pool = Pool::builder(sqlite.clone()).build_ready().await.unwrap();
    let options = pool.options();
    assert_eq!(options.max_size, Bound::At(4));
    assert_eq!(options.acquire_timeout, Duration::from_secs(3).into());
    assert_eq!(options.free_slot, FreeSlot::WhenClosed, "the driver's defaults stay");
    let pool = Pool::builder(sqlite).max_size(2).build().unwrap();
    assert_eq!(pool.options().max_size, Bound::At(2), "the builder's calls come last");
}

// P-24
#[tokio::test]
async fn the_pools_options_stand_beside_the_drivers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let url = |query: &str| format!("sqlite:{}?{query}", path.display());
    for query in ["pool_max_size=1&mode=rw", "mode=rw&pool_max_size=1"] {
        let pool = Pool::builder(Sqlite::from_url(&url(query)).unwrap()).build().unwrap();
        let error = pool.acquire().await.unwrap_err().to_string();
        assert!(error.contains("does not exist"), "mode=rw holds: {error}");
    }
    let pool = Pool::builder(Sqlite::from_url(&url("pool_max_size=1")).unwrap()).build().unwrap();
    assert!(pool.acquire().await.is_ok() && path.exists());
}

// P-24
#[tokio::test]
async fn sizes_in_the_url_of_a_split_are_the_readers() {
    let folder = tempfile::tempdir().unwrap();
    let query = "pool_max_size=6&pool_min_size=3&pool_min_idle=2&pool_acquire_timeout=9s";
    let url = format!("sqlite:{}?{query}", folder.path().join("app.db").display());
    let db = Sqlite::from_url(&url).unwrap().into_split().build_ready().await.unwrap();
    let (writer, reader) = (db.writer().options(), db.reader().options());
    assert_eq!((reader.max_size, reader.min_size, reader.min_idle), (Bound::At(6), 3, 2));
    assert_eq!((writer.max_size, writer.min_size, writer.min_idle), (Bound::At(1), 1, 1));
    let patience = Duration::from_secs(9).into();
    assert_eq!((writer.acquire_timeout, reader.acquire_timeout), (patience, patience));
}

// P-24, S
#[test]
fn a_wrong_option_of_the_pool_is_named_with_its_position() {
    let refused = |url: &str| Sqlite::from_url(url).unwrap_err().to_string();
    assert_eq!(
        refused("sqlite:app.db?mode=ro&pool_max_sise=4"),
        "pool_max_sise at character 23 of the URL is no option of a pool: did you mean pool_max_size?"
    );
    assert_eq!(
        refused("sqlite:app.db?pool_order=best"),
        "order is \"best\" at character 15 of the URL, but it must be lifo or fifo"
    );
    // Which URL it is comes first: one of another kind may hold a password.
    let other = refused("postgres://me:hunter2@h/db?pool_order=best");
    assert!(other.contains("sqlite:PATH") && !other.contains("hunter2"), "{other}");
    assert!(refused("sqlite:?pool_max_size=4").contains("names no file"));
    assert!(refused("sqlite:app.db?size=4").contains("pool_max_size=4"));
    // No file "app.db#top", and no part of the URL that nobody reads.
    assert!(refused("sqlite:app.db?pool_max_size=4#top").contains("takes no other option"));
}
