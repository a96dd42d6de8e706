//! A database that cannot be opened: one sentence at the first acquire, at once.

use std::path::Path;
use std::time::{Duration, Instant};

use cenote::{Error, Fault, Pool};
use cenote_sqlite::{Sqlite, rusqlite};

/// What the first acquire says. It must not take until its deadline.
async fn refusal(sqlite: Sqlite) -> String {
    let pool = Pool::builder(sqlite).acquire_timeout(Duration::from_secs(60)).build().unwrap();
    let asked = Instant::now();
    let error = pool.acquire().await.unwrap_err();
    assert!(asked.elapsed() < Duration::from_secs(30), "{error}");
    let Error::Connect { error, .. } = error else { panic!("{error}") };
    assert_eq!(error.fault(), Fault::Permanent, "{error}");
    error.to_string()
}

fn says(path: &Path, reason: &str) -> String {
    format!("SQLite database \"{}\": {reason}", path.display())
}

// S
#[tokio::test]
async fn a_folder_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let reason = "it is a folder: give the path of a file";
    assert_eq!(refusal(Sqlite::file(folder.path())).await, says(folder.path(), reason));
    assert_eq!(
        refusal(Sqlite::file(folder.path()).read_only(true)).await,
        says(folder.path(), reason)
    );
}

// S
#[tokio::test]
async fn a_path_that_leads_nowhere_says_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("missing");
    let path = missing.join("app.db");
    let reason = format!(
        "the folder \"{}\" does not exist: create it, or correct the path",
        missing.display()
    );
    assert_eq!(refusal(Sqlite::file(&path)).await, says(&path, &reason));

    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let path = file.join("app.db");
    let reason =
        format!("\"{}\" is a file, so there is nothing in it: correct the path", file.display());
    assert_eq!(refusal(Sqlite::file(&path)).await, says(&path, &reason));

    let said = refusal(Sqlite::file("")).await;
    assert!(said.contains("the path is empty"), "{said}");
}

// S
#[tokio::test]
async fn a_file_that_must_exist_is_not_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.db");
    let reason = "the file does not exist: correct the path, or create the database first";
    for sqlite in [Sqlite::file(&path).create(false), Sqlite::file(&path).read_only(true)] {
        assert_eq!(refusal(sqlite).await, says(&path, reason));
    }
    assert!(!path.exists());
}

// S
#[tokio::test]
async fn a_file_of_something_else_is_no_database() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "These are notes.\n".repeat(1000);
    for content in ["x", &text] {
        std::fs::write(&path, content).unwrap();
        let said = refusal(Sqlite::file(&path)).await;
        assert!(said.starts_with(&says(&path, "it is not an SQLite database")), "{said}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), content, "it is left as it was");
    }
}

/// A file that not even the superuser may write: the kernel's own.
#[cfg(target_os = "linux")]
const UNWRITABLE: &str = "/sys/devices/system/cpu/online";

// S
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_file_that_may_not_be_written_says_so_at_the_first_connect() {
    let path = Path::new(UNWRITABLE);
    if !path.exists() {
        eprintln!("skipped: no {UNWRITABLE} here");
        return;
    }
    assert!(std::fs::OpenOptions::new().write(true).open(path).is_err());
    let reason =
        "this process may not write it: change its rights, or open it with Sqlite::read_only(true)";
    assert_eq!(refusal(Sqlite::file(path)).await, says(path, reason));
}

// S
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_folder_where_no_file_can_be_created_says_so() {
    let path = Path::new("/proc/app.db");
    let reason =
        "no file can be created in \"/proc\": change the rights of the folder, or choose another";
    assert_eq!(refusal(Sqlite::file(path)).await, says(path, reason));
}

// S
#[tokio::test]
async fn an_unknown_pragma_is_refused_without_its_value() {
    let sqlite = Sqlite::memory().pragma("jornal_mode", "a secret");
    assert!(!format!("{sqlite:?}").contains("secret"));
    let said = refusal(sqlite).await;
    assert!(said.contains("knows no PRAGMA \"jornal_mode\": correct its name"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

// P-14
#[tokio::test]
async fn a_locked_file_is_waited_for_and_named_when_the_deadline_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").unwrap();

    let sqlite = Sqlite::file(&path).busy_timeout(Duration::from_millis(5));
    let pool = Pool::builder(sqlite).build().unwrap();
    let error = pool.acquire().timeout(Duration::from_millis(100)).await.unwrap_err();
    let Error::Timeout { last: Some(last), .. } = &error else { panic!("{error}") };
    assert_eq!(last.fault(), Fault::Timeout);
    assert!(last.to_string().contains("kept it locked for 5ms"), "{last}");

    drop(other);
    pool.acquire().await.unwrap();
}

// P-14
#[tokio::test]
async fn the_connections_of_a_new_file_do_not_trip_over_each_other() {
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        let sqlite = Sqlite::file(folder.path().join(format!("{n}.db")));
        let pool = Pool::builder(sqlite).max_size(8).min_size(8).ramp(false);
        let pool = pool.build_ready().await.unwrap();
        assert_eq!(pool.stats().counts.connect_failures.total(), 0);
    }
}

// P-13
#[tokio::test]
async fn an_opening_that_nobody_waits_for_ends() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("locked.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let sqlite = Sqlite::file(&path).busy_timeout(Duration::from_secs(3600));
    let pool = Pool::builder(sqlite).connect_timeout(Duration::from_millis(10)).build().unwrap();
    let error = pool.acquire().timeout(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.to_string().contains("no answer within 10ms"), "{error}");

    // Each of the threads that were given up has closed its file: then the log can be removed by the last.
    other.execute_batch("COMMIT").unwrap();
    pool.acquire().await.unwrap();
}

// S
#[test]
fn a_url_of_another_kind_is_refused_without_its_password() {
    for url in
        ["postgres://me:hunter2@host/db", "me:hunter2@host/db", "hunter2", "mysql://a:hunter2"]
    {
        let said = Sqlite::from_url(url).unwrap_err().to_string();
        assert!(said.contains("sqlite:PATH"), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
    for url in ["sqlite:", "sqlite://", "sqlite:?mode=ro", "sqlite:a.db?key=hunter2"] {
        let said = Sqlite::from_url(url).unwrap_err().to_string();
        assert!(!said.contains("hunter2"), "{said}");
    }
    assert_eq!(Sqlite::from_url("sqlite:///var/app.db").unwrap().path(), "/var/app.db");
    assert_eq!(Sqlite::from_url("SQLITE:app.db").unwrap().path(), "app.db");
    assert_eq!(Sqlite::from_url("sqlite::memory:").unwrap().path(), ":memory:");
}
