//! sqlx: the pool of `sqlx-core`, which every driver of sqlx shares, over a database that has connections and nothing
//! else. Deadlines are the caller's, around `acquire`; its own is 30 s. It pings at every return, and before every
//! lending if asked to, as it is by default.

mod database;

use std::time::Duration;

use sqlx_core::pool::{PoolConnection, PoolOptions};

use self::database::{Nothing, Target};
use super::{Part, Pool, within};
use crate::cases::{self, Case};
use crate::script::Script;
use crate::subject::{Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "sqlx", package: "sqlx-core", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => return Part::Not("size is fixed"),
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<Sqlx>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Sqlx>,
        Case::PanickingConnect => cases::panicking_connect::<Sqlx>,
        Case::Overtaking => cases::overtaking::<Sqlx>,
        Case::MinIdle => return Part::Not("its minimum counts lent ones"),
        Case::IdleTime => cases::idle_time::<Sqlx>,
        Case::NoRuntime => cases::no_runtime::<Sqlx>,
        Case::IdleFirst => cases::idle_first::<Sqlx>,
        Case::CancelledCheck => cases::cancelled_check::<Sqlx>,
    })
}

struct Sqlx(sqlx_core::pool::Pool<Nothing>);

impl Subject for Sqlx {
    type Guard = PoolConnection<Nothing>;

    async fn open(script: Script, settings: Settings) -> Sqlx {
        let max_size = u32::try_from(settings.max_size).expect("a small number");
        let mut options =
            PoolOptions::new().max_connections(max_size).test_before_acquire(settings.check);
        if let Some(time) = settings.idle_timeout {
            options = options.idle_timeout(time);
        }
        Sqlx(options.connect_lazy_with(Target(script)))
    }

    async fn take(&self, patience: Duration) -> Result<Self::Guard, String> {
        within(patience, self.0.acquire()).await
    }
}
