//! The scenarios, one file each, and what they have in common: which there are, how long they take, and who is
//! measured. A scenario measures one pool once; `run.rs` lets the pools take turns.

pub(crate) mod crowd;
pub(crate) mod growth;
pub(crate) mod hit;
pub(crate) mod making;
pub(crate) mod postgres;
pub(crate) mod queries;
pub(crate) mod queue;
pub(crate) mod roomy;
pub(crate) mod spike;
pub(crate) mod threads;
pub(crate) mod timeouts;
pub(crate) mod two_threads;

use std::time::Duration;

use crate::figures::{Column, Metric, Sheet};
use crate::subject::{Blocking, Settings, Subject, Tuning};

/// What is measured. S8 and a row of S0 start a PostgreSQL server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    S0,
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
}

impl Scenario {
    pub(crate) const ALL: [Scenario; 11] = {
        use Scenario::{S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10};
        [S0, S1, S2, S3, S4, S5, S6, S7, S8, S9, S10]
    };

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Scenario::S0 => "S0",
            Scenario::S1 => "S1",
            Scenario::S2 => "S2",
            Scenario::S3 => "S3",
            Scenario::S4 => "S4",
            Scenario::S5 => "S5",
            Scenario::S6 => "S6",
            Scenario::S7 => "S7",
            Scenario::S8 => "S8",
            Scenario::S9 => "S9",
            Scenario::S10 => "S10",
        }
    }

    /// What happens, in a line.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Scenario::S0 => {
                "a query of SQLite by key, or of PostgreSQL, 8 at a time: a new connection for each, against a pool of 8"
            }
            Scenario::S1 => "one task, size 10: nobody waits",
            Scenario::S2 => "two tasks on two threads, size 10: nobody waits",
            Scenario::S3 => "64 tasks over 64 connections, held over one yield",
            Scenario::S4 => "64 tasks over 8 connections, held over one yield",
            Scenario::S5 => "10,000 tasks over 8 connections, held over one yield, one worker",
            Scenario::S6 => {
                "connecting: cold starts, a herd, a release that races a connect, a spike"
            }
            Scenario::S7 => "acquires that end without a connection, of an exhausted pool",
            Scenario::S8 => {
                "PostgreSQL on this machine, SELECT 1: 64 tasks over 4, 8 and 16 connections"
            }
            Scenario::S9 => "growth: does size cost anything?",
            Scenario::S10 => "threads instead of tasks: one over 10 connections, 64 over 8",
        }
    }

    /// Which settings of Cenote its targets are about.
    pub(crate) const fn judged(self) -> Tuning {
        match self {
            Scenario::S4 => Tuning::Tuned,
            _ => Tuning::Default,
        }
    }

    pub(crate) fn find(name: &str) -> Option<Scenario> {
        Scenario::ALL.into_iter().find(|scenario| scenario.name().eq_ignore_ascii_case(name))
    }
}

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    /// How long loops run.
    pub(crate) window: Duration,
    /// How often each scenario is run on each pool.
    pub(crate) runs: usize,
    /// How many wait in S5.
    pub(crate) crowd: usize,
    /// How often the rows that take seconds are run.
    pub(crate) long_runs: usize,
    /// How often the rows that share their processors with a server are measured in a run, in turn: the machine's noise is
    /// larger, from second to second, than what is looked for, so many short measurements say more than a few long ones.
    pub(crate) rounds: usize,
    /// Whether servers are started, for the rows that need one.
    pub(crate) servers: bool,
}

impl Scale {
    pub(crate) const FULL: Scale = Scale {
        window: Duration::from_millis(100),
        runs: 7,
        crowd: 10_000,
        long_runs: 3,
        rounds: 8,
        servers: true,
    };

    pub(crate) const QUICK: Scale = Scale {
        window: Duration::from_millis(40),
        runs: 3,
        crowd: 10_000,
        long_runs: 1,
        rounds: 1,
        servers: true,
    };

    /// For tests: that it works at all.
    #[cfg(test)]
    pub(crate) const TINY: Scale = Scale {
        window: Duration::from_millis(2),
        runs: 1,
        crowd: 100,
        long_runs: 1,
        rounds: 1,
        servers: false,
    };
}

/// One measurement: of one pool with one kind of settings, once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Trial {
    pub(crate) scenario: Scenario,
    pub(crate) pool: &'static str,
    pub(crate) tuning: Tuning,
    pub(crate) scale: Scale,
    /// Which of the runs it is, from zero on.
    pub(crate) run: usize,
}

impl Trial {
    pub(crate) fn settings(&self, max_size: usize) -> Settings {
        Settings { max_size, tuning: self.tuning }
    }

    pub(crate) fn column(&self) -> Column {
        Column { pool: self.pool, settings: self.tuning.name() }
    }

    pub(crate) fn record(&self, sheet: &mut Sheet, metric: Metric, value: f64) {
        sheet.record(self.scenario, self.column(), metric, value);
    }

    /// Whether what takes long is run this time.
    pub(crate) fn is_long_run(&self) -> bool {
        self.run < self.scale.long_runs
    }
}

/// Measures a pool for tasks.
pub(crate) fn on_tasks<S: Subject>(trial: &Trial, sheet: &mut Sheet) {
    match trial.scenario {
        Scenario::S1 => hit::measure::<S>(trial, sheet),
        Scenario::S2 => two_threads::measure::<S>(trial, sheet),
        Scenario::S3 => roomy::measure::<S>(trial, sheet),
        Scenario::S4 => queue::measure::<S>(trial, sheet),
        Scenario::S5 => crowd::measure::<S>(trial, sheet),
        Scenario::S6 => {
            making::measure::<S>(trial, sheet);
            spike::measure::<S>(trial, sheet);
        }
        Scenario::S7 => timeouts::measure::<S>(trial, sheet),
        Scenario::S0 | Scenario::S8 | Scenario::S9 | Scenario::S10 => {}
    }
}

/// Measures a pool for threads.
pub(crate) fn on_threads<S: Blocking>(trial: &Trial, sheet: &mut Sheet) {
    threads::measure::<S>(trial, sheet);
}

/// So many cycles of S1 or S4, and nothing else.
pub(crate) fn cycles_on_tasks<S: Subject>(trial: &Trial, n: u64) {
    match trial.scenario {
        Scenario::S1 => hit::cycles::<S>(trial, n),
        Scenario::S4 => queue::cycles::<S>(trial, n),
        _ => {}
    }
}

/// The same of a pool for threads: S4's would be the scheduler's.
#[cfg(feature = "peers")]
pub(crate) fn cycles_on_threads<S: Blocking>(trial: &Trial, n: u64) {
    if trial.scenario == Scenario::S1 {
        threads::cycles::<S>(trial, n);
    }
}
