//! r2d2, for threads: an async case asks it from the runtime's blocking threads, by `get_timeout`. It starts with
//! no connection (`min_idle` 0), as the others do; its default is to open all at once.

use std::sync::Arc;
use std::time::Duration;

use r2d2::{ManageConnection, NopErrorHandler, PooledConnection};

use super::{Part, Pool};
use crate::cases::{self, Case};
use crate::script::{Connection, Never, Script};
use crate::subject::{Blocking, Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "r2d2", package: "r2d2", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => return Part::Not("size is fixed"),
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<R2d2>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<R2d2>,
        Case::PanickingConnect => cases::panicking_connect::<R2d2>,
        Case::Overtaking => cases::overtaking_on_threads::<R2d2>,
        Case::MinIdle => cases::min_idle::<R2d2>,
        Case::IdleTime => {
            return Part::Not("looks every 30 s only");
        }
        Case::NoRuntime => cases::no_runtime::<R2d2>,
        Case::IdleFirst => cases::idle_first::<R2d2>,
        Case::CancelledCheck => return Part::Not("threads are not cancelled"),
    })
}

struct R2d2(Arc<r2d2::Pool<Driver>>);

struct Driver(Script);

impl ManageConnection for Driver {
    type Connection = Connection;
    type Error = Never;

    fn connect(&self) -> Result<Connection, Never> {
        Ok(self.0.connect_blocking())
    }

    fn is_valid(&self, _: &mut Connection) -> Result<(), Never> {
        self.0.check_blocking();
        Ok(())
    }

    fn has_broken(&self, _: &mut Connection) -> bool {
        false
    }
}

impl Subject for R2d2 {
    type Guard = PooledConnection<Driver>;

    async fn open(script: Script, settings: Settings) -> R2d2 {
        R2d2::open_blocking(script, settings)
    }

    async fn take(&self, patience: Duration) -> Result<PooledConnection<Driver>, String> {
        let pool = Arc::clone(&self.0);
        let got = tokio::task::spawn_blocking(move || pool.get_timeout(patience)).await;
        got.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
    }
}

impl Blocking for R2d2 {
    type Guard = PooledConnection<Driver>;

    fn open_blocking(script: Script, settings: Settings) -> R2d2 {
        let count = |n: usize| u32::try_from(n).expect("a small number");
        let pool = r2d2::Pool::builder()
            .max_size(count(settings.max_size))
            .min_idle(Some(count(settings.min_idle)))
            .test_on_check_out(settings.check)
            .error_handler(Box::new(NopErrorHandler));
        R2d2(Arc::new(pool.build_unchecked(Driver(script))))
    }

    fn take_blocking(&self, patience: Duration) -> Result<PooledConnection<Driver>, String> {
        self.0.get_timeout(patience).map_err(|error| error.to_string())
    }
}
