//! r2d2, for threads. Tuned: no test at check-out, no lifetime, no idle timeout. It starts empty (`min_idle` 0), as
//! the others do; its default is to open all at once. Where tasks come for connections (S6), each asks on one of the
//! runtime's blocking threads.

use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};

use super::{BOTH, Pool};
use crate::figures::Sheet;
use crate::scenarios::{self, Scenario, Trial};
use crate::subject::{Blocking, Conn, Never, Settings, Source, Subject, Tuning};

pub(super) const POOL: Pool = Pool {
    name: "r2d2",
    package: "r2d2",
    tunings: BOTH,
    has_part,
    measure,
    cycles: scenarios::cycles_on_threads::<R2d2>,
};

/// Ten thousand threads are no match for ten thousand tasks, and threads cannot be cancelled.
fn has_part(scenario: Scenario) -> bool {
    use Scenario::{S1, S2, S3, S4, S6, S10};
    matches!(scenario, S1 | S2 | S3 | S4 | S6 | S10)
}

fn measure(trial: &Trial, sheet: &mut Sheet) {
    match trial.scenario {
        Scenario::S6 => scenarios::on_tasks::<R2d2>(trial, sheet),
        _ => scenarios::on_threads::<R2d2>(trial, sheet),
    }
}

#[derive(Clone)]
struct R2d2(r2d2::Pool<Driver>);

struct Driver(Source);

impl ManageConnection for Driver {
    type Connection = Conn;
    type Error = Never;

    fn connect(&self) -> Result<Conn, Never> {
        Ok(self.0.connect_blocking())
    }

    fn is_valid(&self, _: &mut Conn) -> Result<(), Never> {
        Ok(())
    }

    fn has_broken(&self, _: &mut Conn) -> bool {
        false
    }
}

impl Blocking for R2d2 {
    type Guard = PooledConnection<Driver>;

    fn open(source: Source, settings: Settings) -> R2d2 {
        let size = u32::try_from(settings.max_size).expect("a small number");
        let mut pool = r2d2::Pool::builder()
            .max_size(size)
            .min_idle(Some(0))
            .error_handler(Box::new(NopErrorHandler));
        if settings.tuning == Tuning::Tuned {
            pool = pool.test_on_check_out(false).max_lifetime(None).idle_timeout(None);
        }
        R2d2(pool.build_unchecked(Driver(source)))
    }

    fn take(&self) -> PooledConnection<Driver> {
        self.0.get().expect("no get of a scenario fails")
    }
}

impl Subject for R2d2 {
    type Guard<'a> = PooledConnection<Driver>;

    async fn open(source: Source, settings: Settings) -> R2d2 {
        <R2d2 as Blocking>::open(source, settings)
    }

    async fn take(&self) -> PooledConnection<Driver> {
        let pool = self.clone();
        let taken = tokio::task::spawn_blocking(move || <R2d2 as Blocking>::take(&pool)).await;
        taken.expect("no get of a scenario panics")
    }
}
