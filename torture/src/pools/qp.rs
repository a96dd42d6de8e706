//! qp. Its guards borrow the pool, so the pool is leaked: a cell's process ends with the cell. Deadlines are the
//! caller's, around `acquire`.

use std::time::Duration;

use async_trait::async_trait;
use qp::Pooled;
use qp::resource::Manage;

use super::{Part, Pool, within};
use crate::cases::{self, Case};
use crate::script::{Connection, Never, Script};
use crate::subject::{Settings, Subject};

pub(super) const POOL: Pool = Pool { name: "qp", package: "qp", part };

fn part(case: Case) -> Part {
    Part::Runs(match case {
        Case::Resize => return Part::Not("size is fixed"),
        Case::PanickingPredicate => return Part::Not("no predicate"),
        Case::ShortDeadline => cases::short_deadline::<Qp>,
        Case::ReturnedMeanwhile => cases::returned_meanwhile::<Qp>,
        Case::PanickingConnect => cases::panicking_connect::<Qp>,
        Case::Overtaking => cases::overtaking::<Qp>,
        Case::MinIdle => return Part::Not("no minimum"),
        Case::IdleTime => return Part::Not("no idle timeout"),
        Case::NoRuntime => cases::no_runtime::<Qp>,
        Case::IdleFirst => cases::idle_first::<Qp>,
        Case::CancelledCheck => cases::cancelled_check::<Qp>,
    })
}

struct Qp(&'static qp::Pool<Driver>);

struct Driver(Script);

#[async_trait]
impl Manage for Driver {
    type Output = Connection;
    type Error = Never;

    async fn try_create(&self) -> Result<Connection, Never> {
        Ok(self.0.connect().await)
    }

    async fn validate(&self, _: &Connection) -> bool {
        self.0.check().await;
        true
    }
}

impl Subject for Qp {
    type Guard = Pooled<'static, Driver>;

    async fn open(script: Script, settings: Settings) -> Qp {
        Qp(Box::leak(Box::new(qp::Pool::new(Driver(script), settings.max_size))))
    }

    async fn take(&self, patience: Duration) -> Result<Self::Guard, String> {
        within(patience, self.0.acquire()).await
    }
}
