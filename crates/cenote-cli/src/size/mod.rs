//! `cenote size`: how many connections a pool should have. Sizes are tried on the user's own database with the user's own
//! query; what is advised is the knee of the throughput, or what the limit leaves if that is less. Without a database it is
//! the arithmetic alone.

mod advice;
mod budget;
mod chart;
mod curve;
mod knee;
mod report;
mod sweep;
mod trial;

use std::time::{Duration, Instant};

use tokio::time::sleep;

use self::advice::Advice;
use self::budget::{Budget, Wishes};
use self::curve::{Curve, Point};
use self::knee::Verdict;
use self::sweep::Sweep;
use self::trial::{Ceiling, Trial};
use crate::Outcome;
use crate::args::SizeArgs;
use crate::drivers::{self, Asked, Driver, Sharing, Work};
use crate::failure::Failure;
use crate::load::{Done, Meter, Running, Source};
use crate::progress::Progress;
use crate::stop::Stop;

/// How long the connections may take to close at the end.
const CLOSING: Duration = Duration::from_secs(5);
/// How long the queries that run at the end may take to end by themselves.
const GRACE: Duration = Duration::from_secs(2);
/// How much longer than it should the whole may take: connections must be made, too.
const OVERTIME: Duration = Duration::from_secs(15);

/// What was measured, and what it was measured with.
pub(crate) struct Findings {
    target: String,
    tasks: u32,
    budget: Budget,
    points: Vec<Point>,
    verdict: Verdict,
    /// The server gave no more.
    ceiling: Option<Ceiling>,
    done: Done,
    end: End,
}

/// How the measuring ended.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum End {
    Whole,
    /// The time was over.
    Late,
    /// The user has seen enough.
    Interrupted,
}

pub(crate) async fn run(args: &SizeArgs) -> Result<Outcome, Failure> {
    let wishes = Wishes { limit: args.limit, processes: args.processes, reserve: args.reserve };
    // What the numbers alone forbid is told before anybody is asked.
    let budget = Budget::given(&wishes)?;
    let Some(url) = &args.url else {
        let advice = Advice::by_arithmetic(&budget);
        let text = if args.json {
            report::json(&advice, &budget, None)
        } else {
            report::arithmetic(&advice)
        };
        return Ok(Outcome { text, interrupted: false });
    };
    let asked = Asked { url, sql: args.sql.as_deref(), share: false };
    let mut size = Size { args, wishes, progress: Progress::new(), stop: Stop::when_asked() };
    let found = drivers::open(&asked, &mut size).await;
    size.progress.clear();
    let findings = found?;
    let advice = Advice::of(&findings);
    let text = if args.json {
        report::json(&advice, &findings.budget, Some(&findings))
    } else {
        report::text(&advice, &findings)
    };
    Ok(Outcome { text, interrupted: size.stop.is_wished() })
}

struct Size<'a> {
    args: &'a SizeArgs,
    wishes: Wishes,
    progress: Progress,
    stop: Stop,
}

impl Work for Size<'_> {
    type Made = Findings;

    async fn alone<D: Driver>(
        &mut self,
        driver: D,
        target: String,
        query: D::Query,
    ) -> Result<Findings, Failure> {
        let tasks = self.args.tasks;
        let mut trial = Trial::new(driver).await?;
        let limits = trial.limits().await?;
        let budget = Budget::found(&self.wishes, &limits)?;
        let most = budget.most_to_try(tasks, &limits, 1, D::GOODBYE_IS_ANSWERED)?;

        let source = Source::pool(trial.pool(), query);
        let mut running = Running::start(&source, tasks, true);
        let meter = running.meter();
        let mut sizes = Sizes {
            sweep: Sweep::new(most),
            curve: Curve::default(),
            ceiling: None,
            duration: Duration::from_secs(self.args.seconds.into()),
        };
        let overtime = sizes.duration * 2 + OVERTIME;
        let end = tokio::select! {
            all = sizes.try_all(&mut trial, &meter, &budget, tasks, &self.progress) => {
                all?;
                End::Whole
            }
            () = self.stop.wished() => End::Interrupted,
            () = sleep(overtime) => End::Late,
            () = running.given_up() => End::Late,
        };
        let done = meter.done();
        self.progress.say("closing");
        trial.unpark();
        if !running.finish(GRACE).await {
            running.abort_one_by_one(async || trial.rest().await).await;
        }
        trial.pool().close(CLOSING).await;

        let done = done.sound(&self.stop)?;
        let points = sizes.curve.points();
        let verdict = knee::find(&points);
        Ok(Findings { target, tasks, budget, points, verdict, ceiling: sizes.ceiling, done, end })
    }

    async fn shared<D: Sharing>(
        &mut self,
        _: D,
        _: String,
        _: D::Query,
    ) -> Result<Findings, Failure> {
        Err(Failure::usage("connections that are shared are not sized here: see bench --share"))
    }
}

/// The sizes that are tried, and what came of it so far: whoever ends it early has that.
struct Sizes {
    sweep: Sweep,
    curve: Curve,
    ceiling: Option<Ceiling>,
    duration: Duration,
}

impl Sizes {
    async fn try_all<D: Driver>(
        &mut self,
        trial: &mut Trial<D>,
        meter: &Meter,
        budget: &Budget,
        tasks: u32,
        progress: &Progress,
    ) -> Result<(), Failure> {
        let began = Instant::now();
        let slot = self.duration / self.sweep.measurements();
        let mut speed = None;
        while let Some(size) = self.sweep.next(&self.curve) {
            progress.sizing(began.elapsed(), self.duration, size, speed);
            if let Err(ceiling) = trial.set_size(size, budget, tasks).await? {
                self.sweep.cap(ceiling.at);
                self.ceiling = Some(ceiling);
                continue;
            }
            let sample = trial.measure(meter, tasks, slot).await;
            speed = Some(sample.speed as u64);
            self.curve.record(size, sample);
        }
        Ok(())
    }
}
