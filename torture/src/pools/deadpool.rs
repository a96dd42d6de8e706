//! deadpool, managed. Deadlines are the caller's, around `get`, which is the same as its own create timeout but
//! covers the whole call. It tests before every lending; a case that wants no test makes the test do nothing.

use std::time::Duration;

use deadpool::managed::{Manager, Metrics, Object, RecycleResult};

use super::{Part, Pool, within};
use crate::cases::{self, Case};
use crate::script::{Connection, Never, Script};
use crate::subject::{Resize, Settings, Subject, Sweep};

pub(super) const POOL: Pool = Pool { name: "deadpool", package: "deadpool", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => cases::resize::<Deadpool>,
        Case::PanickingPredicate => cases::panicking_predicate::<Deadpool>,
        Case::ShortDeadline => cases::short_deadline::<Deadpool>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Deadpool>,
        Case::PanickingConnect => cases::panicking_connect::<Deadpool>,
        Case::Overtaking => cases::overtaking::<Deadpool>,
        Case::MinIdle => return Part::Not("no minimum"),
        Case::IdleTime => return Part::Not("by hand, with retain"),
        Case::NoRuntime => cases::no_runtime::<Deadpool>,
        Case::IdleFirst => cases::idle_first::<Deadpool>,
        Case::CancelledCheck => cases::cancelled_check::<Deadpool>,
    })
}

struct Deadpool(deadpool::managed::Pool<Driver>);

struct Driver(Script);

impl Manager for Driver {
    type Type = Connection;
    type Error = Never;

    async fn create(&self) -> Result<Connection, Never> {
        Ok(self.0.connect().await)
    }

    async fn recycle(&self, _: &mut Connection, _: &Metrics) -> RecycleResult<Never> {
        self.0.check().await;
        Ok(())
    }
}

impl Subject for Deadpool {
    type Guard = Object<Driver>;

    async fn open(script: Script, settings: Settings) -> Deadpool {
        let pool = deadpool::managed::Pool::builder(Driver(script)).max_size(settings.max_size);
        Deadpool(pool.build().expect("without timeouts it needs no runtime"))
    }

    async fn take(&self, patience: Duration) -> Result<Object<Driver>, String> {
        within(patience, self.0.get()).await
    }
}

impl Resize for Deadpool {
    async fn resize(&self, max_size: usize) {
        self.0.resize(max_size);
    }
}

impl Sweep for Deadpool {
    async fn sweep_with_a_panic(&self) {
        self.0.retain(|_, _| panic!("in the predicate"));
    }
}
