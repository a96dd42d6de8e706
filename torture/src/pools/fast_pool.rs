//! fast_pool. Deadlines go by its `get_timeout`. It tests before every lending; a case that wants no test makes the
//! test do nothing.

use std::time::Duration;

use fast_pool::{ConnectionGuard, Manager};

use super::{Part, Pool};
use crate::cases::{self, Case};
use crate::script::{Connection, Script};
use crate::subject::{Resize, Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "fast_pool", package: "fast_pool", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => cases::resize::<FastPool>,
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<FastPool>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<FastPool>,
        Case::PanickingConnect => cases::panicking_connect::<FastPool>,
        Case::Overtaking => cases::overtaking::<FastPool>,
        Case::MinIdle => return Part::Not("no minimum"),
        Case::IdleTime => return Part::Not("no idle timeout"),
        Case::NoRuntime => cases::no_runtime::<FastPool>,
        Case::IdleFirst => cases::idle_first::<FastPool>,
        Case::CancelledCheck => cases::cancelled_check::<FastPool>,
    })
}

struct FastPool(fast_pool::Pool<Driver>);

struct Driver(Script);

impl Manager for Driver {
    type Connection = Connection;
    type Error = String;

    async fn connect(&self) -> Result<Connection, String> {
        Ok(self.0.connect().await)
    }

    async fn check(&self, _: &mut Connection) -> Result<(), String> {
        self.0.check().await;
        Ok(())
    }
}

impl Subject for FastPool {
    type Guard = ConnectionGuard<Driver>;

    async fn open(script: Script, settings: Settings) -> FastPool {
        let pool = fast_pool::Pool::new(Driver(script));
        pool.set_max_open(settings.max_size as u64);
        FastPool(pool)
    }

    async fn take(&self, patience: Duration) -> Result<Self::Guard, String> {
        self.0.get_timeout(Some(patience)).await
    }
}

impl Resize for FastPool {
    async fn resize(&self, max_size: usize) {
        self.0.set_max_open(max_size as u64);
    }
}
