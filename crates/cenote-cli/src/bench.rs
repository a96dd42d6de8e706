//! `cenote bench`: the load on the user's own database and query.

use std::sync::Arc;
use std::time::Duration;

use cenote::Pool;

use crate::Outcome;
use crate::args::BenchArgs;
use crate::drivers::{self, Asked, Driver, Sharing, Work};
use crate::failure::Failure;
use crate::figures::Figures;
use crate::histogram::Durations;
use crate::load::{Load, Source};
use crate::progress::Progress;
use crate::stop::Stop;
use crate::text;

/// How long the connections may take to close at the end.
const CLOSING: Duration = Duration::from_secs(5);

/// What the pool takes.
const MOST_SHARERS: u32 = 4096;

/// A run of the command, for whichever database.
struct Bench<'a> {
    args: &'a BenchArgs,
    progress: Progress,
    stop: Stop,
}

pub(crate) async fn run(args: &BenchArgs) -> Result<Outcome, Failure> {
    let mut bench = Bench { args, progress: Progress::new(), stop: Stop::when_asked() };
    let asked = Asked { url: &args.url, sql: args.sql.as_deref(), share: args.share };
    let measured = drivers::open(&asked, &mut bench).await;
    bench.progress.clear();
    let figures = measured?;
    let text = if args.json {
        figures.json()
    } else {
        let tasks = args.tasks;
        let shared = if args.share { " shared" } else { "" };
        let headline = match figures.max_size {
            Some(size) => format!("{tasks} tasks, {size}{shared} connections, {}", figures.target),
            None => format!("{tasks} tasks without a pool, {}", figures.target),
        };
        text::figures(&headline, &figures, "")
    };
    Ok(Outcome { text, interrupted: bench.stop.is_wished() })
}

impl Work for Bench<'_> {
    type Made = Figures;

    /// The load over a pool, or without one.
    async fn alone<D: Driver>(
        &mut self,
        driver: D,
        target: String,
        query: D::Query,
    ) -> Result<Figures, Failure> {
        if !self.args.no_pool {
            let pool = self.pool(driver).await?;
            let source = Source::pool(&pool, query);
            return self.over(pool, source, target).await;
        }
        let waits = Arc::new(Durations::default());
        let source = Source::anew(driver, Arc::clone(&waits), query);
        let done = self.load(source).run(&self.progress, &mut self.stop).await;
        let done = done.sound(&self.stop)?;
        let opened = waits.count();
        Ok(Figures {
            target,
            tasks: self.args.tasks,
            done,
            wait: waits.spread(),
            hold: None,
            opened,
            closed: opened,
            closed_by: Vec::new(),
            max_size: None,
            without_pool: None,
        })
    }

    /// The load over shared connections of a pool.
    async fn shared<D: Sharing>(
        &mut self,
        driver: D,
        target: String,
        query: D::Query,
    ) -> Result<Figures, Failure> {
        let pool = self.pool(driver).await?;
        let source = Source::shared(&pool, query);
        let mut figures = self.over(pool, source, target).await?;
        // Nobody holds a shared connection alone.
        figures.hold = None;
        Ok(figures)
    }
}

impl Bench<'_> {
    async fn pool<D: Driver>(&self, driver: D) -> Result<Pool<D>, Failure> {
        let pool = Pool::builder(driver).name("bench").max_size(self.args.size as usize);
        // Evenly over all connections; else the first ones would do.
        let sharers = self.args.tasks.div_ceil(self.args.size).min(MOST_SHARERS) as usize;
        Ok(pool.max_sharers(sharers).measure_hold(true).build_ready().await?)
    }

    async fn over<D: Driver>(
        &mut self,
        pool: Pool<D>,
        source: Source,
        target: String,
    ) -> Result<Figures, Failure> {
        let done = self.load(source).run(&self.progress, &mut self.stop).await;
        let done = done.sound(&self.stop)?;
        pool.close(CLOSING).await;
        Ok(Figures::of_pool(target, self.args.tasks, self.args.size, &pool.stats(), done))
    }

    fn load(&self, source: Source) -> Load {
        let duration = Duration::from_secs(self.args.seconds.into());
        Load { source, tasks: self.args.tasks, duration }
    }
}
