//! `cenote bench`: the same load on the user's own file and query. The file is neither created nor changed
//! by anything but the query itself.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use cenote::{Manager, Pool};
use cenote_sqlite::rusqlite::{Connection, Error as QueryError};
use cenote_sqlite::{Sqlite, SqliteError};

use crate::Outcome;
use crate::args::BenchArgs;
use crate::failure::Failure;
use crate::figures::Figures;
use crate::histogram::Durations;
use crate::load::{Load, Query, Source};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::text;

pub(crate) async fn run(args: &BenchArgs) -> Result<Outcome, Failure> {
    let sqlite = database(&args.url)?;
    check(&sqlite, &args.sql).await?;
    let progress = Progress::new();
    let mut stop = Stop::new();
    let measured = measure(args, sqlite, &progress, &mut stop).await;
    progress.clear();
    let figures = measured?;
    let text = if args.json {
        figures.json()
    } else {
        let tasks = args.tasks;
        let headline = match figures.max_size {
            Some(size) => format!("{tasks} tasks, {size} connections, {}", figures.target),
            None => format!("{tasks} tasks without a pool, {}", figures.target),
        };
        text::figures(&headline, &figures, "")
    };
    Ok(Outcome { text, interrupted: stop.is_wished() })
}

/// The user's database as it is: its own journal mode, and only to be read where it may only be read.
fn database(url: &str) -> Result<Sqlite, Failure> {
    let sqlite = Sqlite::from_url(url).map_err(|error| match error {
        SqliteError::Url { .. } => Failure::usage(format!("--url: {error}")),
        error => error.into(),
    })?;
    if sqlite.path() == ":memory:" {
        return Err(Failure::usage(
            "--url: a database in memory is empty: give the path of a file",
        ));
    }
    let sqlite = sqlite.create(false).without_pragma("journal_mode");
    let writable = std::fs::OpenOptions::new().write(true).open(sqlite.path());
    Ok(match writable {
        Err(error) if error.kind() != ErrorKind::NotFound => sqlite.read_only(true),
        _ => sqlite,
    })
}

/// Opens the database once and looks at the query, before many do.
async fn check(sqlite: &Sqlite, sql: &str) -> Result<(), Failure> {
    let mut conn = sqlite.connect().await?;
    if sql.trim().is_empty() {
        return Err(Failure::usage("--sql: the query is empty: write one"));
    }
    let sql = sql.to_owned();
    let parameters = conn.call(move |db| Ok(db.prepare(&sql)?.parameter_count())).await;
    sqlite.close(conn).await?;
    match parameters {
        Ok(0) => Ok(()),
        Ok(n) => Err(Failure::new(format!(
            "--sql: the query wants {n} parameter(s), and there is nothing to bind to them: write values instead"
        ))),
        Err(error) if matches!(error.sqlite(), Some(QueryError::MultipleStatement)) => {
            Err(Failure::new("--sql: there is more than one statement: give one"))
        }
        Err(error) => Err(Failure::new(format!("--sql: {error}"))),
    }
}

async fn measure(
    args: &BenchArgs,
    sqlite: Sqlite,
    progress: &Progress,
    stop: &mut Stop,
) -> Result<Figures, Failure> {
    let target = format!("sqlite:{}", sqlite.path());
    let sql: Arc<str> = args.sql.as_str().into();
    let query: Query = Arc::new(move |db: &mut Connection, _| {
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([])?;
        while rows.next()?.is_some() {}
        Ok(())
    });
    let duration = Duration::from_secs(args.seconds.into());
    let load = |source| Load { source, query, tasks: args.tasks, duration };
    if args.no_pool {
        let waits = Arc::new(Durations::default());
        let done =
            load(Source::Anew(sqlite, Arc::clone(&waits))).run(progress, stop).await.sound(stop)?;
        let opened = waits.count();
        return Ok(Figures {
            target,
            tasks: args.tasks,
            done,
            wait: waits.spread(),
            hold: None,
            opened,
            closed: opened,
            closed_by: Vec::new(),
            max_size: None,
            without_pool: None,
        });
    }
    let pool = Pool::builder(sqlite)
        .name("bench")
        .max_size(args.size as usize)
        .measure_hold(true)
        .build_ready()
        .await?;
    let done = load(Source::Pool(pool.clone())).run(progress, stop).await.sound(stop)?;
    pool.close(Duration::from_secs(5)).await;
    Ok(Figures::of_pool(target, args.tasks, args.size, &pool.stats(), done))
}
