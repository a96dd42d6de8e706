//! sqlx: the pool of `sqlx-core`, which every driver of sqlx shares, over a database that has connections and nothing
//! else. Tuned: no test before acquire, no lifetime, no idle timeout. Its 30 s for a connection cannot be switched off,
//! nor the ping at every return.

mod database;

use sqlx_core::pool::{PoolConnection, PoolOptions};

use self::database::{Nothing, Target};
use super::{BOTH, Pool};
use crate::scenarios;
use crate::subject::{Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: "sqlx",
    package: "sqlx-core",
    tunings: BOTH,
    has_part: super::for_tasks,
    measure: scenarios::on_tasks::<Sqlx>,
    cycles: scenarios::cycles_on_tasks::<Sqlx>,
};

#[derive(Clone)]
struct Sqlx(sqlx_core::pool::Pool<Nothing>);

impl Subject for Sqlx {
    type Guard<'a> = PoolConnection<Nothing>;

    async fn open(source: Source, settings: Settings) -> Sqlx {
        let size = u32::try_from(settings.max_size).expect("a small number");
        let mut options = PoolOptions::new().max_connections(size);
        if settings.tuning == Tuning::Tuned {
            options = options.test_before_acquire(false).max_lifetime(None).idle_timeout(None);
        }
        Sqlx(options.connect_lazy_with(Target(source)))
    }

    async fn take(&self) -> PoolConnection<Nothing> {
        self.0.acquire().await.expect("no acquire of a scenario fails")
    }
}
